// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the compiler and libc++ expect of a program. Each of these is reached only by a broken
// invariant: nothing throws yet.
#include <cstddef>
#include <cstdlib>
#include <exception>

#include <quoll/kernel/panic/panic.hpp>

extern "C" {
[[noreturn]] void __cxa_pure_virtual() {
  quoll::panic::panic_with("a pure virtual function was called", nullptr, 0);
}
void abort() {
  quoll::panic::panic_with("abort", nullptr, 0);
}
void* __cxa_begin_catch(void*) noexcept {
  quoll::panic::panic_with("an exception was caught, but nothing throws", nullptr, 0);
}
void __cxa_end_catch() {
  quoll::panic::panic_with("an exception was caught, but nothing throws", nullptr, 0);
}
[[noreturn]] void _Unwind_Resume(void*) {
  quoll::panic::panic_with("unwinding, but nothing throws", nullptr, 0);
}
int __gxx_personality_v0(...) {
  quoll::panic::panic_with("unwinding, but nothing throws", nullptr, 0);
}
[[noreturn]] void __cxa_rethrow() {
  quoll::panic::panic_with("an exception was rethrown, but nothing throws", nullptr, 0);
}
int __cxa_atexit(void (*)(void*), void*, void*) {
  return 0;  // the kernel's globals are never destroyed
}
void* __dso_handle = nullptr;
}

namespace std {
[[noreturn]] void terminate() noexcept {
  quoll::panic::panic_with("std::terminate", nullptr, 0);
}
inline namespace __1 {
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) {
  quoll::panic::panic_with(format, nullptr, 0);
}
}  // namespace __1
}  // namespace std
