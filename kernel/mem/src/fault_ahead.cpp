// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Pages ahead of faults. Where faults of a region come one behind the other, the next one is
// answered with pages behind it too: as many as a window allows, in the page table that was just
// looked up, in the region, and up to the first page that is present or cannot be had at once.
//
// A page that costs nothing, because it is the archive's or its object has it, may be filled in
// for nothing: the window is all that it can be at the second fault. A page that costs a frame is
// zeros, which is dearer to make than three faults are: there the window is a quarter of the run
// until now, so that what is filled in vain stays below what is saved, and memory below a quarter
// of what was used. Where frames are scarce, there is none. Copies are made on demand alone.
#include <algorithm>

#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/mem/page_size.hpp>

#include "fill_quickly.hpp"

namespace quoll::vm {
namespace {

using mem::kPageSize;

constexpr std::uint64_t kMostAhead = 16;
constexpr std::uint64_t kBytesOfTable = kPageSize * (kPageSize / 8);

}  // namespace

inline bool AddressSpace::show_absent(mem::VirtualAddress page, mem::PhysicalAddress frame,
                                      const paging::Properties& properties) noexcept {
  auto entry = tables().page_mut(page);
  if (!entry->can_fill()) return false;
  entry->fill(frame, properties);
  return true;
}

/// *Requires*: the page was the next one of its region's run.
void AddressSpace::go_on_in_run(Region& region, mem::VirtualAddress page, mem::Access access) {
  const std::uint64_t run = region.run + std::uint64_t{1};
  const std::uint64_t frames = kernel_.frames().has_plenty() ? std::min(run / 4, kMostAhead) : 0;
  const std::uint64_t ahead = fill_ahead(region, page, access, {kMostAhead, frames});
  region.run = static_cast<std::uint32_t>(std::min<std::uint64_t>(run + ahead, UINT32_MAX));
  region.next_in_run = page + (1 + ahead) * kPageSize;
}

/// Fills in pages behind one that is there, for such accesses; the result is how many.
std::uint64_t AddressSpace::fill_ahead(const Region& region, mem::VirtualAddress page,
                                       mem::Access access, Ahead most) {
  const std::uint64_t in_region = region.range.end() - page;
  const std::uint64_t in_table = kBytesOfTable - (page - page.align_down(kBytesOfTable));
  const std::uint64_t pages = std::min(std::min(in_region, in_table) / kPageSize - 1, most.pages);
  std::uint64_t filled = 0;
  const PagesGuard guard(region.vmo.get());
  while (filled < pages) {
    const PageCost cost = filled < most.frames ? PageCost::kFrame : PageCost::kNothing;
    if (!fill_one_ahead(region, page + (1 + filled) * kPageSize, access, cost)) break;
    ++filled;
  }
  return filled;
}

bool AddressSpace::fill_one_ahead(const Region& region, mem::VirtualAddress page,
                                  mem::Access access,
                                  PageCost most) QUOLL_NO_THREAD_SAFETY_ANALYSIS {
  if (region.backing == Backing::kAnonymous) {
    return most == PageCost::kFrame && fill_quickly(region, page);
  }
  if (PagedVmo* const object = region.paged()) {
    return show_at_hand(region, *object, page, access, most);
  }
  // The rest of a shared mapping is there.
  if (region.backing != Backing::kPrivate || access == mem::Access::kWrite ||
      region.vmo_offset_of(page) + kPageSize > region.vmo->content_size()) {
    return false;
  }
  return show_absent(page, region.vmo_frame(page),
                     {region.permissions.without_write(), region.vmo->cache_mode()});
}

/// What most faults on objects need: the page is at hand, its page table is there, and nothing
/// becomes old. Anything else is left to `resolve`.
bool AddressSpace::show_quickly(const Region& region, PagedVmo& object, mem::VirtualAddress page,
                                mem::Access access) {
  sync::LockGuard guard(object.pages_lock);
  return show_at_hand(region, object, page, access, PageCost::kFrame);
}

/// Maps an object's page that is absent, if it is at hand.
bool AddressSpace::show_at_hand(const Region& region, PagedVmo& object, mem::VirtualAddress page,
                                mem::Access access, PageCost most) {
  const std::uint64_t offset = region.vmo_offset_of(page);
  const bool is_code = region.permissions.can_execute();
  if (region.backing == Backing::kShared) {
    const auto found = object.page_at_hand(offset, access, most);
    if (!found || (is_code && !found->is_lent)) return false;
    return show_absent(
        page, found->frame,
        {found->may_write ? region.permissions : region.permissions.without_write()});
  }
  const auto source = object.source_at_hand(offset);
  if (!source) return false;
  if (source->bytes == 0) return most == PageCost::kFrame && fill_quickly(region, page);
  if (access == mem::Access::kWrite || source->bytes < kPageSize) return false;
  if (is_code && !source->is_lent) return false;
  return show_absent(page, source->from, {region.permissions.without_write()});
}

}  // namespace quoll::vm
