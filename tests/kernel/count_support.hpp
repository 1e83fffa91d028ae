// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What tests that count share. Harts of a machine that counts run in turn, and one that spins uses
// all of its turn up: whoever waits in such a test sleeps, and is told by an interrupt.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/exec/start.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/init.hpp>
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

/// Prints a number for `tools/bench`. Out of line, for coroutines that count in a loop (decision
/// 0012).
[[gnu::noinline]] inline void tell_of(std::string_view group, std::string_view name,
                                      std::uint64_t count) noexcept {
  std::array<char, 64> line;
  const std::size_t size =
      log::format_to(std::span<char>(line), "bench: {}.{} {}\n", group, name, count);
  tracing::write(std::string_view(line.data(), size));
}
inline void tell(std::string_view name, std::uint64_t count) noexcept {
  tell_of("memory", name, count);
}

inline constexpr auto kReadWrite = mem::Permissions::read_write().for_user();
inline constexpr auto kReadOnly = mem::Permissions::read_only().for_user();

/// What `action` takes once, without what taking the counter takes. No interrupt comes between.
template <typename Action>
std::uint64_t count(Action&& action) {
  const sync::InterruptGuard<arch::Interrupts> guard;
  const std::uint64_t first = arch::read_instructions();
  const std::uint64_t begun = arch::read_instructions();
  action();
  const std::uint64_t ended = arch::read_instructions();
  return ended - begun - (begun - first);
}

/// The same at its cheapest, or at its dearest.
template <typename Action>
std::uint64_t least(Action action, unsigned times = 50) {
  std::uint64_t best = ~std::uint64_t{0};
  for (unsigned i = 0; i < times; ++i) best = std::min(best, count(action));
  return best;
}
template <typename Action>
std::uint64_t most(Action action, unsigned times) {
  std::uint64_t worst = 0;
  for (unsigned i = 0; i < times; ++i) worst = std::max(worst, count(action));
  return worst;
}

/// A space of the test's own.
struct Fixture {
  std::unique_ptr<AddressSpace> space;
  explicit Fixture(const SpaceLimits& limits = {},
                   const std::optional<PlacementSeed>& seed = std::nullopt) {
    if (auto made = AddressSpace::create(kernel_space(), limits, seed)) space = std::move(*made);
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;
  ~Fixture() { kernel_space().activate(); }
};

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
