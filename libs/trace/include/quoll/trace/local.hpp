// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a hart has for tracing: its ring, what is switched on, and what it does just now.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <quoll/trace/event.hpp>
#include <quoll/trace/group.hpp>
#include <quoll/trace/ring.hpp>

namespace quoll::trace {

/// What an argument may be.
template <typename T>
concept Recordable = std::integral<T> || std::is_enum_v<T>;

/// Written by its hart alone; others may read.
struct Local {
  /// What of all groups is recorded. Nonzero only when the ring has memory.
  std::atomic<GroupMask> enabled{kNoGroups};
  /// The name of the running task, for the slice's record: `text_key` is its lower bits.
  std::atomic<std::uint64_t> name{0};
  /// The running task; 0: none.
  std::atomic<std::uint64_t> task{0};
  /// When the running slice, or the sleep, began.
  std::atomic<std::uint64_t> begin{0};
  Ring ring;

  /// `task` of a hart that sleeps: no task has this id.
  static constexpr std::uint64_t kParked = ~std::uint64_t{0};

  /// The running slice begins: of a task that has this name and id. *Context*: this hart.
  [[gnu::always_inline]] void begin_slice(std::uint64_t time, const char* of_name,
                                          std::uint64_t of_task) noexcept {
    // SAFETY: only the address counts, as in `text_key`.
    name.store(reinterpret_cast<std::uintptr_t>(of_name), std::memory_order_relaxed);
    begin.store(time, std::memory_order_relaxed);
    task.store(of_task, std::memory_order_relaxed);
  }
  /// It ends; the caller changes `task`. *Requires*: `begin_slice` was called, and then this not.
  [[gnu::always_inline]] void write_slice(std::uint64_t time, std::uint64_t of_task,
                                          SliceEnd end) noexcept {
    const std::uint64_t key = name.load(std::memory_order_relaxed) & kTextKeyMask;
    const std::uint64_t how = static_cast<std::uint8_t>(end);
    ring.write(time, header_of(Event::kSlice, key << kSliceName.shift | how), of_task,
               begin.load(std::memory_order_relaxed));
  }
  /// `text_key` of the running task's name.
  std::uint32_t slice_name() const noexcept {
    return static_cast<std::uint32_t>(name.load(std::memory_order_relaxed)) & kTextKeyMask;
  }

  bool wants(Group group) const noexcept {
    return (enabled.load(std::memory_order_relaxed) & bit(group)) != 0;
  }

  /// Records an event: its arguments in the table's order. *Context*: this hart.
  template <Event kEvent, Recordable... V>
  [[gnu::always_inline]] void write(std::uint64_t time, V... values) noexcept {
    constexpr const EventInfo& kInfo = info(kEvent);
    static_assert(sizeof...(V) == kInfo.field_count(), "the table says which arguments it has");
    std::uint64_t words[3] = {};
    pack<kEvent>(words, std::make_index_sequence<sizeof...(V)>(),
                 static_cast<std::uint64_t>(values)...);
    ring.write(time, header_of(kEvent, words[0]), words[1], words[2]);
  }

 private:
  static constexpr Field kSliceName = info(Event::kSlice).fields[1];
  static_assert(info(Event::kSlice).fields[0].kind == Kind::kChoice &&
                    info(Event::kSlice).fields[0].shift == 0 && kSliceName.kind == Kind::kText &&
                    info(Event::kSlice).fields[2].word == Word::kFirst &&
                    info(Event::kSlice).fields[3].word == Word::kSecond,
                "write_slice goes by this");

  template <Event kEvent, std::size_t... kIndex, typename... V>
  [[gnu::always_inline]] static void pack(std::uint64_t (&words)[3], std::index_sequence<kIndex...>,
                                          V... values) noexcept {
    (put<info(kEvent).fields[kIndex].word, info(kEvent).fields[kIndex].shift,
         info(kEvent).fields[kIndex].bits>(words, values),
     ...);
  }
  template <Word kWord, unsigned kShift, unsigned kBits>
  [[gnu::always_inline]] static void put(std::uint64_t (&words)[3], std::uint64_t value) noexcept {
    if constexpr (kBits < 64) value &= (std::uint64_t{1} << kBits) - 1;
    words[static_cast<std::size_t>(kWord)] |= value << kShift;
  }
};

}  // namespace quoll::trace
