// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where a paged object is mapped: what must be told when its pages change.
#pragma once

#include <cstdint>

#include <quoll/intrusive/list.hpp>
#include <quoll/intrusive/ref_counted.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/range.hpp>

namespace quoll::vm {

class PagedVmo;
class VmSpace;

/// One mapping of an object in one space. The regions that it has been cut into own it together,
/// so it lasts until the last of them is gone and fenced, and says rather too much than too
/// little: parts of its range may be somebody else's by now. What is the object's there is told
/// by the frame.
/// *Locking*: the object's.
class VmoMapping : public intrusive::RefCounted<VmoMapping>,
                   public intrusive::ListNode<VmoMapping> {
 public:
  /// *Context*: the object's lock is not held.
  ~VmoMapping();

 private:
  friend class PagedVmo;
  VmoMapping(intrusive::RefPtr<PagedVmo> object, VmSpace& space, mem::VirtualRange range,
             std::uint64_t offset) noexcept;

  /// The addresses of the object's bytes from `first` to before `end`; possibly none.
  mem::VirtualRange addresses_of(std::uint64_t first, std::uint64_t end) const noexcept;

  const intrusive::RefPtr<PagedVmo> object_;
  VmSpace& space_;
  const mem::VirtualRange range_;
  const std::uint64_t offset_;
};

using VmoMappingRef = intrusive::RefPtr<VmoMapping>;

}  // namespace quoll::vm
