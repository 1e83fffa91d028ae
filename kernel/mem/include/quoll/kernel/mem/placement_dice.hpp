// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The dice of one space: numbers for the places of its mappings. Who sees any of them learns
// nothing of the others without the seed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <quoll/random/chacha20.hpp>

namespace quoll::vm {

/// What the places of a space's mappings follow from. The same seed, the same places.
struct PlacementSeed {
  std::array<std::uint8_t, random::kKeyBytes> bytes{};
};

/// *Locking*: its space's.
class PlacementDice {
 public:
  /// Without a seed there is nothing to be thrown.
  explicit PlacementDice(const std::optional<PlacementSeed>& seed) noexcept
      : is_loaded_(seed.has_value()) {
    if (seed) seed_ = *seed;
  }

  bool can_throw() const noexcept { return is_loaded_; }
  /// A number below `count`, each as likely as another but for `count` in 2^64.
  /// *Requires*: it can throw, and `count` is not 0.
  std::uint64_t below(std::uint64_t count) noexcept {
    if (left_ == 0) [[unlikely]]
      refill();
    const std::uint64_t word = words_[--left_];
    words_[left_] = 0;
    return static_cast<std::uint64_t>((static_cast<Wide>(word) * count) >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr unsigned kWords = random::kBlockBytes / sizeof(std::uint64_t);

  void refill() noexcept;

  PlacementSeed seed_;
  std::array<std::uint64_t, kWords> words_{};
  std::uint64_t block_ = 0;
  unsigned left_ = 0;
  bool is_loaded_;
};

}  // namespace quoll::vm
