// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Expectations of the test kernel: a failed one says where, and the machine ends with a failure.
#pragma once

#include <cstdint>
#include <string_view>

namespace quoll::test {

void print(std::string_view text) noexcept;
void print_number(std::uint64_t number) noexcept;
/// Notes a failure; the test goes on, so that one run shows all of them.
void note_failure(const char* expression, unsigned line) noexcept;
bool has_failed() noexcept;

}  // namespace quoll::test

#define EXPECT(expression)                                                 \
  do {                                                                     \
    if (!(expression)) ::quoll::test::note_failure(#expression, __LINE__); \
  } while (false)

#define EXPECT_EQ(left, right)                                           \
  do {                                                                   \
    const std::uint64_t left_value = static_cast<std::uint64_t>(left);   \
    const std::uint64_t right_value = static_cast<std::uint64_t>(right); \
    if (left_value != right_value) {                                     \
      ::quoll::test::note_failure(#left " == " #right, __LINE__);        \
      ::quoll::test::print("  left ");                                   \
      ::quoll::test::print_number(left_value);                           \
      ::quoll::test::print(" right ");                                   \
      ::quoll::test::print_number(right_value);                          \
      ::quoll::test::print("\r\n");                                      \
    }                                                                    \
  } while (false)
