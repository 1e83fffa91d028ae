// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A kernel that only checks what it was promised. Bootargs: `levels=N` the paging levels that the
// command line of the test leads to, `harts=N` how many harts the machine has, `disabled=ID` which
// hart the device tree says not to use: it counts all the same when the firmware boots on it.
// `initrd=TEXT` what the initrd begins with, `fault` to trap before a handler is installed, `map`
// to print the map. All of it is in this one file, long as it is: the program must need nothing
// that it is there to check.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <quoll/fdt/walk.hpp>
#include <quoll/handoff/boot_info.hpp>
#include <quoll/handoff/loader_config.hpp>

#include "check.hpp"
#include "machine.hpp"

extern "C" {
bool try_load(std::uint64_t address);
bool try_store(std::uint64_t address);
bool try_execute(std::uint64_t address);
extern std::uint64_t last_cause;
extern std::uint64_t last_address;
}

#ifndef QUOLL_TEST_NO_CONFIG
#ifndef QUOLL_TEST_CONFIG_MAGIC
#define QUOLL_TEST_CONFIG_MAGIC quoll::handoff::kLoaderConfigMagic
#endif
#ifndef QUOLL_TEST_STACK_PAGES
#define QUOLL_TEST_STACK_PAGES 3
#endif
[[gnu::section(".loader_config"), gnu::used]] const quoll::handoff::LoaderConfig kLoaderConfig{
    .magic = QUOLL_TEST_CONFIG_MAGIC,
    .kernel_stack_pages = QUOLL_TEST_STACK_PAGES,
    .guard_pages = 2};
#endif

#ifdef QUOLL_TEST_LARGE
static std::array<std::byte, 96 << 20> large_and_zero;
#endif

namespace quoll::test {
namespace {

using handoff::BootInfo;
using handoff::MemoryRegion;
using handoff::RegionKind;

constexpr std::uint64_t kLoadPageFault = 13;
constexpr std::uint64_t kStorePageFault = 15;
constexpr std::uint64_t kFetchPageFault = 12;

// Words that must be relocated, in each kind of memory.
int some_variable = 7;
int* const kRelocatedConstant = &some_variable;
int* relocated_variable = &some_variable;
thread_local int* relocated_in_tls = &some_variable;
thread_local std::uint64_t tls_value = 0x1122334455667788;
thread_local std::uint64_t tls_zero;
std::array<std::uint64_t, 3000> zero_filled;

constinit std::uint32_t harts_done = 0;

template <typename T>
T volatile_read(const T& from) {
  return *static_cast<const volatile T*>(&from);
}

std::string_view argument(const BootInfo& info, std::string_view key) {
  const std::string_view all = info.bootargs();
  for (std::size_t at = 0; at < all.size();) {
    std::size_t end = all.find(' ', at);
    if (end == std::string_view::npos) end = all.size();
    const std::string_view word = all.substr(at, end - at);
    if (word.starts_with(key)) return word.substr(key.size());
    at = end + 1;
  }
  return {};
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return value;
}

std::uint64_t read_satp() {
  std::uint64_t value;
  // SAFETY: reads a register.
  asm volatile("csrr %0, satp" : "=r"(value));
  return value;
}

// Each fault must be at that address, of that kind.
void expect_fault(bool trapped, std::uint64_t cause, std::uint64_t address) {
  EXPECT(trapped);
  if (!trapped) return;
  EXPECT_EQ(last_cause, cause);
  EXPECT_EQ(last_address, address);
}

void expect_guard(std::uint64_t address) {
  expect_fault(try_load(address), kLoadPageFault, address);
  expect_fault(try_store(address), kStorePageFault, address);
}

void check_arrival(const BootInfo& info, std::size_t logical, std::uint64_t sp, std::uint64_t tp,
                   std::uint64_t gp, std::uint64_t ra) {
  std::uint64_t sstatus;
  std::uint64_t sie;
  std::uint64_t stvec;
  // SAFETY: reads registers.
  asm volatile("csrr %0, sstatus" : "=r"(sstatus));
  asm volatile("csrr %0, sie" : "=r"(sie));
  asm volatile("csrr %0, stvec" : "=r"(stvec));
  EXPECT_EQ(sstatus & 0x122, 0);
  EXPECT_EQ(sie, 0);
  EXPECT(info.handoff_page.contains(stvec));
  EXPECT(logical < info.hart_count);
  const handoff::HartInfo& hart = info.harts()[logical];
  EXPECT_EQ(sp, hart.stack.end);
  EXPECT_EQ(tp, hart.tls.start);
  EXPECT_EQ(gp, 0);
  EXPECT_EQ(ra, 0);
  EXPECT_EQ(hart.stack.size(), 3 * 4096);
}

void check_hart_memory(const BootInfo& info, std::size_t logical) {
  const handoff::HartInfo& hart = info.harts()[logical];
  // Two guard pages on each side, as the configuration asks.
  for (const std::uint64_t page : {1U, 2U}) {
    expect_guard(hart.stack.start - page * 4096);
    expect_guard(hart.stack.end + (page - 1) * 4096);
    expect_guard(hart.tls.start - page * 4096);
  }
  expect_guard(hart.stack.start - 1);
  expect_guard((hart.tls.end + 4095) / 4096 * 4096);
  EXPECT(!try_store(hart.stack.start));

  EXPECT_EQ(volatile_read(tls_value), 0x1122334455667788);
  EXPECT_EQ(volatile_read(tls_zero), 0);
  EXPECT(volatile_read(relocated_in_tls) == &some_variable);
  const auto at = reinterpret_cast<std::uint64_t>(&tls_value);
  EXPECT(hart.tls.contains(at));
  // Nobody else may see this.
  tls_value = 1000 + logical;
}

void check_relocations(const BootInfo& info) {
  EXPECT(volatile_read(kRelocatedConstant) == &some_variable);
  EXPECT(volatile_read(relocated_variable) == &some_variable);
  EXPECT_EQ(*volatile_read(relocated_variable), 7);
  const auto at = reinterpret_cast<std::uint64_t>(&some_variable);
  EXPECT(info.kernel_virtual.contains(at));
  for (const std::uint64_t& word : zero_filled) {
    if (volatile_read(word) != 0) EXPECT(false);
  }
}

void check_permissions() {
  const auto code = reinterpret_cast<std::uint64_t>(&try_load);
  const auto constant = reinterpret_cast<std::uint64_t>(&kRelocatedConstant);
  const auto variable = reinterpret_cast<std::uint64_t>(&some_variable);
  static constexpr char kText[] = "constant";
  const auto text = reinterpret_cast<std::uint64_t>(kText);
  expect_fault(try_store(code), kStorePageFault, code);
  expect_fault(try_store(constant), kStorePageFault, constant);
  expect_fault(try_store(text), kStorePageFault, text);
  expect_fault(try_execute(variable & ~std::uint64_t{3}), kFetchPageFault,
               variable & ~std::uint64_t{3});
  expect_fault(try_execute(text & ~std::uint64_t{3}), kFetchPageFault, text & ~std::uint64_t{3});
  expect_fault(try_load(0), kLoadPageFault, 0);
}

bool is_executable_somewhere(const PageTables& tables, std::uint64_t physical) {
  bool found = false;
  tables.each_leaf([&](std::uint64_t, std::uint64_t entry, unsigned level) {
    const std::uint64_t start = tables.format().decode_leaf(entry).address.value();
    const bool here = physical - start < riscv::Sv::page_bytes(level);
    if (here && (entry & riscv::pte::kExecute) != 0) found = true;
  });
  return found;
}

void check_page_tables(const BootInfo& info, const PageTables& tables) {
  std::uint64_t executable_pages = 0;
  const bool valid =
      tables.each_leaf([&](std::uint64_t address, std::uint64_t entry, unsigned level) {
        namespace pte = riscv::pte;
        if ((entry & pte::kWrite) != 0 && (entry & pte::kExecute) != 0) EXPECT(false);
        if ((entry & pte::kUser) != 0) EXPECT(false);
        // Nothing in the half that belongs to guests.
        if (static_cast<std::int64_t>(address) >= 0) EXPECT(false);
        if ((entry & pte::kExecute) == 0) return;
        EXPECT_EQ(level, 0);
        ++executable_pages;
        const bool known =
            info.kernel_virtual.contains(address) || info.handoff_page.contains(address);
        EXPECT(known);
        // No writable alias in the physical map.
        const std::uint64_t physical = tables.format().decode_leaf(entry).address.value();
        const auto alias = tables.find(info.physmap.to_virtual(physical));
        EXPECT(alias.has_value());
        if (alias) EXPECT_EQ(alias->entry & pte::kWrite, 0);
      });
  EXPECT(valid);
  EXPECT(executable_pages > 1);
  const std::uint64_t root_step = riscv::Sv::page_bytes(tables.format().levels() - 1);
  for (std::uint64_t at = info.kernel_window.start; at < info.kernel_window.end; at += root_step) {
    EXPECT(tables.table(tables.root())[at / root_step % 512] != 0);
  }
}

std::uint64_t check_regions_in_order(const BootInfo& info) {
  std::uint64_t total = 0;
  std::uint64_t last_end = 0;
  for (const MemoryRegion& region : info.regions()) {
    EXPECT(region.range.start >= last_end);
    EXPECT(region.range.start < region.range.end);
    EXPECT_EQ(region.range.start % 4096, 0);
    EXPECT_EQ(region.range.end % 4096, 0);
    last_end = region.range.end;
    total += region.range.size();
  }
  return total;
}

RegionKind kind_at(const BootInfo& info, std::uint64_t physical) {
  for (const MemoryRegion& region : info.regions()) {
    if (region.range.contains(physical)) return region.kind;
  }
  EXPECT(false);
  return RegionKind::kNoMap;
}

void expect_kind(const BootInfo& info, handoff::PhysicalExtent extent, RegionKind kind) {
  for (std::uint64_t at = extent.start & ~std::uint64_t{4095}; at < extent.end; at += 4096) {
    EXPECT_EQ(kind_at(info, at), kind);
  }
}

// The sum of the memory nodes is the sum of the regions, and each node is covered: with regions
// that do not overlap, every byte of RAM is in exactly one.
void check_memory_map(const BootInfo& info, const fdt::DeviceTree& tree) {
  std::uint64_t ram = 0;
  for (fdt::Walk walk(tree); walk.next();) {
    const auto type = walk.node().string("device_type");
    if (!type || *type != "memory") continue;
    for (std::size_t i = 0; const auto reg = walk.reg(i); ++i) {
      ram += reg->size;
      for (std::uint64_t at = reg->address; at < reg->address + reg->size; at += 1 << 20) {
        static_cast<void>(kind_at(info, at));
      }
      static_cast<void>(kind_at(info, reg->address + reg->size - 1));
    }
  }
  EXPECT_EQ(check_regions_in_order(info), ram);
  expect_kind(info, info.device_tree, RegionKind::kDeviceTree);
  expect_kind(info, info.initrd, RegionKind::kInitrd);
  expect_kind(info, info.kernel_elf, RegionKind::kKernelElf);
}

// Somewhere in the allowed range, aligned, there is a region of that kind and size.
void check_placed_reservation(const BootInfo& info, const fdt::Walk& walk, RegionKind kind) {
  const fdt::Node node = walk.node();
  const std::uint64_t size = node.property("size")->as_number().value_or(0);
  const auto alignment_property = node.property("alignment");
  const std::uint64_t alignment =
      alignment_property ? alignment_property->as_number().value_or(1) : 1;
  handoff::PhysicalExtent within{0, ~std::uint64_t{0}};
  if (const auto ranges = node.property("alloc-ranges")) {
    fdt::Cells cells = ranges->as_cells();
    within.start = cells.take(walk.cells().address).value_or(0);
    within.end = within.start + cells.take(walk.cells().size).value_or(0);
  }
  bool found = false;
  for (const MemoryRegion& region : info.regions()) {
    const std::uint64_t start = (region.range.start + alignment - 1) / alignment * alignment;
    const handoff::PhysicalExtent place{start, start + size};
    if (region.kind == kind && region.range.contains(place) && within.contains(place)) found = true;
  }
  EXPECT(found);
}

void check_reservations(const BootInfo& info, const fdt::DeviceTree& tree) {
  for (std::size_t i = 0; i < tree.reservation_count(); ++i) {
    const fdt::Reservation entry = tree.reservation(i);
    const RegionKind kind = kind_at(info, entry.address);
    EXPECT(kind == RegionKind::kReserved || kind == RegionKind::kNoMap);
  }
  bool firmware_found = false;
  for (fdt::Walk walk(tree); walk.next();) {
    if (walk.depth() < 2 || walk.parent().name() != "reserved-memory") continue;
    const bool hidden = walk.node().has("no-map");
    if (!walk.is_available()) {
      EXPECT_EQ(kind_at(info, walk.bus_reg()->address), RegionKind::kFree);
      continue;
    }
    if (!walk.node().has("reg")) {
      check_placed_reservation(info, walk, hidden ? RegionKind::kNoMap : RegionKind::kReserved);
    }
    for (std::size_t i = 0; const auto reg = walk.bus_reg(i); ++i) {
      firmware_found = true;
      expect_kind(info, {reg->address, reg->address + reg->size},
                  hidden ? RegionKind::kNoMap : RegionKind::kReserved);
    }
  }
  EXPECT(firmware_found);
}

// Every page of RAM is mapped once, at its place, with the largest page that fits; `no-map` is not.
void check_physmap(const BootInfo& info, const PageTables& tables) {
  unsigned largest = 0;
  for (const MemoryRegion& region : info.regions()) {
    for (std::uint64_t at = region.range.start; at < region.range.end;) {
      const auto found = tables.find(info.physmap.to_virtual(at));
      if (region.kind == RegionKind::kNoMap) {
        if (found) EXPECT(false);
        at += 4096;
        continue;
      }
      EXPECT(found.has_value());
      if (!found) return;
      EXPECT_EQ(found->physical, at);
      const bool writable = (found->entry & riscv::pte::kWrite) != 0;
      EXPECT_EQ(writable, region.kind != RegionKind::kKernelElf);
      if (found->level > largest) largest = found->level;
      const std::uint64_t step = riscv::Sv::page_bytes(found->level);
      at = (at / step + 1) * step;
    }
  }
  const std::uint64_t ram_end = info.regions().back().range.end;
  // Above the image, RAM is alike: whole 2 MiB pages, and whole GiB where there are any.
  EXPECT_EQ(largest, ram_end >= 0xC0000000 + (std::uint64_t{1} << 30) ? 2 : 1);
}

void check_chosen(const BootInfo& info, const fdt::DeviceTree& tree) {
  const auto chosen = tree.find("/chosen");
  EXPECT(chosen.has_value());
  if (!chosen) return;
  EXPECT(chosen->string("bootargs").value_or("") == info.bootargs());
  EXPECT(chosen->string("stdout-path").value_or("") == info.stdout_path());
  std::uint64_t entropy = 0;
  for (const std::uint8_t byte : info.seed()) entropy |= byte;
  EXPECT_EQ(info.seed().size(), 32);
  EXPECT(entropy != 0);
  const auto seed = chosen->property("rng-seed");
  EXPECT(seed.has_value());
  if (seed) {
    for (const std::byte byte : seed->data()) EXPECT(byte == std::byte{0});
  }
  const std::string_view wanted = argument(info, "initrd=");
  EXPECT_EQ(info.initrd.is_empty(), wanted.empty());
  if (!wanted.empty()) {
    const auto* text = reinterpret_cast<const char*>(info.physmap.to_virtual(info.initrd.start));
    EXPECT(std::string_view(text, wanted.size()) == wanted);
  }
  EXPECT_EQ(info.timebase_frequency, 10000000);
}

void check_harts(const BootInfo& info) {
  const std::string_view disabled = argument(info, "disabled=");
  const bool boots_on_it = !disabled.empty() && info.harts()[0].hart_id == number(disabled);
  EXPECT_EQ(info.hart_count, number(argument(info, "harts=")) + (boots_on_it ? 1 : 0));
  for (std::size_t i = 0; i < info.hart_count; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT(info.harts()[i].hart_id != info.harts()[j].hart_id);
      EXPECT(!info.harts()[i].stack.overlaps(info.harts()[j].stack));
      EXPECT(!info.harts()[i].tls.overlaps(info.harts()[j].tls));
    }
  }
}

void check_timestamps(const BootInfo& info) {
  for (std::size_t i = 1; i < handoff::kBootStepCount; ++i) {
    EXPECT(info.timestamps[i].time >= info.timestamps[i - 1].time);
    EXPECT(info.timestamps[i].instructions > info.timestamps[i - 1].instructions);
  }
}

// Overwrites everything that the loader left for reclaim, and all that is free: had anything
// still been in use there, what follows would not work.
void reclaim(const BootInfo& info) {
  EXPECT(info.all_harts_left_loader());
  std::uint64_t loader_bytes = 0;
  for (const MemoryRegion& region : info.regions()) {
    if (region.kind != RegionKind::kLoader && region.kind != RegionKind::kFree) continue;
    if (region.kind == RegionKind::kLoader) loader_bytes += region.range.size();
    const std::uint64_t most = region.range.size() < (16 << 20) ? region.range.size() : 16 << 20;
    __builtin_memset(reinterpret_cast<void*>(info.physmap.to_virtual(region.range.start)), 0xA5,
                     most);
  }
  EXPECT(loader_bytes > 0);
}

void print_map(const BootInfo& info) {
  for (const MemoryRegion& region : info.regions()) {
    print_number(region.range.start);
    print(" ");
    print_number(region.range.end);
    print(" ");
    print(handoff::to_string(region.kind));
    print("\r\n");
  }
  for (std::size_t i = 1; i < handoff::kBootStepCount; ++i) {
    print("step ");
    print_number(info.timestamps[i].instructions - info.timestamps[i - 1].instructions);
    print("\r\n");
  }
}

// A device tree with test device, mapped into the window that the loader left empty.
std::uint64_t map_test_device(const BootInfo& info, const fdt::DeviceTree& tree,
                              PageTables& tables) {
  std::uint64_t physical = 0;
  for (fdt::Walk walk(tree); walk.next();) {
    if (walk.node().is_compatible("sifive,test0")) physical = walk.reg()->address;
  }
  std::uint64_t frames = 0;
  for (const MemoryRegion& region : info.regions()) {
    if (region.kind == RegionKind::kFree && region.range.size() > 65536) {
      frames = region.range.end - 32768;
    }
  }
  const std::uint64_t at = info.kernel_window.end - 4096;
  tables.map_device(at, physical, frames);
  return at;
}

void check_hart(const BootInfo& info, std::size_t logical, std::uint64_t root) {
  const PageTables tables(info, root);
  check_hart_memory(info, logical);
  check_permissions();
  EXPECT_EQ(read_satp() >> 60, info.paging_levels + 5U);
}

[[noreturn]] void run_boot_hart(const BootInfo& info, std::uint64_t root) {
  PageTables tables(info, root);
  const auto tree = fdt::DeviceTree::open(
      reinterpret_cast<const void*>(info.physmap.to_virtual(info.device_tree.start)));
  if (!tree) {
    EXPECT(false);
    for (;;) {
    }
  }
  if (info.bootargs().find("map") != std::string_view::npos) print_map(info);
  EXPECT_EQ(info.paging_levels, number(argument(info, "levels=")));
  EXPECT(!is_executable_somewhere(tables, info.root_table));
  check_relocations(info);
  check_page_tables(info, tables);
  check_memory_map(info, *tree);
  check_reservations(info, *tree);
  check_physmap(info, tables);
  check_chosen(info, *tree);
  check_harts(info);
  check_timestamps(info);
  check_hart(info, 0, root);
  while (__atomic_load_n(&harts_done, __ATOMIC_ACQUIRE) + 1 < info.hart_count) {
  }
  reclaim(info);
  EXPECT_EQ(volatile_read(tls_value), 1000);
  const std::uint64_t device = map_test_device(info, *tree, tables);
  print(has_failed() ? "boot test FAILED\r\n" : "boot test passed\r\n");
  end_machine(device, !has_failed());
}

// The traps of the guard tests leave their traces in two words: one hart at a time.
constinit std::uint32_t turn = 0;

}  // namespace

extern "C" [[noreturn]] void test_kernel_main(const BootInfo* info, std::size_t logical,
                                              std::uint64_t sp, std::uint64_t tp, std::uint64_t gp,
                                              std::uint64_t ra) {
  if (info->bootargs().find("fault") != std::string_view::npos) {
    *reinterpret_cast<volatile int*>(std::uintptr_t{0x1230}) = 1;
  }
#ifdef QUOLL_TEST_LARGE
  // SAFETY: empty; keeps the array.
  asm volatile("" ::"r"(&large_and_zero));
#endif
  EXPECT(info->check().has_value());
  const std::uint64_t root = read_satp() << 20 >> 8;
  EXPECT_EQ(root, info->root_table);
  // From the last hart to the first.
  while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) + logical + 1 != info->hart_count) {
  }
  check_arrival(*info, logical, sp, tp, gp, ra);
  if (logical == 0) run_boot_hart(*info, root);
  check_hart(*info, logical, root);
  __atomic_add_fetch(&harts_done, 1, __ATOMIC_RELEASE);
  __atomic_add_fetch(&turn, 1, __ATOMIC_RELEASE);
  for (;;) {
    // SAFETY: nothing is enabled that could wake it.
    asm volatile("wfi");
  }
}

}  // namespace quoll::test
