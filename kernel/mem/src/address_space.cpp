// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address spaces: the operations on regions. Each one checks, reserves, and commits.
#include <array>
#include <bit>
#include <new>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {
namespace {

using mem::kPageSize;

/// Null pointers, and small offsets from them, hit nothing.
constexpr std::uint64_t kNeverMapped = std::uint64_t{64} << 10;

mem::VirtualRange mappable(mem::VirtualRange user_half) {
  // The last page stays free, so that no address computation of user mode leaves the half.
  return mem::VirtualRange(user_half.start() + kNeverMapped,
                           user_half.size() - kNeverMapped - kPageSize);
}

bool can_merge(const Region& low, const Region& high) noexcept {
  return low.range.end() == high.range.start() && low.permissions == high.permissions &&
         low.backing == high.backing && low.mapping == high.mapping && low.vmo == high.vmo &&
         (!low.vmo || low.vmo_offset + low.range.size() == high.vmo_offset);
}

}  // namespace

/// At most two: an operation cuts at the start and at the end of its range.
class AddressSpace::Spares {
 public:
  Spares() = default;
  Spares(const Spares&) = delete;
  Spares& operator=(const Spares&) = delete;
  ~Spares() {
    while (count_ > 0) delete nodes_[--count_];
  }
  [[nodiscard]] bool add() noexcept {
    Region* node = new (std::nothrow) Region;
    if (node == nullptr) return false;
    nodes_[count_++] = node;
    return true;
  }
  unsigned count() const noexcept { return count_; }
  Region* pop() noexcept {
    QUOLL_ASSERT(count_ > 0);
    return nodes_[--count_];
  }

 private:
  std::array<Region*, 2> nodes_{};
  unsigned count_ = 0;
};

// Life.

base::Result<std::unique_ptr<AddressSpace>, SpaceError> AddressSpace::create(
    KernelSpace& kernel, const SpaceLimits& limits) {
  auto mechanism = TRY(VmSpace::create(kernel, limits.page_tables));
  std::unique_ptr<AddressSpace> space(new (std::nothrow)
                                          AddressSpace(kernel, std::move(mechanism), limits));
  if (space == nullptr) return base::err(SpaceError::kOutOfMemory);
  return space;
}

AddressSpace::AddressSpace(KernelSpace& kernel, intrusive::RefPtr<VmSpace> space,
                           const SpaceLimits& limits)
    : kernel_(kernel),
      limits_(limits),
      bounds_(mappable(kernel.format().user_half())),
      space_(std::move(space)),
      fault_handler_{[](void* self, mem::VirtualAddress address, mem::Access access) {
                       return static_cast<AddressSpace*>(self)->handle_fault(address, access);
                     },
                     this} {
  QUOLL_ASSERT(space_->register_page_fault_handler(fault_handler_).has_value());
}

AddressSpace::~AddressSpace() {
  if (is_active()) kernel_.activate();
  space_->unregister_page_fault_handler();
  TlbFlusher flusher(*space_);
  {
    sync::LockGuard guard(lock_);
    while (Region* region = regions_.first()) {
      take_pages(*region, flusher);
      remove(*region);
    }
    flusher.dispatch();
    QUOLL_ASSERT(usage_.resident_pages == 0 && tables().memory().in_use() == 0);
  }
}

// Checks.

base::Result<void, SpaceError> AddressSpace::check_range(mem::VirtualRange range) const noexcept {
  if (!range.is_page_aligned()) return base::err(SpaceError::kUnaligned);
  if (range.is_empty()) return base::err(SpaceError::kEmpty);
  if (!bounds_.contains(range)) return base::err(SpaceError::kOutOfRange);
  return {};
}

Region* AddressSpace::region_of(mem::VirtualAddress address) const noexcept {
  Region* region = regions_.find_not_above(address);
  return region != nullptr && region->range.contains(address) ? region : nullptr;
}

/// The first of the regions that cover the range without a gap.
base::Result<Region*, SpaceError> AddressSpace::select(mem::VirtualRange range, Span span) const {
  TRY(check_range(range));
  Region* const first = region_of(range.start());
  const Region* region = first;
  for (mem::VirtualAddress at = range.start(); at < range.end();) {
    if (region == nullptr || !region->range.contains(at) ||
        (span == Span::kOneMapping && region->mapping != first->mapping)) {
      return base::err(SpaceError::kNotMapped);
    }
    at = region->range.end();
    region = RegionTree::next(*region);
  }
  return first;
}

base::Result<mem::VirtualRange, SpaceError> AddressSpace::place(Placement where,
                                                                std::uint64_t size) const {
  if (size == 0) return base::err(SpaceError::kEmpty);
  if (!base::is_aligned(size, kPageSize)) return base::err(SpaceError::kUnaligned);
  if (where.is_fixed()) {
    const auto range = mem::VirtualRange::create(where.address(), size);
    if (!range) return base::err(SpaceError::kOutOfRange);
    TRY(check_range(*range));
    const Region* before = regions_.find_not_above(range->start());
    const Region* after = before == nullptr ? regions_.first() : RegionTree::next(*before);
    if ((before != nullptr && before->range.overlaps(*range)) ||
        (after != nullptr && after->range.overlaps(*range))) {
      return base::err(SpaceError::kOverlap);
    }
    return *range;
  }
  if (!std::has_single_bit(where.alignment()) || where.alignment() < kPageSize) {
    return base::err(SpaceError::kUnaligned);
  }
  const auto start = find_gap(regions_, bounds_, size, where.alignment());
  if (!start) return base::err(SpaceError::kNoRoom);
  return mem::VirtualRange(*start, size);
}

// Mapping.

base::Result<mem::VirtualRange, SpaceError> AddressSpace::map_anonymous(
    Placement where, std::uint64_t size, mem::Permissions permissions) {
  Region description;
  description.permissions = permissions.for_user();
  description.backing = permissions.is_none() ? Backing::kReserved : Backing::kAnonymous;
  return map(where, size, description);
}

base::Result<mem::VirtualRange, SpaceError> AddressSpace::reserve(Placement where,
                                                                  std::uint64_t size) {
  return map_anonymous(where, size, mem::Permissions::none());
}

base::Result<mem::VirtualRange, SpaceError> AddressSpace::map_shared(Placement where, VmoRef vmo,
                                                                     std::uint64_t offset,
                                                                     std::uint64_t size,
                                                                     mem::Permissions permissions) {
  if (!vmo->most().for_kernel().includes(permissions.for_kernel())) {
    return base::err(SpaceError::kDenied);
  }
  Region description;
  description.permissions = permissions.for_user();
  description.backing = Backing::kShared;
  description.vmo = std::move(vmo);
  description.vmo_offset = offset;
  return map_vmo(where, size, description);
}

base::Result<mem::VirtualRange, SpaceError> AddressSpace::map_private(
    Placement where, VmoRef vmo, std::uint64_t offset, std::uint64_t size,
    mem::Permissions permissions) {
  Region description;
  description.permissions = permissions.for_user();
  description.backing = Backing::kPrivate;
  description.vmo = std::move(vmo);
  description.vmo_offset = offset;
  return map_vmo(where, size, description);
}

base::Result<mem::VirtualRange, SpaceError> AddressSpace::map_vmo(Placement where,
                                                                  std::uint64_t size,
                                                                  const Region& description) {
  if (!base::is_aligned(description.vmo_offset, kPageSize)) {
    return base::err(SpaceError::kUnaligned);
  }
  if (!base::fits_within(description.vmo_offset, size, description.vmo->size())) {
    return base::err(SpaceError::kOutsideVmo);
  }
  return map(where, size, description);
}

base::Result<mem::VirtualRange, SpaceError> AddressSpace::map(Placement where, std::uint64_t size,
                                                              const Region& description) {
  TlbFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  const mem::VirtualRange range = TRY(place(where, size));
  const std::uint64_t charge = description.is_charged() ? range.page_count() : 0;
  if (charge > limits_.committed_pages - usage_.committed_pages ||
      usage_.regions >= limits_.regions) {
    return base::err(SpaceError::kLimit);
  }
  // Records of regions are the kernel's memory, and guests can ask for many.
  if (!kernel_.frames().has_frame(FrameUse::kGuest)) return base::err(SpaceError::kOutOfMemory);
  std::unique_ptr<Region> region(new (std::nothrow) Region(description));
  if (region == nullptr) return base::err(SpaceError::kOutOfMemory);
  region->range = range;
  region->origin = range.start();
  region->mapping = next_mapping_++;
  if (region->backing == Backing::kShared) {
    const auto mapped = tables()
                            .cursor_mut(range.start(), range.size())
                            ->map(region->vmo_frame(range.start()), range.size(),
                                  {region->permissions}, flusher.changes());
    flusher.dispatch();
    if (!mapped) {
      QUOLL_ASSERT(mapped.error() == paging::MapError::kOutOfMemory);
      return base::err(tables().memory().is_exhausted() ? SpaceError::kLimit
                                                        : SpaceError::kOutOfMemory);
    }
  }
  regions_.insert(*region.release());
  usage_.committed_pages += charge;
  usage_.reserved_bytes += range.size();
  ++usage_.regions;
  return range;
}

// Cutting and joining regions.

/// Takes the nodes that `isolate` will need.
base::Result<void, SpaceError> AddressSpace::reserve_cuts(mem::VirtualRange range, Spares& spares) {
  const Region* first = region_of(range.start());
  const Region* last = region_of(range.start() + (range.size() - 1));
  unsigned cuts = first->range.start() != range.start() ? 1 : 0;
  if (last->range.end() != range.end()) ++cuts;
  if (cuts > limits_.regions - usage_.regions) return base::err(SpaceError::kLimit);
  if (cuts > 0 && !kernel_.frames().has_frame(FrameUse::kGuest)) {
    return base::err(SpaceError::kOutOfMemory);
  }
  while (spares.count() < cuts) {
    if (!spares.add()) return base::err(SpaceError::kOutOfMemory);
  }
  return {};
}

/// Cuts one region in two; the result is the upper part.
Region* AddressSpace::cut(Region& region, mem::VirtualAddress at, Spares& spares) {
  Region* upper = spares.pop();
  const std::uint64_t below = at - region.range.start();
  *upper = region;
  upper->range = mem::VirtualRange(at, region.range.size() - below);
  if (upper->vmo) upper->vmo_offset += below;
  region.range = mem::VirtualRange(region.range.start(), below);
  regions_.update(region);
  regions_.insert(*upper);
  ++usage_.regions;
  return upper;
}

/// Cuts regions so that some begin and end with the range; the result is the first of those.
Region* AddressSpace::isolate(mem::VirtualRange range, Spares& spares) {
  Region* first = region_of(range.start());
  if (first->range.start() != range.start()) first = cut(*first, range.start(), spares);
  Region* last = region_of(range.start() + (range.size() - 1));
  if (last->range.end() != range.end()) cut(*last, range.end(), spares);
  return first;
}

/// Joins what has become alike, from the neighbour before the range to the one behind it.
void AddressSpace::merge_around(mem::VirtualRange range) {
  Region* low = regions_.find_not_above(range.start() - 1);
  if (low == nullptr) low = regions_.first();
  while (low != nullptr && low->range.start() < range.end()) {
    Region* high = RegionTree::next(*low);
    if (high == nullptr) return;
    if (!can_merge(*low, *high)) {
      low = high;
      continue;
    }
    regions_.erase(*high);
    low->range = mem::VirtualRange(low->range.start(), low->range.size() + high->range.size());
    regions_.update(*low);
    --usage_.regions;
    if (recent_ == high) recent_ = low;
    delete high;
  }
}

/// Unmaps all pages of a region and collects the frames that belong to the space.
void AddressSpace::take_pages(const Region& region, TlbFlusher& flusher) {
  if (region.backing == Backing::kReserved) return;
  const auto removed = [&](mem::VirtualAddress, const paging::Leaf& leaf, std::uint64_t)
                           QUOLL_NO_THREAD_SAFETY_ANALYSIS {  // under the caller's guard
                             if (!region.owns_frame(leaf.address)) return;
                             flusher.hold(Frame::adopt(kernel_.frames(), leaf.address));
                             --usage_.resident_pages;
                           };
  QUOLL_ASSERT(tables().unmap(region.range, flusher.changes(), removed).has_value());
}

void AddressSpace::remove(Region& region) {
  if (region.is_charged()) usage_.committed_pages -= region.range.page_count();
  usage_.reserved_bytes -= region.range.size();
  --usage_.regions;
  regions_.erase(region);
  if (recent_ == &region) recent_ = nullptr;
  delete &region;
}

// Changing.

base::Result<void, SpaceError> AddressSpace::commit(mem::VirtualRange range,
                                                    mem::Permissions permissions) {
  if (permissions.is_none()) return base::err(SpaceError::kDenied);
  return change(range, permissions);
}

base::Result<void, SpaceError> AddressSpace::protect(mem::VirtualRange range,
                                                     mem::Permissions permissions) {
  return change(range, permissions);
}

base::Result<void, SpaceError> AddressSpace::change(mem::VirtualRange range,
                                                    mem::Permissions permissions) {
  const mem::Permissions wanted = permissions.for_user();
  {
    TlbFlusher flusher(*space_);
    sync::LockGuard guard(lock_);
    std::uint64_t charge = 0;
    for (const Region* region = TRY(select(range, Span::kOneMapping));
         region != nullptr && region->range.start() < range.end();
         region = RegionTree::next(*region)) {
      if (region->backing == Backing::kReserved && !wanted.is_none()) {
        charge += region->range.intersection(range).page_count();
      }
      if (region->backing == Backing::kShared &&
          !region->vmo->most().for_kernel().includes(permissions.for_kernel())) {
        return base::err(SpaceError::kDenied);
      }
    }
    if (charge > limits_.committed_pages - usage_.committed_pages) {
      return base::err(SpaceError::kLimit);
    }
    Spares spares;
    TRY(reserve_cuts(range, spares));

    for (Region* region = isolate(range, spares);
         region != nullptr && region->range.start() < range.end();
         region = RegionTree::next(*region)) {
      if (region->backing == Backing::kReserved) {
        if (!wanted.is_none()) region->backing = Backing::kAnonymous;
        region->permissions = wanted;
        continue;  // no page of it is there
      }
      region->permissions = wanted;
      const auto permitted = [&](mem::VirtualAddress, const paging::Leaf& leaf) {
        // A private page that is still the VMO's own must be copied before it is written.
        const bool is_copy =
            region->backing == Backing::kShared || region->owns_frame(leaf.address);
        return paging::Properties{is_copy ? wanted : wanted.without_write()};
      };
      const auto changed = tables()
                               .cursor_mut(region->range.start(), region->range.size())
                               ->protect(region->range.size(), flusher.changes(), permitted);
      QUOLL_ASSERT(changed.has_value());
    }
    usage_.committed_pages += charge;
    flusher.dispatch();
    merge_around(range);
  }
  if (wanted.can_execute()) fence_code_everywhere();
  return {};
}

base::Result<void, SpaceError> AddressSpace::decommit(mem::VirtualRange range) {
  TlbFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  for (const Region* region = TRY(select(range, Span::kOneMapping));
       region != nullptr && region->range.start() < range.end();
       region = RegionTree::next(*region)) {
    if (region->vmo) return base::err(SpaceError::kDenied);
  }
  Spares spares;
  TRY(reserve_cuts(range, spares));
  for (Region* region = isolate(range, spares);
       region != nullptr && region->range.start() < range.end();
       region = RegionTree::next(*region)) {
    take_pages(*region, flusher);
    if (region->is_charged()) usage_.committed_pages -= region->range.page_count();
    region->backing = Backing::kReserved;
    region->permissions = mem::Permissions::none().for_user();
  }
  flusher.dispatch();
  merge_around(range);
  return {};
}

base::Result<void, SpaceError> AddressSpace::unmap_locked(mem::VirtualRange range,
                                                          TlbFlusher& flusher) {
  TRY(select(range, Span::kAnyMappings));
  Spares spares;
  TRY(reserve_cuts(range, spares));
  for (Region* region = isolate(range, spares);
       region != nullptr && region->range.start() < range.end();) {
    Region* next = RegionTree::next(*region);
    take_pages(*region, flusher);
    // The region keeps its VMO alive until the fence; the pages are the VMO's.
    region->permissions = mem::Permissions::none();
    region = next;
  }
  flusher.dispatch();
  for (Region* region = region_of(range.start());
       region != nullptr && region->range.start() < range.end();) {
    Region* next = RegionTree::next(*region);
    remove(*region);
    region = next;
  }
  return {};
}

base::Result<void, SpaceError> AddressSpace::unmap(mem::VirtualRange range) {
  TlbFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  return unmap_locked(range, flusher);
}

base::Result<void, SpaceError> AddressSpace::release(mem::VirtualAddress start) {
  TlbFlusher flusher(*space_);
  sync::LockGuard guard(lock_);
  const Region* region = regions_.find(start);
  if (region == nullptr || region->origin != start) return base::err(SpaceError::kNotMapped);
  const std::uint64_t mapping = region->mapping;
  mem::VirtualAddress end = start;
  while (region != nullptr && region->mapping == mapping && region->range.start() == end) {
    end = region->range.end();
    region = RegionTree::next(*region);
  }
  return unmap_locked(mem::VirtualRange(start, end - start), flusher);
}

// Reports.

SpaceUsage AddressSpace::usage() {
  sync::LockGuard guard(lock_);
  SpaceUsage out = usage_;
  out.page_tables = tables().memory().in_use() + 1;
  return out;
}

std::optional<AddressSpace::RegionInfo> AddressSpace::region_at(mem::VirtualAddress address) {
  sync::LockGuard guard(lock_);
  const Region* region = region_of(address);
  if (region == nullptr) return std::nullopt;
  return RegionInfo{region->range, region->permissions, region->backing};
}

}  // namespace quoll::vm
