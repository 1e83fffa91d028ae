// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The concept of where page tables live: their pages, their records, and the harts that walk them.
#pragma once

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include <quoll/mem/address.hpp>
#include <quoll/paging/table_record.hpp>
#include <quoll/paging/walk_sections.hpp>

namespace quoll::paging {

/// Where page tables come from, how they are reached, and who walks them.
/// *Locking*: all of it is called by several harts at once.
template <typename M>
concept TableMemory = requires(M& memory, mem::PhysicalAddress table) {
  /// A page of zeros whose record is zero, or nothing.
  { memory.allocate() } -> std::same_as<std::optional<mem::PhysicalAddress>>;
  /// Takes a page back.
  { memory.release(table) } -> std::same_as<void>;
  /// The page's bytes.
  { memory.pointer(table) } -> std::same_as<void*>;
  /// The record beside the page.
  { memory.record(table) } -> AnyTableRecord;
  /// The sections that all walks of these page tables enter.
  requires Sections<std::remove_reference_t<decltype(memory.sections())>>;
  /// The hart that asks, and how many there are.
  { memory.hart() } -> std::same_as<unsigned>;
  { memory.hart_count() } -> std::same_as<unsigned>;
  /// Lets others go on while this hart waits for them.
  { memory.relax() } -> std::same_as<void>;
};

/// The record of its page tables.
template <TableMemory M>
using RecordOf = decltype(std::declval<M&>().record(mem::PhysicalAddress()));

/// Watches locks of page tables. This one sees nothing and costs nothing.
struct NoObserver {
  void locked(mem::PhysicalAddress, unsigned /*level*/) noexcept {}
  void unlocked(mem::PhysicalAddress, unsigned /*level*/) noexcept {}
  /// The table was taken out; its lock is never released.
  void retired(mem::PhysicalAddress, unsigned /*level*/) noexcept {}
};

}  // namespace quoll::paging
