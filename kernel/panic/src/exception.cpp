// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Exceptions as libc++abi knows them, in memory that is there before any panic. The names in
// __cxxabiv1 and std are what its sources call.
#include "exception.hpp"

#include <cstddef>
#include <cxxabi.h>
#include <exception>

#include <quoll/base/panic.hpp>
#include <quoll/kernel/panic/panic.hpp>

namespace {

// The header of libc++abi (128 bytes on this machine) and the object, which is empty.
constexpr std::size_t kExceptionSize = 256;

struct alignas(16) ExceptionMemory {
  std::byte bytes[kExceptionSize];
  bool taken;
};
// Of one hart. From the throw to the end of the catch a coroutine does not suspend, so whoever
// frees it is on the hart that took it, and one is enough.
constinit thread_local ExceptionMemory exception_memory{};

}  // namespace

namespace __cxxabiv1 {

void* __aligned_malloc_with_fallback(std::size_t size) {
  ExceptionMemory& memory = exception_memory;
  if (memory.taken || size > kExceptionSize) return nullptr;
  memory.taken = true;
  return memory.bytes;
}

void __aligned_free_with_fallback(void* memory) {
  if (memory != exception_memory.bytes) quoll::panic::stop("an exception ends on another hart");
  exception_memory.taken = false;
}

}  // namespace __cxxabiv1

namespace std {

// An exception that can go no further: it met a noexcept function (the compiler calls this in its
// landing pad), a second exception, or code without unwind tables.
[[noreturn]] void terminate() noexcept {
  if (abi::__cxa_current_primary_exception() != nullptr) {
    quoll::panic::stop("a panic reached a noexcept function");
  }
  if (quoll::panic::unwinding()) quoll::panic::stop("a panic cannot be unwound");
  quoll::panic::stop("std::terminate");
}

terminate_handler get_terminate() noexcept {
  return &terminate;
}
[[noreturn]] void __terminate(terminate_handler) noexcept {
  terminate();
}
using unexpected_handler = void (*)();
unexpected_handler get_unexpected() noexcept {
  return &terminate;
}

}  // namespace std

namespace quoll::panic {

void throw_exception() {
  struct Empty {};
  // No type: whoever catches, catches everything.
  abi::__cxa_throw(abi::__cxa_allocate_exception(sizeof(Empty)), nullptr, nullptr);
}

bool unwinding() noexcept {
  return abi::__cxa_uncaught_exceptions() != 0;
}

}  // namespace quoll::panic

namespace quoll::base {

void continue_panic() {
  panic::throw_exception();
}

}  // namespace quoll::base
