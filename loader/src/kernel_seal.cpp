// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// In a file of its own: XXH3 is compiled for machines that load unaligned words, as all that run
// Linux do, in hardware or through the firmware. By bytes it takes ten times as long.
// Words are read through packed structures: freestanding, a memcpy of eight bytes is a call.
#define XXH_FORCE_MEMORY_ACCESS 1
#include <xxhash.h>

#include "kernel.hpp"

namespace quoll::loader {

base::Result<void, SealError> check_seal(std::span<const std::byte> file,
                                         const handoff::ImageSeal& seal) noexcept {
  if (seal.magic != handoff::kImageSealMagic || seal.elf_size == 0) {
    return base::err(SealError::kNotSealed);
  }
  if (seal.elf_size != file.size()) return base::err(SealError::kWrongSize);
  if (XXH3_64bits(file.data(), file.size()) != seal.elf_xxh3) {
    return base::err(SealError::kWrongHash);
  }
  return {};
}

}  // namespace quoll::loader
