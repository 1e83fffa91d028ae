// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The kernel heap: small objects from slabs of one frame each, sorted by size class, through a
// cache for each hart; large ones from runs of frames.
//
//     quick    this hart's cache of the class (heap/cache.hpp has the protocol), inline, no lock
//     small    the lock of the class: a batch between cache and slabs, a new slab, the last
//              objects of other harts' caches
//     large    runs of frames, straight from the frame allocator
//
// The quick way down believes nothing: the frame's record must say that there is a slab, the
// address must be the first byte of an object that was handed out, and not be sealed as free. An
// object whose size the compiler tells is believed to be of that size in release builds, until it
// goes back from the cache to its slab.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/kernel/mem/heap/cache.hpp>
#include <quoll/kernel/mem/heap/free_object.hpp>
#include <quoll/kernel/mem/heap/poison.hpp>
#include <quoll/kernel/mem/heap/size_class.hpp>
#include <quoll/kernel/mem/heap/slab.hpp>
#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm {

/// What the heap holds, in bytes, rounded up to size classes and pages. Exact when no hart is
/// inside the heap.
struct HeapStatistics {
  std::uint64_t used_bytes = 0;      ///< in objects that live
  std::uint64_t objects = 0;         ///< how many
  std::uint64_t cached_objects = 0;  ///< free ones in the harts' caches
  std::uint64_t frames = 0;          ///< frames behind all of them
  std::uint64_t empty_frames = 0;    ///< those whose objects are all free and in no cache
};

/// *Locking*: any hart. *Context*: any, interrupt handlers included.
class Heap {
 public:
  static constexpr std::size_t kMinAlignment = SizeClasses::kGranule;
  static constexpr std::size_t kMaxSmall = SizeClasses::kLargest;

  explicit constexpr Heap(FrameAllocator& frames) : frames_(frames) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  /// Memory for `size` bytes (0 counts as 1), aligned to `alignment`, a power of two; null when
  /// there is none.
  [[nodiscard, gnu::always_inline]] void* allocate(std::size_t size,
                                                   std::size_t alignment = kMinAlignment) noexcept {
    if (!SizeClasses::is_small(size) || alignment != kMinAlignment) [[unlikely]]
      return allocate_unusual(size, alignment);
    const std::size_t class_index = SizeClasses::of(size);
    // No guard: interrupts go on in either branch, so that nothing is asked twice.
    const auto interrupts = arch::Interrupts::save_and_disable();
    if (const std::uint64_t object = own_cache(class_index).try_take()) [[likely]] {
      arch::Interrupts::restore(interrupts);
      if constexpr (Poison::kUsed) check_poison(object, class_index);
      return mem::to_pointer(mem::VirtualAddress(object));
    }
    arch::Interrupts::restore(interrupts);
    return allocate_small(class_index);
  }
  /// *Requires*: `memory` came from `allocate` of this heap and is not free already, or is null;
  /// anything else is noticed, and a panic.
  void deallocate(void* memory) noexcept;
  /// The same for memory that was allocated with this size, and no alignment. Builds that check
  /// more verify it; others do when the object leaves the hart's cache.
  [[gnu::always_inline]] void deallocate(void* memory, std::size_t size) noexcept {
    if (SizeClasses::is_small(size) && memory != nullptr) [[likely]] {
      const std::size_t class_index = SizeClasses::of(size);
      if constexpr (Poison::kUsed) poison(memory, class_index);
      const std::uint64_t object = mem::address_of(memory).value();
      const auto interrupts = arch::Interrupts::save_and_disable();
      if (!FreeObject(object).is_sealed() && own_cache(class_index).try_put(object)) [[likely]] {
        arch::Interrupts::restore(interrupts);
        return;
      }
      arch::Interrupts::restore(interrupts);
    }
    deallocate_unusual(memory);
  }
  /// How many bytes an allocation really has; 0 for what is none.
  std::size_t usable_size(const void* memory) const noexcept;

  /// Gives everything that no live object needs back to the frame allocator, the caches of all
  /// harts included. They work as before.
  void trim() noexcept;
  HeapStatistics statistics() noexcept;

 private:
  using ClassLock = sync::IrqSpinLock<arch::Interrupts, sync::LockRank::kHeap>;

  // How much one call does at most, so that none takes long: objects from a slab to the cache, from
  // the cache to slabs. A slab that is new is work enough.
  static constexpr unsigned kRefill = 3;
  static constexpr unsigned kDrain = 2;
  static constexpr unsigned kTrim = 4;  ///< when all of a cache goes
  /// Slabs without objects that are kept, so that a lone object does not fetch a frame each time.
  /// One call gives back no more than one beyond them.
  static constexpr std::uint64_t kKeptEmpty = 1;

  struct alignas(64) SizeClass {
    ClassLock lock;
    /// Slabs with room, linked through their records.
    FrameNumber partial QUOLL_GUARDED_BY(lock) = kNoFrame;
    /// Slabs without objects, linked by `next`.
    FrameNumber empty QUOLL_GUARDED_BY(lock) = kNoFrame;
    std::uint64_t empty_count QUOLL_GUARDED_BY(lock) = 0;
    std::uint64_t out QUOLL_GUARDED_BY(lock) = 0;  ///< objects in use or in a cache
    std::uint64_t slabs QUOLL_GUARDED_BY(lock) = 0;
    sync::HartSet caches QUOLL_GUARDED_BY(lock);  ///< the harts whose cache was opened
  };

  /// *Requires*: interrupts are off for as long as the cache is this hart's.
  [[gnu::always_inline]] HeapCache& own_cache(std::size_t class_index) noexcept {
    return caches_[arch::Harts::id()].of_class[class_index];
  }
  /// False: not for this hart's cache, or nothing of ours.
  [[gnu::always_inline]] bool put_verified(std::uint64_t object) noexcept;

  // The slow ways.
  [[gnu::noinline]] void* allocate_unusual(std::size_t size, std::size_t alignment) noexcept;
  [[gnu::noinline]] void* allocate_small(std::size_t class_index) noexcept;
  void* allocate_large(std::size_t size, std::size_t alignment) noexcept;
  [[gnu::noinline]] void deallocate_unusual(void* memory) noexcept;
  [[gnu::noinline]] void deallocate_small(FrameInfo& slab, void* memory) noexcept;
  void deallocate_large(FrameNumber first, FrameInfo& run) noexcept;

  // What builds do that check more.
  /// Any class.
  static constexpr std::size_t kUnknownClass = SizeClasses::kCount;
  /// Poisons an object that is to be free. A small one must be of this class.
  void poison(const void* memory, std::size_t class_index) const noexcept;
  static void check_poison(std::uint64_t object, std::size_t class_index) noexcept;

  // Between caches and slabs.
  HeapCache& open_cache(SizeClass& size_class) noexcept QUOLL_REQUIRES(size_class.lock);
  std::uint64_t take_first(HeapCache& cache) noexcept;
  std::uint64_t refill(SizeClass& size_class, HeapCache& cache) noexcept
      QUOLL_REQUIRES(size_class.lock);
  std::uint64_t steal(SizeClass& size_class) noexcept QUOLL_REQUIRES(size_class.lock);
  HeapCache::Word drain(SizeClass& size_class, HeapCache& cache, HeapCache::Word list,
                        unsigned most) noexcept QUOLL_REQUIRES(size_class.lock);

  // Slabs.
  FrameNumber new_slab(SizeClass& size_class) noexcept QUOLL_REQUIRES(size_class.lock);
  void put(SizeClass& size_class, std::uint64_t object) noexcept QUOLL_REQUIRES(size_class.lock);
  void add_empty(SizeClass& size_class, FrameNumber slab) noexcept QUOLL_REQUIRES(size_class.lock);
  FrameNumber take_empty(SizeClass& size_class) noexcept QUOLL_REQUIRES(size_class.lock);
  /// A slab without objects beyond those to be kept, or `kNoFrame`.
  FrameNumber take_surplus(SizeClass& size_class, std::uint64_t keep) noexcept
      QUOLL_REQUIRES(size_class.lock);
  /// Gives a slab back. *Locking*: best with no lock held.
  void release(FrameNumber slab) noexcept;
  void link(SizeClass& size_class, FrameNumber slab) noexcept QUOLL_REQUIRES(size_class.lock);
  void unlink(SizeClass& size_class, FrameNumber slab) noexcept QUOLL_REQUIRES(size_class.lock);

  // Finding out.
  /// The record of the frame that something lies in, or null where no frame of ours is.
  FrameInfo* find(const void* memory) const noexcept;
  std::size_t index_of(const SizeClass& size_class) const noexcept {
    return static_cast<std::size_t>(&size_class - classes_.data());
  }
  /// Whether a list of free objects leads to this one.
  bool is_free(SizeClass& size_class, const FrameInfo& slab, std::uint64_t object) noexcept
      QUOLL_REQUIRES(size_class.lock);
  std::uint64_t cached(SizeClass& size_class) noexcept QUOLL_REQUIRES(size_class.lock);

  // All that the quick ways read.
  std::array<HeapCaches, sync::kMaxHarts> caches_{};
  FrameAllocator& frames_;
  std::array<SizeClass, SizeClasses::kCount> classes_{};
  std::atomic<std::uint64_t> large_objects_{0};
  std::atomic<std::uint64_t> large_frames_{0};
};

}  // namespace quoll::vm
