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

/// For a task: the first hart that it comes to and that no other task of the gathering holds.
async::Task<void> hold_a_hart(Gathering& gathering);

}  // namespace quoll::failures
