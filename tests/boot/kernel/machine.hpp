// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The machine as the test kernel sees it: page tables read back entry by entry, and a way out.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/handoff/boot_info.hpp>
#include <quoll/paging/properties.hpp>
#include <quoll/riscv/sv.hpp>

namespace quoll::test {

struct Translation {
  std::uint64_t physical = 0;
  std::uint64_t entry = 0;
  unsigned level = 0;
};

/// Walks the page tables in memory, from `satp`'s root.
class PageTables {
 public:
  PageTables(const handoff::BootInfo& info, std::uint64_t root);

  std::optional<Translation> find(std::uint64_t address) const;
  /// Calls `visit(address, entry, level)` for every leaf. Returns false at an invalid entry.
  template <typename Visit>
  bool each_leaf(Visit visit) const {
    return each_leaf_in(root_, format_.levels() - 1, 0, visit);
  }
  const riscv::Sv& format() const { return format_; }
  const std::uint64_t* table(std::uint64_t physical) const;
  std::uint64_t root() const { return root_; }
  /// Maps one page of registers, taking page tables from `frames` upwards.
  void map_device(std::uint64_t address, std::uint64_t physical, std::uint64_t& frames);

 private:
  template <typename Visit>
  bool each_leaf_in(std::uint64_t at, unsigned level, std::uint64_t address, Visit& visit) const {
    for (std::uint64_t i = 0; i < riscv::Sv::kEntriesPerTable; ++i) {
      const std::uint64_t entry = table(at)[i];
      std::uint64_t here = address + i * riscv::Sv::page_bytes(level);
      const unsigned unused = 64 - format_.virtual_bits();
      if (level == format_.levels() - 1) {
        here = static_cast<std::uint64_t>(static_cast<std::int64_t>(here << unused) >> unused);
      }
      switch (format_.kind(entry, level)) {
        case paging::EntryKind::kVacant:
          break;
        case paging::EntryKind::kLeaf:
          visit(here, entry, level);
          break;
        case paging::EntryKind::kTable:
          if (!each_leaf_in(format_.decode_table(entry).value(), level - 1, here, visit)) {
            return false;
          }
          break;
        case paging::EntryKind::kInvalid:
          return false;
      }
    }
    return true;
  }

  const handoff::BootInfo& info_;
  riscv::Sv format_;
  std::uint64_t root_;
};

/// Ends QEMU through the test device at this virtual address.
[[noreturn]] void end_machine(std::uint64_t test_device, bool passed);

}  // namespace quoll::test
