// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A hart's cache: a stack of single frames behind a gate.
//
// The gate is one word: the top of the stack, or null while somebody has the stack. Taking the top
// and leaving null takes the stack, putting a top back returns it; so claiming the cache and
// learning its top are one atomic instruction, and a hart with its own cache meets no other lock.
//
//   - The exchange that claims is an acquire, the one that returns a release. All claims and
//     returns of one gate are read-modify-writes of one word, in one order: whoever claims sees
//     all that former holders did to the slots and, before that, to the frames in them.
//   - A holder has interrupts off from claim to return: neither can the hart's interrupt handlers
//     meet a gate that waits for them, nor is anybody kept waiting for longer than a few stores.
//     No lock is taken while a gate is held.
//   - The owner tries once and, when the gate is closed (another hart steals or drains), goes the
//     slow way; that one, and those who steal and drain, wait until it opens.
//   - A gate that was never opened is closed for good: that is how an allocator makes the quick
//     way take none where it would not be right.
//
// Below the lowest slot lies a zero, no frame's address: an empty stack needs no look at its size.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace quoll::vm {

/// Where a cache keeps its words: in this machine's memory.
struct MachineMemory {
  template <typename T>
  using Atomic = std::atomic<T>;
  using Slot = std::uint64_t;
  static constexpr std::size_t kSlots = 63;
  static constexpr std::size_t kAlignment = 512;
};

template <typename Memory>
class alignas(Memory::kAlignment) BasicFrameCache {
 public:
  using Slot = typename Memory::Slot;
  using Gate = typename Memory::template Atomic<Slot*>;
  static constexpr std::size_t kSlots = Memory::kSlots;
  static constexpr std::size_t kCapacity = kSlots - 1;

  constexpr BasicFrameCache() = default;
  BasicFrameCache(const BasicFrameCache&) = delete;
  BasicFrameCache& operator=(const BasicFrameCache&) = delete;

  /// The gate of the quick way. Closed until `open`.
  Gate& gate() noexcept { return gate_; }
  const Gate& gate() const noexcept { return gate_; }
  /// Makes the stack empty and lets `gate` have it.
  void open(Gate& gate) noexcept {
    slots_[0] = 0;
    gate.store(&slots_[1], std::memory_order_release);
  }

  /// What lies on top, or 0: empty, or closed. *Context*: interrupts off.
  [[gnu::always_inline]] std::uint64_t try_pop() noexcept {
    Slot* const top = gate_.exchange(nullptr, std::memory_order_acquire);
    if (top == nullptr) [[unlikely]]
      return 0;
    const std::uint64_t address = top[-1];
    if (address == 0) [[unlikely]] {
      give_back(gate_, top);
      return 0;
    }
    give_back(gate_, top - 1);
    return address;
  }
  /// Claims the stack if it has room for one more. The caller gives it back.
  [[gnu::always_inline]] Slot* try_claim_with_room() noexcept {
    Slot* const top = gate_.exchange(nullptr, std::memory_order_acquire);
    if (is_null_or_end(top)) [[unlikely]] {
      if (top != nullptr) give_back(gate_, top);
      return nullptr;
    }
    return top;
  }
  /// Returns the stack with its new top.
  [[gnu::always_inline]] static void give_back(Gate& gate, Slot* top) noexcept {
    // An exchange rather than a store: one instruction where a store needs a fence before it.
    (void)gate.exchange(top, std::memory_order_release);
  }

  /// Claims the stack through `gate`, calling `relax` while another hart has it.
  template <typename Relax>
  static Slot* claim(Gate& gate, Relax&& relax) noexcept {
    for (;;) {
      if (Slot* const top = gate.exchange(nullptr, std::memory_order_acquire)) return top;
      while (gate.load(std::memory_order_relaxed) == nullptr) relax();
    }
  }
  bool is_full(const Slot* top) const noexcept { return top == end(); }
  std::size_t count(const Slot* top) const noexcept {
    return static_cast<std::size_t>(top - slots_.data()) - 1;
  }
  /// How many lie there, without claiming: exact when nobody is at it.
  template <typename Relax>
  std::size_t count(const Gate& gate, Relax&& relax) const noexcept {
    for (;;) {
      if (const Slot* const top = gate.load(std::memory_order_relaxed)) return count(top);
      relax();
    }
  }

 private:
  static constexpr bool kPacked = sizeof(Gate) + kSlots * sizeof(Slot) == Memory::kAlignment &&
                                  std::has_single_bit(Memory::kAlignment);

  const Slot* end() const noexcept { return slots_.data() + kSlots; }
  bool is_null_or_end(const Slot* top) const noexcept {
    if constexpr (kPacked) {
      // The cache ends where its alignment does: one test for both.
      return std::bit_cast<std::uintptr_t>(top) % Memory::kAlignment == 0;
    } else {
      return top == nullptr || top == end();
    }
  }

  Gate gate_{nullptr};
  std::array<Slot, kSlots> slots_{};
};

using FrameCache = BasicFrameCache<MachineMemory>;
static_assert(sizeof(FrameCache) == MachineMemory::kAlignment);

}  // namespace quoll::vm
