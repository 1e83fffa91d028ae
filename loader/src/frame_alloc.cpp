// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "frame_alloc.hpp"

#include <cstring>

#include <quoll/mem/page_size.hpp>

namespace quoll::loader {

base::Result<std::uint64_t, AllocError> FrameAllocator::allocate(
    std::size_t count, handoff::RegionKind kind) noexcept {
  const auto frames = map_.allocate(count * mem::kPageSize, mem::kPageSize, kind);
  if (!frames) return base::err(AllocError::kOutOfMemory);
  return *frames;
}

base::Result<std::uint64_t, AllocError> FrameAllocator::allocate_zeroed(
    std::size_t count, handoff::RegionKind kind) noexcept {
  const std::uint64_t frames = TRY(allocate(count, kind));
  std::memset(memory_at(frames), 0, count * mem::kPageSize);
  return frames;
}

}  // namespace quoll::loader
