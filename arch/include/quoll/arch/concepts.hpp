// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The seam between the kernel's portable rooms and a machine. Each architecture gives, in
// <quoll/arch/current.hpp>, four types with static functions only (a machine is not an object):
//
//   quoll::arch::Interrupts   sync::InterruptControl
//   quoll::arch::Harts        who am I, how many are we
//   quoll::arch::Mmu          page-table format, root, fences
//   quoll::arch::UserMemory   bounded copies that survive a fault
//
// and asserts, next to them, that they satisfy the concepts below.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <quoll/mem/address.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/format.hpp>
#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/interrupt_control.hpp>

namespace quoll::arch {

/// Identity of harts, by dense logical ids.
template <typename H>
concept HartIdentity = requires {
  /// The logical id of the hart that asks, below `count()`.
  { H::id() } noexcept -> std::same_as<unsigned>;
  /// How many harts run the kernel.
  { H::count() } noexcept -> std::same_as<unsigned>;
};

/// Control of address translation on the hart that asks, and fences on others.
///
/// A fence forgets what was cached and orders all earlier stores to page tables before later
/// translations. Fences with an ASID touch only translations of that ASID, and never global ones.
template <typename M>
concept MmuControl = paging::Format<typename M::Format> &&
                     requires(const typename M::Format& format, mem::PhysicalAddress root,
                              mem::VirtualRange range, sync::HartSet harts, std::uint16_t asid) {
                       /// How many bits of an ASID this hart keeps: 0 to 16.
                       { M::asid_bits() } noexcept -> std::same_as<unsigned>;
                       /// Makes `root` the root page table of this hart, and `asid` the tag of
                       /// what it caches from now on. Fences nothing.
                       { M::set_root(format, root, asid) } noexcept -> std::same_as<void>;
                       /// The root page table that this hart uses.
                       { M::root() } noexcept -> std::same_as<mem::PhysicalAddress>;
                       /// On this hart: a range under every ASID and of global translations.
                       { M::fence(range) } noexcept -> std::same_as<void>;
                       /// A range under one ASID.
                       { M::fence(range, asid) } noexcept -> std::same_as<void>;
                       /// All of one ASID.
                       { M::fence_asid(asid) } noexcept -> std::same_as<void>;
                       /// All of every ASID, of global translations or not.
                       { M::fence_all() } noexcept -> std::same_as<void>;
                       /// The same on other harts; returns when all of them have done it. The hart
                       /// that asks is not in the set.
                       { M::fence_remote(harts, range) } noexcept -> std::same_as<void>;
                       { M::fence_remote(harts, range, asid) } noexcept -> std::same_as<void>;
                       { M::fence_remote_all(harts) } noexcept -> std::same_as<void>;
                       /// Makes stores to code visible to instruction fetches: of this hart, and of
                       /// others.
                       { M::fence_code() } noexcept -> std::same_as<void>;
                       { M::fence_code_remote(harts) } noexcept -> std::same_as<void>;
                     };

/// Access to the user half of the active address space.
template <typename U>
concept UserMemoryAccess =
    requires(void* to, const void* from, mem::VirtualAddress user, std::size_t size) {
      /// Copies until done or until a user page faults; the result is how many bytes were
      /// copied. A fault leads here and nowhere else: no handler runs.
      /// *Requires*: the user range lies in the user half.
      { U::copy_in(to, user, size) } noexcept -> std::same_as<std::size_t>;
      { U::copy_out(user, from, size) } noexcept -> std::same_as<std::size_t>;
    };

/// All of it: what <quoll/arch/current.hpp> must provide to the kernel's memory rooms.
template <typename I, typename H, typename M, typename U>
concept Machine =
    sync::InterruptControl<I> && HartIdentity<H> && MmuControl<M> && UserMemoryAccess<U>;

}  // namespace quoll::arch
