// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Steps over the tokens of a structure block that has been checked. libfdt reads the header anew
// for every token and every character of a name, which makes one walk over a small tree cost
// more than a tenth of a million instructions; trees are walked at every boot, twice. The tokens
// are five and do not change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace quoll::fdt::detail {

inline constexpr std::uint32_t kBeginNode = 1;
inline constexpr std::uint32_t kEndNode = 2;
inline constexpr std::uint32_t kProperty = 3;
inline constexpr std::uint32_t kNop = 4;
inline constexpr std::uint32_t kEnd = 9;

/// The token size, and the granule of everything in the structure block.
inline constexpr std::uint32_t kCell = 4;
/// A property: its token, the value's length, its name's place among the strings, the value.
inline constexpr std::size_t kPropertyNameOffset = std::size_t{2} * kCell;
inline constexpr std::size_t kPropertyValueOffset = std::size_t{3} * kCell;

// The builtin: freestanding, std::memcpy of four bytes is a call.
inline std::uint32_t load_cell(const std::byte* from) noexcept {
  std::uint32_t raw;
  // SAFETY: the structure block and everything in it is aligned to cells.
  __builtin_memcpy(&raw, __builtin_assume_aligned(from, kCell), sizeof raw);
  return __builtin_bswap32(raw);
}

/// Offsets of the header's fields that are needed to step.
inline constexpr std::size_t kHeaderTotalSize = 4;
inline constexpr std::size_t kHeaderStructureOffset = 8;
inline constexpr std::size_t kHeaderStringsOffset = 12;
inline constexpr std::size_t kHeaderStringsSize = 32;
inline constexpr std::size_t kHeaderStructureSize = 36;

/// The two blocks of a tree.
struct Blocks {
  const std::byte* structure;
  const char* strings;

  explicit Blocks(const void* blob) noexcept {
    const auto* bytes = static_cast<const std::byte*>(blob);
    structure = bytes + load_cell(bytes + kHeaderStructureOffset);
    // SAFETY: char may alias the blob's bytes.
    strings = reinterpret_cast<const char*>(bytes + load_cell(bytes + kHeaderStringsOffset));
  }

  std::uint32_t token(int offset) const noexcept { return load_cell(structure + offset); }

  /// *Requires*: the token is `kProperty`.
  std::uint32_t property_length(int offset) const noexcept {
    return load_cell(structure + offset + kCell);
  }
  const char* property_name(int offset) const noexcept {
    return strings + load_cell(structure + offset + kPropertyNameOffset);
  }
  std::span<const std::byte> property_value(int offset) const noexcept {
    return {structure + offset + kPropertyValueOffset, property_length(offset)};
  }

  /// *Requires*: the token is `kBeginNode`.
  const char* node_name(int offset) const noexcept {
    // SAFETY: char may alias the blob's bytes.
    return reinterpret_cast<const char*>(structure + offset + kCell);
  }

  /// The offset behind the token. *Requires*: the tree has been checked.
  int after(int offset) const noexcept {
    switch (token(offset)) {
      case kBeginNode: {
        // By cells: the one that has a zero byte ends the name.
        int at = offset + static_cast<int>(kCell);
        while (!has_zero_byte(structure + at)) at += static_cast<int>(kCell);
        return at + static_cast<int>(kCell);
      }
      case kProperty: {
        const std::uint32_t padded = (property_length(offset) + kCell - 1) / kCell * kCell;
        return offset + static_cast<int>(3 * kCell + padded);
      }
      default:
        return offset + static_cast<int>(kCell);
    }
  }

 private:
  static bool has_zero_byte(const std::byte* cell) noexcept {
    std::uint32_t word;
    __builtin_memcpy(&word, __builtin_assume_aligned(cell, kCell), sizeof word);
    return ((word - 0x01010101U) & ~word & 0x80808080U) != 0;
  }
};

/// The offset of the first token at or behind `offset` that is not padding.
inline int skip_nops(const Blocks& blocks, int offset) noexcept {
  while (blocks.token(offset) == kNop) offset = blocks.after(offset);
  return offset;
}

}  // namespace quoll::fdt::detail
