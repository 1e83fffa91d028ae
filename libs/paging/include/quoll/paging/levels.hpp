// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Arithmetic between addresses and the entries that translate them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/paging/format.hpp>
#include <quoll/paging/words.hpp>

namespace quoll::paging {

/// How the levels of a format cut an address.
template <Format F>
struct Levels {
  static constexpr unsigned shift(unsigned level) noexcept {
    return mem::kPageShift + F::kIndexBits * level;
  }
  /// How much one entry of a level covers.
  static constexpr std::uint64_t page_bytes(unsigned level) noexcept {
    return std::uint64_t{1} << shift(level);
  }
  static constexpr std::size_t index(mem::VirtualAddress address, unsigned level) noexcept {
    // NOLINTNEXTLINE(clang-analyzer-core.BitwiseShift): a level is below 5, whatever it supposes
    return (address.value() >> shift(level)) & (F::kEntriesPerTable - 1);
  }
  /// How much of `[address, address + size)` the entry of this level covers.
  static constexpr std::uint64_t chunk(mem::VirtualAddress address, std::uint64_t size,
                                       unsigned level) noexcept {
    const std::uint64_t rest = page_bytes(level) - (address.value() & (page_bytes(level) - 1));
    return size < rest ? size : rest;
  }
  /// The level of the lowest table that covers all of a range that is not empty.
  static constexpr unsigned covering(mem::VirtualAddress start, std::uint64_t size) noexcept {
    const std::uint64_t differing = start.value() ^ (start.value() + (size - 1));
    unsigned level = 0;
    for (std::uint64_t rest = differing >> shift(1); rest != 0; rest >>= F::kIndexBits) ++level;
    return level < F::kMaxLevels ? level : F::kMaxLevels - 1;
  }
  /// The level whose leaves have that size.
  static constexpr std::optional<unsigned> level_of(mem::PageSize size) noexcept {
    const auto bits = static_cast<unsigned>(size);
    if (bits < mem::kPageShift || (bits - mem::kPageShift) % F::kIndexBits != 0) {
      return std::nullopt;
    }
    return (bits - mem::kPageShift) / F::kIndexBits;
  }
};

/// Loads and stores of entries, which hardware and other harts read at any time.
template <typename Entry, typename Words = MachineWords>
class EntryAccess {
  using Ref = typename Words::template Ref<Entry>;

 public:
  /// *Requires*: the lock of the table is held, or nothing is reached through what is read.
  static Entry load(const Entry* slot) noexcept {
    return ref(slot).load(std::memory_order_relaxed);
  }
  /// Meets `publish`: what the entry leads to is seen as it was published.
  static Entry load_link(const Entry* slot) noexcept {
    return ref(slot).load(std::memory_order_acquire);
  }
  static void store(Entry* slot, Entry entry) noexcept {
    Ref(*slot).store(entry, std::memory_order_relaxed);
  }
  /// For an entry that leads to a page table: its content is visible first.
  static void publish(Entry* slot, Entry entry) noexcept {
    Ref(*slot).store(entry, std::memory_order_release);
  }

 private:
  static Ref ref(const Entry* slot) noexcept { return Ref(const_cast<Entry&>(*slot)); }
};

}  // namespace quoll::paging
