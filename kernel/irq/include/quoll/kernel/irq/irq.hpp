// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Interrupts: from the controller to the task that serves the device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <quoll/arch/trap_frame.hpp>
#include <quoll/base/result.hpp>
#include <quoll/fdt/walk.hpp>
#include <quoll/riscv/trap_cause.hpp>

namespace quoll::async {
class Signal;
}

namespace quoll::irq {

/// Why interrupts of a device cannot be had.
enum class IrqError : std::uint8_t {
  kNoController,  ///< the device tree names none that is supported, or it could not be mapped
  kBadSource,     ///< no such source, or no `interrupts` property
  kTaken,         ///< another driver has it
};

/// Finds and resets the interrupt controller. *Context*: boot hart. A machine without one goes on
/// with timers and IPIs only.
base::Result<void, IrqError> start(const fdt::DeviceTree& tree) noexcept;
/// Lets this hart take interrupts. *Context*: each hart, once.
void start_hart() noexcept;

/// The source that a device node raises.
base::Result<std::uint32_t, IrqError> source_of(fdt::Walk& device) noexcept;
/// From now on the source sets `signal`. It is masked each time until `unmask`, so that a level
/// interrupt comes once for each round of its task. *Requires*: `signal` lives for ever.
base::Result<void, IrqError> attach(std::uint32_t source, async::Signal& signal) noexcept;
/// The device has been served. *Requires*: the source was attached.
void unmask(std::uint32_t source) noexcept;

/// Serves one pending interrupt. `frame`: what of the kernel it interrupted; null: user mode.
/// *Context*: interrupts off.
void handle(riscv::TrapCause cause, const arch::TrapFrame* frame = nullptr) noexcept;

/// A time that even a hart which never comes back to its scheduler cannot miss, as long as it takes
/// interrupts: `ring` is then called, in an interrupt, on one hart or several, once or more. This
/// hart minds it at once, others when they next set their timer. `async::kNever` ends it.
/// *Context*: task.
void set_alarm(std::uint64_t at, void (*ring)() noexcept) noexcept;
/// When it is set to go off.
std::uint64_t alarm() noexcept;

/// Interrupts that devices have raised, on all harts.
std::uint64_t claimed() noexcept;
/// Interrupts that nobody had attached to.
std::uint64_t unclaimed() noexcept;

}  // namespace quoll::irq
