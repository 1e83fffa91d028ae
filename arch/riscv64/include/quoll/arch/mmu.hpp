// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// satp and fences.
#pragma once

#include <cstdint>

#include <quoll/mem/address.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/riscv/sv.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::arch {

/// Satisfies `MmuControl`.
struct Mmu {
  using Format = riscv::Sv;
  /// Finds out by writing satp. *Context*: the root is the boot root, its ASID 0.
  static unsigned asid_bits() noexcept;
  static void set_root(const Format& format, mem::PhysicalAddress root,
                       std::uint16_t asid = 0) noexcept;
  static mem::PhysicalAddress root() noexcept;
  /// The mode that the hart translates in, as satp says.
  static riscv::PagingMode mode() noexcept;
  static void fence(mem::VirtualRange range) noexcept;
  static void fence(mem::VirtualRange range, std::uint16_t asid) noexcept;
  static void fence_asid(std::uint16_t asid) noexcept;
  static void fence_all() noexcept;
  static void fence_remote(sync::HartSet harts, mem::VirtualRange range) noexcept;
  static void fence_remote(sync::HartSet harts, mem::VirtualRange range,
                           std::uint16_t asid) noexcept;
  static void fence_remote_all(sync::HartSet harts) noexcept;
  static void fence_code() noexcept;
  static void fence_code_remote(sync::HartSet harts) noexcept;
};

}  // namespace quoll::arch
