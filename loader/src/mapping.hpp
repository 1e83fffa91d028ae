// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Builds the kernel's page tables, with the largest pages that fit. Only adds: nothing is mapped
// yet, and nobody translates through the tables.
#pragma once

#include <cstdint>

#include <quoll/base/result.hpp>
#include <quoll/handoff/extent.hpp>
#include <quoll/mem/permissions.hpp>
#include <quoll/paging/properties.hpp>
#include <quoll/riscv/sv.hpp>

#include "frame_alloc.hpp"

namespace quoll::loader {

class PageTableBuilder {
 public:
  /// *Requires*: `root` is a cleared frame.
  PageTableBuilder(riscv::Sv format, std::uint64_t root, FrameAllocator& frames)
      : format_(format), root_(root), frames_(frames) {}

  std::uint64_t root() const noexcept { return root_; }
  const riscv::Sv& format() const noexcept { return format_; }

  /// Maps `size` bytes from `physical` at `address`.
  ///
  /// *Requires*: all three are multiples of the page size, and nothing is mapped there.
  base::Result<void, AllocError> map(std::uint64_t address, std::uint64_t physical,
                                     std::uint64_t size,
                                     const paging::Properties& properties) noexcept;

  /// Gives every root entry that covers part of `extent` a page table, if it has none.
  base::Result<void, AllocError> add_tables_below_root(handoff::VirtualExtent extent) noexcept;

 private:
  base::Result<std::uint64_t*, AllocError> entry_at(std::uint64_t address, unsigned level) noexcept;
  base::Result<std::uint64_t, AllocError> next_table(std::uint64_t* entry) noexcept;
  unsigned largest_level(std::uint64_t address, std::uint64_t physical,
                         std::uint64_t size) const noexcept;

  riscv::Sv format_;
  std::uint64_t root_;
  FrameAllocator& frames_;
};

/// Kernel memory that every address space shares.
inline paging::Properties kernel_memory(mem::Permissions permissions) noexcept {
  return {permissions, paging::CacheMode::kNormal, paging::Scope::kGlobal};
}

}  // namespace quoll::loader
