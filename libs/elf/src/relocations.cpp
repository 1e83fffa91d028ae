// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/elf/relocations.hpp>

namespace quoll::elf {

void relocate_segment(const Image& image, const Segment& segment, std::span<std::byte> memory,
                      std::uint64_t load_bias) noexcept {
  const std::size_t count = relocation_count(image);
  for (std::size_t i = 0; i < count; ++i) {
    const auto relocation = relocation_at(image, i);
    if (!relocation || !segment.contains(relocation->address, 8)) continue;
    const std::uint64_t value = load_bias + static_cast<std::uint64_t>(relocation->addend);
    __builtin_memcpy(memory.data() + (relocation->address - segment.address), &value, sizeof value);
  }
}

}  // namespace quoll::elf
