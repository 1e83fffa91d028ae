// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A generator of random bytes that erases its key as it goes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <quoll/random/chacha20.hpp>

namespace quoll::random {

/// *Locking*: the caller's.
class Generator {
 public:
  constexpr Generator() = default;

  /// Mixes entropy in; what was there before is not lost.
  void add_seed(std::span<const std::uint8_t> seed) noexcept;
  /// Whether seeds of at least a key's length were added.
  bool is_seeded() const noexcept { return seeded_bytes_ >= kKeyBytes; }
  void fill(std::span<std::byte> out) noexcept;

 private:
  std::array<std::uint8_t, kKeyBytes> key_{};
  std::size_t seeded_bytes_ = 0;
};

}  // namespace quoll::random
