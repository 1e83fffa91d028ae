// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Readers and writers: bounded copies between the kernel and a part of user memory. User memory is
// copied, never borrowed; a page that is not there stops the copy and is named.
#pragma once

#include <cstddef>

#include <quoll/base/result.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/permissions.hpp>

namespace quoll::vm {

class VmSpace;

/// Why a copy stopped: let the page be filled in, and go on where it stopped.
struct NeedsPage {
  mem::VirtualAddress address;  ///< the first byte that was not copied
  mem::Access access;
};

/// What readers and writers have in common: where they stand, and how far they may go.
class UserCursor {
 public:
  mem::VirtualAddress address() const noexcept { return at_; }
  std::size_t remaining() const noexcept { return remaining_; }

 protected:
  UserCursor(VmSpace& space, mem::VirtualAddress at, std::size_t size) noexcept
      : space_(&space), at_(at), remaining_(size) {}
  void advance(std::size_t size) noexcept;

  VmSpace* space_;
  mem::VirtualAddress at_;
  std::size_t remaining_;
};

/// Copies out of user memory, from its start to its end. *Context*: task, with no lock held.
class VmReader : public UserCursor {
 public:
  /// Copies `size` bytes, or as many as remain, and stands behind them; the result is how many.
  /// When a page is missing it stands at the byte that could not be copied. The space becomes the
  /// active one of this hart, whichever was.
  base::Result<std::size_t, NeedsPage> read(void* to, std::size_t size);

 private:
  friend class VmSpace;
  using UserCursor::UserCursor;
};

/// Copies into user memory.
class VmWriter : public UserCursor {
 public:
  base::Result<std::size_t, NeedsPage> write(const void* from, std::size_t size);

 private:
  friend class VmSpace;
  using UserCursor::UserCursor;
};

}  // namespace quoll::vm
