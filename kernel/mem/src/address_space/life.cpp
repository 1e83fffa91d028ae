// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address spaces: how they begin and end, and what they tell about themselves.
#include <new>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/mem/page_size.hpp>

#include "late_flusher.hpp"

namespace quoll::vm {
namespace {

/// Null pointers, and small offsets from them, hit nothing.
constexpr std::uint64_t kNeverMapped = std::uint64_t{64} << 10;

mem::VirtualRange mappable(mem::VirtualRange user_half) {
  // The last page stays free, so that no address computation of user mode leaves the half.
  return mem::VirtualRange(user_half.start() + kNeverMapped,
                           user_half.size() - kNeverMapped - mem::kPageSize);
}

}  // namespace

base::Result<std::unique_ptr<AddressSpace>, SpaceError> AddressSpace::create(
    KernelSpace& kernel, const SpaceLimits& limits, const std::optional<PlacementSeed>& seed) {
  auto mechanism = TRY(VmSpace::create(kernel, limits.page_tables));
  std::unique_ptr<AddressSpace> space(new (std::nothrow)
                                          AddressSpace(kernel, std::move(mechanism), limits, seed));
  if (space == nullptr) return base::err(SpaceError::kOutOfMemory);
  return space;
}

AddressSpace::AddressSpace(KernelSpace& kernel, intrusive::RefPtr<VmSpace> space,
                           const SpaceLimits& limits, const std::optional<PlacementSeed>& seed)
    : kernel_(kernel),
      limits_(limits),
      bounds_(mappable(kernel.format().user_half())),
      space_(std::move(space)),
      fault_handler_{[](void* self, mem::VirtualAddress address, mem::Access access) {
                       return static_cast<AddressSpace*>(self)->handle_fault(address, access);
                     },
                     this},
      dice_(seed) {
  QUOLL_ASSERT(space_->register_page_fault_handler(fault_handler_).has_value());
}

AddressSpace::~AddressSpace() {
  if (is_active()) kernel_.activate();
  space_->unregister_page_fault_handler();
  // Nobody else is here, so no lock is taken.
  LateFlusher flusher(*space_);
  if (!regions_.is_empty()) remove_all({regions_.first(), regions_.last()}, flusher);
  QUOLL_ASSERT(usage_.resident_pages == 0 && tables().memory().in_use() == 0);
}

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
