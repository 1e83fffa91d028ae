// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Poison: what a free object holds behind its link and seal, in builds that check more. Whoever
// reads it has used memory after its end; whoever changes it is noticed when the object goes out
// again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

/// Fills and checks free objects.
struct Poison {
#ifdef NDEBUG
  static constexpr bool kUsed = false;
#else
  static constexpr bool kUsed = true;
#endif
  static constexpr std::byte kByte{0xdb};

  static void fill_slab(std::uint64_t page) noexcept {
    std::ranges::fill(bytes(page, mem::kPageSize), kByte);
  }
  /// Link and seal stay as they are.
  static void fill(std::uint64_t object, std::size_t size) noexcept {
    std::ranges::fill(bytes(object, size).subspan(kLinkAndSeal), kByte);
  }
  static bool is_whole(std::uint64_t object, std::size_t size) noexcept {
    return std::ranges::all_of(bytes(object, size).subspan(kLinkAndSeal),
                               [](std::byte byte) { return byte == kByte; });
  }

 private:
  static constexpr std::size_t kLinkAndSeal = 16;

  static std::span<std::byte> bytes(std::uint64_t start, std::size_t size) noexcept {
    return {static_cast<std::byte*>(mem::to_pointer(mem::VirtualAddress(start))), size};
  }
};

}  // namespace quoll::vm
