// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Ending the machine.
#pragma once

#include <cstdint>

namespace quoll::device {

/// Tells where the test device's register is mapped. *Context*: boot.
void set_test_device(volatile void* registers) noexcept;

/// Gives what is called before the machine ends without a failure of its own, for last words.
/// *Context*: boot.
void set_last_words(void (*say)()) noexcept;

/// Ends the machine with this status: through the test device if there is one, else through the
/// firmware, which knows only success and failure. *Context*: any.
[[noreturn]] void power_off(std::uint8_t status) noexcept;

}  // namespace quoll::device
