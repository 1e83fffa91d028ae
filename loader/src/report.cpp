// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "report.hpp"

#include <bit>
#include <exception>

#include <quoll/base/assert.hpp>

#include "layout_constants.h"
#include "sbi.hpp"

namespace quoll::loader {
namespace {

constinit std::uint64_t test_device = 0;

}  // namespace

void set_test_device(std::uint64_t address) noexcept {
  test_device = address;
}

void print(const Line& line) noexcept {
  Line whole;
  whole << "quoll: " << line.text();
  sbi::put(whole.text().data(), whole.text().size());
  sbi::put("\r\n", 2);
}

void stop(const Line& line) noexcept {
  print(line);
  if (test_device != 0) {
    // SAFETY: the device tree names this register; the MMU is off.
    *std::bit_cast<volatile std::uint32_t*>(test_device) = QUOLL_TEST_DEVICE_STOPPED;
  }
  sbi::shut_down_after_failure();
  for (;;) {
    // SAFETY: waits; nothing is enabled that could wake it.
    asm volatile("wfi");
  }
}

}  // namespace quoll::loader

namespace quoll::base {

void assertion_failed(const char* expression, const char* file, unsigned line) {
  quoll::loader::fail("assertion failed at ", std::string_view(file), ":", line, ": ",
                      std::string_view(expression));
}

}  // namespace quoll::base

_LIBCPP_BEGIN_NAMESPACE_STD
// libc++'s own checks (an index out of bounds) end as our assertions do.
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) {
  quoll::loader::fail(std::string_view(format));
}
_LIBCPP_END_NAMESPACE_STD

// The libraries are built with exceptions; the loader throws none, and these are never called.
extern "C" {
void __gxx_personality_v0() {
  quoll::loader::fail("exception");
}
void* __cxa_begin_catch(void*) {
  quoll::loader::fail("exception");
}
}

namespace std {
void terminate() noexcept {
  quoll::loader::fail("std::terminate");
}
}  // namespace std
