// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Waits for spin locks: reported when they take too long, and ended when they could only be for
// ever.
#include "locks.hpp"

#include <array>
#include <atomic>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/panic/backtrace.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/kernel/watchdog/lock_limit.hpp>

#include "log_target.hpp"

namespace quoll::watchdog {
namespace {

constinit std::atomic<std::uint64_t> lock_limit{0};

/// The hart that holds the lock; one that has only just taken it may not be known.
unsigned holder_of(const sync::LockWait& wait) noexcept {
  const std::uintptr_t local = wait.owner().hart();
  // SAFETY: a thread pointer of the kernel, where its hart's data are for ever.
  return local == 0 ? ~0u : reinterpret_cast<const arch::HartLocal*>(local)->id;
}

std::uint64_t milliseconds(std::uint64_t ticks) noexcept {
  return exec::nanoseconds_from_ticks(ticks) / 1'000'000;
}

/// A line of the log, or past its lock if that is the one which is waited for.
template <typename... A>
void say(const sync::LockWait& wait, log::Format<std::type_identity_t<A>...> format,
         const A&... values) noexcept {
  std::array<char, 160> text;
  const std::string_view line(text.data(),
                              log::format_to(std::span<char>(text), format, values...));
  if (wait.rank() != sync::LockRank::kLog) {
    log::error(kTarget, "{}", line);
    return;
  }
  tracing::write_unlocked("watchdog: ");
  tracing::write_unlocked(line);
  tracing::write_unlocked("\n");
}

void put(std::string_view text) noexcept {
  tracing::write_line(text);
}
void put_unlocked(std::string_view text) noexcept {
  tracing::write_unlocked(text);
}

void on_waiting(sync::LockWait& wait) noexcept {
  const std::uint64_t now = arch::read_time();
  if (!is_too_long(wait, now, lock_limit.load(std::memory_order_relaxed))) return;
  const panic::TextSink sink = wait.rank() == sync::LockRank::kLog ? &put_unlocked : &put;
  say(wait, "hart {} has waited {} ms for the spin lock of rank {}, which hart {} holds",
      arch::hart_local().id, milliseconds(now - wait.since), sync::to_string(wait.rank()),
      holder_of(wait));
  sink("  it was taken here:\n");
  panic::print_place(sink, wait.owner().taken_at());
  sink("  it is wanted here:\n");
  panic::print_place(sink, wait.asked_at());
  // In a handler too: it may wait for ever.
  if (wait.rank() != sync::LockRank::kLog) tracing::print_waiting();
}

void on_over(const sync::LockWait& wait) noexcept {
  say(wait, "hart {} has got the spin lock of rank {} after {} ms", arch::hart_local().id,
      sync::to_string(wait.rank()), milliseconds(arch::read_time() - wait.since));
}

std::string_view function_at(std::uintptr_t pc) noexcept {
  const std::string_view name = panic::function_at(pc);
  return name.empty() ? "code" : name;
}

void on_taken_twice(const sync::LockWait& wait) noexcept {
  std::array<char, 200> text;
  const std::uintptr_t taken_at = wait.owner().taken_at();
  const std::size_t size =
      log::format_to(std::span<char>(text),
                     "a spin lock (rank {}) is taken twice: held by hart {} since {} at {:#x}, "
                     "wanted by {} at {:#x}",
                     sync::to_string(wait.rank()), holder_of(wait), function_at(taken_at), taken_at,
                     function_at(wait.asked_at()), wait.asked_at());
  panic::stop(std::string_view(text.data(), size));
}

constexpr sync::LockWatch kWatch{
    .waiting = &on_waiting, .over = &on_over, .taken_twice = &on_taken_twice};

}  // namespace

void watch_locks(std::uint64_t limit) noexcept {
  lock_limit.store(limit, std::memory_order_relaxed);
  sync::set_lock_watch(kWatch);
}

}  // namespace quoll::watchdog
