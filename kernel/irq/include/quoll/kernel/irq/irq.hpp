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
#include <quoll/kernel/irq/error.hpp>
#include <quoll/kernel/irq/wishes.hpp>
#include <quoll/riscv/trap_cause.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::async {
class Signal;
}

namespace quoll::irq {

/// Finds and resets the interrupt controller. *Context*: boot hart, with a heap. A machine without
/// one goes on with timers and IPIs only.
base::Result<void, IrqError> start(const fdt::DeviceTree& tree) noexcept;
/// Lets this hart take interrupts. *Context*: each hart, once.
void start_hart() noexcept;

/// The source that a device node raises.
base::Result<std::uint32_t, IrqError> source_of(fdt::Walk& device) noexcept;
/// From now on the source sets `signal`. It does not come again until `unmask`: a level
/// interrupts once for each round of its task. *Requires*: `signal` lives until `detach` has
/// returned. *Context*: task, likewise below.
base::Result<void, IrqError> attach(std::uint32_t source, async::Signal& signal,
                                    const Wishes& wishes = {}) noexcept;
/// Nobody sets the signal any more once this returns, on whichever hart, and the source is masked.
void detach(std::uint32_t source) noexcept;
/// The device has been served.
void unmask(std::uint32_t source) noexcept;
/// The source goes to one of these harts from now on. No interrupt is lost.
base::Result<void, IrqError> set_affinity(std::uint32_t source, sync::HartSet harts) noexcept;
base::Result<void, IrqError> set_priority(std::uint32_t source, std::uint32_t priority) noexcept;
/// Sources of this priority and below do not interrupt the hart; 0: all do.
base::Result<void, IrqError> set_threshold(unsigned hart, std::uint32_t threshold) noexcept;

/// Serves one pending interrupt. `frame`: what of the kernel it interrupted; null: user mode, or
/// a hart that slept. *Context*: interrupts off.
void handle(riscv::TrapCause cause, const arch::TrapFrame* frame = nullptr) noexcept;
/// Serves what is pending, without a trap. *Context*: interrupts off, on a hart that has slept.
void handle_pending() noexcept;

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
/// A source, if there is one of this number: they begin at 1 and have no gap.
std::optional<SourceInfo> source_info(std::uint32_t source) noexcept;
/// How often a source has interrupted a hart; the sum over all harts is the source's `count`.
std::uint64_t source_count(std::uint32_t source, unsigned hart) noexcept;

/// Interrupts that a hart has taken, by who raised them.
struct HartCounts {
  std::uint64_t harts = 0;
  std::uint64_t timer = 0;
  std::uint64_t devices = 0;
};
HartCounts hart_counts(unsigned hart) noexcept;

}  // namespace quoll::irq
