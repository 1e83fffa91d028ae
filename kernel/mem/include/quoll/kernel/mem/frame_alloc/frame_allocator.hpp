// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The frame allocator: buddy lists that coalesce, and before them a cache of single frames for
// each hart.
//
// The quick way, inline: interrupts off, the hart's own cache claimed by one atomic exchange
// (cache.hpp says how), one record written, the cache returned, interrupts on. No lock, no count,
// no other hart's memory. It is open only where one arena spans all memory, so that a record is
// found by a shift and an addition. Everything else goes the slow way, out of line:
//
//     take   own cache; a batch of frames from the buddy lists; a frame of another hart's cache
//     give   own cache; when that is full, some of it to the buddy lists first
//     drain  every cache to the buddy lists, in batches
//
// The slow ways hold a cache or the lists' lock, never both, for a batch and no longer; between
// the two a batch belongs to the hart alone and is neither cached nor free.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include <quoll/arch/current.hpp>
#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/bootstrap_alloc.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/frame_alloc/arena.hpp>
#include <quoll/kernel/mem/frame_alloc/buddy.hpp>
#include <quoll/kernel/mem/frame_alloc/cache.hpp>
#include <quoll/kernel/mem/frame_alloc/frame.hpp>
#include <quoll/kernel/mem/frame_alloc/frame_info.hpp>
#include <quoll/kernel/mem/frame_alloc/frame_list.hpp>
#include <quoll/kernel/mem/frame_alloc/frame_number.hpp>
#include <quoll/kernel/mem/frame_alloc/frame_run.hpp>
#include <quoll/kernel/mem/frame_alloc/statistics.hpp>
#include <quoll/mem/phys_map.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm {

/// Hands out frames of physical memory.
/// *Locking*: any hart. *Context*: any, interrupt handlers included.
class FrameAllocator {
 public:
  static constexpr unsigned kMaxOrder = BuddyLists::kMaxOrder;

  constexpr FrameAllocator() = default;
  FrameAllocator(const FrameAllocator&) = delete;
  FrameAllocator& operator=(const FrameAllocator&) = delete;

  /// Takes over memory. `free` is usable at once; `later` is in use now and comes back through
  /// `release_range`. Neither need be sorted; what is in both is in use. Parts of pages at the
  /// ends of ranges, and what lies outside `map`, are left alone.
  ///
  /// *Errors*: `kOutOfMemory` when the records do not fit. *Context*: boot hart, once.
  base::Result<void, AllocError> init(const mem::PhysMap& map,
                                      std::span<const mem::PhysicalRange> free,
                                      std::span<const mem::PhysicalRange> later = {});
  /// The same with what a bootstrap allocator has left, less the records, which come from it too.
  /// What it calls in use comes back later.
  base::Result<void, AllocError> init(const mem::PhysMap& map, BootstrapAllocator& bootstrap);

  /// One frame with arbitrary content.
  [[gnu::always_inline]] base::Result<Frame, AllocError> allocate(
      FrameUse use = FrameUse::kKernel) noexcept {
    if (use != FrameUse::kKernel && !has_frame(use)) [[unlikely]]
      return base::err(AllocError::kOutOfMemory);
    std::uint64_t address = take_cached();
    if (address == 0) [[unlikely]] {
      address = take_slowly();
      if (address == 0) return base::err(AllocError::kOutOfMemory);
    }
    return Frame::adopt(*this, mem::PhysicalAddress(address));
  }
  /// One frame of zeros, that is the caller's to write to.
  base::Result<Frame, AllocError> allocate_zeroed(FrameUse use = FrameUse::kKernel) noexcept;
  /// `count` frames in a row, the first aligned to `alignment` frames (a power of two).
  base::Result<FrameRun, AllocError> allocate_run(std::uint64_t count,
                                                  std::uint64_t alignment = 1) noexcept;
  /// A further owner of the one frame of zeros that is everybody's to read. Never given back.
  /// *Requires*: `init` succeeded.
  Frame zero_frame() noexcept;

  /// Gives back memory that `init` was told of as in use, or a part of it.
  void release_range(mem::PhysicalRange range) noexcept;

  /// Puts every cached frame back on the buddy lists, where it can coalesce.
  void drain_caches() noexcept;

  FrameStatistics statistics() noexcept;
  /// Keeps the last `frames` from guests. *Context*: boot hart, once.
  void reserve_for_kernel(std::uint64_t frames) noexcept { reserve_ = frames; }
  /// Whether there is a frame for that use: more than the reserve, for a guest.
  bool has_frame(FrameUse use) const noexcept {
    if (use == FrameUse::kKernel || reserve_ == 0) return true;  // asking for it will tell
    // The caches are counted only when the lists alone do not suffice.
    return free_frames_.load(std::memory_order_relaxed) > reserve_ || available_frames() > reserve_;
  }

  /// Whether frames are so many that guests may have some which they have not asked for: one in 16
  /// is free, beyond the reserve.
  bool has_plenty() const noexcept {
    return free_frames_.load(std::memory_order_relaxed) > reserve_ + managed_ / 16;
  }

  /// Frames that can be had, without walking anything.
  std::uint64_t available_frames() const noexcept;
  const mem::PhysMap& phys_map() const noexcept { return map_; }

  /// The record of an allocated frame. For page tables and the heap.
  FrameInfo& info(FrameNumber frame) noexcept { return info(address(frame)); }
  /// *Requires*: a frame of this allocator.
  FrameInfo& info(mem::PhysicalAddress address) noexcept {
    if (arenas_.is_single()) [[likely]] {
      QUOLL_DEBUG_ASSERT(arenas_.find(number(address)) != nullptr);
      return arenas_.info_in_single(address.value());
    }
    return arenas_.info(number(address));
  }
  static constexpr FrameNumber number(mem::PhysicalAddress address) noexcept {
    return frame_number(address);
  }
  static constexpr mem::PhysicalAddress address(FrameNumber frame) noexcept {
    return frame_address(frame);
  }

 private:
  friend class Frame;
  friend class FrameRun;
  friend class FrameList;
  friend class Heap;

  static constexpr unsigned kRefillOrder = 4;
  static constexpr std::size_t kRefill = std::size_t{1} << kRefillOrder;
  static constexpr std::size_t kFlush = 8;
  static_assert(kRefill + kFlush <= FrameCache::kCapacity);

  using BuddyLock = sync::IrqSpinLock<arch::Interrupts, sync::LockRank::kFrames>;

  /// The quick way: a frame with one owner, or 0.
  [[gnu::always_inline]] std::uint64_t take_cached() noexcept {
    const sync::InterruptGuard<arch::Interrupts> guard;
    const std::uint64_t address = arch::Harts::own(caches_).try_pop();
    if (address != 0) [[likely]]
      arenas_.info_in_single(address).set_ownership(FrameInfo::kOwnedOnce);
    return address;
  }
  /// The quick way to give up a reference that never had a second one beside it.
  [[gnu::always_inline]] void drop_reference(mem::PhysicalAddress address) noexcept {
    if (!give_to_cache(address)) [[unlikely]]
      drop_slowly(address);
  }
  [[gnu::always_inline]] bool give_to_cache(mem::PhysicalAddress address) noexcept {
    const sync::InterruptGuard<arch::Interrupts> guard;
    FrameCache& cache = arch::Harts::own(caches_);
    FrameCache::Slot* const top = cache.try_claim_with_room();
    if (top == nullptr) [[unlikely]]
      return false;
    FrameInfo& record = arenas_.info_in_single(address.value());
    const bool is_sole = record.ownership() == FrameInfo::kOwnedOnce;
    if (is_sole) [[likely]] {
      record.set_ownership(FrameInfo::kCached);
      *top = address.value();
      FrameCache::give_back(cache.gate(), top + 1);
    } else {
      FrameCache::give_back(cache.gate(), top);
    }
    return is_sole;
  }

  // Raw frames, for the heap: `kNoFrame` when there is none. Past the cache one by one.
  FrameNumber take_frame() noexcept;
  void give_frame(FrameNumber frame) noexcept;
  FrameNumber take_from_lists() noexcept;
  FrameNumber take_run(std::uint64_t count, unsigned order) noexcept;
  void give_run(FrameNumber first, std::uint64_t count) noexcept;
  FrameInfo* find(FrameNumber frame) noexcept { return arenas_.find(frame); }

  // The slow ways. An address of 0 is no frame.
  [[gnu::noinline]] std::uint64_t take_slowly() noexcept;
  [[gnu::noinline]] void drop_slowly(mem::PhysicalAddress address) noexcept;
  std::uint64_t pop_from(unsigned hart) noexcept;
  std::uint64_t refill(unsigned hart) noexcept;
  std::uint64_t steal() noexcept;
  void mark_cached(FrameNumber frame) noexcept;
  void give_slowly(std::uint64_t address) noexcept;
  std::size_t flush_from(unsigned hart) noexcept;
  std::uint64_t cached_frames() const noexcept;

  /// The gate of a hart's cache that is in use.
  FrameCache::Gate& gate(unsigned hart) noexcept {
    return arenas_.is_single() ? caches_[hart].gate() : slow_gates_[hart];
  }
  const FrameCache::Gate& gate(unsigned hart) const noexcept {
    return arenas_.is_single() ? caches_[hart].gate() : slow_gates_[hart];
  }
  bool has_memory() const noexcept { return !arenas_.arenas().empty(); }

  void take_over(const BootstrapAllocator& bootstrap, const Stretches& in_use);

  // First what the quick way reads.
  ArenaSet arenas_;
  mem::PhysMap map_;
  std::uint64_t managed_ = 0;
  std::uint64_t metadata_ = 0;
  std::uint64_t reserve_ = 0;  ///< frames that guests do not get
  mem::PhysicalAddress zero_frame_;

  BuddyLock lock_;
  BuddyLists buddies_ QUOLL_GUARDED_BY(lock_){arenas_, free_frames_};
  std::atomic<std::uint64_t> free_frames_{0};  // of the lists: written under `lock_`

  std::array<FrameCache, sync::kMaxHarts> caches_{};
  /// What opens the caches where the quick way must not: several arenas.
  std::array<FrameCache::Gate, sync::kMaxHarts> slow_gates_{};
};

inline void Frame::reset() noexcept {
  // Where a TRY returns, the analyzer destroys what the TRY would have made.
  // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->drop_reference(address_);
}

}  // namespace quoll::vm
