// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <bit>

#include <quoll/base/bits.hpp>
#include <quoll/random/chacha20.hpp>

namespace quoll::random {
namespace {

using State = std::array<std::uint32_t, 16>;

void quarter_round(State& s, std::size_t a, std::size_t b, std::size_t c, std::size_t d) noexcept {
  s[a] += s[b];
  s[d] = std::rotl(s[d] ^ s[a], 16);
  s[c] += s[d];
  s[b] = std::rotl(s[b] ^ s[c], 12);
  s[a] += s[b];
  s[d] = std::rotl(s[d] ^ s[a], 8);
  s[c] += s[d];
  s[b] = std::rotl(s[b] ^ s[c], 7);
}

}  // namespace

void chacha20_block(std::span<const std::uint8_t, kKeyBytes> key, std::uint32_t counter,
                    std::span<const std::uint8_t, kNonceBytes> nonce,
                    std::span<std::uint8_t, kBlockBytes> out) noexcept {
  State input{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (std::size_t i = 0; i < 8; ++i) input[4 + i] = base::load_le<std::uint32_t>(&key[i * 4]);
  input[12] = counter;
  for (std::size_t i = 0; i < 3; ++i) input[13 + i] = base::load_le<std::uint32_t>(&nonce[i * 4]);
  State state = input;
  for (unsigned round = 0; round < 10; ++round) {
    quarter_round(state, 0, 4, 8, 12);
    quarter_round(state, 1, 5, 9, 13);
    quarter_round(state, 2, 6, 10, 14);
    quarter_round(state, 3, 7, 11, 15);
    quarter_round(state, 0, 5, 10, 15);
    quarter_round(state, 1, 6, 11, 12);
    quarter_round(state, 2, 7, 8, 13);
    quarter_round(state, 3, 4, 9, 14);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    base::store_le<std::uint32_t>(&out[i * 4], state[i] + input[i]);
  }
}

}  // namespace quoll::random
