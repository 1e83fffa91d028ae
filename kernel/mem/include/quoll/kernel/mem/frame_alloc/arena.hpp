// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Arenas: stretches of physical memory whose frames have records. They span several ranges of free
// memory where the holes between are small; the holes have records too, which say so, and are
// never handed out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/bootstrap_alloc.hpp>
#include <quoll/kernel/mem/frame_alloc/frame_info.hpp>
#include <quoll/kernel/mem/frame_alloc/frame_number.hpp>
#include <quoll/mem/address.hpp>

namespace quoll::vm {

/// A stretch of physical memory with records for all of its frames, holes included.
struct Arena {
  FrameNumber first = 0;
  FrameNumber count = 0;
  FrameInfo* records = nullptr;

  std::uint64_t end() const noexcept { return std::uint64_t{first} + count; }
};

/// The records where there is one arena: no search, and nothing that is called.
class SingleArena {
 public:
  SingleArena(std::uint64_t base, const Arena& arena) noexcept
      : base_(base), first_(arena.first), count_(arena.count) {}

  /// As `ArenaSet::find`.
  FrameInfo* find(FrameNumber frame) const noexcept {
    return frame - first_ < count_ ? &info(frame) : nullptr;
  }
  /// As `ArenaSet::info`, unchecked.
  FrameInfo& info(FrameNumber frame) const noexcept {
    return *static_cast<FrameInfo*>(
        mem::to_pointer(mem::VirtualAddress(base_ + std::uint64_t{frame} * sizeof(FrameInfo))));
  }

 private:
  std::uint64_t base_;
  FrameNumber first_;
  FrameNumber count_;
};

/// All arenas, in order. Written once, when the machine starts.
class ArenaSet {
 public:
  static constexpr std::size_t kMaxArenas = 16;

  constexpr ArenaSet() = default;
  ArenaSet(const ArenaSet&) = delete;
  ArenaSet& operator=(const ArenaSet&) = delete;

  /// Spans arenas over all stretches. However many there are, there will be few enough arenas:
  /// holes count as small more and more generously.
  void choose(const Stretches& memory) noexcept;
  /// Tells arena `index` where its records are.
  void set_records(std::size_t index, FrameInfo* records) noexcept;
  void clear() noexcept;

  std::span<const Arena> arenas() const noexcept { return {arenas_.data(), count_}; }
  bool is_single() const noexcept { return base_ != 0; }
  /// *Requires*: `is_single()`.
  SingleArena single() const noexcept { return {base_, arenas_[0]}; }

  /// The record of a frame, or null for one that is in no arena.
  FrameInfo* find(FrameNumber frame) const noexcept {
    const FrameNumber index = frame - arenas_[0].first;
    if (index < arenas_[0].count) [[likely]]
      return &arenas_[0].records[index];
    return count_ < 2 ? nullptr : find_further(frame);
  }
  /// The record of a frame that is in an arena.
  FrameInfo& info(FrameNumber frame) const noexcept {
    FrameInfo* const found = find(frame);
    QUOLL_ASSERT(found != nullptr);
    return *found;
  }
  /// The same where there is one arena. *Requires*: `is_single()`, and the address is a frame's.
  FrameInfo& info_in_single(std::uint64_t address) const noexcept {
    // Sixteen bytes for 4096: the record's offset is the address, shifted.
    static_assert(mem::kPageSize / sizeof(FrameInfo) == 256);
    return *static_cast<FrameInfo*>(mem::to_pointer(mem::VirtualAddress(base_ + (address >> 8))));
  }

 private:
  FrameInfo* find_further(FrameNumber frame) const noexcept;

  std::uint64_t base_ = 0;  ///< where frame 0's record would be, if there is one arena
  std::array<Arena, kMaxArenas> arenas_{};
  std::size_t count_ = 0;
};

}  // namespace quoll::vm
