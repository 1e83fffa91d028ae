// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The seal beside the embedded kernel: what the build computed and the loader checks.
#pragma once

#include <cstdint>
#include <type_traits>

namespace quoll::handoff {

inline constexpr std::uint64_t kImageSealMagic = 0x4C4145534C4C5551;  // "QULLSEAL"

/// Size and XXH3-64 (seed 0) of the kernel ELF. Written into the image after linking.
struct ImageSeal {
  std::uint64_t magic = kImageSealMagic;
  std::uint64_t elf_size = 0;
  std::uint64_t elf_xxh3 = 0;
};
static_assert(sizeof(ImageSeal) == 24 && std::is_trivially_copyable_v<ImageSeal>);

}  // namespace quoll::handoff
