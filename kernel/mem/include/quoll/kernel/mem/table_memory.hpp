// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where page tables come from: single frames, counted against an allowance.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/mem/address.hpp>

namespace quoll::vm {

/// Satisfies `paging::TableMemory`. Not shared: its owner's lock guards the count.
class TableMemory {
 public:
  TableMemory(FrameAllocator& frames, std::uint64_t allowance,
              FrameUse use = FrameUse::kKernel) noexcept
      : frames_(&frames), allowance_(allowance), use_(use) {}

  std::optional<mem::PhysicalAddress> allocate() noexcept {
    if (in_use_ >= allowance_) return std::nullopt;
    auto frame = frames_->allocate_zeroed(use_);
    if (!frame) return std::nullopt;
    ++in_use_;
    const mem::PhysicalAddress address = frame->leak();
    frames_->info(address).payload = 0;
    return address;
  }
  void release(mem::PhysicalAddress table) noexcept {
    --in_use_;
    Frame::adopt(*frames_, table).reset();
  }
  void* pointer(mem::PhysicalAddress table) const noexcept {
    return frames_->phys_map().pointer(table);
  }
  std::uint16_t& live_entries(mem::PhysicalAddress table) noexcept {
    return frames_->info(table).payload;
  }
  std::uint64_t in_use() const noexcept { return in_use_; }
  bool is_exhausted() const noexcept { return in_use_ >= allowance_; }

 private:
  FrameAllocator* frames_;
  std::uint64_t allowance_;
  std::uint64_t in_use_ = 0;
  FrameUse use_;
};

}  // namespace quoll::vm
