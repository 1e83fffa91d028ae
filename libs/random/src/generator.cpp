// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <cstring>

#include <quoll/random/generator.hpp>

namespace quoll::random {
namespace {

constexpr std::array<std::uint8_t, kNonceBytes> kNonce{};

}  // namespace

void Generator::add_seed(std::span<const std::uint8_t> seed) noexcept {
  seeded_bytes_ += seed.size();
  while (!seed.empty()) {
    const std::size_t size = std::min(seed.size(), kKeyBytes);
    for (std::size_t i = 0; i < size; ++i) key_[i] ^= seed[i];
    seed = seed.subspan(size);
    // The next part goes into a key that depends on all parts before it.
    std::array<std::uint8_t, kBlockBytes> block;
    chacha20_block(key_, 0, kNonce, block);
    std::memcpy(key_.data(), block.data(), kKeyBytes);
  }
}

void Generator::fill(std::span<std::byte> out) noexcept {
  std::array<std::uint8_t, kBlockBytes> block;
  chacha20_block(key_, 0, kNonce, block);
  std::array<std::uint8_t, kKeyBytes> key;
  std::swap(key, key_);
  std::memcpy(key_.data(), block.data(), kKeyBytes);
  std::size_t at = kKeyBytes;
  std::uint32_t counter = 1;
  while (!out.empty()) {
    if (at == kBlockBytes) {
      chacha20_block(key, counter++, kNonce, block);
      at = 0;
    }
    const std::size_t size = std::min(out.size(), kBlockBytes - at);
    std::memcpy(out.data(), &block[at], size);
    at += size;
    out = out.subspan(size);
  }
  // What is left over is nobody's.
  key.fill(0);
  block.fill(0);
  asm volatile("" : : "r"(key.data()), "r"(block.data()) : "memory");
}

}  // namespace quoll::random
