// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a leaf of a page table says about its page, in no machine's terms.
#pragma once

#include <cstdint>

#include <quoll/mem/address.hpp>
#include <quoll/mem/permissions.hpp>

namespace quoll::paging {

/// How accesses to the page behave.
enum class CacheMode : std::uint8_t {
  kNormal,    ///< RAM
  kUncached,  ///< RAM, not cached
  kDevice,    ///< registers: not cached, strongly ordered
};

/// Who shares the translation.
enum class Scope : std::uint8_t {
  kSpace,   ///< this address space only
  kGlobal,  ///< every address space has the same one here
};

struct Properties {
  mem::Permissions permissions;
  CacheMode cache = CacheMode::kNormal;
  Scope scope = Scope::kSpace;

  constexpr bool operator==(const Properties&) const = default;
};

/// A translation: where the page is, and what may be done with it.
struct Leaf {
  mem::PhysicalAddress address;
  Properties properties;

  constexpr bool operator==(const Leaf&) const = default;
};

/// What an entry of a page table can be.
enum class EntryKind : std::uint8_t {
  kVacant,   ///< nothing
  kLeaf,     ///< a page; with permissions none it keeps its frame but translates nothing
  kTable,    ///< the next page table
  kInvalid,  ///< a pattern that nobody here writes
};

}  // namespace quoll::paging
