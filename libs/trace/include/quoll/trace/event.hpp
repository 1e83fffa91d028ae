// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The table of events: the only place that says what is recorded and how it is laid out. A
// record has three words for arguments (`Word`); a field says which bits of which word it takes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <quoll/trace/group.hpp>

namespace quoll::trace {

/// What is recorded. 0 is never written: it tells an empty slot.
enum class Event : std::uint8_t {
  kNone,
  kSlice,
  kPark,
  kSpawn,
  kWake,
  kIpi,
  kFault,
  kFence,
  kSyscall,
  kInterrupt,
  kDevice,
  kGuestStart,
  kGuestEnd,
};

/// Where an argument lies: in the 24 bits beside the event's number, or in a word of its own.
enum class Word : std::uint8_t { kSmall, kFirst, kSecond };
inline constexpr unsigned kSmallBits = 24;

/// How an argument is to be read. The values that are not in the table (names of system calls and
/// the like) are told by whoever writes a dump.
enum class Kind : std::uint8_t {
  kNumber,
  kAddress,
  kTask,     ///< the id of a task; 0: none
  kGuest,    ///< the id of a guest
  kHarts,    ///< a set of harts
  kBegin,    ///< a time: when that began whose end the record's time is
  kChoice,   ///< one of the field's `choices`
  kText,     ///< a `text_key`
  kSyscall,  ///< a system call's number
  kError,    ///< a system call's error
  kCause,    ///< the number of an interrupt's cause
};
inline constexpr std::array<std::string_view, 11> kKindNames = {
    "number", "address", "task",    "guest", "harts", "begin",
    "choice", "text",    "syscall", "error", "cause"};

/// One argument of an event.
struct Field {
  std::string_view name;
  Kind kind = Kind::kNumber;
  Word word = Word::kSmall;
  std::uint8_t shift = 0;
  std::uint8_t bits = 64;
  std::string_view choices = {};  ///< for `kChoice`: names from 0 on, separated by `|`

  constexpr std::uint64_t mask() const noexcept {
    return bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  }
};

/// One row of the table.
struct EventInfo {
  static constexpr std::size_t kMaxFields = 5;

  Event event = Event::kNone;
  Group group = Group::kSched;
  std::string_view name;
  std::array<Field, kMaxFields> fields{};

  constexpr std::size_t field_count() const noexcept {
    std::size_t count = 0;
    while (count < kMaxFields && !fields[count].name.empty()) ++count;
    return count;
  }
};

/// A task's or guest's name in a record: the low bits of its address. Names are constants of the
/// kernel's image, which is smaller than what the bits span, so that they are found again.
inline constexpr unsigned kTextKeyBits = 22;
inline constexpr std::uint32_t kTextKeyMask = (std::uint32_t{1} << kTextKeyBits) - 1;

namespace detail {

constexpr Field small(std::string_view name, Kind kind, unsigned shift, unsigned bits,
                      std::string_view choices = {}) {
  return {
      name,   kind, Word::kSmall, static_cast<std::uint8_t>(shift), static_cast<std::uint8_t>(bits),
      choices};
}
constexpr Field first(std::string_view name, Kind kind) {
  return {name, kind, Word::kFirst, 0, 64, {}};
}
constexpr Field second(std::string_view name, Kind kind) {
  return {name, kind, Word::kSecond, 0, 64, {}};
}

}  // namespace detail

/// The table, in the order of `Event`.
inline constexpr std::array<EventInfo, 12> kEvents = {{
    // A task has had a hart from `begin` until now.
    {Event::kSlice,
     Group::kSched,
     "slice",
     {detail::small("why", Kind::kChoice, 0, 2, "suspended|yielded|ended"),
      detail::small("name", Kind::kText, 2, kTextKeyBits), detail::first("task", Kind::kTask),
      detail::second("begin", Kind::kBegin)}},
    // The hart has slept from `begin` until now.
    {Event::kPark, Group::kSched, "park", {detail::first("begin", Kind::kBegin)}},
    {Event::kSpawn,
     Group::kSched,
     "spawn",
     {detail::small("name", Kind::kText, 2, kTextKeyBits), detail::first("task", Kind::kTask),
      detail::second("by", Kind::kTask)}},
    {Event::kWake,
     Group::kWake,
     "wake",
     {detail::small("from", Kind::kChoice, 0, 2, "task|interrupt|timer"),
      detail::first("task", Kind::kTask), detail::second("by", Kind::kTask)}},
    {Event::kIpi, Group::kWake, "ipi", {detail::first("to", Kind::kHarts)}},
    // A page fault, or a page that the kernel misses while it copies for a guest.
    {Event::kFault,
     Group::kFault,
     "fault",
     {detail::small("access", Kind::kChoice, 0, 3, "-|read|write|-|execute"),
      detail::small(
          "outcome", Kind::kChoice, 3, 3,
          "resolved|not-mapped|denied|out-of-memory|guard|outside-vmo|must-wait|unavailable"),
      detail::small("in", Kind::kChoice, 6, 1, "guest|kernel"),
      detail::first("address", Kind::kAddress), detail::second("begin", Kind::kBegin)}},
    {Event::kFence,
     Group::kFence,
     "fence",
     {detail::small("of", Kind::kChoice, 0, 3, "pages|all|code|remote|remote-all|remote-code|asid"),
      detail::small("pages", Kind::kNumber, 3, 21), detail::first("address", Kind::kAddress),
      detail::second("harts", Kind::kHarts)}},
    {Event::kSyscall,
     Group::kSyscall,
     "syscall",
     {detail::small("call", Kind::kSyscall, 0, 8), detail::small("error", Kind::kError, 8, 8),
      detail::first("value", Kind::kNumber), detail::second("begin", Kind::kBegin)}},
    {Event::kInterrupt,
     Group::kIrq,
     "interrupt",
     {detail::small("cause", Kind::kCause, 0, 8), detail::first("begin", Kind::kBegin)}},
    // A device's interrupt, within an external one.
    {Event::kDevice, Group::kIrq, "device", {detail::first("source", Kind::kNumber)}},
    {Event::kGuestStart,
     Group::kGuest,
     "guest-start",
     {detail::first("guest", Kind::kGuest), detail::second("task", Kind::kTask)}},
    {Event::kGuestEnd,
     Group::kGuest,
     "guest-end",
     {detail::small("why", Kind::kChoice, 0, 3,
                    "exited|trapped|refused|faulted|interrupted|panicked"),
      detail::first("guest", Kind::kGuest), detail::second("status", Kind::kNumber)}},
}};

/// Whether the table is one that recorder and decoders can rely on.
consteval bool is_table_sound() {
  for (std::size_t i = 0; i < kEvents.size(); ++i) {
    if (static_cast<std::size_t>(kEvents[i].event) != i + 1) return false;
    std::array<std::uint64_t, 3> taken{};
    for (std::size_t k = 0; k < kEvents[i].field_count(); ++k) {
      const Field& field = kEvents[i].fields[k];
      const unsigned limit = field.word == Word::kSmall ? kSmallBits : 64;
      if (field.bits == 0 || field.shift + field.bits > limit) return false;
      std::uint64_t& word = taken[static_cast<std::size_t>(field.word)];
      if ((word & (field.mask() << field.shift)) != 0) return false;
      word |= field.mask() << field.shift;
      if ((field.kind == Kind::kChoice) == field.choices.empty()) return false;
    }
  }
  return true;
}
static_assert(is_table_sound());

/// *Requires*: an event of the table.
constexpr const EventInfo& info(Event event) noexcept {
  return kEvents[static_cast<std::size_t>(event) - 1];
}

/// The same for a number that somebody wrote; null when there is no such event.
constexpr const EventInfo* find_info(std::uint8_t number) noexcept {
  return number == 0 || number > kEvents.size() ? nullptr : &kEvents[number - 1];
}

// The choices that code gives, in the order in which the table names them.

enum class SliceEnd : std::uint8_t { kSuspended, kYielded, kEnded };
enum class WakeSource : std::uint8_t { kTask, kInterrupt, kTimer };
enum class FaultOrigin : std::uint8_t { kGuest, kKernel };
enum class FenceOf : std::uint8_t { kPages, kAll, kCode, kRemote, kRemoteAll, kRemoteCode, kAsid };

/// The key of a name that is a constant of the image.
inline std::uint32_t text_key(const char* text) noexcept {
  // SAFETY: only the address counts; what reads it again checks where it leads.
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(text)) & kTextKeyMask;
}

}  // namespace quoll::trace
