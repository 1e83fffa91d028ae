// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <cstdint>
#include <cstring>

#include <quoll/kernel/mem/placement_dice.hpp>

namespace quoll::vm {

void PlacementDice::refill() noexcept {
  std::array<std::uint8_t, random::kNonceBytes> nonce{};
  const std::uint64_t high = block_ >> 32;
  std::memcpy(nonce.data(), &high, sizeof high);
  std::array<std::uint8_t, random::kBlockBytes> stream;
  random::chacha20_block(seed_.bytes, static_cast<std::uint32_t>(block_), nonce, stream);
  ++block_;
  static_assert(sizeof words_ == sizeof stream);
  std::memcpy(words_.data(), stream.data(), stream.size());
  left_ = kWords;
}

}  // namespace quoll::vm
