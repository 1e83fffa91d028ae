// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "boot_info.hpp"

#include <algorithm>

#include <quoll/mem/page_size.hpp>

namespace quoll::loader {

base::Result<BootInfoFrames, AllocError> allocate_boot_info(std::size_t hart_count,
                                                            FrameAllocator& frames) noexcept {
  const std::size_t table_bytes = hart_count * sizeof(handoff::HartInfo);
  const std::uint64_t page =
      TRY(frames.allocate_zeroed(1 + mem::pages_for(table_bytes), handoff::RegionKind::kBootInfo));
  // SAFETY: cleared frames of ours; HartInfo is trivially copyable and all zero is a value of it.
  auto* harts = reinterpret_cast<handoff::HartInfo*>(memory_at(page + handoff::kBootInfoPageSize));
  return BootInfoFrames{page, {harts, hart_count}};
}

void take_rng_seed(std::span<const std::byte> seed, handoff::BootInfo& info) noexcept {
  info.rng_seed_size = static_cast<std::uint32_t>(std::min(seed.size(), handoff::kMaxRngSeedBytes));
  for (std::size_t i = 0; i < seed.size(); ++i) {
    info.rng_seed[i % handoff::kMaxRngSeedBytes] ^= std::to_integer<std::uint8_t>(seed[i]);
  }
}

}  // namespace quoll::loader
