// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page faults in mappings of paged objects. The object's lock is held from asking for a page to
// mapping it, so that what is mapped is what the object has.
#include <cstring>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {
namespace {

using mem::kPageSize;

FaultOutcome to_outcome(PageError error) noexcept {
  switch (error) {
    case PageError::kOutsideVmo:
      return FaultOutcome::kOutsideVmo;
    case PageError::kSealed:
      return FaultOutcome::kDenied;
    case PageError::kMustWait:
      return FaultOutcome::kMustWait;
    case PageError::kUnavailable:
      return FaultOutcome::kUnavailable;
    case PageError::kOutOfMemory:
      return FaultOutcome::kOutOfMemory;
  }
  return FaultOutcome::kUnavailable;
}

}  // namespace

FaultOutcome AddressSpace::resolve_paged(const Region& region, PagedVmo& object,
                                         mem::VirtualAddress page, mem::Access access) {
  TlbFlusher flusher(*space_);
  FaultOutcome outcome{};
  {
    sync::LockGuard guard(object.pages_lock);
    outcome = region.backing == Backing::kShared
                  ? show_shared(region, object, page, access, flusher)
                  : show_private(region, object, page, access, flusher);
  }
  flusher.dispatch();
  return outcome;
}

/// Maps the object's own page, to be written too if no copy of the object has it.
FaultOutcome AddressSpace::show_shared(const Region& region, PagedVmo& object,
                                       mem::VirtualAddress page, mem::Access access,
                                       TlbFlusher& flusher) {
  const auto found = object.page(region.vmo_offset_of(page), access);
  if (!found) return to_outcome(found.error());
  const mem::Permissions permissions =
      found->may_write ? region.permissions : region.permissions.without_write();
  return show(page, found->frame, permissions, access, found->is_lent, flusher);
}

/// Maps the object's page until it is written, then the space's own copy. A page that nobody has
/// written in the object is zeros of the space's own at once: the object need not have it.
FaultOutcome AddressSpace::show_private(const Region& region, PagedVmo& object,
                                        mem::VirtualAddress page, mem::Access access,
                                        TlbFlusher& flusher) {
  const std::uint64_t offset = region.vmo_offset_of(page);
  const auto leaf = tables().page_mut(page)->query().leaf;
  if (leaf && !object.owns(offset, leaf->address)) {
    return show(page, leaf->address, region.permissions, access, false, flusher);
  }
  const auto source = object.source(offset);
  if (!source) return to_outcome(source.error());
  if (access != mem::Access::kWrite && source->is_frame) {
    return show(page, source->from, region.permissions.without_write(), access, source->is_lent,
                flusher);
  }
  auto copy = object.copy_of(*source);
  if (!copy) return FaultOutcome::kOutOfMemory;
  // What was there may be gone by now: an object with the same frame that was mapped here once may
  // have taken it back.
  const FaultOutcome shown =
      show(page, copy->address(), region.permissions, access, false, flusher);
  if (shown != FaultOutcome::kResolved) return shown;  // the handle gives the frame back
  (void)copy->leak();
  ++usage_.resident_pages;
  return FaultOutcome::kResolved;
}

/// Sees to it that a page translates to a frame with permissions that allow the access: maps it,
/// widens what is there, or makes this hart forget what was. Another frame is there only if this is
/// a private copy of it, or if it was lent by a provider that says something else now: nobody else
/// takes the place of a page that is mapped.
FaultOutcome AddressSpace::show(mem::VirtualAddress page, mem::PhysicalAddress frame,
                                mem::Permissions permissions, mem::Access access, bool is_lent,
                                TlbFlusher& flusher) {
  const mem::VirtualRange range(page, kPageSize);
  {
    auto entry = tables().page_mut(page);
    const auto leaf = entry->query().leaf;
    const bool is_new = !leaf || leaf->address != frame;
    // Instructions may have been written since a hart last looked there.
    if (is_new && permissions.can_execute() && !is_lent) fence_code_everywhere();
    if (!leaf) {
      paging::Flush added;
      if (!entry->map(frame, {permissions}, added)) return FaultOutcome::kOutOfMemory;
      added.waive();
      return FaultOutcome::kResolved;
    }
    if (is_new) {
      const auto replaced = entry->replace(frame, {permissions}, flusher.changes());
      QUOLL_ASSERT(replaced.has_value());
      return FaultOutcome::kResolved;
    }
    if (leaf->properties.permissions.allows(access)) {
      flusher.changes().include(range, paging::FenceReach::kLocal);
      return FaultOutcome::kResolved;
    }
  }
  const auto widened =
      tables().protect(range, flusher.changes(),
                       [&](mem::VirtualAddress, const paging::Leaf&) { return permissions; });
  QUOLL_ASSERT(widened.has_value());
  return FaultOutcome::kResolved;
}

PageRequestRef AddressSpace::page_request(mem::VirtualAddress address) {
  sync::LockGuard guard(lock_);
  const Region* region = region_of(address);
  if (region == nullptr || region->paged() == nullptr) return {};
  return region->paged()->request(region->vmo_offset_of(address.align_down(kPageSize)));
}

}  // namespace quoll::vm
