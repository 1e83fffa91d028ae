// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "check.hpp"

#include <cstdint>

#include <quoll/base/assert.hpp>

namespace quoll::test {
namespace {

constinit std::uint32_t failures = 0;

void put(char c) noexcept {
  register std::uint64_t a0 asm("a0") = static_cast<unsigned char>(c);
  register std::uint64_t a6 asm("a6") = 0;
  register std::uint64_t a7 asm("a7") = 1;
  // SAFETY: the SBI's console call.
  asm volatile("ecall" : "+r"(a0) : "r"(a6), "r"(a7) : "a1", "memory");
}

}  // namespace

void print(std::string_view text) noexcept {
  for (const char c : text) put(c);
}

void print_number(std::uint64_t number) noexcept {
  print("0x");
  for (int shift = 60; shift >= 0; shift -= 4) put("0123456789abcdef"[number >> shift & 15]);
}

void note_failure(const char* expression, unsigned line) noexcept {
  __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
  print("FAILED at line ");
  print_number(line);
  print(": ");
  print(expression);
  print("\r\n");
}

bool has_failed() noexcept {
  return __atomic_load_n(&failures, __ATOMIC_ACQUIRE) != 0;
}

}  // namespace quoll::test

namespace quoll::base {

void assertion_failed(const char* expression, const char*, unsigned line) {
  test::note_failure(expression, line);
  for (;;) {
  }
}

}  // namespace quoll::base

_LIBCPP_BEGIN_NAMESPACE_STD
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) {
  quoll::base::assertion_failed(format, "libc++", 0);
}
_LIBCPP_END_NAMESPACE_STD
