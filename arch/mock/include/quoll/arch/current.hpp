// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The emulated machine as the current architecture: the seam's types over the machine that the
// running test has installed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <quoll/arch/concepts.hpp>
#include <quoll/arch/mock/machine.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/riscv/sv.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::arch {

/// Interrupts of the emulated hart that this thread plays.
struct Interrupts {
  using State = bool;
  static State save_and_disable() noexcept;
  static void restore(State state) noexcept;
  static void relax() noexcept;
};

struct Harts {
  static unsigned id() noexcept;
  template <typename T>
  static T& own(std::array<T, sync::kMaxHarts>& all) noexcept {
    return all[id()];
  }
  static unsigned count() noexcept;
};

struct Mmu {
  using Format = riscv::Sv;
  static unsigned asid_bits() noexcept;
  static void set_root(const Format& format, mem::PhysicalAddress root,
                       std::uint16_t asid = 0) noexcept;
  static mem::PhysicalAddress root() noexcept;
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

struct UserMemory {
  static std::size_t copy_in(void* to, mem::VirtualAddress from, std::size_t size) noexcept;
  static std::size_t copy_out(mem::VirtualAddress to, const void* from, std::size_t size) noexcept;
};

static_assert(Machine<Interrupts, Harts, Mmu, UserMemory>);

}  // namespace quoll::arch
