// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Choosing arenas, and finding a frame's record where there are several.
#include <quoll/kernel/mem/frame_alloc/arena.hpp>

namespace quoll::vm {

void ArenaSet::choose(const Stretches& memory) noexcept {
  // A hole costs 16 bytes a frame; one this large costs a page table's worth of records.
  constexpr std::uint64_t kSmallHole = (std::uint64_t{16} << 20) >> mem::kPageShift;
  for (std::uint64_t hole = kSmallHole;; hole *= 2) {
    clear();
    bool fits = true;
    for (auto stretch = memory.next(0); stretch; stretch = memory.next(stretch->end)) {
      if (count_ > 0) {
        Arena& before = arenas_[count_ - 1];
        if (stretch->first - before.end() <= hole) {
          before.count = static_cast<FrameNumber>(stretch->end - before.first);
          continue;
        }
      }
      if (count_ == kMaxArenas) {
        fits = false;
        break;
      }
      arenas_[count_++] = Arena{static_cast<FrameNumber>(stretch->first),
                                static_cast<FrameNumber>(stretch->count()), nullptr};
    }
    if (fits) return;
  }
}

void ArenaSet::set_records(std::size_t index, FrameInfo* records) noexcept {
  arenas_[index].records = records;
  if (count_ == 1) {
    base_ = mem::address_of(records).value() - std::uint64_t{arenas_[0].first} * sizeof(FrameInfo);
  }
}

void ArenaSet::clear() noexcept {
  base_ = 0;
  count_ = 0;
  arenas_ = {};
}

FrameInfo* ArenaSet::find_further(FrameNumber frame) const noexcept {
  for (const Arena& arena : arenas()) {
    if (frame - arena.first < arena.count) return &arena.records[frame - arena.first];
  }
  return nullptr;
}

}  // namespace quoll::vm
