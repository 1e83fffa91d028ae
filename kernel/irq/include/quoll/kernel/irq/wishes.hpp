// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a driver may wish for its source, and what people see of one.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/sync/hart_set.hpp>

namespace quoll::irq {

/// What a controller has at least: it may keep fewer bits of a priority.
inline constexpr std::uint32_t kMaxPriority = 7;

/// What a driver may wish for when it attaches.
struct Wishes {
  std::uint32_t priority = 1;  ///< 1 to `kMaxPriority`; higher ones are claimed first
  sync::HartSet harts = sync::HartSet(~std::uint64_t{0});  ///< where it may go
};

/// A source, for people who look.
struct SourceInfo {
  std::uint32_t source = 0;
  std::optional<unsigned> hart;  ///< where it goes; none: nobody has attached to it
  std::uint32_t priority = 0;
  std::uint64_t count = 0;   ///< how often it has interrupted
  std::uint64_t strays = 0;  ///< how often nobody had attached to it
  bool is_masked = true;     ///< its driver is to serve it, or there is none
};

}  // namespace quoll::irq
