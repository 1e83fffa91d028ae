// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Why interrupts of a device cannot be had.
#pragma once

#include <cstdint>

namespace quoll::irq {

enum class IrqError : std::uint8_t {
  kNoController,  ///< the device tree names none that is supported, or it could not be mapped
  kBadSource,     ///< no such source, no `interrupts` property, or nobody is attached to it
  kTaken,         ///< another driver has it
  kBadPriority,   ///< the controller has no such priority
  kNoHart,        ///< none of these harts takes interrupts
};

}  // namespace quoll::irq
