// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <set>
#include <vector>

#include <quoll/random/chacha20.hpp>
#include <quoll/random/generator.hpp>

namespace quoll::random {
namespace {

std::array<std::uint8_t, kKeyBytes> counting_key() {
  std::array<std::uint8_t, kKeyBytes> key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  return key;
}

// RFC 8439, section 2.3.2.
TEST(ChaCha20, MatchesTheBlockOfTheStandard) {
  const std::array<std::uint8_t, kNonceBytes> nonce{0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0};
  const std::array<std::uint8_t, kBlockBytes> expected{
      0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
      0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
      0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
      0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
      0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
  std::array<std::uint8_t, kBlockBytes> block;
  chacha20_block(counting_key(), 1, nonce, block);
  EXPECT_EQ(block, expected);
}

// RFC 8439, appendix A.1, test vector 1: all zeros.
TEST(ChaCha20, MatchesTheZeroVector) {
  const std::array<std::uint8_t, kKeyBytes> key{};
  const std::array<std::uint8_t, kNonceBytes> nonce{};
  std::array<std::uint8_t, kBlockBytes> block;
  chacha20_block(key, 0, nonce, block);
  const std::array<std::uint8_t, 16> start{0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90,
                                           0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28};
  EXPECT_TRUE(std::equal(start.begin(), start.end(), block.begin()));
}

TEST(Generator, NeverRepeatsAndDependsOnAllOfItsSeed) {
  std::vector<std::uint8_t> seed(64, 1);
  std::set<std::array<std::byte, 32>> seen;
  for (int last = 0; last < 2; ++last) {
    seed[63] = static_cast<std::uint8_t>(last);
    Generator generator;
    EXPECT_FALSE(generator.is_seeded());
    generator.add_seed(seed);
    EXPECT_TRUE(generator.is_seeded());
    for (int i = 0; i < 100; ++i) {
      std::array<std::byte, 32> out;
      generator.fill(out);
      EXPECT_TRUE(seen.insert(out).second);
    }
  }
}

TEST(Generator, FillsAnyLength) {
  Generator generator;
  generator.add_seed(std::vector<std::uint8_t>(32, 7));
  for (const std::size_t size : {0u, 1u, 31u, 32u, 33u, 96u, 97u, 1000u}) {
    std::vector<std::byte> out(size + 1, std::byte{0xee});
    generator.fill(std::span(out).first(size));
    EXPECT_EQ(out[size], std::byte{0xee});
  }
}

}  // namespace
}  // namespace quoll::random
