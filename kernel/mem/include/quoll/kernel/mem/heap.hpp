// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The kernel heap: small objects from slabs of one frame each, sorted by size class; large ones
// from runs of frames. A slab's bookkeeping is in the record of its frame, so all of the frame
// is objects.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm {

/// What the heap holds, in bytes, rounded up to size classes and pages.
struct HeapStatistics {
  std::uint64_t used_bytes = 0;    ///< in objects that live
  std::uint64_t objects = 0;       ///< how many
  std::uint64_t frames = 0;        ///< frames behind them
  std::uint64_t empty_frames = 0;  ///< those of them that hold no object and are kept for the next
};

/// *Locking*: any hart. *Context*: any, interrupt handlers included.
class Heap {
 public:
  static constexpr std::size_t kMinAlignment = 16;
  static constexpr std::size_t kMaxSmall = 2048;

  explicit constexpr Heap(FrameAllocator& frames) : frames_(frames) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  /// Memory for `size` bytes (0 counts as 1), aligned to `alignment`, a power of two; null when
  /// there is none.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment = kMinAlignment) noexcept;
  /// *Requires*: `memory` came from `allocate` of this heap and is not free already, or is null;
  /// anything else is noticed, and a panic.
  void deallocate(void* memory) noexcept;
  /// How many bytes an allocation really has.
  std::size_t usable_size(const void* memory) const noexcept;

  /// Gives the empty slabs back to the frame allocator.
  void trim() noexcept;
  HeapStatistics statistics() noexcept;

 private:
  static constexpr std::array<std::uint16_t, 13> kClassSizes{16,  32,  48,  64,   96,   128, 192,
                                                             256, 384, 512, 1024, 1360, 2048};
  static constexpr std::size_t kClassCount = kClassSizes.size();

  struct alignas(64) SizeClass {
    sync::IrqSpinLock<arch::Interrupts, sync::LockRank::kHeap> lock;
    /// Slabs with room, linked through their records.
    FrameNumber partial QUOLL_GUARDED_BY(lock) = kNoFrame;
    /// One slab without objects, kept so that a lone object does not fetch a frame each time.
    FrameNumber empty QUOLL_GUARDED_BY(lock) = kNoFrame;
    std::uint64_t objects QUOLL_GUARDED_BY(lock) = 0;
    std::uint64_t slabs QUOLL_GUARDED_BY(lock) = 0;
  };

  static constexpr std::size_t class_of(std::size_t size, std::size_t alignment) noexcept;
  void* allocate_small(std::size_t class_index) noexcept;
  void* allocate_large(std::size_t size, std::size_t alignment) noexcept;
  void deallocate_small(FrameNumber slab, void* memory) noexcept;
  /// Whether a slab's list of free objects leads to this one.
  bool is_free(const FrameInfo& slab, const void* memory) const noexcept;
  void unlink(SizeClass& size_class, FrameNumber slab) noexcept QUOLL_REQUIRES(size_class.lock);
  void link(SizeClass& size_class, FrameNumber slab) noexcept QUOLL_REQUIRES(size_class.lock);

  FrameAllocator& frames_;
  std::array<SizeClass, kClassCount> classes_{};
  std::atomic<std::uint64_t> large_objects_{0};
  std::atomic<std::uint64_t> large_frames_{0};
};

}  // namespace quoll::vm
