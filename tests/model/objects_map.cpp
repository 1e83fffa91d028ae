// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Mappings of objects, and of anonymous memory beside them.
#include <algorithm>

#include "objects_system.hpp"

namespace quoll::model::objects {

using mem::kPageSize;
using mem::Permissions;
using mem::VirtualAddress;
using mem::VirtualRange;
using vm::Backing;
using vm::Placement;
using vm::SpaceError;

Step ObjectsSystem::activate() {
  const bool changes = !space().is_active();
  space().activate();
  require(space().is_active(), "activated, and not active");
  return named(kActivate, "done", changes);
}

Step ObjectsSystem::leave() {
  const bool changes =
      std::ranges::any_of(spaces_, [](const auto& space) { return space->is_active(); });
  kernel_->activate();
  for (const auto& space : spaces_) require(!space->is_active(), "left, and still active");
  return named(kLeave, "done", changes);
}

/// The lowest place that is free, as a space without a seed takes it.
std::uint64_t ObjectsSystem::lowest_place(std::uint64_t count) const {
  std::uint64_t start = bases_[0];
  for (const auto& [number, page] : model().pages) {
    if (number >= start + count) break;
    start = number + 1;
  }
  return start;
}

/// Where a mapping may be that was to be there, or anywhere. A place that is aligned further may
/// lie behind a gap in which it would fit by luck.
bool ObjectsSystem::is_right_place(std::uint64_t start, const Pages& pages,
                                   std::optional<std::uint64_t> alignment) const {
  if (!alignment) return start == pages.first;
  if (*alignment == 1) return start == lowest_place(pages.count);
  return start % *alignment == 0 && start >= bases_[0] && model().is_vacant(start, pages.count);
}

ObjectsSystem::Error ObjectsSystem::may_map(const Pages& pages,
                                            std::optional<std::uint64_t> alignment,
                                            Backing backing) const {
  if (!alignment && !model().is_vacant(pages.first, pages.count)) return SpaceError::kOverlap;
  const vm::SpaceUsage usage = model().usage(levels_);
  const std::uint64_t charge = vm::Region::is_charged(backing) ? pages.count : 0;
  if (usage.committed_pages + charge > kMostCommitted || usage.regions >= kMostRegions ||
      usage.reserved_bytes + pages.bytes() > kMostReserved) {
    return SpaceError::kLimit;
  }
  return std::nullopt;
}

Step ObjectsSystem::map() {
  constexpr std::array kBackings{Backing::kShared,  Backing::kShared,    Backing::kShared,
                                 Backing::kShared,  Backing::kPrivate,   Backing::kPrivate,
                                 Backing::kPrivate, Backing::kAnonymous, Backing::kReserved};
  Backing backing = kBackings[how_.below(kBackings.size())];
  Slot* const slot = slot_for(kMap);
  if (slot == nullptr) backing = Backing::kAnonymous;
  const bool has_object = backing == Backing::kShared || backing == Backing::kPrivate;
  Pages pages{bases_[where_.below(4)] + where_.below(14), 1 + where_.below(8)};
  std::optional<std::uint64_t> alignment;
  if (where_.below(4) == 0) alignment = std::uint64_t{1} << where_.below(4);
  const Placement where = alignment ? Placement::anywhere(*alignment * kPageSize)
                                    : Placement::at(pages.addresses().start());
  std::uint64_t first = has_object ? object_page(*slot->model) : 0;
  // Mostly inside of the object.
  if (has_object && how_.below(8) != 0) {
    pages.count = std::min(pages.count, slot->model->size);
    first = std::min(first, slot->model->size - pages.count);
  }
  Permissions permissions = any_permissions();
  if (backing == Backing::kReserved) permissions = Permissions::none();

  const std::uint64_t offset = first * kPageSize;
  const auto result = [&]() -> base::Result<VirtualRange, SpaceError> {
    switch (backing) {
      case Backing::kShared:
        return space().map_shared(where, slot->object, offset, pages.bytes(), permissions);
      case Backing::kPrivate:
        return space().map_private(where, slot->object, offset, pages.bytes(), permissions);
      default:
        return space().map_anonymous(where, pages.bytes(), permissions);
    }
  }();
  Error expected = may_map(pages, alignment, backing);
  if (has_object && first + pages.count > slot->model->size) expected = SpaceError::kOutsideVmo;
  if (backing == Backing::kShared && !slot->model->allowed().includes(permissions)) {
    expected = SpaceError::kDenied;
  }
  if (const auto step = refused(kMap, error_of(result), expected)) return *step;

  const std::uint64_t start = result->start().value() / kPageSize;
  require(is_right_place(start, pages, alignment) && result->size() == pages.bytes(),
          "map: at page ", start);
  const std::uint64_t mapping = ++last_mapping_;
  if (has_object) {
    world_.mappings[mapping] = {space_, start, pages.count, slot->model.get(), first};
  }
  for (std::uint64_t i = 0; i < pages.count; ++i) {
    PageModel page{.origin = start,
                   .mapping = mapping,
                   .permissions = permissions.for_user(),
                   .backing = backing,
                   .object = has_object ? slot->model : ObjectRef(),
                   .object_page = first + i,
                   .leaf = {}};
    require(model().pages.emplace(start + i, std::move(page)).second, "two mappings have one page");
  }
  constexpr std::array<std::string_view, 4> kNames{"reserved", "anonymous", "shared", "private"};
  return named(kMap, kNames[static_cast<std::size_t>(backing)], true);
}

/// Whether the space may have the regions that come of cutting at the ends of a range.
ObjectsSystem::Error ObjectsSystem::may_cut(const Pages& pages) const {
  const std::uint64_t cuts =
      (model().joined(pages.first - 1) ? 1U : 0U) + (model().joined(pages.end() - 1) ? 1U : 0U);
  if (cuts != 0 && model().usage(levels_).regions + cuts > kMostRegions) return SpaceError::kLimit;
  return std::nullopt;
}

Step ObjectsSystem::unmap() {
  const Pages pages = pages_to_cut(6);
  const auto result = space().unmap(pages.addresses());
  Error expected = may_cut(pages);
  if (!model().covers(pages.first, pages.count, false)) expected = SpaceError::kNotMapped;
  if (const auto step = refused(kUnmap, error_of(result), expected)) return *step;
  for (std::uint64_t p = pages.first; p < pages.end(); ++p) model().pages.erase(p);
  return named(kUnmap, "done", true);
}

Step ObjectsSystem::release() {
  std::uint64_t start = space_pages(1).first;
  const auto here = model().pages.find(start);
  if (here != model().pages.end() && where_.below(4) != 0) start = here->second.origin;
  const auto result = space().release(VirtualAddress(start * kPageSize));
  const auto found = model().pages.find(start);
  Error expected;
  if (found == model().pages.end() || found->second.origin != start) {
    expected = SpaceError::kNotMapped;
  }
  if (const auto step = refused(kRelease, error_of(result), expected)) return *step;
  const std::uint64_t mapping = found->second.mapping;
  for (auto page = found; page != model().pages.end() && page->first == start; ++start) {
    if (page->second.mapping != mapping) break;
    page = model().pages.erase(page);
  }
  return named(kRelease, "done", true);
}

ObjectsSystem::Error ObjectsSystem::may_protect(const Pages& pages, Permissions wanted,
                                                bool one_mapping) const {
  if (!model().covers(pages.first, pages.count, one_mapping)) return SpaceError::kNotMapped;
  std::uint64_t charge = 0;
  for (std::uint64_t p = pages.first; p < pages.end(); ++p) {
    const PageModel& page = model().pages.at(p);
    charge += page.backing == Backing::kReserved && !wanted.is_none() ? 1U : 0U;
    if (page.backing == Backing::kShared && !page.object->allowed().includes(wanted)) {
      return SpaceError::kDenied;
    }
  }
  if (model().usage(levels_).committed_pages + charge > kMostCommitted) return SpaceError::kLimit;
  return may_cut(pages);
}

Step ObjectsSystem::protect() {
  const Pages pages = pages_to_cut(5);
  const bool commits = how_.below(4) == 0;
  Permissions wanted = any_permissions();
  if (how_.below(6) == 0) wanted = Permissions::none();
  const auto result = commits ? space().commit(pages.addresses(), wanted)
                              : space().protect(pages.addresses(), wanted);
  Error expected = may_protect(pages, wanted, commits);
  if (commits && wanted.is_none()) expected = SpaceError::kDenied;
  if (const auto step = refused(kProtect, error_of(result), expected)) return *step;
  for (std::uint64_t p = pages.first; p < pages.end(); ++p) {
    PageModel& page = model().pages.at(p);
    page.permissions = wanted.for_user();
    if (page.backing == Backing::kReserved && !wanted.is_none()) page.backing = Backing::kAnonymous;
    if (page.leaf) page.leaf->writes = wanted.can_write() && World::may_write(page);
  }
  return named(kProtect, "done", true);
}

/// Ends a space with everything in it, and begins it anew.
Step ObjectsSystem::end() {
  spaces_[space_].reset();
  model().pages.clear();
  // Harts that stand on its root keep that.
  for (unsigned hart = 0; hart < machine_.hart_count(); ++hart) {
    const arch::mock::AsHart as(hart);
    kernel_->activate();
  }
  spaces_[space_] = std::move(*vm::AddressSpace::create(*kernel_, limits_));
  return named(kEnd, "done", true);
}

}  // namespace quoll::model::objects
