// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Relative relocations: words that hold an address and must learn where the image was put.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include <quoll/elf/format.hpp>
#include <quoll/elf/image.hpp>

namespace quoll::elf {

/// Store `addend` plus the load bias in the eight bytes at `address` (linked).
struct Relocation {
  std::uint64_t address = 0;
  std::int64_t addend = 0;
};

/// Entry `index` of an image's table; nothing for an entry of type "none".
///
/// *Requires*: `index < relocation_count(image)`.
inline std::optional<Relocation> relocation_at(const Image& image, std::size_t index) noexcept {
  RelocationEntry entry;
  __builtin_memcpy(&entry, image.relocation_table().data() + index * sizeof entry, sizeof entry);
  if (static_cast<std::uint32_t>(entry.info) != kRelocationRelative) return std::nullopt;
  return Relocation{entry.offset, entry.addend};
}

inline std::size_t relocation_count(const Image& image) noexcept {
  return image.relocation_table().size() / sizeof(RelocationEntry);
}

/// Applies all relocations whose target is in the writable segment that was loaded (content
/// copied, rest zeroed) to `memory`.
///
/// *Requires*: `memory` holds the segment's `memory_size` bytes, starting with its first.
void relocate_segment(const Image& image, const Segment& segment, std::span<std::byte> memory,
                      std::uint64_t load_bias) noexcept;

}  // namespace quoll::elf
