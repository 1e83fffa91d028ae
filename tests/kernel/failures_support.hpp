// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the provoked failures share: values that the compiler knows nothing about, functions that
// stay themselves in the machine code, and a way to have every hart at once.
#pragma once

#include <atomic>
#include <cstdint>

#include <quoll/async/task.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/sync/hart_set.hpp>

/// A function that a backtrace can name in every build: never inlined, and its calls return to it.
#define QUOLL_NAMED [[gnu::noinline, clang::disable_tail_calls]]

namespace quoll::failures {

/// A value that the compiler knows nothing about.
template <typename T>
T opaque(T value) noexcept {
  asm volatile("" : "+r"(value));
  return value;
}

/// A pointer that the compiler knows nothing about.
template <typename T = std::uint64_t>
volatile T* somewhere(std::uint64_t address) noexcept {
  // SAFETY: the access is what the test is about.
  return reinterpret_cast<volatile T*>(opaque(address));
}

/// A function that the compiler knows nothing about.
inline auto function_at(std::uint64_t address) noexcept -> void (*)() {
  // SAFETY: the call is what the test is about.
  return reinterpret_cast<void (*)()>(opaque(address));
}

/// Panics with this message, from a function that the backtrace names.
void panic_plainly(const char* message);

/// A page of user memory, in a space that is active on this hart and never goes.
/// `executable`: instructions may be fetched from it.
std::uint64_t address_of_user_page(bool executable);

/// Every hart of the machine, each held by one task.
class Gathering {
 public:
  /// Holds this hart if nobody does.
  bool claim() noexcept;
  /// Waits until every hart is held; whatever else is ready meanwhile goes to the others.
  void wait_for_all() noexcept;

 private:
  std::atomic<std::uint64_t> held_{0};
};

/// Calls `act` on every hart at the same time, this one included; returns when `act` does here.
/// *Context*: a task that does not suspend.
void on_every_hart(void (*act)(unsigned hart));
/// Calls `act` on one hart while the others, this one included, spin until the end.
[[noreturn]] void on_hart(unsigned hart, void (*act)());

/// What must be as before when a failure is over.
struct Balance {
  std::uint64_t frames = 0;
  std::uint64_t heap_bytes = 0;
  std::uint64_t heap_objects = 0;
  std::size_t tasks = 0;
  std::size_t guests = 0;

  static Balance now() noexcept;
  bool operator==(const Balance&) const = default;
};

/// For a task: the first hart that it comes to and that no other task of the gathering holds.
async::Task<void> hold_a_hart(Gathering& gathering);

}  // namespace quoll::failures

/// In a test that is a coroutine: the figures, once what went before is out of the way.
#define QUOLL_BALANCE(name)                                                             \
  ::quoll::failures::Balance name = ::quoll::failures::Balance::now();                  \
  for (;;) {                                                                            \
    (void)co_await ::quoll::exec::sleep_until(::quoll::exec::now() +                    \
                                              ::quoll::exec::ticks_per_second() / 500); \
    const ::quoll::failures::Balance quoll_now = ::quoll::failures::Balance::now();     \
    if (quoll_now == (name)) break;                                                     \
    (name) = quoll_now;                                                                 \
  }                                                                                     \
  static_assert(true)

/// In a test that is a coroutine, and alone in its machine's figures: they are as before, at the
/// latest when what has ended is out of the way.
#define EXPECT_BALANCED(before)                                                                   \
  do {                                                                                            \
    const ::quoll::exec::Ticks quoll_limit =                                                      \
        ::quoll::exec::now() + ::quoll::exec::ticks_per_second();                                 \
    /* What other tasks hold for a moment (a log line on its way out) comes and goes: one time */ \
    /* at which all is as before is enough. */                                                    \
    ::quoll::failures::Balance quoll_after = ::quoll::failures::Balance::now();                   \
    while (quoll_after != (before) && ::quoll::exec::now() < quoll_limit) {                       \
      (void)co_await ::quoll::exec::sleep_until(::quoll::exec::now() +                            \
                                                ::quoll::exec::ticks_per_second() / 2000);        \
      quoll_after = ::quoll::failures::Balance::now();                                            \
    }                                                                                             \
    EXPECT_EQ(quoll_after.frames, (before).frames);                                               \
    EXPECT_EQ(quoll_after.heap_bytes, (before).heap_bytes);                                       \
    EXPECT_EQ(quoll_after.heap_objects, (before).heap_objects);                                   \
    EXPECT_EQ(quoll_after.tasks, (before).tasks);                                                 \
    EXPECT_EQ(quoll_after.guests, (before).guests);                                               \
  } while (false)
