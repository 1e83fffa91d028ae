// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where page tables come from: single frames, counted against an allowance.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/phys_map.hpp>
#include <quoll/paging/table_memory.hpp>
#include <quoll/paging/table_record.hpp>
#include <quoll/paging/walk_sections.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::vm {

/// All walks of page tables on this machine.
inline constinit paging::WalkSections<sync::kMaxHarts> walk_sections;

/// Satisfies `paging::TableMemory`. A table's record lies in the two words of its frame's record
/// that chain free frames.
class TableMemory {
 public:
  /// *Requires*: the allocator is initialised.
  TableMemory(FrameAllocator& frames, std::uint64_t allowance,
              FrameUse use = FrameUse::kKernel) noexcept
      : frames_(&frames), map_(frames.phys_map()), allowance_(allowance), use_(use) {}

  std::optional<mem::PhysicalAddress> allocate() noexcept {
    // Claimed before it is there, so that several harts together stay below the allowance.
    if (__atomic_fetch_add(&in_use_, 1, __ATOMIC_RELAXED) >= allowance_) return refuse();
    auto frame = frames_->allocate_zeroed(use_);
    if (!frame) return refuse();
    const mem::PhysicalAddress address = frame->leak();
    FrameInfo& info = frames_->info(address);
    info.next = 0;
    info.previous = 0;
    return address;
  }
  void release(mem::PhysicalAddress table) noexcept {
    Frame::adopt(*frames_, table).reset();
    __atomic_fetch_sub(&in_use_, 1, __ATOMIC_RELAXED);
  }
  void* pointer(mem::PhysicalAddress table) const noexcept { return map_.pointer(table); }
  paging::TableRecord record(mem::PhysicalAddress table) noexcept {
    FrameInfo& info = frames_->info(table);
    return {info.previous, info.next};
  }
  static auto& sections() noexcept { return walk_sections; }
  static unsigned hart() noexcept { return arch::Harts::id(); }
  static unsigned hart_count() noexcept { return arch::Harts::count(); }
  static void relax() noexcept { arch::Interrupts::relax(); }

  std::uint64_t in_use() const noexcept { return __atomic_load_n(&in_use_, __ATOMIC_RELAXED); }
  bool is_exhausted() const noexcept { return in_use() >= allowance_; }

 private:
  std::optional<mem::PhysicalAddress> refuse() noexcept {
    __atomic_fetch_sub(&in_use_, 1, __ATOMIC_RELAXED);
    return std::nullopt;
  }

  FrameAllocator* frames_;
  mem::PhysMap map_;
  std::uint64_t allowance_;
  std::uint64_t in_use_ = 0;
  FrameUse use_;
};

}  // namespace quoll::vm
