// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// When a wait for a spin lock has been too long.
#pragma once

#include <cstdint>

#include <quoll/sync/lock_watch.hpp>

namespace quoll::watchdog {

/// Whether the wait is to be reported now: once, when it has taken `limit` ticks since it was first
/// asked about. 0: never.
inline bool is_too_long(sync::LockWait& wait, std::uint64_t now, std::uint64_t limit) noexcept {
  if (wait.reported || limit == 0) return false;
  if (wait.since == 0) wait.since = now;
  wait.reported = now - wait.since >= limit;
  return wait.reported;
}

}  // namespace quoll::watchdog
