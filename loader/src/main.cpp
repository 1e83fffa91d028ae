// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Stage 2: from a device tree to a running kernel, in the order in which it happens. Whatever
// cannot be done ends the boot with one line; everything else is in the modules beside this one.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/fdt/device_tree.hpp>
#include <quoll/handoff/boot_info.hpp>
#include <quoll/handoff/boot_info_builder.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/riscv/satp.hpp>

#include "boot_info.hpp"
#include "csr.hpp"
#include "harts.hpp"
#include "kernel.hpp"
#include "machine_info.hpp"
#include "mapping.hpp"
#include "memory_setup.hpp"
#include "page_alloc.hpp"
#include "paging_mode.hpp"
#include "physmap.hpp"
#include "report.hpp"

extern "C" {
extern const std::byte _image_start[];
extern const std::byte _image_end[];
extern const std::byte kernel_elf_start[];
extern const std::byte kernel_elf_end[];
extern const std::byte kernel_symbols_start[];
extern const std::byte kernel_symbols_end[];
extern const std::byte handoff_page[];
extern const std::byte handoff_page_end[];
extern std::uint64_t handoff_test_device;
extern const quoll::handoff::ImageSeal kernel_seal;
}

namespace quoll::loader {
namespace {

using handoff::BootStep;
using handoff::RegionKind;

// What the loader is doing, for the line about a fault.
constinit const char* activity = "starting";

constinit MachineInfo machine;
constinit MemoryMap memory_map;
// Built here, and copied to its page when it is complete.
constinit handoff::BootInfo boot_info;

std::uint64_t address_of(const std::byte* object) noexcept {
  return std::bit_cast<std::uint64_t>(object);
}

void record(BootStep step) noexcept {
  const bool counts = boot_info.timestamps[0].instructions != 0;
  boot_info.timestamps[static_cast<std::size_t>(step)] = {read_time(), counts ? read_instret() : 0};
}

template <typename T, typename E>
T need(base::Result<T, E> result, const char* what) noexcept {
  if (!result) fail("not enough memory for ", std::string_view(what));
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

fdt::DeviceTree open_device_tree(std::uint64_t address) noexcept {
  activity = "reading the device tree";
  if (address == 0) fail("there is no device tree");
  const auto tree = fdt::DeviceTree::open(std::bit_cast<const void*>(address));
  if (!tree) fail("the device tree at ", Hex{address}, " ", fdt::to_string(tree.error()));
  return *tree;
}

void read_machine(const fdt::DeviceTree& tree, std::uint64_t hart_id) noexcept {
  machine.test_device = find_test_device(tree);
  if (machine.test_device) set_test_device(*machine.test_device);
  const auto read = read_machine_info(tree, hart_id, machine);
  if (!read) fail("the device tree ", to_string(read.error()));
  take_rng_seed(machine.rng_seed, boot_info);
  // SAFETY: the tree lies in RAM that nobody else uses now.
  void* writable = const_cast<void*>(tree.blob());
  if (machine.chosen) static_cast<void>(fdt::erase_value(writable, *machine.chosen, "rng-seed"));
  boot_info.timebase_frequency = machine.timebase_frequency;
  boot_info.initrd = machine.initrd;
}

// Everything that is in memory already.
void make_memory_map(const fdt::DeviceTree& tree) noexcept {
  activity = "making the memory map";
  const ImagePlace image{
      .whole = {address_of(_image_start), address_of(_image_end)},
      .kept = {address_of(handoff_page),
               (address_of(kernel_symbols_end) + mem::kPageSize - 1) & ~(mem::kPageSize - 1)}};
  if (image.whole.start % mem::kPageSize != 0) {
    fail("the image was loaded at ", Hex{image.whole.start}, ", which is not a page");
  }
  const std::uint64_t at = std::bit_cast<std::uint64_t>(tree.blob());
  boot_info.device_tree = {at, at + tree.size()};
  const auto made = set_up_memory_map(machine, image, boot_info.device_tree, memory_map);
  if (!made) fail(to_string(made.error()));
  if (const MovableReservation* refused = place_movable_reservations(machine, memory_map)) {
    warn("no room for reserved memory ", refused->name);
  }
}

// A device tree in ROM is copied, so that the physical map has it.
void keep_device_tree(const fdt::DeviceTree& tree, FrameAllocator& frames) noexcept {
  if (memory_map.is_ram(boot_info.device_tree) &&
      !memory_map.touches(boot_info.device_tree, RegionKind::kNoMap)) {
    return;
  }
  const std::uint64_t copy =
      need(frames.allocate(mem::pages_for(tree.size()), RegionKind::kDeviceTree),
           "a copy of the device tree");
  __builtin_memcpy(memory_at(copy), tree.blob(), tree.size());
  boot_info.device_tree = {copy, copy + tree.size()};
}

std::span<const std::byte> kernel_file() noexcept {
  return {kernel_elf_start, static_cast<std::size_t>(kernel_elf_end - kernel_elf_start)};
}

elf::Image verify_kernel() noexcept {
  activity = "checking the kernel image";
  const auto sealed = check_seal(kernel_file(), kernel_seal);
  if (!sealed) fail("the kernel image ", to_string(sealed.error()));
  record(BootStep::kKernelHashed);
  const auto image = elf::Image::open(kernel_file());
  if (!image) fail("the kernel image ", elf::to_string(image.error()));
  boot_info.kernel_elf = {address_of(kernel_elf_start), address_of(kernel_elf_end)};
  boot_info.kernel_symbols = {address_of(kernel_symbols_start), address_of(kernel_symbols_end)};
  return *image;
}

handoff::LoaderConfig read_config(const elf::Image& kernel) noexcept {
  const auto section = kernel.section(handoff::kLoaderConfigSection);
  if (!section) fail("the kernel has no section .loader_config");
  const auto config = handoff::read_loader_config(section->content);
  if (!config) fail("the kernel's .loader_config ", handoff::to_string(config.error()));
  return *config;
}

riscv::Sv choose_mode(std::uint64_t root) noexcept {
  const PagingRequest request = paging_request(machine.bootargs);
  if (!request.rejected.empty()) {
    warn(request.rejected, " is not a mode; using ", request.mode ? request.text : "the widest");
  }
  const auto wanted = request.mode.value_or(riscv::PagingMode::kSv57);
  const auto mode = widest_mode(root, wanted);
  if (!mode) fail("this hart accepts no paging mode");
  if (request.mode && *mode != wanted) {
    warn("paging=", request.text, " is not supported by this machine; using ", name_of(*mode));
  }
  return riscv::Sv(*mode);
}

void map_memory(const AddressLayout& layout, PageTableBuilder& tables) noexcept {
  const auto withdrawn = withdraw_unreachable_ram(layout.physmap, memory_map);
  if (!withdrawn) fail("the memory map has too many regions");
  if (*withdrawn != 0) {
    warn(*withdrawn >> 20, " MiB of memory are out of reach in this paging mode");
  }
  need(map_all_ram(layout.physmap, memory_map, tables), "page tables");
  // Whatever the kernel maps later goes below root entries that exist already.
  need(tables.add_tables_below_root(layout.window), "page tables");
  need(tables.add_tables_below_root(layout.kernel), "page tables");
  boot_info.physmap = layout.physmap;
  boot_info.kernel_window = layout.window;
  boot_info.paging_levels = tables.format().levels();
  boot_info.root_table = tables.root();
}

LoadedKernel map_kernel(const elf::Image& image, const AddressLayout& layout,
                        FrameAllocator& frames, PageTableBuilder& tables) noexcept {
  activity = "loading the kernel";
  const auto kernel = load_kernel(image, layout.kernel, frames, tables);
  if (!kernel) fail("the kernel ", to_string(kernel.error()));
  boot_info.kernel_virtual = kernel->pages;
  boot_info.kernel_load_bias = kernel->load_bias;
  return *kernel;
}

std::uint64_t allocate_window(PageAllocator& pages, std::uint64_t page_count) noexcept {
  const auto extent = pages.allocate(page_count);
  if (!extent) fail("the kernel window is full");
  return extent->start;
}

// The page through which harts enter, and the device that its trap handler stops the machine by.
void map_handoff_page(PageAllocator& pages, PageTableBuilder& tables) noexcept {
  const std::uint64_t size = static_cast<std::uint64_t>(handoff_page_end - handoff_page);
  const std::uint64_t at = allocate_window(pages, size / mem::kPageSize);
  need(tables.map(at, address_of(handoff_page), size,
                  kernel_memory(mem::Permissions::read_execute())),
       "page tables");
  boot_info.handoff_page = {at, at + size};
  if (!machine.test_device) return;
  const std::uint64_t device = *machine.test_device;
  const std::uint64_t in_page = device % mem::kPageSize;
  const std::uint64_t device_page = allocate_window(pages, 1);
  need(tables.map(
           device_page, device - in_page, mem::kPageSize,
           {mem::Permissions::read_write(), paging::CacheMode::kDevice, paging::Scope::kGlobal}),
       "page tables");
  handoff_test_device = device_page + in_page;
}

// The harts that take part, with their ids in the records.
BootInfoFrames make_hart_table(FrameAllocator& frames) noexcept {
  static constinit std::uint64_t ids[512];
  static_assert(std::size(ids) >= decltype(machine.harts)::kCapacity);
  const std::uint64_t tenth_of_a_second = machine.timebase_frequency / 10;
  const std::size_t count = usable_harts(machine.harts.items(), ids, tenth_of_a_second);
  const BootInfoFrames made = need(allocate_boot_info(count, frames), "the hart table");
  for (std::size_t i = 0; i < count; ++i) made.harts[i].hart_id = ids[i];
  boot_info.hart_count = static_cast<std::uint32_t>(count);
  boot_info.hart_table =
      boot_info.physmap.to_virtual(std::bit_cast<std::uint64_t>(made.harts.data()));
  return made;
}

std::span<HartStart> make_start_records(std::span<const handoff::HartInfo> harts,
                                        const LoadedKernel& kernel, std::uint64_t boot_info_page,
                                        const PageTableBuilder& tables,
                                        FrameAllocator& frames) noexcept {
  const std::size_t frame_count = mem::pages_for(harts.size() * sizeof(HartStart));
  const std::uint64_t memory =
      need(frames.allocate(frame_count, RegionKind::kLoader), "start records");
  // SAFETY: frames of ours, large enough; every record is written below before it is read.
  auto* records = reinterpret_cast<HartStart*>(memory_at(memory));
  const std::uint64_t satp =
      riscv::Satp{tables.format().mode(), 0, mem::PhysicalAddress(tables.root())}.encode();
  for (std::size_t i = 0; i < harts.size(); ++i) {
    records[i] = {.stack_top = harts[i].stack.end,
                  .tls = harts[i].tls.start,
                  .satp = satp,
                  .stub = boot_info.handoff_page.start,
                  .entry = kernel.entry,
                  .boot_info = boot_info.physmap.to_virtual(boot_info_page),
                  .logical_id = i,
                  .hart_id = harts[i].hart_id};
  }
  return {records, harts.size()};
}

// Last of all: from now on the memory map does not change.
void write_boot_info(std::uint64_t page) noexcept {
  record(BootStep::kHandoff);
  const std::span<std::byte, handoff::kBootInfoPageSize> bytes(memory_at(page),
                                                               handoff::kBootInfoPageSize);
  const auto laid_out = handoff::lay_out_boot_info(
      bytes, boot_info, {memory_map.regions(), machine.bootargs, machine.stdout_path});
  if (!laid_out) fail(to_string(laid_out.error()));
}

[[noreturn]] void boot(std::uint64_t hart_id, std::uint64_t device_tree) noexcept {
  const fdt::DeviceTree tree = open_device_tree(device_tree);
  read_machine(tree, hart_id);
  make_memory_map(tree);
  record(BootStep::kDeviceTreeParsed);
  const elf::Image kernel_image = verify_kernel();
  const handoff::LoaderConfig config = read_config(kernel_image);
  record(BootStep::kKernelVerified);

  activity = "building page tables";
  FrameAllocator frames(memory_map);
  keep_device_tree(tree, frames);
  const std::uint64_t root =
      need(frames.allocate_zeroed(1, RegionKind::kPageTables), "page tables");
  PageTableBuilder tables(choose_mode(root), root, frames);
  const AddressLayout layout = divide_address_space(tables.format(), ram_bounds(memory_map));
  map_memory(layout, tables);
  record(BootStep::kPageTablesBuilt);

  const LoadedKernel kernel = map_kernel(kernel_image, layout, frames, tables);
  activity = "preparing harts";
  PageAllocator pages(layout.window, config.guard_pages);
  map_handoff_page(pages, tables);
  const BootInfoFrames info = make_hart_table(frames);
  need(
      make_hart_memory(info.harts, hart_memory_size(config, kernel), kernel, frames, pages, tables),
      "stacks");
  boot_info.kernel_window_free = pages.rest();
  const std::span<HartStart> records =
      make_start_records(info.harts, kernel, info.page, tables, frames);
  record(BootStep::kKernelMapped);
  write_boot_info(info.page);
  start_other_harts(records);
  enter_kernel(&records[0]);
}

}  // namespace
}  // namespace quoll::loader

/// Called by the entry code on the one hart that won.
extern "C" [[noreturn]] void loader_main(std::uint64_t hart_id, std::uint64_t device_tree,
                                         std::uint64_t time, std::uint64_t instructions) {
  quoll::loader::boot_info.timestamps[0] = {time, instructions};
  quoll::loader::boot(hart_id, device_tree);
}

/// A trap while the loader runs: nothing here is meant to trap.
extern "C" [[noreturn]] void loader_trap(std::uint64_t cause, std::uint64_t pc,
                                         std::uint64_t address) {
  using quoll::loader::Hex;
  quoll::loader::fail("trap while ", std::string_view(quoll::loader::activity), ": cause ",
                      Hex{cause}, " at ", Hex{pc}, ", address ", Hex{address});
}
