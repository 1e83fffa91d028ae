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
  /// How the running slice is going to end, and where its task's name stands.
  std::atomic<std::uint32_t> slice{0};
  /// The running task; 0: none.
  std::atomic<std::uint64_t> task{0};
  /// When the running slice, or the sleep, began.
  std::atomic<std::uint64_t> begin{0};
  Ring ring;

  /// `task` of a hart that sleeps: no task has this id.
  static constexpr std::uint64_t kParked = ~std::uint64_t{0};

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
