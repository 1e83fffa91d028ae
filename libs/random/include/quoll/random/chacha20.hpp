// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The ChaCha20 block function, RFC 8439 section 2.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace quoll::random {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kNonceBytes = 12;
inline constexpr std::size_t kBlockBytes = 64;

/// One block of key stream.
void chacha20_block(std::span<const std::uint8_t, kKeyBytes> key, std::uint32_t counter,
                    std::span<const std::uint8_t, kNonceBytes> nonce,
                    std::span<std::uint8_t, kBlockBytes> out) noexcept;

}  // namespace quoll::random
