// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Log lines: level, target, message; and the backend that takes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include <quoll/log/filter.hpp>
#include <quoll/log/format.hpp>
#include <quoll/log/span.hpp>
#include <quoll/log/target.hpp>

namespace quoll::log {

/// The longest line, newline included.
inline constexpr std::size_t kMaxLine = 256;

/// Where a line was made.
struct Origin {
  std::uint64_t time_us = 0;
  std::uint32_t hart = 0;
  /// The task; 0: none.
  std::uint64_t task = 0;
  const char* task_name = "";
};

/// One whole line, newline included, and where in it level and target stand.
struct Line {
  std::string_view text;
  Level level = Level::kOff;
  std::size_t mark_begin = 0;
  std::size_t mark_end = 0;
};

/// What a program gives the room, once, before it matters.
struct Backend {
  /// Where and when the caller is. *Context*: any.
  Origin (*origin)() noexcept = nullptr;
  /// The spans of the caller's task, or of its hart. *Context*: any.
  SpanList& (*spans)() noexcept = nullptr;
  /// Takes one line and writes it unbroken. *Context*: any.
  void (*write)(const Line& line) noexcept = nullptr;
};

void set_backend(Backend backend) noexcept;
/// Gives every target its level. What the filter names and no target bears is returned, the first
/// of it; empty: nothing.
std::string_view set_filter(const Filter& filter) noexcept;

/// The text that colours a level's name on a terminal, and the one that ends it.
std::string_view colour_of(Level level) noexcept;
inline constexpr std::string_view kPlain = "\x1b[0m";

namespace detail {
/// Cold, so that what leads here is moved away from the code that logs.
[[gnu::cold]] void write(Level level, const Target& target, std::string_view format,
                         std::span<const Argument> arguments) noexcept;
}  // namespace detail

/// Logs one line. A line that is not wanted costs four instructions and whatever it takes to
/// compute the values. *Context*: any.
template <typename... A>
[[gnu::always_inline]] inline void line(Level level, const Target& target,
                                        Format<std::type_identity_t<A>...> format,
                                        const A&... values) noexcept {
  if (!target.enabled(level)) [[likely]]
    return;
  const Argument arguments[] = {Argument(values)..., Argument(0)};
  detail::write(level, target, format.text(), std::span(arguments, sizeof...(A)));
}

template <typename... A>
[[gnu::always_inline]] inline void error(const Target& target,
                                         Format<std::type_identity_t<A>...> format,
                                         const A&... values) noexcept {
  line(Level::kError, target, format, values...);
}
template <typename... A>
[[gnu::always_inline]] inline void warn(const Target& target,
                                        Format<std::type_identity_t<A>...> format,
                                        const A&... values) noexcept {
  line(Level::kWarn, target, format, values...);
}
template <typename... A>
[[gnu::always_inline]] inline void info(const Target& target,
                                        Format<std::type_identity_t<A>...> format,
                                        const A&... values) noexcept {
  line(Level::kInfo, target, format, values...);
}
template <typename... A>
[[gnu::always_inline]] inline void debug(const Target& target,
                                         Format<std::type_identity_t<A>...> format,
                                         const A&... values) noexcept {
  line(Level::kDebug, target, format, values...);
}
template <typename... A>
[[gnu::always_inline]] inline void trace(const Target& target,
                                         Format<std::type_identity_t<A>...> format,
                                         const A&... values) noexcept {
  line(Level::kTrace, target, format, values...);
}

}  // namespace quoll::log
