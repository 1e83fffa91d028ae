// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What this room's log lines are about.
#pragma once

#include <quoll/log/log.hpp>

namespace quoll::watchdog {
QUOLL_LOG_TARGET(kTarget, "watchdog");
}  // namespace quoll::watchdog
