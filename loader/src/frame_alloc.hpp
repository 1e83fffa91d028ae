// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Frames for what the loader builds, taken from the memory map itself: what was allocated is
// recorded there with its use, and nothing is recorded twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <quoll/base/result.hpp>
#include <quoll/handoff/memory_region.hpp>

#include "memory_map.hpp"

namespace quoll::loader {

enum class AllocError : std::uint8_t { kOutOfMemory };

/// Memory at a physical address, as the loader reaches it: with the MMU off, at that address.
inline std::byte* memory_at(std::uint64_t physical) noexcept {
  // SAFETY: the loader runs untranslated; callers own the frames that they name.
  return reinterpret_cast<std::byte*>(physical);
}

class FrameAllocator {
 public:
  explicit FrameAllocator(MemoryMap& map) : map_(map) {}

  /// `count` consecutive frames, not cleared. Returns the physical address.
  base::Result<std::uint64_t, AllocError> allocate(std::size_t count,
                                                   handoff::RegionKind kind) noexcept;
  /// The same, all bytes zero.
  base::Result<std::uint64_t, AllocError> allocate_zeroed(std::size_t count,
                                                          handoff::RegionKind kind) noexcept;

 private:
  MemoryMap& map_;
};

}  // namespace quoll::loader
