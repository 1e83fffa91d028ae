// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Requests that break a rule whatever there is: each is refused with the rule's name.
#include <array>
#include <cstddef>
#include <span>

#include "objects_system.hpp"

namespace quoll::model::objects {

using mem::Access;
using mem::kPageSize;
using mem::Permissions;
using mem::VirtualAddress;
using mem::VirtualRange;
using vm::PagedVmo;
using vm::Placement;
using vm::SpaceError;

namespace {

constexpr std::array<std::string_view, 4> kObjectRules{"unaligned", "empty", "outside the object",
                                                       "too large"};
constexpr std::array kObjectErrors{SpaceError::kUnaligned, SpaceError::kEmpty,
                                   SpaceError::kOutsideVmo, SpaceError::kTooLarge};
constexpr std::array<std::string_view, 6> kSpaceRules{
    "unaligned", "empty", "out of range", "outside the object", "wrong kind", "no room"};
constexpr std::array kSpaceErrors{SpaceError::kUnaligned,  SpaceError::kEmpty,
                                  SpaceError::kOutOfRange, SpaceError::kOutsideVmo,
                                  SpaceError::kWrongKind,  SpaceError::kNoRoom};

}  // namespace

Step ObjectsSystem::bad_object(Slot& slot) {
  PagedVmo& object = *slot.object;
  const std::uint64_t rule = how_.below(kObjectRules.size());
  std::uint64_t offset = where_.below(4) * kPageSize;
  std::uint64_t size = (1 + where_.below(4)) * kPageSize;
  std::uint64_t way = how_.below(4);
  if (rule == 0) {
    // `resize` and `create` have no offset.
    std::uint64_t& odd = way < 2 && how_.below(2) == 0 ? offset : size;
    odd += 1 + where_.below(kPageSize - 1);
  }
  if (rule == 1) size = 0;
  if (rule == 2) {
    const std::array offsets{slot.model->size * kPageSize, PagedVmo::kMaxSize,
                             ~std::uint64_t{0} - kPageSize + 1, std::uint64_t{1} << 63};
    offset = offsets[where_.below(offsets.size())];
  }
  if (rule == 3) {
    size = PagedVmo::kMaxSize + kPageSize * (1 + where_.below(4));
    way = 2 + way % 2;
  }
  std::array<std::byte, 16> bytes{};
  const Error error = [&] {
    if (way == 0) return error_of(object.commit(offset, size));
    if (way == 1) return error_of(object.decommit(offset, size));
    if (rule == 2) {
      return way == 2 ? error_of(object.read(offset, bytes))
                      : error_of(object.write(offset, bytes));
    }
    if (way == 2) return error_of(object.resize(size));
    return error_of(PagedVmo::create(frames_, size, Permissions::read_only()));
  }();
  require(error.has_value(), "bad-object: done, and is ", kObjectRules[rule]);
  require(*error == kObjectErrors[rule], "bad-object: refused as ", to_string(*error), ", and is ",
          kObjectRules[rule]);
  return named(kBadObject, kObjectRules[rule]);
}

// NOLINTNEXTLINE(readability-function-cognitive-complexity): a list of rules
Step ObjectsSystem::bad_space(Slot* slot) {
  const std::uint64_t rule = how_.below(kSpaceRules.size());
  std::uint64_t start = (bases_[where_.below(4)] + where_.below(8)) * kPageSize;
  std::uint64_t size = (1 + where_.below(6)) * kPageSize;
  std::uint64_t offset = 0;
  std::uint64_t way = how_.below(6);
  const std::uint64_t odd = 1 + where_.below(kPageSize - 1);
  if (rule == 0) (how_.below(2) == 0 ? start : size) += odd;
  if (rule == 1) size = 0;
  if (rule == 2) {
    const std::array starts{std::uint64_t{0},
                            space().bounds().start().value() - kPageSize,
                            space().bounds().end().value(),
                            std::uint64_t{1} << (bits_ - 1),
                            std::uint64_t{1} << (bits_ + 1),
                            format_.kernel_half().start().value(),
                            0 - 8 * kPageSize};
    start = starts[where_.below(starts.size())];
    if (where_.below(4) == 0) size = 8 * kPageSize;
    // A fault outside of everything is no request.
    const auto outcome = space().handle_fault(VirtualAddress(start), Access::kRead);
    require(outcome == vm::FaultOutcome::kNotMapped, "bad-space: a fault out of range");
  }
  if (rule == 3) {
    if (slot == nullptr) return {};
    const std::array offsets{slot->model->size * kPageSize, PagedVmo::kMaxSize,
                             ~std::uint64_t{0} - kPageSize + 1, std::uint64_t{1} << 63};
    offset = offsets[where_.below(offsets.size())];
    way = 4 + way % 2;
  }
  if (slot == nullptr && way >= 4) way -= 4;
  const auto where = Placement::at(VirtualAddress(start));
  const auto read = Permissions::read_only();
  const VirtualRange range(VirtualAddress(start), size);
  const Error error = [&] {
    if (rule == 4) return error_of(space().map_private(where, registers_, 0, kPageSize, read));
    if (rule == 5) {
      const std::uint64_t all = space().bounds().size() + kPageSize;
      return error_of(space().map_anonymous(Placement::anywhere(), all, read));
    }
    switch (way) {
      case 0:
        return error_of(space().map_anonymous(where, size, read));
      case 1:
        return error_of(space().unmap(range));
      case 2:
        return error_of(space().protect(range, read));
      case 3:
        return error_of(space().commit(range, read));
      case 4:
        return error_of(space().map_shared(where, slot->object, offset, size, read));
      default:
        return error_of(space().map_private(where, slot->object, offset, size, read));
    }
  }();
  require(error.has_value(), "bad-space: done, and is ", kSpaceRules[rule]);
  // Whether the object reaches so far is asked before whether the space does.
  const bool is_behind = way >= 4 && (rule == 0 || rule == 2) &&
                         *error == SpaceError::kOutsideVmo && size > slot->model->size * kPageSize;
  require(*error == kSpaceErrors[rule] || is_behind, "bad-space: refused as ", to_string(*error),
          ", and is ", kSpaceRules[rule]);
  return named(kBadSpace, kSpaceRules[rule]);
}

}  // namespace quoll::model::objects
