// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The guests' services, made from what the loader handed over.
#pragma once

#include <quoll/handoff/boot_info.hpp>

namespace quoll::shell {

/// Opens the boot archive and the embedded runtime and installs `guest::services`. False, with a
/// line on the log, when that cannot be done. *Context*: once, before the first guest.
bool set_up_guests(const handoff::BootInfo& info);

}  // namespace quoll::shell
