// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What is known of a page table beside its page: lock, count of live entries, and the mark of a
// table that was unlinked. It lies in the metadata of the table's frame.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/paging/words.hpp>

namespace quoll::paging {

/// A handle of the two words of a page table's record. Both are zero when the table is allocated.
///
/// The state word is written by who holds the lock, which is a bit of it. Others read it, and try
/// to set a bit that is set already: that leaves the word as it was, so the holder need not
/// exchange it atomically.
template <typename W>
class BasicTableRecord {
 public:
  using Words = W;

  constexpr BasicTableRecord(std::uint32_t& state, std::uint32_t& next)
      : state_(&state), next_(&next) {}

  /// Takes the lock if it is free. A table that is stale keeps its lock for ever.
  [[nodiscard]] bool try_lock() const noexcept {
    // Whoever waits comes here again and again: it only reads while the lock is held.
    return !is_locked() && try_lock_once();
  }
  /// The same for who does not come again.
  [[nodiscard]] bool try_lock_once() const noexcept {
    return (Ref(*state_).fetch_or(kLocked, std::memory_order_acquire) & kLocked) == 0;
  }
  void unlock() const noexcept {
    QUOLL_DEBUG_ASSERT((load() & (kLocked | kStale)) == kLocked);
    Ref(*state_).store(load() ^ kLocked, std::memory_order_release);
  }
  /// Takes the lock of a table that nobody else can reach yet.
  void lock_new() const noexcept { store(kLocked); }
  bool is_locked() const noexcept { return (load() & kLocked) != 0; }

  /// Where it lies: the state, and the chain.
  std::pair<std::uint32_t*, std::uint32_t*> words() const noexcept { return {state_, next_}; }

  /// How many entries are not vacant. *Requires*: the lock is held.
  unsigned live() const noexcept { return load() & kLiveMask; }
  void add_live(unsigned count) const noexcept { store(load() + count); }
  void remove_live(unsigned count) const noexcept { store(load() - count); }

  /// Marks a table that is being unlinked. *Requires*: the lock is held.
  void make_stale() const noexcept { store((load() & ~kLiveMask) | kStale); }
  bool is_stale() const noexcept { return (load() & kStale) != 0; }

  /// Chains tables that nobody reaches: those taken ahead of a change, those that wait for a fence.
  void set_next(std::optional<mem::PhysicalAddress> table) const noexcept {
    const std::uint64_t number = table ? table->value() >> mem::kPageShift : 0;
    QUOLL_ASSERT(number <= UINT32_MAX);  // page tables lie below 16 TiB
    *next_ = static_cast<std::uint32_t>(number);
  }
  std::optional<mem::PhysicalAddress> next() const noexcept {
    if (*next_ == 0) return std::nullopt;  // frame 0 is never a page table
    return mem::PhysicalAddress(std::uint64_t{*next_} << mem::kPageShift);
  }

 private:
  using Ref = typename Words::template Ref<std::uint32_t>;

  static constexpr std::uint32_t kLocked = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kStale = std::uint32_t{1} << 30;
  static constexpr std::uint32_t kLiveMask = 0xffff;

  std::uint32_t load() const noexcept { return Ref(*state_).load(std::memory_order_relaxed); }
  void store(std::uint32_t state) const noexcept {
    Ref(*state_).store(state, std::memory_order_relaxed);
  }

  std::uint32_t* state_;
  std::uint32_t* next_;
};

using TableRecord = BasicTableRecord<MachineWords>;

template <typename R>
inline constexpr bool kIsTableRecord = false;
template <typename W>
inline constexpr bool kIsTableRecord<BasicTableRecord<W>> = true;
/// What a memory of page tables may answer with.
template <typename R>
concept AnyTableRecord = kIsTableRecord<R>;

}  // namespace quoll::paging
