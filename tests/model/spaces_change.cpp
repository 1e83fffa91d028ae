// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What is asked of spaces, and what it should make of them.
#include <array>
#include <optional>

#include "spaces_system.hpp"

namespace quoll::model::spaces {

using mem::kPageSize;
using mem::Permissions;
using mem::VirtualAddress;
using mem::VirtualRange;
using vm::AddressSpace;
using vm::Backing;
using vm::Placement;
using vm::SpaceError;

namespace {

VirtualRange range_of(std::uint64_t first, std::uint64_t count) {
  return {VirtualAddress(first << 12), count << 12};
}

}  // namespace

/// What a request was refused with, as the outcome of that name. *Requires*: it was refused.
Step SpacesSystem::refused(std::uint32_t kind, SpaceError error, bool expected) const {
  if (error == SpaceError::kOutOfMemory) {
    require(scarce_, kinds()[kind].name, ": out of memory, and there is some");
    return named(kind, "out of memory");
  }
  require(!expected, kinds()[kind].name, ": refused: ", to_string(error));
  switch (error) {
    case SpaceError::kOverlap:
      return named(kind, "overlap");
    case SpaceError::kOutOfRange:
      return {};  // bad-request counts those
    case SpaceError::kNotMapped:
      return named(kind, "not mapped");
    case SpaceError::kDenied:
      return named(kind, "denied");
    case SpaceError::kOutsideVmo:
      return named(kind, "outside the object");
    case SpaceError::kLimit:
      return kind == kMap ? named(kind, "limit") : Step{};
    default:
      mismatch(kinds()[kind].name, ": refused: ", to_string(error));
  }
}

Step SpacesSystem::change(std::uint32_t kind, AddressSpace& space, SpaceModel& model) {
  const std::array choices{Permissions::read_write(), Permissions::read_only(),
                           Permissions::read_write(), Permissions::read_execute(),
                           Permissions::none()};
  Permissions permissions = choices[pick(5)];
  const bool maps = kind == kMap || kind == kReserve || kind == kMapVmo;
  const std::uint64_t first = pick(3) != 0 && !maps ? any_page(model) : bases_[pick(4)] + pick(16);
  const std::uint64_t count = scarce_ && !maps ? 1
                                               : 1 + pick(kind == kMap && pick(5) < 2 ? 40
                                                          : maps                      ? 6
                                                                                      : 4);
  const Request request{first, count, space.bounds().contains(range_of(first, count))};
  // What a shared mapping must not become.
  const auto here = model.pages.find(first);
  if (kind == kProtect && here != model.pages.end() && here->second.backing == Backing::kShared &&
      pick(2) == 0) {
    permissions = Permissions::read_execute();
  }
  switch (kind) {
    case kMap:
    case kReserve:
    case kMapVmo:
      return map(kind, space, model, request, permissions);
    case kCommit:
    case kProtect:
      return allow(kind, space, model, request, permissions);
    case kDecommit:
      return decommit(space, model, request);
    case kUnmap:
      return unmap(space, model, request);
    case kMakeGuard:
      return make_guard(space, model, request);
    case kRelease:
      return release(space, model, first);
    default:
      return bad_request(space, permissions);
  }
}

Step SpacesSystem::map(std::uint32_t kind, AddressSpace& space, SpaceModel& model,
                       const Request& request, Permissions permissions) {
  const auto [first, count, reachable] = request;
  const VirtualRange range = range_of(first, count);
  const bool anywhere = pick(3) == 0;
  const Placement where =
      anywhere ? Placement::anywhere(kPageSize << pick(4)) : Placement::at(range.start());
  const bool vacant = model.is_vacant(first, count);
  Page page{.permissions = permissions.for_user(), .backing = Backing::kAnonymous};
  std::uint64_t vmo_first = 0;
  const auto result = [&]() -> base::Result<VirtualRange, SpaceError> {
    if (kind == kReserve) return space.reserve(where, range.size());
    if (kind == kMap) return space.map_anonymous(where, range.size(), permissions);
    vmo_first = pick(kVmoPages);
    page.backing = pick(2) == 0 ? Backing::kShared : Backing::kPrivate;
    return page.backing == Backing::kShared
               ? space.map_shared(where, vmo_, vmo_first << 12, range.size(), permissions)
               : space.map_private(where, vmo_, vmo_first << 12, range.size(), permissions);
  }();
  if (kind == kReserve) page.permissions = Permissions::none().for_user();
  if (kind != kMapVmo && page.permissions.is_none()) page.backing = Backing::kReserved;
  const bool in_vmo = kind != kMapVmo || vmo_first + count <= kVmoPages;
  const bool permitted = page.backing != Backing::kShared || !permissions.can_execute();
  const bool charge = page.backing == Backing::kAnonymous || page.backing == Backing::kPrivate;
  const bool affordable = !charge || model.charged() + count <= kLimit;
  const bool expected = (anywhere || (reachable && vacant)) && in_vmo && permitted && affordable;
  if (!result) return refused(kind, result.error(), expected);
  require(expected, kinds()[kind].name, ": done, and should be refused");
  const std::uint64_t start = result->start().value() >> 12;
  const std::uint64_t mapping = ++last_mapping_;
  for (std::uint64_t i = 0; i < count; ++i) {
    page.origin = start;
    page.mapping = mapping;
    page.vmo_page = vmo_first + i;
    require(model.pages.emplace(start + i, page).second, "two mappings have one page");
  }
  return {0, true};
}

/// Whether pages may become accessible so: those of a reservation are charged then.
bool SpacesSystem::may_allow(std::uint32_t kind, const SpaceModel& model, const Request& request,
                             Permissions permissions) {
  const auto [first, count, reachable] = request;
  bool expected = reachable && model.covers(first, count, kind == kCommit);
  std::uint64_t charge = 0;
  for (std::uint64_t p = first; expected && p < first + count; ++p) {
    const Page& page = model.pages.at(p);
    charge += page.backing == Backing::kReserved && !permissions.is_none() ? 1U : 0U;
    expected &= page.backing != Backing::kGuard;
    expected &= page.backing != Backing::kShared || !permissions.can_execute();
  }
  expected &= kind != kCommit || !permissions.is_none();
  return expected && (charge == 0 || model.charged() + charge <= kLimit);
}

Step SpacesSystem::allow(std::uint32_t kind, AddressSpace& space, SpaceModel& model,
                         const Request& request, Permissions permissions) {
  const std::uint64_t first = request.first;
  const std::uint64_t count = request.count;
  const auto result = kind == kCommit ? space.commit(range_of(first, count), permissions)
                                      : space.protect(range_of(first, count), permissions);
  const bool expected = may_allow(kind, model, request, permissions);
  if (!result) return refused(kind, result.error(), expected);
  require(expected, kinds()[kind].name, ": done, and should be refused");
  for (std::uint64_t p = first; p < first + count; ++p) {
    Page& page = model.pages.at(p);
    page.permissions = permissions.for_user();
    if (page.backing == Backing::kReserved && !permissions.is_none()) {
      page.backing = Backing::kAnonymous;
    }
  }
  return {0, true};
}

Step SpacesSystem::decommit(AddressSpace& space, SpaceModel& model, const Request& request) {
  const auto [first, count, reachable] = request;
  const auto result = space.decommit(range_of(first, count));
  bool expected = reachable && model.covers(first, count, true);
  for (std::uint64_t p = first; expected && p < first + count; ++p) {
    const Backing backing = model.pages.at(p).backing;
    expected &= backing == Backing::kReserved || backing == Backing::kAnonymous;
  }
  if (!result) return refused(kDecommit, result.error(), expected);
  require(expected, "decommit: done, and should be refused");
  for (std::uint64_t p = first; p < first + count; ++p) {
    Page& page = model.pages.at(p);
    page = {.origin = page.origin,
            .mapping = page.mapping,
            .permissions = Permissions::none().for_user()};
  }
  return {0, true};
}

Step SpacesSystem::unmap(AddressSpace& space, SpaceModel& model, const Request& request) {
  const auto [first, count, reachable] = request;
  const auto result = space.unmap(range_of(first, count));
  const bool expected = reachable && model.covers(first, count, false);
  if (!result) return refused(kUnmap, result.error(), expected);
  require(expected, "unmap: done, and should be refused");
  for (std::uint64_t p = first; p < first + count; ++p) model.pages.erase(p);
  return {0, true};
}

Step SpacesSystem::make_guard(AddressSpace& space, SpaceModel& model, const Request& request) {
  const auto [first, count, reachable] = request;
  const auto result = space.guard(range_of(first, count));
  bool expected = reachable && model.covers(first, count, true);
  for (std::uint64_t p = first; expected && p < first + count; ++p) {
    expected &= model.pages.at(p).backing == Backing::kReserved;
  }
  if (!result) return refused(kMakeGuard, result.error(), expected);
  require(expected, "guard: done, and should be refused");
  for (std::uint64_t p = first; p < first + count; ++p) {
    model.pages.at(p).backing = Backing::kGuard;
  }
  return {0, true};
}

Step SpacesSystem::release(AddressSpace& space, SpaceModel& model, std::uint64_t first) {
  std::uint64_t start = first;
  // The start of a mapping, if there is one here; else it is nearly always
  // in the middle.
  if (const auto found = model.pages.find(first); found != model.pages.end() && pick(3) != 0) {
    start = found->second.origin;
  }
  const auto result = space.release(VirtualAddress(start << 12));
  const auto found = model.pages.find(start);
  const bool expected = found != model.pages.end() && found->second.origin == start;
  if (!result) return refused(kRelease, result.error(), expected);
  require(expected, "release: done, and should be refused");
  const std::uint64_t mapping = found->second.mapping;
  for (std::uint64_t p = start; model.pages.contains(p); ++p) {
    if (model.pages.at(p).mapping != mapping) break;
    model.pages.erase(p);
  }
  return {0, true};
}

Step SpacesSystem::bad_request(AddressSpace& space, Permissions permissions) {
  std::uint64_t start = (bases_[pick(4)] + pick(16)) << 12;
  std::uint64_t size = (1 + pick(6)) << 12;
  SpaceError expected = SpaceError::kUnaligned;
  const std::uint64_t rule = pick(3);
  if (rule == 0) (pick(2) == 0 ? start : size) += 1 + pick(kPageSize - 1);
  if (rule == 1) {
    size = 0;
    expected = SpaceError::kEmpty;
  }
  if (rule == 2) {
    expected = SpaceError::kOutOfRange;
    const std::array starts{std::uint64_t{0},
                            space.bounds().start().value() - kPageSize,
                            space.bounds().end().value(),
                            std::uint64_t{1} << (bits_ - 1) << pick(3),
                            format_.kernel_half().start().value(),
                            0 - 8 * kPageSize};
    start = starts[pick(starts.size())];
    if (pick(3) == 0) size = 8 * kPageSize;
  }
  const VirtualRange range(VirtualAddress(start), size);
  const auto error_of = [](const auto& result) {
    return result ? std::optional<SpaceError>() : std::optional(result.error());
  };
  std::optional<SpaceError> error;
  switch (pick(6)) {
    case 0:
      error = error_of(space.map_anonymous(Placement::at(range.start()), size, permissions));
      break;
    case 1:
      error = error_of(space.unmap(range));
      break;
    case 2:
      error = error_of(space.protect(range, permissions));
      break;
    case 3:
      error = error_of(space.commit(range, Permissions::read_write()));
      break;
    case 4:
      error = error_of(space.guard(range));
      break;
    default:
      error = error_of(space.decommit(range));
  }
  require(error.has_value(), "bad-request: done");
  require(*error == expected, "bad-request: refused as ", to_string(*error), ", not as ",
          to_string(expected));
  return {static_cast<std::uint32_t>(rule), false};
}

}  // namespace quoll::model::spaces
