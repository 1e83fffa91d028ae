// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A hart's cache of one size class: a short list of free objects behind a gate.
//
// The gate is one word: the address of the list's first object and, in the four bits that its
// alignment leaves free, how many more the list has room for. Each object's link is the word that
// was in the gate before the object came, so taking the first one puts its link back and no count
// is kept. A word of 0 is a closed gate: somebody has the list, or it was never opened. An empty
// list names the gate itself as its first object; that object's seal never holds, so the quick way
// needs no test for it.
//
// Who may take the list:
//
//   - The owner's quick way: interrupts off, one exchange that leaves 0, one that puts a word back,
//     a dozen instructions in between, no lock, no waiting. If the gate is closed, or the list does
//     not do, it leaves everything as it was and goes the slow way.
//   - Everybody else, the owner's slow way included, holds the lock of the size class. So there are
//     never more than two at a gate, and only the one with the lock waits: for the quick way of a
//     hart that has interrupts off, hence for a few instructions.
//
// Why that is enough:
//
//   - Order. All accesses to the word are exchanges: claims acquire, returns release. They have one
//     order, so whoever claims sees all that former holders did to the objects on the list.
//   - No loss. A claim leaves 0 and nobody stores to a gate that he did not claim, so one holder
//     at a time exists; the word put back is the list as the holder left it.
//   - No deadlock. A holder without the lock waits for nothing. A holder with it takes only the
//     frame allocator's locks, which rank above, and nobody who has those wants a gate.
//   - Interrupts. A handler on the owner's hart cannot come between claim and return. A hart's id
//     is read with interrupts off and is right until they go on.
//   - Sums. Objects go between caches and slabs only under the lock of the class. So whoever has it
//     finds each object in exactly one of: in use, in a cache, in a slab; that is what counting,
//     trimming and the search for an object freed twice rely on. Quick ways of other harts go on
//     meanwhile and move objects between the first two only.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include <quoll/kernel/mem/frame_alloc/frame_info.hpp>
#include <quoll/kernel/mem/heap/free_object.hpp>
#include <quoll/kernel/mem/heap/size_class.hpp>
#include <quoll/mem/address.hpp>

namespace quoll::vm {

/// A list of free objects of one class that belongs to one hart.
class alignas(16) HeapCache {
 public:
  /// The list: first object and room. Held by one at a time.
  using Word = std::uint64_t;
  static constexpr Word kClosed = 0;
  static constexpr Word kRoom = 0xf;

  constexpr HeapCache() = default;
  HeapCache(const HeapCache&) = delete;
  HeapCache& operator=(const HeapCache&) = delete;

  /// How many objects a cache holds at most: as many as the word can count, and not more than two
  /// pages.
  static constexpr Word capacity(std::size_t class_index) noexcept {
    return std::min<Word>(kRoom, 2 * mem::kPageSize / SizeClasses::kSizes[class_index]);
  }

  // The quick ways. *Context*: the owner, interrupts off.

  /// An object, or 0: closed, empty, or corrupted.
  [[gnu::always_inline]] std::uint64_t try_take() noexcept {
    const Word list = word_.exchange(kClosed, std::memory_order_acquire);
    if (list == kClosed) [[unlikely]]
      return 0;
    const std::uint64_t address = first(list);
    FreeObject object(address);
    const Word rest = object.link();
    if (!object.is_sealed(rest)) [[unlikely]] {
      give_back(list);
      return 0;
    }
    give_back(rest);
    object.break_seal();
    __builtin_assume(address != 0);  // a list names an object or its own gate
    return address;
  }
  /// False: closed or full.
  [[gnu::always_inline]] bool try_put(std::uint64_t address) noexcept {
    const Word list = word_.exchange(kClosed, std::memory_order_acquire);
    if (room(list) == 0) [[unlikely]] {
      if (list != kClosed) give_back(list);
      return false;
    }
    give_back(with(list, address));
    return true;
  }
  /// What `SizeClasses::is_first_byte` wants to know of this class; 0 until the cache is opened.
  std::uint32_t reciprocal() const noexcept {
    return static_cast<std::uint32_t>(reciprocal_.load(std::memory_order_relaxed));
  }

  // The slow ways. *Requires*: the lock of the class.

  /// Lets the owner use it from now on, empty. Once.
  void open(std::size_t class_index) noexcept {
    reciprocal_.store(SizeClasses::reciprocal(class_index), std::memory_order_relaxed);
    word_.store(empty(class_index), std::memory_order_release);
  }
  /// Takes the list, calling `relax` while its owner is at it. *Requires*: it was opened.
  template <typename Relax>
  Word claim(Relax&& relax) noexcept {
    for (;;) {
      const Word list = word_.exchange(kClosed, std::memory_order_acquire);
      if (list != kClosed) return list;
      relax();
    }
  }
  void give_back(Word list) noexcept {
    // An exchange rather than a store: one instruction where a store needs a fence before it.
    (void)word_.exchange(list, std::memory_order_release);
  }

  // A list that is held.

  Word empty(std::size_t class_index) const noexcept {
    return mem::address_of(this).value() | capacity(class_index);
  }
  bool is_empty(Word list) const noexcept { return first(list) == mem::address_of(this).value(); }
  static std::uint64_t first(Word list) noexcept { return list & ~kRoom; }
  static Word room(Word list) noexcept { return list & kRoom; }
  /// The list with one object more. *Requires*: room for it.
  [[gnu::always_inline]] static Word with(Word list, std::uint64_t address) noexcept {
    FreeObject(address).seal(list);
    return address + room(list) - 1;
  }

 private:
  // These two are what an empty list takes for an object's link and seal. The link reads as 0 while
  // the list is held, and the seal then differs from link and address, for no address of a cache is
  // as small as a reciprocal.
  std::atomic<Word> word_{kClosed};
  std::atomic<std::uint64_t> reciprocal_{0};
};
static_assert(sizeof(HeapCache) == 16);

/// All that one hart's quick ways need. A power of two in size: found by a shift.
struct alignas(256) HeapCaches {
  std::array<HeapCache, SizeClasses::kCount> of_class;

  // The first arena: where it appears, how many frames it has and where their records are. No
  // frames until the hart has opened a cache.
  std::uint64_t arena_start = 0;
  std::uint64_t arena_count = 0;
  FrameInfo* arena_records = nullptr;
};
static_assert(sizeof(HeapCaches) == 256);

}  // namespace quoll::vm
