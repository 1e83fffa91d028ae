// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Handles of mappings. Where bytes are in the space is computed in one place, from a range that was
// checked against the mapping's size.
#include <quoll/base/bits.hpp>
#include <quoll/base/checked.hpp>
#include <quoll/kernel/mem/mmap.hpp>
#include <quoll/kernel/mem/user_copy.hpp>

namespace quoll::vm {
namespace {

using mem::kPageSize;

base::Result<void, SpaceError> in_mapping(const base::Result<void, CopyError>& copied) noexcept {
  if (copied) return {};
  switch (copied.error()) {
    case CopyError::kBadAddress:  // permissions have been asked for, so a thread was here
      return base::err(SpaceError::kNotMapped);
    case CopyError::kOutOfMemory:
      return base::err(SpaceError::kOutOfMemory);
    case CopyError::kMustWait:
      return base::err(SpaceError::kUnavailable);
  }
  return base::err(SpaceError::kNotMapped);
}

base::Result<void, SpaceError> in_mapping(FaultOutcome outcome) noexcept {
  switch (outcome) {
    case FaultOutcome::kResolved:
      return {};
    case FaultOutcome::kOutOfMemory:
      return base::err(SpaceError::kOutOfMemory);
    case FaultOutcome::kMustWait:
    case FaultOutcome::kUnavailable:
      return base::err(SpaceError::kUnavailable);
    case FaultOutcome::kNotMapped:
    case FaultOutcome::kDenied:
    case FaultOutcome::kGuard:
    case FaultOutcome::kOutsideVmo:
      return base::err(SpaceError::kNotMapped);
  }
  return base::err(SpaceError::kNotMapped);
}

}  // namespace

base::Result<Mmap, SpaceError> Mmap::new_zeroed(AddressSpace& space, std::uint64_t size,
                                                std::uint64_t alignment) {
  return Mmap(space, TRY(space.own_anonymous(Placement::anywhere(alignment), size,
                                             mem::Permissions::read_write())));
}

base::Result<Mmap, SpaceError> Mmap::new_phys(AddressSpace& space, mem::PhysicalRange physical,
                                              paging::CacheMode cache, std::uint64_t alignment) {
  const auto permissions = mem::Permissions::read_write();
  VmoRef memory = TRY(Vmo::create_physical(physical, cache, permissions));
  return Mmap(space, TRY(space.own_shared(Placement::anywhere(alignment), std::move(memory),
                                          physical.size(), permissions)));
}

Mmap::~Mmap() {
  if (space_ != nullptr) space_->end_own(mapping_);
}

base::Result<void, SpaceError> Mmap::check(MmapRange range, mem::Access access) const noexcept {
  if (!base::fits_within(range.offset, range.size, len())) {
    return base::err(SpaceError::kOutOfRange);
  }
  if (range.size > 0 && !permissions_.allows(access)) return base::err(SpaceError::kDenied);
  return {};
}

base::Result<void, SpaceError> Mmap::commit(MmapRange range) const {
  const mem::Access access = permissions_.can_write() ? mem::Access::kWrite : mem::Access::kRead;
  TRY(check(range, access));
  if (range.size == 0) return {};
  // The mapping is whole pages, so the last one is all in it.
  const std::uint64_t first = base::align_down(range.offset, kPageSize);
  const std::uint64_t pages = mem::pages_for(range.offset - first + range.size);
  return in_mapping(space_->populate(
      mem::VirtualRange(mapping_.range.start() + first, pages * kPageSize), access));
}

/// *Requires*: the range was checked.
base::Result<void, SpaceError> Mmap::read(std::uint64_t offset, std::byte* to,
                                          std::size_t size) const {
  return in_mapping(copy_from_user(*space_, to, mapping_.range.start() + offset, size));
}

base::Result<void, SpaceError> Mmap::copy_from_userspace(MmapRange range,
                                                         std::span<std::byte> to) const {
  TRY(check(range, mem::Access::kRead));
  if (range.size != to.size()) return base::err(SpaceError::kSizeMismatch);
  if (range.size == 0) return {};
  return read(range.offset, to.data(), to.size());
}

base::Result<void, SpaceError> Mmap::copy_to_userspace(MmapRange range,
                                                       std::span<const std::byte> from) const {
  TRY(check(range, mem::Access::kWrite));
  if (range.size != from.size()) return base::err(SpaceError::kSizeMismatch);
  if (range.size == 0) return {};
  return in_mapping(
      copy_to_user(*space_, mapping_.range.start() + range.offset, from.data(), from.size()));
}

base::Result<void, SpaceError> Mmap::protect(mem::Permissions permissions) {
  if (space_ == nullptr) return base::err(SpaceError::kEmpty);
  TRY(space_->protect_own(mapping_, permissions));
  permissions_ = permissions.for_user();
  return {};
}

}  // namespace quoll::vm
