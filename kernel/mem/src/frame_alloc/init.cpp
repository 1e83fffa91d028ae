// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The frame allocator takes over memory. What is done here is proportional to the number of
// stretches, not to their size: only records of blocks, and of buddies that do not exist, are
// written.
#include <array>

#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "zero.hpp"

namespace quoll::vm {

base::Result<void, AllocError> FrameAllocator::init(const mem::PhysMap& map,
                                                    std::span<const mem::PhysicalRange> free,
                                                    std::span<const mem::PhysicalRange> later) {
  BootstrapAllocator bootstrap(free, map.physical_range(), later);
  return init(map, bootstrap);
}

base::Result<void, AllocError> FrameAllocator::init(const mem::PhysMap& map,
                                                    BootstrapAllocator& bootstrap) {
  map_ = map;
  const Stretches in_use(bootstrap.in_use(), bootstrap.bounds());
  arenas_.choose(Stretches(bootstrap.free_ranges(), bootstrap.bounds(), bootstrap.in_use()));
  const std::uint64_t taken_before = bootstrap.taken_frames();
  const auto refuse = [this] {
    arenas_.clear();
    return base::err(AllocError::kOutOfMemory);
  };
  if (!has_memory()) return refuse();
  for (std::size_t i = 0; i < arenas_.arenas().size(); ++i) {
    const std::uint64_t bytes = std::uint64_t{arenas_.arenas()[i].count} * sizeof(FrameInfo);
    const auto records = bootstrap.allocate(mem::pages_for(bytes));
    if (!records) return refuse();
    arenas_.set_records(i, map_.pointer<FrameInfo>(address(*records)));
  }
  const auto zeros = bootstrap.allocate(1);
  if (!zeros) return refuse();
  metadata_ = bootstrap.taken_frames() - taken_before;

  take_over(bootstrap, in_use);

  fill_with_zeros(map_.pointer(address(*zeros)));
  arenas_.info(*zeros).set_ownership(FrameInfo::kOwnedOnce);
  zero_frame_ = address(*zeros);
  for (unsigned hart = 0; hart < sync::kMaxHarts; ++hart) caches_[hart].open(gate(hart));
  return {};
}

void FrameAllocator::take_over(const BootstrapAllocator& bootstrap, const Stretches& in_use) {
  sync::LockGuard guard(lock_);
  buddies_.clear();
  // First every buddy that a block could ever be joined with is made absent; then the blocks and
  // frames that exist overwrite that.
  const auto mark = [this](FrameNumber first, unsigned order)
                        QUOLL_NO_THREAD_SAFETY_ANALYSIS {  // under the guard above
                          buddies_.mark_absent_buddies(first, order);
                        };
  for (auto s = bootstrap.next_free(0); s; s = bootstrap.next_free(s->end)) {
    for_each_block(static_cast<FrameNumber>(s->first), s->count(), mark);
  }
  for (auto s = in_use.next(0); s; s = in_use.next(s->end)) {
    for_each_block(static_cast<FrameNumber>(s->first), s->count(), mark);
  }
  // Frames that come back later are single allocated frames until then.
  for (auto s = in_use.next(0); s; s = in_use.next(s->end)) {
    for (std::uint64_t i = s->first; i < s->end; ++i) {
      arenas_.info(static_cast<FrameNumber>(i)).set_ownership(FrameInfo::kOwnedOnce);
    }
    managed_ += s->count();
  }
  // Freed like any other block, so that stretches that touch grow together.
  for (auto s = bootstrap.next_free(0); s; s = bootstrap.next_free(s->end)) {
    managed_ += s->count();
    for_each_block(static_cast<FrameNumber>(s->first), s->count(),
                   [this](FrameNumber first, unsigned order)
                       QUOLL_NO_THREAD_SAFETY_ANALYSIS {  // under the guard above
                         buddies_.free(first, order);
                       });
  }
}

}  // namespace quoll::vm
