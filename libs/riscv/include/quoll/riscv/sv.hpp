// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page-table entries of RISC-V: Sv39, Sv48 and Sv57 (privileged specification, chapters
// "Sv39" to "Sv57" and "Svpbmt"). The three differ in their number of levels only, so they are
// values of one format.
#pragma once

#include <cstddef>
#include <cstdint>

#include <quoll/base/assert.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/format.hpp>
#include <quoll/paging/properties.hpp>

namespace quoll::riscv {

/// Translation modes; the value is what satp.MODE holds.
enum class PagingMode : std::uint8_t { kBare = 0, kSv39 = 8, kSv48 = 9, kSv57 = 10 };

/// Whether the machine has the extension that gives entries a memory type.
enum class Svpbmt : std::uint8_t { kAbsent, kPresent };

/// The bits of an entry.
namespace pte {
inline constexpr std::uint64_t kValid = 1U << 0;
inline constexpr std::uint64_t kRead = 1U << 1;
inline constexpr std::uint64_t kWrite = 1U << 2;
inline constexpr std::uint64_t kExecute = 1U << 3;
inline constexpr std::uint64_t kUser = 1U << 4;
inline constexpr std::uint64_t kGlobal = 1U << 5;
inline constexpr std::uint64_t kAccessed = 1U << 6;
inline constexpr std::uint64_t kDirty = 1U << 7;
/// The first of the two bits left to software: a leaf that keeps its frame and translates nothing.
inline constexpr std::uint64_t kParked = 1U << 8;
inline constexpr unsigned kPpnShift = 10;
inline constexpr std::uint64_t kPpnMask = ((std::uint64_t{1} << 44) - 1) << kPpnShift;
inline constexpr std::uint64_t kReservedMask = std::uint64_t{0x7f} << 54;
inline constexpr unsigned kPbmtShift = 61;
inline constexpr std::uint64_t kPbmtMask = std::uint64_t{3} << kPbmtShift;
inline constexpr std::uint64_t kPbmtNonCacheable = std::uint64_t{1} << kPbmtShift;
inline constexpr std::uint64_t kPbmtIo = std::uint64_t{2} << kPbmtShift;
inline constexpr std::uint64_t kNapot = std::uint64_t{1} << 63;
inline constexpr std::uint64_t kAccessMask = kRead | kWrite | kExecute;
}  // namespace pte

/// The entry format of one mode.
class Sv {
 public:
  using Entry = std::uint64_t;
  static constexpr unsigned kIndexBits = 9;
  static constexpr std::size_t kEntriesPerTable = std::size_t{1} << kIndexBits;
  static constexpr unsigned kMaxLevels = 5;

  /// *Requires*: `mode` is not `kBare`.
  constexpr explicit Sv(PagingMode mode, Svpbmt memory_types = Svpbmt::kAbsent)
      : mode_(mode), memory_types_(memory_types) {
    QUOLL_ASSERT(mode != PagingMode::kBare);
  }

  constexpr PagingMode mode() const noexcept { return mode_; }
  constexpr unsigned levels() const noexcept { return static_cast<unsigned>(mode_) - 5; }
  /// 39, 48 or 57.
  constexpr unsigned virtual_bits() const noexcept {
    return mem::kPageShift + kIndexBits * levels();
  }
  constexpr bool may_be_leaf(unsigned level) const noexcept { return level < levels(); }
  constexpr mem::VirtualRange user_half() const noexcept {
    return mem::VirtualRange(mem::VirtualAddress(0), half_size());
  }
  constexpr mem::VirtualRange kernel_half() const noexcept {
    return mem::VirtualRange(mem::VirtualAddress(0 - half_size()), half_size());
  }
  constexpr mem::PhysicalAddress physical_limit() const noexcept {
    return mem::PhysicalAddress(std::uint64_t{1} << 56);
  }

  constexpr paging::EntryKind kind(Entry entry, unsigned level) const noexcept {
    using paging::EntryKind;
    if (entry == 0) return EntryKind::kVacant;
    if ((entry & (pte::kReservedMask | pte::kNapot)) != 0) return EntryKind::kInvalid;
    if ((entry & pte::kValid) == 0) {
      const bool parked = (entry & pte::kParked) != 0 && (entry & pte::kAccessMask) == 0;
      return parked && is_leaf_sound(entry, level) ? EntryKind::kLeaf : EntryKind::kInvalid;
    }
    if ((entry & pte::kAccessMask) == 0) {
      constexpr std::uint64_t kMustBeClear =
          pte::kUser | pte::kAccessed | pte::kDirty | pte::kPbmtMask;
      const bool sound = level > 0 && level < levels() && (entry & kMustBeClear) == 0;
      return sound ? EntryKind::kTable : EntryKind::kInvalid;
    }
    if ((entry & pte::kWrite) != 0 && (entry & pte::kRead) == 0) return EntryKind::kInvalid;
    return is_leaf_sound(entry, level) ? EntryKind::kLeaf : EntryKind::kInvalid;
  }

  constexpr bool is_table(Entry entry) const noexcept {
    return (entry & (pte::kValid | pte::kAccessMask)) == pte::kValid;
  }

  constexpr Entry encode_leaf(mem::PhysicalAddress address, const paging::Properties& properties,
                              unsigned level) const noexcept {
    QUOLL_DEBUG_ASSERT(may_be_leaf(level) && address < physical_limit() &&
                       address.is_aligned(page_bytes(level)));
    return flags(properties) | (address.value() >> mem::kPageShift << pte::kPpnShift);
  }

  constexpr paging::Leaf decode_leaf(Entry entry) const noexcept {
    auto access = static_cast<std::uint32_t>((entry & pte::kAccessMask) >> kAccessShift);
    // An entry of ours never has both; a foreign one is reported without the permission to write.
    if ((entry & pte::kExecute) != 0) access &= ~static_cast<std::uint32_t>(mem::Access::kWrite);
    mem::Permissions permissions =
        mem::Permissions::from_access_bits(access).value_or(mem::Permissions::none());
    if ((entry & pte::kUser) != 0) permissions = permissions.for_user();
    paging::CacheMode cache = paging::CacheMode::kNormal;
    if ((entry & pte::kPbmtMask) == pte::kPbmtNonCacheable) cache = paging::CacheMode::kUncached;
    if ((entry & pte::kPbmtMask) == pte::kPbmtIo) cache = paging::CacheMode::kDevice;
    const auto scope = (entry & pte::kGlobal) != 0 ? paging::Scope::kGlobal : paging::Scope::kSpace;
    return {decode_table(entry), {permissions, cache, scope}};
  }

  constexpr Entry encode_table(mem::PhysicalAddress address) const noexcept {
    QUOLL_DEBUG_ASSERT(address < physical_limit() && address.is_aligned(mem::kPageSize));
    return (address.value() >> mem::kPageShift << pte::kPpnShift) | pte::kValid;
  }
  constexpr mem::PhysicalAddress decode_table(Entry entry) const noexcept {
    // The bits above the page number are not part of the address.
    return mem::PhysicalAddress((entry & pte::kPpnMask) >> pte::kPpnShift << mem::kPageShift);
  }

  /// How much one entry of a level covers.
  static constexpr std::uint64_t page_bytes(unsigned level) noexcept {
    return std::uint64_t{1} << (mem::kPageShift + kIndexBits * level);
  }

  constexpr bool operator==(const Sv&) const = default;

 private:
  /// Entries have the bits of accesses in the order of `mem::Access`.
  static constexpr unsigned kAccessShift = 1;
  static_assert(static_cast<std::uint64_t>(mem::Access::kRead) << kAccessShift == pte::kRead);
  static_assert(static_cast<std::uint64_t>(mem::Access::kWrite) << kAccessShift == pte::kWrite);
  static_assert(static_cast<std::uint64_t>(mem::Access::kExecute) << kAccessShift == pte::kExecute);

  /// All of a leaf but its page number.
  constexpr Entry flags(const paging::Properties& properties) const noexcept {
    const mem::Permissions permissions = properties.permissions;
    Entry entry = pte::kParked;
    if (!permissions.is_none()) {
      entry = Entry{permissions.access_bits()} << kAccessShift | pte::kValid | pte::kAccessed;
      entry |= (entry & pte::kWrite) * (pte::kDirty / pte::kWrite);
    }
    if (permissions.is_user()) entry |= pte::kUser;
    if (properties.scope == paging::Scope::kGlobal) entry |= pte::kGlobal;
    if (memory_types_ == Svpbmt::kPresent) {
      if (properties.cache == paging::CacheMode::kUncached) entry |= pte::kPbmtNonCacheable;
      if (properties.cache == paging::CacheMode::kDevice) entry |= pte::kPbmtIo;
    }
    return entry;
  }
  constexpr std::uint64_t half_size() const noexcept {
    return std::uint64_t{1} << (virtual_bits() - 1);
  }
  constexpr bool is_leaf_sound(Entry entry, unsigned level) const noexcept {
    const std::uint64_t memory_type = entry & pte::kPbmtMask;
    if (memory_type == pte::kPbmtMask) return false;
    if (memory_type != 0 && memory_types_ == Svpbmt::kAbsent) return false;
    return may_be_leaf(level) && decode_table(entry).is_aligned(page_bytes(level));
  }

  PagingMode mode_;
  Svpbmt memory_types_;
};

inline constexpr Sv kSv39{PagingMode::kSv39};
inline constexpr Sv kSv48{PagingMode::kSv48};
inline constexpr Sv kSv57{PagingMode::kSv57};

static_assert(paging::Format<Sv>);

}  // namespace quoll::riscv
