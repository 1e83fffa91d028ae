// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The flusher: one commit's changes of one space, told to the harts that may have cached what was,
// and everything that may be given back only after that.
#pragma once

#include <cstdint>

#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/frame.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/flush.hpp>

namespace quoll::vm {

class VmSpace;

/// Collects flushes, dispatches them once, and then gives back what it held. One that ends with
/// flushes, page tables or frames that were never dispatched is a broken invariant.
///
/// Declared before the guard of the lock that orders a space's changes, it gives the frames back
/// after the lock is released.
class [[nodiscard]] TlbFlusher {
 public:
  explicit TlbFlusher(VmSpace& space) noexcept;
  TlbFlusher(const TlbFlusher&) = delete;
  TlbFlusher& operator=(const TlbFlusher&) = delete;
  ~TlbFlusher();

  /// Issues a flush of the page at an address. What is refused has issued nothing.
  /// *Errors*: `kUnaligned`, `kOutOfRange` (not in the user half).
  base::Result<void, SpaceError> issue_address(mem::VirtualAddress page,
                                               paging::FenceReach reach = paging::FenceReach::kAll);
  /// *Errors*: further, `kEmpty`.
  base::Result<void, SpaceError> issue_range(mem::VirtualRange range,
                                             paging::FenceReach reach = paging::FenceReach::kAll);
  /// All of the user half.
  void issue_all(paging::FenceReach reach = paging::FenceReach::kAll) noexcept;

  /// The token that page-table operations fill.
  paging::Flush& changes() noexcept { return changes_; }
  /// Keeps a frame that was mapped until the flush is known complete.
  void hold(Frame frame) noexcept;

  /// Flushes all that was issued, in one request to the harts that have the space active, and
  /// returns when they have done it. Page tables go back at once, frames when the flusher ends.
  /// *Context*: task.
  void dispatch() noexcept;
  /// Whether something waits for a dispatch.
  bool is_pending() const noexcept;

 private:
  VmSpace& space_;
  FrameList frames_;
  paging::Flush changes_;
  bool holds_frames_ = false;
};

/// Makes stores to code visible to instruction fetches of every hart. It must be done before the
/// code can be reached, so it waits for no dispatch. *Context*: task.
void fence_code_everywhere() noexcept;

}  // namespace quoll::vm
