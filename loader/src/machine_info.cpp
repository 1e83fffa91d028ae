// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "machine_info.hpp"

#include <quoll/base/checked.hpp>
#include <quoll/fdt/walk.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::loader {
namespace {

using Outcome = base::Result<void, MachineInfoError>;

// An extent from a device tree: clamped where it would pass the end of the address space.
handoff::PhysicalExtent extent_of(std::uint64_t address, std::uint64_t size) noexcept {
  return {address, base::checked_add(address, size).value_or(~std::uint64_t{0})};
}

// Calls `use` with each entry of a list of addresses and sizes.
template <typename Use>
Outcome each_entry(const fdt::Property& property, fdt::CellSizes sizes, Use use) noexcept {
  fdt::Cells cells = property.as_cells();
  const std::size_t step = std::size_t{sizes.address} + sizes.size;
  while (step != 0 && cells.size() >= step) {
    const auto address = cells.take(sizes.address);
    const auto size = cells.take(sizes.size);
    if (address && size && *size != 0) TRY(use(extent_of(*address, *size)));
  }
  return {};
}

bool has_device_type(fdt::Node node, std::string_view type) noexcept {
  const auto found = node.string("device_type");
  return found ? *found == type : node.base_name() == type;
}

Outcome read_memory(fdt::Node node, fdt::CellSizes sizes, MachineInfo& info) noexcept {
  const auto reg = node.property("reg");
  if (!reg || !node.is_available()) return {};
  return each_entry(*reg, sizes, [&](handoff::PhysicalExtent extent) -> Outcome {
    if (!info.memory.add(extent)) return base::err(MachineInfoError::kTooManyMemoryRanges);
    return {};
  });
}

Outcome read_movable_reservation(fdt::Node node, fdt::CellSizes sizes, Mapping mapping,
                                 MachineInfo& info) noexcept {
  const auto number = [&](std::string_view name) -> std::uint64_t {
    const auto property = node.property(name);
    return property ? property->as_number().value_or(0) : 0;
  };
  MovableReservation wanted;
  wanted.size = number("size");
  wanted.alignment = number("alignment");
  wanted.mapping = mapping;
  wanted.name = node.name();
  if (wanted.size == 0) return {};
  if (const auto ranges = node.property("alloc-ranges")) {
    TRY(each_entry(*ranges, sizes, [&](handoff::PhysicalExtent extent) -> Outcome {
      if (wanted.within_count < wanted.within.size()) {
        wanted.within[wanted.within_count++] = extent;
      }
      return {};
    }));
  }
  if (!info.movable_reservations.add(wanted)) {
    return base::err(MachineInfoError::kTooManyReservations);
  }
  return {};
}

Outcome read_reserved_memory(fdt::Node parent, MachineInfo& info) noexcept {
  const fdt::CellSizes sizes = parent.child_cells();
  for (const fdt::Node node : parent.children()) {
    if (!node.is_available()) continue;
    const Mapping mapping = node.has("no-map") ? Mapping::kForbidden : Mapping::kAllowed;
    const auto reg = node.property("reg");
    if (!reg) {
      TRY(read_movable_reservation(node, sizes, mapping, info));
      continue;
    }
    TRY(each_entry(*reg, sizes, [&](handoff::PhysicalExtent extent) -> Outcome {
      if (!info.fixed_reservations.add({extent, mapping})) {
        return base::err(MachineInfoError::kTooManyReservations);
      }
      return {};
    }));
  }
  return {};
}

Outcome read_reservation_block(const fdt::DeviceTree& tree, MachineInfo& info) noexcept {
  for (std::size_t i = 0; i < tree.reservation_count(); ++i) {
    const fdt::Reservation entry = tree.reservation(i);
    if (entry.size == 0) continue;
    if (!info.fixed_reservations.add({extent_of(entry.address, entry.size), Mapping::kAllowed})) {
      return base::err(MachineInfoError::kTooManyReservations);
    }
  }
  return {};
}

// A hart without an MMU (a monitor core) cannot run the kernel.
bool has_mmu(fdt::Node hart) noexcept {
  const auto type = hart.string("mmu-type");
  return type && *type != "riscv,none";
}

std::optional<std::uint64_t> timebase_of(fdt::Node node) noexcept {
  const auto property = node.property("timebase-frequency");
  return property ? property->as_number() : std::nullopt;
}

Outcome read_cpus(fdt::Node cpus, std::uint64_t boot_hart, MachineInfo& info) noexcept {
  const std::uint32_t id_cells = cpus.child_cells().address;
  info.timebase_frequency = timebase_of(cpus).value_or(0);
  if (!info.harts.add(boot_hart)) return base::err(MachineInfoError::kTooManyHarts);
  bool boot_hart_listed = false;
  for (const fdt::Node node : cpus.children()) {
    if (!has_device_type(node, "cpu")) continue;
    if (info.timebase_frequency == 0) info.timebase_frequency = timebase_of(node).value_or(0);
    const auto reg = node.property("reg");
    if (!reg) continue;
    const auto id = reg->as_cells().take(id_cells);
    if (!id) continue;
    if (*id == boot_hart) {
      boot_hart_listed = true;
    } else if (node.is_available() && has_mmu(node) && !info.harts.add(*id)) {
      return base::err(MachineInfoError::kTooManyHarts);
    }
  }
  if (!boot_hart_listed) return base::err(MachineInfoError::kBootHartMissing);
  if (info.timebase_frequency == 0) return base::err(MachineInfoError::kNoTimebase);
  return {};
}

Outcome read_chosen(fdt::Node chosen, MachineInfo& info) noexcept {
  info.chosen = chosen;
  info.bootargs = chosen.string("bootargs").value_or("");
  info.stdout_path = chosen.string("stdout-path").value_or("");
  if (const auto seed = chosen.property("rng-seed")) info.rng_seed = seed->data();
  const auto start = chosen.property("linux,initrd-start");
  const auto end = chosen.property("linux,initrd-end");
  if (start && end) {
    const auto first = start->as_number();
    const auto last = end->as_number();
    if (!first || !last || *last < *first) return base::err(MachineInfoError::kBadInitrd);
    if (*first != *last) info.initrd = {*first, *last};
  }
  return {};
}

}  // namespace

std::optional<std::uint64_t> find_test_device(const fdt::DeviceTree& tree) noexcept {
  for (fdt::Walk walk(tree); walk.next();) {
    const auto compatible = walk.node().property("compatible");
    if (!compatible) continue;
    if (!compatible->has_string("sifive,test0") && !compatible->has_string("sifive,test1")) {
      continue;
    }
    const auto reg = walk.reg();
    if (reg && reg->size >= 4 && reg->address % 4 == 0 && walk.is_available()) return reg->address;
  }
  return std::nullopt;
}

base::Result<void, MachineInfoError> read_machine_info(const fdt::DeviceTree& tree,
                                                       std::uint64_t boot_hart,
                                                       MachineInfo& info) noexcept {
  const fdt::CellSizes root_cells = tree.root().child_cells();
  bool has_cpus = false;
  for (const fdt::Node node : tree.root().children()) {
    const std::string_view name = node.name();
    if (name == "reserved-memory") {
      TRY(read_reserved_memory(node, info));
    } else if (name == "cpus") {
      has_cpus = true;
      TRY(read_cpus(node, boot_hart, info));
    } else if (name == "chosen") {
      TRY(read_chosen(node, info));
    } else if (has_device_type(node, "memory")) {
      TRY(read_memory(node, root_cells, info));
    }
  }
  TRY(read_reservation_block(tree, info));
  if (info.memory.size() == 0) return base::err(MachineInfoError::kNoMemory);
  if (!has_cpus) return base::err(MachineInfoError::kBootHartMissing);
  return {};
}

}  // namespace quoll::loader
