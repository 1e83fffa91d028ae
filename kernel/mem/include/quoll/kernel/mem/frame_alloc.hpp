// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The frame allocator: buddy lists that coalesce, and a cache of single frames per hart.
//
// Metadata is sixteen bytes a frame and is never initialised as a whole: what a frame's record
// says counts only while the frame is the first of a block, and making it one writes it. The
// first frame of a block's buddy always is one: the split that made the block made its buddy
// too, and at the edges of free memory `init` marks the buddies that do not exist as absent.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include <quoll/arch/current.hpp>
#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/frame.hpp>
#include <quoll/mem/phys_map.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm {

/// The number of a frame: its physical address in pages. Reaches 16 TiB.
using FrameNumber = std::uint32_t;
inline constexpr FrameNumber kNoFrame = 0xffff'ffff;

/// What a frame's record says, while the frame is the first of a block.
enum class FrameState : std::uint8_t {
  kAbsent,     ///< not ours: a hole, or behind the end
  kFree,       ///< on a buddy list
  kCached,     ///< in a hart's cache
  kAllocated,  ///< has an owner
  kSlab,       ///< cut into objects by the heap
  kHeapRun,    ///< the first frame of a large heap allocation; `next` holds the run's length
};

/// The record of one frame.
struct FrameInfo {
  FrameNumber next;
  FrameNumber previous;
  std::uint32_t references;  ///< owners; for a slab, the heap's own record
  FrameState state;
  std::uint8_t order;     ///< the block has 2^order frames
  std::uint16_t payload;  ///< live entries of a page table, size class of a slab
};
static_assert(sizeof(FrameInfo) == 16);

/// On whose behalf a frame is taken. Guests are refused before the kernel is: it has to go on, and
/// end them, when they have used up everything else.
enum class FrameUse : std::uint8_t { kKernel, kGuest };

/// Counts of frames. They add up: `free + cached + allocated == managed`.
struct FrameStatistics {
  std::uint64_t managed = 0;           ///< under this allocator, its own metadata aside
  std::uint64_t free = 0;              ///< on the buddy lists
  std::uint64_t cached = 0;            ///< in the harts' caches: free too
  std::uint64_t allocated = 0;         ///< owned by somebody
  std::uint64_t metadata = 0;          ///< frames that hold the records
  std::uint64_t largest_free_run = 0;  ///< frames of the largest free block

  constexpr std::uint64_t available() const noexcept { return free + cached; }
};

/// Hands out frames of physical memory.
/// *Locking*: any hart. *Context*: any, interrupt handlers included.
class FrameAllocator {
 public:
  static constexpr unsigned kMaxOrder = 18;  // 1 GiB
  static constexpr std::size_t kMaxArenas = 16;

  constexpr FrameAllocator() = default;
  FrameAllocator(const FrameAllocator&) = delete;
  FrameAllocator& operator=(const FrameAllocator&) = delete;

  /// Takes over memory. `free` is usable at once; `later` is in use now and comes back through
  /// `release_range`. Both are sorted, do not overlap, and lie in `map`; parts of pages at their
  /// ends are left alone. The records are put at the end of the largest free range of each arena.
  ///
  /// *Errors*: `kOutOfMemory` when the records do not fit. *Context*: boot hart, once.
  base::Result<void, AllocError> init(const mem::PhysMap& map,
                                      std::span<const mem::PhysicalRange> free,
                                      std::span<const mem::PhysicalRange> later = {});

  /// One frame with arbitrary content.
  base::Result<Frame, AllocError> allocate(FrameUse use = FrameUse::kKernel) noexcept;
  /// One frame of zeros.
  base::Result<Frame, AllocError> allocate_zeroed(FrameUse use = FrameUse::kKernel) noexcept;
  /// `count` frames in a row, the first aligned to `alignment` frames (a power of two).
  base::Result<FrameRun, AllocError> allocate_run(std::uint64_t count,
                                                  std::uint64_t alignment = 1) noexcept;

  /// Gives back memory that `init` was told of as `later`, or a part of it.
  void release_range(mem::PhysicalRange range) noexcept;

  /// Puts every cached frame back on the buddy lists, where it can coalesce.
  void drain_caches() noexcept;

  FrameStatistics statistics() noexcept;
  /// Keeps the last `frames` from guests. *Context*: boot hart, once.
  void reserve_for_kernel(std::uint64_t frames) noexcept { reserve_ = frames; }
  /// Whether there is a frame for that use: more than the reserve, for a guest.
  bool has_frame(FrameUse use) const noexcept;

  /// Frames that can be had, without walking anything.
  std::uint64_t available_frames() const noexcept;
  const mem::PhysMap& phys_map() const noexcept { return map_; }

  /// The record of an allocated frame. For page tables and the heap.
  FrameInfo& info(FrameNumber frame) noexcept;
  FrameInfo& info(mem::PhysicalAddress address) noexcept { return info(number(address)); }
  static constexpr FrameNumber number(mem::PhysicalAddress address) noexcept {
    return static_cast<FrameNumber>(address.value() >> mem::kPageShift);
  }
  static constexpr mem::PhysicalAddress address(FrameNumber frame) noexcept {
    return mem::PhysicalAddress(std::uint64_t{frame} << mem::kPageShift);
  }

 private:
  friend class Frame;
  friend class FrameRun;
  friend class FrameList;
  friend class Heap;

  static constexpr std::uint32_t kCacheSize = 64;
  static constexpr unsigned kBatchOrder = 5;
  static constexpr std::uint32_t kBatch = 1U << kBatchOrder;
  static constexpr unsigned kOrderCount = kMaxOrder + 1;

  using BuddyLock = sync::IrqSpinLock<arch::Interrupts, sync::LockRank::kFrames>;
  using CacheLock = sync::IrqSpinLock<arch::Interrupts, sync::LockRank::kFrameCache>;

  /// A stretch of physical memory with records for all of its frames, holes included.
  struct Arena {
    FrameNumber first = 0;
    FrameNumber count = 0;
    FrameInfo* records = nullptr;
  };
  struct alignas(64) Cache {
    CacheLock lock;
    std::atomic<std::uint32_t> count{0};  // written under the lock, read without
    std::array<FrameNumber, kCacheSize> frames{};
  };

  // Raw frames: what the handles are made of.
  FrameNumber take_frame() noexcept;
  void give_frame(FrameNumber frame) noexcept;
  FrameNumber take_run(std::uint64_t count, unsigned order) noexcept;
  void give_run(FrameNumber first, std::uint64_t count) noexcept;
  void drop_reference(mem::PhysicalAddress frame) noexcept;
  FrameNumber take_frame_slowly(Cache& cache) noexcept;
  FrameNumber steal_frame() noexcept;

  // The buddy lists.
  FrameInfo* find(FrameNumber frame) noexcept;
  void push_block(FrameNumber frame, unsigned order) noexcept QUOLL_REQUIRES(lock_);
  void unlink_block(FrameNumber frame) noexcept QUOLL_REQUIRES(lock_);
  FrameNumber take_block(unsigned order) noexcept QUOLL_REQUIRES(lock_);
  void free_block(FrameNumber frame, unsigned order) noexcept QUOLL_REQUIRES(lock_);
  void mark_absent_buddies(FrameNumber frame, unsigned order) noexcept;

  template <typename F>
  static void for_each_block(FrameNumber first, std::uint64_t count, F&& f);

  void build_arenas(std::span<const mem::PhysicalRange> free,
                    std::span<const mem::PhysicalRange> later);

  mem::PhysMap map_;
  std::array<Arena, kMaxArenas> arenas_{};
  std::size_t arena_count_ = 0;
  std::uint64_t managed_ = 0;
  std::uint64_t metadata_ = 0;
  std::uint64_t reserve_ = 0;  ///< frames that guests do not get

  BuddyLock lock_;
  std::array<FrameNumber, kOrderCount> free_lists_ QUOLL_GUARDED_BY(lock_){};
  std::uint32_t orders_with_blocks_ QUOLL_GUARDED_BY(lock_) = 0;
  std::atomic<std::uint64_t> free_frames_{0};  // written under `lock_`

  std::array<Cache, sync::kMaxHarts> caches_{};
};

}  // namespace quoll::vm
