// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Targets: what a line is about, each with a level of its own, so that a line that is not wanted
// costs a load, a compare and a branch whatever the filter says.
#pragma once

#include <atomic>
#include <cstddef>
#include <string_view>

#include <quoll/log/filter.hpp>

namespace quoll::log {

/// A name that lines carry and that a filter can speak of. Every target is an object in a section
/// of its own kind, where `set_filter` finds all of them:
///
///     QUOLL_LOG_TARGET(kMem, "mem");
///     log::info(kMem, "{} frames", count);
class alignas(32) Target {
 public:
  constexpr explicit Target(std::string_view name) noexcept : name_(name) {}
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  constexpr std::string_view name() const noexcept { return name_; }
  /// Whether a line of that level is wanted. *Context*: any.
  bool enabled(Level level) const noexcept {
    return level <= level_.load(std::memory_order_relaxed);
  }
  void set_level(Level level) noexcept { level_.store(level, std::memory_order_relaxed); }

 private:
  std::string_view name_;
  std::atomic<Level> level_{Filter::kDefaultLevel};
};
static_assert(sizeof(Target) == alignof(Target), "they stand one behind another in their section");

}  // namespace quoll::log

/// Declares a target at namespace scope, in a header or in a source file. A link script keeps the
/// section and names its ends `__start_quoll_log_targets` and `__stop_quoll_log_targets`, as
/// linkers do by themselves elsewhere.
#define QUOLL_LOG_TARGET(variable, text)                           \
  [[gnu::section("quoll_log_targets"), gnu::used,                  \
    gnu::retain]] inline constinit ::quoll::log::Target variable { \
    text                                                           \
  }
