// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The registry: all guests that run, and the one in the foreground.
#pragma once

#include <quoll/kernel/guest/guest.hpp>

namespace quoll::guest {

/// *Requires*: the guest stays alive until it is removed.
void add_to_registry(Guest& guest) noexcept;
void remove_from_registry(Guest& guest) noexcept;

/// One of the guests that run, the oldest; null when there is none.
GuestRef oldest_guest() noexcept;

}  // namespace quoll::guest
