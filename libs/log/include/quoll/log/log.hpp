// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Log lines: level, target, message; and the backend that takes them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include <quoll/log/filter.hpp>
#include <quoll/log/format.hpp>

namespace quoll::log {

/// The longest line, newline included.
inline constexpr std::size_t kMaxLine = 256;

/// Where a line was made.
struct Origin {
  std::uint64_t time_us = 0;
  std::uint32_t hart = 0;
};

/// What a program gives the room, once, before it matters.
struct Backend {
  /// Where and when the caller is. *Context*: any.
  Origin (*origin)() noexcept = nullptr;
  /// Takes one whole line and writes it unbroken. *Context*: any.
  void (*write)(Level level, std::string_view line) noexcept = nullptr;
};

void set_backend(Backend backend) noexcept;
/// *Requires*: nobody logs meanwhile, or the filter before was the default one.
void set_filter(const Filter& filter) noexcept;

namespace detail {
extern std::atomic<Level> max_level;
void write(Level level, std::string_view target, std::string_view format,
           std::span<const Argument> arguments) noexcept;
}  // namespace detail

/// Whether a line of that level could be wanted by anyone.
inline bool enabled(Level level) noexcept {
  return level <= detail::max_level.load(std::memory_order_relaxed);
}

/// Logs one line. *Context*: any.
template <typename... A>
void line(Level level, std::string_view target, Format<std::type_identity_t<A>...> format,
          const A&... values) noexcept {
  if (!enabled(level)) [[likely]]
    return;
  const Argument arguments[] = {Argument(values)..., Argument(0)};
  detail::write(level, target, format.text(), std::span(arguments, sizeof...(A)));
}

template <typename... A>
void error(std::string_view target, Format<std::type_identity_t<A>...> format,
           const A&... values) noexcept {
  line(Level::kError, target, format, values...);
}
template <typename... A>
void warn(std::string_view target, Format<std::type_identity_t<A>...> format,
          const A&... values) noexcept {
  line(Level::kWarn, target, format, values...);
}
template <typename... A>
void info(std::string_view target, Format<std::type_identity_t<A>...> format,
          const A&... values) noexcept {
  line(Level::kInfo, target, format, values...);
}
template <typename... A>
void debug(std::string_view target, Format<std::type_identity_t<A>...> format,
           const A&... values) noexcept {
  line(Level::kDebug, target, format, values...);
}
template <typename... A>
void trace(std::string_view target, Format<std::type_identity_t<A>...> format,
           const A&... values) noexcept {
  line(Level::kTrace, target, format, values...);
}

}  // namespace quoll::log
