// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The frame allocator. From the outside in: handles, the harts' caches, the buddy lists.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>

#include <quoll/base/assert.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/log/format.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm {
namespace {

using mem::kPageSize;

void fill_with_zeros(void* page) noexcept {
  // Eight stores a turn: freestanding memset may go byte by byte.
  auto* word = static_cast<std::uint64_t*>(page);
  for (auto* end = word + kPageSize / sizeof *word; word != end; word += 8) {
    word[0] = 0;
    word[1] = 0;
    word[2] = 0;
    word[3] = 0;
    word[4] = 0;
    word[5] = 0;
    word[6] = 0;
    word[7] = 0;
  }
}

std::uint32_t load(const std::atomic<std::uint32_t>& count) noexcept {
  return count.load(std::memory_order_relaxed);
}
void store(std::atomic<std::uint32_t>& count, std::uint32_t value) noexcept {
  count.store(value, std::memory_order_relaxed);
}

[[noreturn, gnu::cold, gnu::noinline]] void report_broken(FrameNumber frame, const char* what) {
  std::array<char, 96> text{};
  // The last byte stays zero.
  log::format_to(std::span(text).first(text.size() - 1), "the frame allocator: {:#x}: {}",
                 FrameAllocator::address(frame).value(), what);
  base::assertion_failed(text.data(), __FILE__, unsigned{__LINE__});
}

}  // namespace

// Records.

FrameInfo* FrameAllocator::find(FrameNumber frame) noexcept {
  for (std::size_t i = 0; i < arena_count_; ++i) {
    const Arena& arena = arenas_[i];
    if (frame - arena.first < arena.count) return &arena.records[frame - arena.first];
  }
  return nullptr;
}

FrameInfo& FrameAllocator::info(FrameNumber frame) noexcept {
  FrameInfo* found = find(frame);
  QUOLL_ASSERT(found != nullptr);
  return *found;
}

/// Cuts a run into the blocks of the buddy system: aligned powers of two, largest first where
/// alignment lets them.
template <typename F>
void FrameAllocator::for_each_block(FrameNumber first, std::uint64_t count, F&& f) {
  while (count > 0) {
    const auto aligned = first == 0 ? kMaxOrder : static_cast<unsigned>(std::countr_zero(first));
    const auto fitting = static_cast<unsigned>(std::bit_width(count) - 1);
    const unsigned order = std::min({aligned, fitting, kMaxOrder});
    f(first, order);
    first += FrameNumber{1} << order;
    count -= std::uint64_t{1} << order;
  }
}

// Starting up.

void FrameAllocator::build_arenas(std::span<const mem::PhysicalRange> free,
                                  std::span<const mem::PhysicalRange> later) {
  // One arena for all ranges with small holes between; holes count as small, more and more
  // generously, until there are few enough arenas.
  constexpr std::uint64_t kSmallHole = (std::uint64_t{16} << 20) >> mem::kPageShift;
  for (std::uint64_t hole = kSmallHole;; hole *= 2) {
    arena_count_ = 0;
    bool fits = true;
    std::size_t f = 0;
    std::size_t l = 0;
    while (f < free.size() || l < later.size()) {
      const bool take_free =
          l == later.size() || (f < free.size() && free[f].start() < later[l].start());
      const mem::PhysicalRange range = (take_free ? free[f++] : later[l++]).whole_pages();
      if (range.is_empty()) continue;
      const FrameNumber first = number(range.start());
      const auto count = static_cast<FrameNumber>(range.page_count());
      if (arena_count_ > 0) {
        Arena& before = arenas_[arena_count_ - 1];
        if (first - (before.first + before.count) <= hole) {
          before.count = first + count - before.first;
          continue;
        }
      }
      if (arena_count_ == kMaxArenas) {
        fits = false;
        break;
      }
      arenas_[arena_count_++] = Arena{first, count, nullptr};
    }
    if (fits) return;
  }
}

void FrameAllocator::mark_absent_buddies(FrameNumber frame, unsigned order) noexcept {
  for (; order < kMaxOrder; ++order) {
    const FrameNumber head = base::align_down(frame, FrameNumber{1} << order);
    FrameInfo* buddy = find(head ^ (FrameNumber{1} << order));
    if (buddy != nullptr) buddy->state = FrameState::kAbsent;
  }
}

base::Result<void, AllocError> FrameAllocator::init(const mem::PhysMap& map,
                                                    std::span<const mem::PhysicalRange> free,
                                                    std::span<const mem::PhysicalRange> later) {
  map_ = map;
  build_arenas(free, later);

  // The records of each arena: at the end of its largest free range.
  struct Carved {
    std::size_t range = SIZE_MAX;
    std::uint64_t frames = 0;
  };
  std::array<Carved, kMaxArenas> carved{};
  for (std::size_t i = 0; i < arena_count_; ++i) {
    Arena& arena = arenas_[i];
    const std::uint64_t frames = mem::pages_for(std::uint64_t{arena.count} * sizeof(FrameInfo));
    std::uint64_t most = 0;
    for (std::size_t r = 0; r < free.size(); ++r) {
      const mem::PhysicalRange range = free[r].whole_pages();
      if (range.is_empty() || number(range.start()) - arena.first >= arena.count) continue;
      if (range.page_count() > most) {
        most = range.page_count();
        carved[i] = {r, frames};
      }
    }
    if (most < frames) return base::err(AllocError::kOutOfMemory);
    const mem::PhysicalRange range = free[carved[i].range].whole_pages();
    arena.records = map_.pointer<FrameInfo>(range.end() - frames * kPageSize);
    metadata_ += frames;
  }
  const auto usable = [&](std::size_t r) {
    const mem::PhysicalRange range = free[r].whole_pages();
    std::uint64_t frames = range.page_count();
    for (std::size_t i = 0; i < arena_count_; ++i) {
      if (carved[i].range == r) frames -= carved[i].frames;
    }
    return std::pair(number(range.start()), frames);
  };

  // First every buddy that a block could ever be merged with is made absent; then the blocks and
  // frames that exist overwrite that.
  for (std::size_t r = 0; r < free.size(); ++r) {
    const auto [first, count] = usable(r);
    for_each_block(first, count,
                   [this](FrameNumber f, unsigned order) { mark_absent_buddies(f, order); });
  }
  for (const mem::PhysicalRange& raw : later) {
    const mem::PhysicalRange range = raw.whole_pages();
    for_each_block(number(range.start()), range.page_count(),
                   [this](FrameNumber f, unsigned order) { mark_absent_buddies(f, order); });
  }
  sync::LockGuard guard(lock_);
  free_lists_.fill(kNoFrame);
  // Frames that come back later are single allocated frames until then.
  for (const mem::PhysicalRange& raw : later) {
    const mem::PhysicalRange range = raw.whole_pages();
    const FrameNumber first = number(range.start());
    for (std::uint64_t i = 0; i < range.page_count(); ++i) {
      info(first + static_cast<FrameNumber>(i)) = {kNoFrame, kNoFrame, 1, FrameState::kAllocated,
                                                   0,        0};
    }
    managed_ += range.page_count();
  }
  for (std::size_t r = 0; r < free.size(); ++r) {
    const auto [first, count] = usable(r);
    managed_ += count;
    // Freed like any other block, so that ranges that touch grow together.
    for_each_block(first, count,
                   [this](FrameNumber f, unsigned order)
                       QUOLL_NO_THREAD_SAFETY_ANALYSIS {  // under the guard above
                         free_block(f, order);
                       });
  }
  return {};
}

// Handles.

base::Result<Frame, AllocError> FrameAllocator::allocate(FrameUse use) noexcept {
  if (!has_frame(use)) return base::err(AllocError::kOutOfMemory);
  const FrameNumber frame = take_frame();
  if (frame == kNoFrame) return base::err(AllocError::kOutOfMemory);
  return Frame::adopt(*this, address(frame));
}

base::Result<Frame, AllocError> FrameAllocator::allocate_zeroed(FrameUse use) noexcept {
  if (!has_frame(use)) return base::err(AllocError::kOutOfMemory);
  const FrameNumber frame = take_frame();
  if (frame == kNoFrame) return base::err(AllocError::kOutOfMemory);
  fill_with_zeros(map_.pointer(address(frame)));
  return Frame::adopt(*this, address(frame));
}

base::Result<FrameRun, AllocError> FrameAllocator::allocate_run(std::uint64_t count,
                                                                std::uint64_t alignment) noexcept {
  constexpr std::uint64_t kMost = std::uint64_t{1} << kMaxOrder;
  if (count == 0 || count > kMost || !std::has_single_bit(alignment) || alignment > kMost) {
    return base::err(AllocError::kInvalid);
  }
  const auto order =
      static_cast<unsigned>(std::countr_zero(std::bit_ceil(std::max(count, alignment))));
  FrameNumber first = take_run(count, order);
  if (first == kNoFrame) {
    // What the caches hold may be what keeps a block from being whole.
    drain_caches();
    first = take_run(count, order);
  }
  if (first == kNoFrame) return base::err(AllocError::kOutOfMemory);
  return FrameRun(*this, address(first), count);
}

void FrameAllocator::drop_reference(mem::PhysicalAddress frame) noexcept {
  FrameInfo& record = info(frame);
  if (record.state != FrameState::kAllocated) [[unlikely]] {
    report_broken(number(frame), "freed twice");
  }
  // An only owner needs no atomic step: nobody else can share what only it holds.
  if (__atomic_load_n(&record.references, __ATOMIC_ACQUIRE) != 1) {
    const auto before = __atomic_fetch_sub(&record.references, 1, __ATOMIC_ACQ_REL);
    QUOLL_ASSERT(before != 0);
    if (before != 1) return;
  }
  give_frame(number(frame));
}

// The harts' caches.

FrameNumber FrameAllocator::take_frame() noexcept {
  // A task may move between asking who it is and locking; the cache is then another hart's, and
  // its lock makes that harmless.
  Cache& cache = caches_[arch::Harts::id()];
  FrameNumber frame = kNoFrame;
  {
    sync::LockGuard guard(cache.lock);
    const std::uint32_t count = load(cache.count);
    if (count > 0) {
      frame = cache.frames[count - 1];
      store(cache.count, count - 1);
    } else {
      frame = take_frame_slowly(cache);
    }
  }
  if (frame == kNoFrame) frame = steal_frame();
  if (frame == kNoFrame) return kNoFrame;
  FrameInfo& record = info(frame);
  QUOLL_ASSERT(record.state == FrameState::kCached);
  record.state = FrameState::kAllocated;
  record.order = 0;
  __atomic_store_n(&record.references, 1U, __ATOMIC_RELAXED);
  return frame;
}

FrameNumber FrameAllocator::take_frame_slowly(Cache& cache) noexcept {
  sync::LockGuard guard(lock_);
  const auto cached = [this](FrameNumber frame) {
    info(frame) = {kNoFrame, kNoFrame, 0, FrameState::kCached, 0, 0};
  };
  // A whole batch in one block if there is one: one search, no splitting frame by frame.
  if (const FrameNumber block = take_block(kBatchOrder); block != kNoFrame) {
    for (FrameNumber i = 0; i < kBatch; ++i) cached(block + i);
    for (FrameNumber i = 1; i < kBatch; ++i) cache.frames[kBatch - 1 - i] = block + i;
    store(cache.count, kBatch - 1);
    free_frames_.fetch_sub(kBatch, std::memory_order_relaxed);
    return block;
  }
  FrameNumber first = kNoFrame;
  std::uint32_t count = 0;
  std::uint32_t taken = 0;
  for (; taken < kBatch; ++taken) {
    const FrameNumber frame = take_block(0);
    if (frame == kNoFrame) break;
    cached(frame);
    if (first == kNoFrame) {
      first = frame;
    } else {
      cache.frames[count++] = frame;
    }
  }
  store(cache.count, count);
  free_frames_.fetch_sub(taken, std::memory_order_relaxed);
  return first;
}

FrameNumber FrameAllocator::steal_frame() noexcept {
  for (Cache& cache : caches_) {
    if (load(cache.count) == 0) continue;
    sync::LockGuard guard(cache.lock);
    const std::uint32_t count = load(cache.count);
    if (count == 0) continue;
    store(cache.count, count - 1);
    return cache.frames[count - 1];
  }
  return kNoFrame;
}

void FrameAllocator::give_frame(FrameNumber frame) noexcept {
  FrameInfo& record = info(frame);
  // Anything else is given back twice, or was never handed out.
  if (record.state != FrameState::kAllocated || record.order != 0) [[unlikely]] {
    report_broken(frame, "freed twice");
  }
  record.state = FrameState::kCached;
  __atomic_store_n(&record.references, 0U, __ATOMIC_RELAXED);
  Cache& cache = caches_[arch::Harts::id()];
  sync::LockGuard guard(cache.lock);
  std::uint32_t count = load(cache.count);
  if (count == kCacheSize) {
    // The older half goes: what came last is warm.
    sync::LockGuard buddies(lock_);
    for (std::uint32_t i = 0; i < kBatch; ++i) free_block(cache.frames[i], 0);
    std::memmove(cache.frames.data(), cache.frames.data() + kBatch,
                 (kCacheSize - kBatch) * sizeof(FrameNumber));
    count -= kBatch;
  }
  cache.frames[count] = frame;
  store(cache.count, count + 1);
}

void FrameAllocator::drain_caches() noexcept {
  for (Cache& cache : caches_) {
    if (load(cache.count) == 0) continue;
    sync::LockGuard guard(cache.lock);
    sync::LockGuard buddies(lock_);
    const std::uint32_t count = load(cache.count);
    for (std::uint32_t i = 0; i < count; ++i) free_block(cache.frames[i], 0);
    store(cache.count, 0);
  }
}

// Runs.

FrameNumber FrameAllocator::take_run(std::uint64_t count, unsigned order) noexcept {
  sync::LockGuard guard(lock_);
  const FrameNumber first = take_block(order);
  if (first == kNoFrame) return kNoFrame;
  free_frames_.fetch_sub(std::uint64_t{1} << order, std::memory_order_relaxed);
  // The run keeps the blocks that it is made of; the rest of the large block goes back.
  for_each_block(first, count, [this](FrameNumber block, unsigned block_order) {
    info(block) = {
        kNoFrame, kNoFrame, 1, FrameState::kAllocated, static_cast<std::uint8_t>(block_order), 0};
  });
  const auto end = first + static_cast<FrameNumber>(count);
  for_each_block(end, (std::uint64_t{1} << order) - count,
                 [this](FrameNumber block, unsigned block_order)
                     QUOLL_NO_THREAD_SAFETY_ANALYSIS {  // under the guard above
                       free_block(block, block_order);
                     });
  return first;
}

void FrameAllocator::give_run(FrameNumber first, std::uint64_t count) noexcept {
  sync::LockGuard guard(lock_);
  for_each_block(first, count,
                 [this](FrameNumber block,
                        unsigned order) QUOLL_NO_THREAD_SAFETY_ANALYSIS {  // under the guard above
                   const FrameInfo& record = info(block);
                   QUOLL_ASSERT(record.state == FrameState::kAllocated && record.order == order);
                   free_block(block, order);
                 });
}

void FrameAllocator::release_range(mem::PhysicalRange range) noexcept {
  range = range.whole_pages();
  const FrameNumber first = number(range.start());
  sync::LockGuard guard(lock_);
  for (std::uint64_t i = 0; i < range.page_count(); ++i) {
    const FrameNumber frame = first + static_cast<FrameNumber>(i);
    const FrameInfo& record = info(frame);
    QUOLL_ASSERT(record.state == FrameState::kAllocated && record.order == 0 &&
                 record.references == 1);
    free_block(frame, 0);
  }
}

// The buddy lists.

void FrameAllocator::push_block(FrameNumber frame, unsigned order) noexcept {
  const FrameNumber next = free_lists_[order];
  info(frame) = {next, kNoFrame, 0, FrameState::kFree, static_cast<std::uint8_t>(order), 0};
  if (next != kNoFrame) info(next).previous = frame;
  free_lists_[order] = frame;
  orders_with_blocks_ |= 1U << order;
}

void FrameAllocator::unlink_block(FrameNumber frame) noexcept {
  const FrameInfo record = info(frame);
  // Both neighbours, if there are any, must know of this one.
  FrameInfo* const next = record.next != kNoFrame ? find(record.next) : nullptr;
  FrameInfo* const previous = record.previous != kNoFrame ? find(record.previous) : nullptr;
  const bool next_agrees = next != nullptr ? next->previous == frame : record.next == kNoFrame;
  const bool previous_agrees =
      previous != nullptr ? previous->next == frame
                          : record.previous == kNoFrame && free_lists_[record.order] == frame;
  if (record.state != FrameState::kFree || !next_agrees || !previous_agrees) [[unlikely]] {
    report_broken(frame, "the list of free blocks is corrupted");
  }
  if (next != nullptr) next->previous = record.previous;
  if (previous != nullptr) {
    previous->next = record.next;
  } else {
    free_lists_[record.order] = record.next;
    if (record.next == kNoFrame) orders_with_blocks_ &= ~(1U << record.order);
  }
}

FrameNumber FrameAllocator::take_block(unsigned order) noexcept {
  if (order > kMaxOrder) return kNoFrame;
  const std::uint32_t candidates = orders_with_blocks_ >> order << order;
  if (candidates == 0) return kNoFrame;
  auto from = static_cast<unsigned>(std::countr_zero(candidates));
  const FrameNumber frame = free_lists_[from];
  unlink_block(frame);
  while (from > order) {
    --from;
    push_block(frame + (FrameNumber{1} << from), from);
  }
  return frame;
}

void FrameAllocator::free_block(FrameNumber frame, unsigned order) noexcept {
  free_frames_.fetch_add(std::uint64_t{1} << order, std::memory_order_relaxed);
  while (order < kMaxOrder) {
    const FrameNumber buddy = frame ^ (FrameNumber{1} << order);
    FrameInfo* record = find(buddy);
    if (record == nullptr || record->state != FrameState::kFree || record->order != order) break;
    unlink_block(buddy);
    // The upper half is no longer the first frame of a block.
    info(std::max(frame, buddy)).state = FrameState::kAbsent;
    frame = std::min(frame, buddy);
    ++order;
  }
  push_block(frame, order);
}

// Counting.

bool FrameAllocator::has_frame(FrameUse use) const noexcept {
  if (use == FrameUse::kKernel || reserve_ == 0) return true;  // asking for it will tell
  // The caches are counted only when the lists alone do not suffice.
  return free_frames_.load(std::memory_order_relaxed) > reserve_ || available_frames() > reserve_;
}

std::uint64_t FrameAllocator::available_frames() const noexcept {
  std::uint64_t available = free_frames_.load(std::memory_order_relaxed);
  for (const Cache& cache : caches_) available += load(cache.count);
  return available;
}

FrameStatistics FrameAllocator::statistics() noexcept {
  FrameStatistics out;
  sync::LockGuard guard(lock_);
  out.managed = managed_;
  out.metadata = metadata_;
  out.free = free_frames_.load(std::memory_order_relaxed);
  for (const Cache& cache : caches_) out.cached += load(cache.count);
  out.allocated = out.managed - out.free - out.cached;
  if (orders_with_blocks_ != 0) {
    out.largest_free_run = std::uint64_t{1} << (std::bit_width(orders_with_blocks_) - 1);
  }
  return out;
}

}  // namespace quoll::vm
