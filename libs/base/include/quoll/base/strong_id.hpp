// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Integers that cannot be mistaken for one another.
#pragma once

#include <compare>
#include <concepts>

namespace quoll::base {

/// An integer of its own type; `Tag` is any incomplete struct.
///
///     using HartId = base::StrongId<struct HartIdTag, std::uint32_t>;
template <typename Tag, std::integral T>
class StrongId {
 public:
  using value_type = T;
  constexpr StrongId() = default;
  constexpr explicit StrongId(T value) : value_(value) {}
  constexpr T value() const noexcept { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  T value_{};
};

}  // namespace quoll::base
