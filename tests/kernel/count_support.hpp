// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What tests that count share. Harts of a machine that counts run in turn, and one that spins uses
// all of its turn up: whoever waits in such a test sleeps, and is told by an interrupt.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/exec/start.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/log/format.hpp>
#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm::counts {

/// Whether the machine counts instructions.
inline bool can_count() noexcept {
  return !kernel::state().arguments.bench.empty();
}

/// Prints a number for `tools/bench`.
inline void tell(std::string_view name, std::uint64_t count) noexcept {
  std::array<char, 64> line;
  const std::size_t size =
      log::format_to(std::span<char>(line), "bench: memory.{} {}\n", name, count);
  tracing::write(std::string_view(line.data(), size));
}

/// Waits with the hart asleep; tasks that wait for it go to other harts. Whoever makes the
/// condition true wakes the hart then (`exec::kick`).
template <typename Condition>
void sleep_until_told(Condition condition) {
  while (!condition()) {
    exec::executor().offer_work();
    const sync::InterruptGuard<arch::Interrupts> guard;
    if (!condition()) arch::Interrupts::wait();
  }
}

/// Wakes all harts but this one.
inline void wake_others() noexcept {
  sync::HartSet::first(arch::Harts::count()).without(arch::Harts::id()).for_each([](unsigned hart) {
    exec::kick(hart);
  });
}

}  // namespace quoll::vm::counts
