// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the compiler and libc++ expect of a program, exceptions aside. Each of these is reached only
// by a broken invariant.
#include <cstddef>
#include <cstdlib>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/panic/panic.hpp>

extern "C" {
[[noreturn]] void __cxa_pure_virtual() {
  quoll::panic::panic_with("a pure virtual function was called", nullptr, 0);
}
// The compiler knows that the function of this name throws nothing.
void abort() {
  quoll::panic::stop("abort");
}
// The unwinder's, for functions that were registered at run time. There are none.
void* malloc(std::size_t) {
  quoll::panic::stop("malloc was called");
}
void free(void*) {
  quoll::panic::stop("free was called");
}
int __cxa_atexit(void (*)(void*), void*, void*) {
  return 0;  // the kernel's globals are never destroyed
}
void* __dso_handle = nullptr;
}

namespace std {
inline namespace __1 {
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) {
  quoll::panic::panic_with(format, nullptr, 0);
}
}  // namespace __1
}  // namespace std

namespace quoll::base {

void assertion_failed(const char* expression, const char* file, unsigned line) {
  panic::panic_with(expression, file, line);
}

}  // namespace quoll::base
