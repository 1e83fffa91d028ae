// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Running one test, with all that can happen to it.
#pragma once

#include <array>
#include <cstdint>

#include <quoll/async/task.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/kernel/tracing/console.hpp>

namespace quoll::tests {

/// Writes to the console, whatever the log's level. Out of line, for the runner's coroutines
/// (decision 0012).
template <typename... A>
[[gnu::noinline]] void say(log::Format<std::type_identity_t<A>...> format,
                           const A&... values) noexcept {
  std::array<char, 320> text;
  const std::size_t size = log::format_to(std::span<char>(text), format, values...);
  tracing::write(std::string_view(text.data(), size));
}

/// Whether other tests run meanwhile.
enum class Company : std::uint8_t { kAlone, kOthers };

/// Runs a test to its end or its limit, and says on the console how that went: whether it passed.
/// The machine stops if the test holds a hart past its limit. *Context*: task.
async::Task<bool> run_one(const Test& test, Company company);

}  // namespace quoll::tests
