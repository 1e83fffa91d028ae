// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Sets of harts, by their dense logical ids.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

#include <quoll/base/assert.hpp>

namespace quoll::sync {

/// How many harts one machine may bring up; further ones stay stopped.
inline constexpr unsigned kMaxHarts = 64;

/// A set of harts.
class HartSet {
 public:
  constexpr HartSet() = default;
  constexpr explicit HartSet(std::uint64_t bits) : bits_(bits) {}
  static constexpr HartSet of(unsigned hart) {
    QUOLL_ASSERT(hart < kMaxHarts);
    return HartSet(std::uint64_t{1} << hart);
  }
  /// The harts 0 to `count` - 1.
  static constexpr HartSet first(unsigned count) {
    QUOLL_ASSERT(count <= kMaxHarts);
    return HartSet(count == kMaxHarts ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1);
  }

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr bool is_empty() const noexcept { return bits_ == 0; }
  constexpr unsigned count() const noexcept { return static_cast<unsigned>(std::popcount(bits_)); }
  constexpr bool contains(unsigned hart) const noexcept {
    return hart < kMaxHarts && ((bits_ >> hart) & 1) != 0;
  }
  constexpr HartSet with(unsigned hart) const { return HartSet(bits_ | of(hart).bits_); }
  constexpr HartSet without(unsigned hart) const { return HartSet(bits_ & ~of(hart).bits_); }
  constexpr bool operator==(const HartSet&) const = default;

  /// Calls `f(hart)` for each member, lowest first.
  template <typename F>
  constexpr void for_each(F&& f) const {
    for (std::uint64_t rest = bits_; rest != 0; rest &= rest - 1) {
      f(static_cast<unsigned>(std::countr_zero(rest)));
    }
  }

 private:
  std::uint64_t bits_ = 0;
};

/// A set of harts that several harts change at once. All operations are sequentially
/// consistent: a hart that adds itself and then looks at memory, and one that changes memory
/// and then looks at the set, cannot both miss the other.
class AtomicHartSet {
 public:
  constexpr AtomicHartSet() = default;
  void add(unsigned hart) noexcept { bits_.fetch_or(HartSet::of(hart).bits()); }
  void remove(unsigned hart) noexcept { bits_.fetch_and(~HartSet::of(hart).bits()); }
  HartSet load() const noexcept { return HartSet(bits_.load()); }

 private:
  std::atomic<std::uint64_t> bits_{0};
};

}  // namespace quoll::sync
