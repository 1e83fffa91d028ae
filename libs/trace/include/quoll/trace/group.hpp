// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Groups of events: what can be switched on and off, by the words of `trace=`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quoll::trace {

/// What is recorded together. At most eleven, so that asking for one is one instruction.
enum class Group : std::uint8_t {
  kSched,    ///< tasks run, harts sleep, tasks are spawned
  kWake,     ///< who woke whom, and the interrupts sent for it
  kFault,    ///< page faults
  kFence,    ///< translations forgotten
  kSyscall,  ///< system calls
  kIrq,      ///< interrupts
  kGuest,    ///< guests start and end
};

inline constexpr std::array<std::string_view, 7> kGroupNames = {"sched",   "wake", "fault", "fence",
                                                                "syscall", "irq",  "guest"};
static_assert(kGroupNames.size() <= 11);

/// A set of groups.
using GroupMask = std::uint32_t;
inline constexpr GroupMask kNoGroups = 0;
inline constexpr GroupMask kAllGroups = (GroupMask{1} << kGroupNames.size()) - 1;

constexpr GroupMask bit(Group group) noexcept {
  return GroupMask{1} << static_cast<unsigned>(group);
}

/// What `parse_groups` understood, and the first word that it did not.
struct ParsedGroups {
  GroupMask mask = kNoGroups;
  std::string_view rejected;
};

/// `on`, `off`, or names of groups separated by commas.
ParsedGroups parse_groups(std::string_view words) noexcept;

}  // namespace quoll::trace
