// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Counts of frames.
#pragma once

#include <cstdint>

#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

/// On whose behalf a frame is taken. Guests are refused before the kernel is: it has to go on, and
/// end them, when they have used up everything else.
enum class FrameUse : std::uint8_t { kKernel, kGuest };

/// Counts of frames, exact when no hart is inside the allocator. They add up:
/// `free + cached + allocated == managed`.
struct FrameStatistics {
  std::uint64_t managed = 0;           ///< under this allocator, what it keeps for itself aside
  std::uint64_t free = 0;              ///< on the buddy lists
  std::uint64_t cached = 0;            ///< in the harts' caches: free too
  std::uint64_t allocated = 0;         ///< owned by somebody
  std::uint64_t metadata = 0;          ///< the allocator's own: records, and the zero frame
  std::uint64_t holes = 0;             ///< between free ranges: have records, are never handed out
  std::uint64_t reserved = 0;          ///< of the free ones, kept from guests
  std::uint64_t largest_free_run = 0;  ///< frames of the largest free block

  constexpr std::uint64_t available() const noexcept { return free + cached; }
  constexpr std::uint64_t managed_bytes() const noexcept { return managed * mem::kPageSize; }
};

}  // namespace quoll::vm
