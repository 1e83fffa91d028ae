// SPDX-License-Identifier: Apache-2.0 OR MIT
#pragma once

#include <cstdint>

namespace quoll::watchdog {

/// Watches every wait for a spin lock. `limit` in ticks; 0: only those that could never end.
void watch_locks(std::uint64_t limit) noexcept;

}  // namespace quoll::watchdog
