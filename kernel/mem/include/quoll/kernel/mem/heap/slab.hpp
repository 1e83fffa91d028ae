// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Slabs: frames cut into objects of one class. All of the frame is objects; what is known of them
// is in the frame's record: `payload` is the class, `references` holds the counters below, `next`
// and `previous` link the slabs with room.
#pragma once

#include <bit>
#include <cstdint>

#include <quoll/kernel/mem/frame_alloc/frame_info.hpp>

namespace quoll::vm {

/// What a slab knows of its objects. Changes under the lock of its class; others may read how much
/// was carved, which only grows.
struct SlabRecord {
  static constexpr std::uint32_t kNoObject = 0x1ff;

  std::uint32_t first_free : 9;  ///< index of a free object, whose link is the next one's index
  std::uint32_t out : 9;         ///< objects in use or in a cache
  std::uint32_t unused : 1;
  std::uint32_t carved : 13;  ///< bytes that were ever handed out; those behind are raw

  static SlabRecord of(const FrameInfo& slab) noexcept {
    return std::bit_cast<SlabRecord>(__atomic_load_n(&slab.references, __ATOMIC_RELAXED));
  }
  void store(FrameInfo& slab) const noexcept {
    __atomic_store_n(&slab.references, std::bit_cast<std::uint32_t>(*this), __ATOMIC_RELAXED);
  }
};
static_assert(sizeof(SlabRecord) == sizeof(FrameInfo::references));

}  // namespace quoll::vm
