// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The flusher. Harts are reached through the firmware: one that has its interrupts disabled, or
// that waits for a lock of ours, is fenced all the same, and there are no queues between harts.
#include <utility>

#include <quoll/arch/current.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/flush.hpp>
#include <quoll/kernel/mem/vm_space.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

TlbFlusher::TlbFlusher(VmSpace& space) noexcept : space_(space), frames_(space.kernel().frames()) {}

TlbFlusher::~TlbFlusher() {
  QUOLL_ASSERT(!is_pending());
}

bool TlbFlusher::is_pending() const noexcept {
  return changes_.reach() != paging::FenceReach::kNone || holds_frames_;
}

base::Result<void, SpaceError> TlbFlusher::issue_address(mem::VirtualAddress page,
                                                         paging::FenceReach reach) {
  if (!page.is_aligned(mem::kPageSize)) return base::err(SpaceError::kUnaligned);
  // The half ends with a page: one that begins in it ends in it.
  if (!space_.kernel().format().user_half().contains(page)) {
    return base::err(SpaceError::kOutOfRange);
  }
  return issue_range(mem::VirtualRange(page, mem::kPageSize), reach);
}

base::Result<void, SpaceError> TlbFlusher::issue_range(mem::VirtualRange range,
                                                       paging::FenceReach reach) {
  if (range.is_empty()) return base::err(SpaceError::kEmpty);
  if (!range.is_page_aligned()) return base::err(SpaceError::kUnaligned);
  if (!space_.kernel().format().user_half().contains(range)) {
    return base::err(SpaceError::kOutOfRange);
  }
  changes_.include(range, reach);
  return {};
}

void TlbFlusher::issue_all(paging::FenceReach reach) noexcept {
  changes_.include(space_.kernel().format().user_half(), reach);
}

void TlbFlusher::hold(Frame frame) noexcept {
  frames_.push(std::move(frame));
  holds_frames_ = true;
}

void TlbFlusher::dispatch() noexcept {
  changes_.apply([this](mem::VirtualRange range, paging::FenceReach reach) {
    if (reach == paging::FenceReach::kAll) {
      space_.shoot_down(range);
    } else {
      space_.fence_here(range);
    }
  });
  changes_.release_tables(space_.tables().memory());
  holds_frames_ = false;
}

void fence_code_everywhere() noexcept {
  arch::Mmu::fence_code();
  const auto others = sync::HartSet::first(arch::Harts::count()).without(arch::Harts::id());
  if (!others.is_empty()) arch::Mmu::fence_code_remote(others);
}

}  // namespace quoll::vm
