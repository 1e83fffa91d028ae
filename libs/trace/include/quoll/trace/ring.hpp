// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The ring of one hart: only that hart writes, tasks and interrupt handlers alike; any hart reads.
//
// Why no record is torn or lost:
//
// - A slot is reserved by one atomic increment of `head_`. An interrupt between that and the last
//   store finds `head_` moved on and writes behind: it neither takes the slot nor undoes the
//   increment. Handlers nest no deeper than one, and one writes far fewer records than the
//   smallest ring holds, so it cannot come round to a slot that is being filled.
// - The header, stored last with release, holds the record's number. A reader that finds another
//   number there knows the slot as old or as not filled yet.
// - A reader may copy while the slot is filled anew, one round later. The writer's increment of
//   `head_` is ordered before its stores to the slot (release fence), the reader's copy before
//   its second look at `head_` (acquire fence): having seen any of the new words, it sees that
//   `head_` has passed the record's round, and gives the copy up.
//
// Numbers are compared by their low 32 bits. A slot that was missed for 2^32 records would have
// been written in each of the rounds between.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <quoll/base/assert.hpp>
#include <quoll/trace/event.hpp>

namespace quoll::trace {

/// One record, read out of a ring.
struct Record {
  std::uint64_t number = 0;  ///< counts the records of its hart
  std::uint64_t time = 0;
  Event event = Event::kNone;
  std::uint32_t small = 0;
  std::uint64_t first = 0;
  std::uint64_t second = 0;

  constexpr std::uint64_t value(const Field& field) const noexcept {
    const std::uint64_t word = field.word == Word::kSmall   ? small
                               : field.word == Word::kFirst ? first
                                                            : second;
    return (word >> field.shift) & field.mask();
  }
  /// The value of the field with that name; 0 if the event has none.
  constexpr std::uint64_t value(std::string_view name) const noexcept {
    for (const Field& field : info(event).fields) {
      if (field.name == name) return value(field);
    }
    return 0;
  }
};

/// A record's place in memory, and in a dump.
struct Slot {
  /// From bit 0: event, 8 bits; small arguments, 24 bits; number, 32 bits.
  std::atomic<std::uint64_t> header{0};
  std::atomic<std::uint64_t> time{0};
  std::atomic<std::uint64_t> first{0};
  std::atomic<std::uint64_t> second{0};
};
static_assert(sizeof(Slot) == 32);

/// A hart's ring. Without memory it holds nothing and must not be written to.
class Ring {
 public:
  /// What an interrupt handler may write at once, and more: see above.
  static constexpr std::size_t kMinSlots = 128;

  constexpr Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Gives the ring its memory. *Requires*: the slots are zero, a power of two of them, at least
  /// `kMinSlots`, and outlive the ring. *Context*: the hart itself, once, nothing switched on.
  void set_memory(std::span<Slot> slots) noexcept {
    QUOLL_ASSERT(slots.size() >= kMinSlots && (slots.size() & (slots.size() - 1)) == 0);
    slots_.store(slots.data(), std::memory_order_release);
    mask_.store(slots.size() - 1, std::memory_order_release);
  }

  /// Adds a record. *Context*: the ring's hart, any context. *Requires*: it has memory.
  [[gnu::always_inline]] void write(std::uint64_t time, std::uint64_t header, std::uint64_t first,
                                    std::uint64_t second) noexcept {
    const std::uint64_t number = head_.fetch_add(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    Slot& slot =
        slots_.load(std::memory_order_relaxed)[number & mask_.load(std::memory_order_relaxed)];
    slot.time.store(time, std::memory_order_relaxed);
    slot.first.store(first, std::memory_order_relaxed);
    slot.second.store(second, std::memory_order_relaxed);
    slot.header.store(header | number << 32, std::memory_order_release);
  }

  std::size_t capacity() const noexcept {
    return slots_.load(std::memory_order_acquire) == nullptr
               ? 0
               : mask_.load(std::memory_order_acquire) + 1;
  }
  /// How many records were ever written.
  std::uint64_t written() const noexcept { return head_.load(std::memory_order_acquire); }
  /// How many of them are overwritten.
  std::uint64_t lost() const noexcept {
    const std::uint64_t head = written();
    return head > capacity() ? head - capacity() : 0;
  }

  /// The record with that number; nothing if it is not complete, or not there any more.
  /// *Context*: any hart.
  std::optional<Record> read(std::uint64_t number) const noexcept {
    const std::size_t size = capacity();
    if (size == 0) return std::nullopt;
    const Slot& slot = slots_.load(std::memory_order_relaxed)[number & (size - 1)];
    const std::uint64_t header = slot.header.load(std::memory_order_acquire);
    Record record;
    record.number = number;
    record.event = static_cast<Event>(header & 0xff);
    record.small = static_cast<std::uint32_t>(header >> 8 & 0xff'ffff);
    record.time = slot.time.load(std::memory_order_relaxed);
    record.first = slot.first.load(std::memory_order_relaxed);
    record.second = slot.second.load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (find_info(static_cast<std::uint8_t>(header & 0xff)) == nullptr) return std::nullopt;
    if (static_cast<std::uint32_t>(header >> 32) != static_cast<std::uint32_t>(number)) {
      return std::nullopt;
    }
    if (head <= number || head - number > size) return std::nullopt;
    return record;
  }

 private:
  std::atomic<std::uint64_t> head_{0};
  std::atomic<Slot*> slots_{nullptr};
  std::atomic<std::uint64_t> mask_{0};
};

/// A record's header without its number.
constexpr std::uint64_t header_of(Event event, std::uint64_t small) noexcept {
  return static_cast<std::uint64_t>(event) | (small & 0xff'ffff) << 8;
}

}  // namespace quoll::trace
