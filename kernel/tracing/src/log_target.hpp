// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What this room's log lines are about.
#pragma once

#include <quoll/log/log.hpp>

namespace quoll::tracing {
QUOLL_LOG_TARGET(kTarget, "trace");
}  // namespace quoll::tracing
