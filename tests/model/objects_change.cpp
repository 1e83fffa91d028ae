// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Objects as their owners change them.
#include <algorithm>

#include "objects_system.hpp"

namespace quoll::model::objects {

using mem::kPageSize;
using mem::Permissions;
using vm::PagedVmo;
using vm::SpaceError;

/// Makes an object, of the kind without a provider or with one of those that there are.
ObjectsSystem::Error ObjectsSystem::add_object(Slot& slot, std::uint64_t kind, std::uint64_t size,
                                               Permissions most) {
  ProviderModel* const provider =
      kind == 0 ? nullptr : world_.providers[std::min<std::uint64_t>(kind, 3) - 1].get();
  auto made = PagedVmo::create(frames_, size * kPageSize, most,
                               provider == nullptr ? vm::PageProviderRef() : provider->provider);
  if (!made) return made.error();
  auto model = std::make_shared<ObjectModel>();
  model->object = made->get();
  model->size = size;
  model->provided = provider == nullptr ? 0 : size;
  model->most = most;
  model->provider = provider;
  world_.objects.push_back(model);
  slot = {std::move(model), std::move(*made)};
  return std::nullopt;
}

Step ObjectsSystem::create() {
  Slot& slot = slots_[which_.below(kSlots)];
  constexpr std::array<std::string_view, 5> kNames{"zeros", "archive", "told", "told", "told"};
  const std::uint64_t kind = how_.below(kNames.size());
  const std::uint64_t size = any_size();
  const Error error = add_object(slot, kind, size, any_permissions());
  if (const auto step = refused(kCreate, error, {})) return *step;
  return named(kCreate, kNames[kind], true);
}

ObjectsSystem::Error ObjectsSystem::add_clone(Slot& slot, const Slot& of, Permissions most) {
  ObjectModel& original = *of.model;
  auto made = of.object->clone(most);
  if (!made) return made.error();
  auto model = std::make_shared<ObjectModel>();
  model->object = made->get();
  model->size = original.size;
  model->provided = original.provided;
  model->most = most;
  model->provider = original.provider;
  model->share(original);
  world_.forbid_writing(original);
  world_.objects.push_back(model);
  slot = {std::move(model), std::move(*made)};
  return std::nullopt;
}

Step ObjectsSystem::clone(Slot& slot) {
  const Permissions most = any_permissions();
  const Error error = add_clone(slots_[which_.below(kSlots)], slot, most);
  if (const auto step = refused(kClone, error, {})) return *step;
  return named(kClone, "done", true);
}

/// Sees to it, if there is something to share, that an object shares its nodes.
void ObjectsSystem::prepare_sharing() {
  if (find_slot(shares_nodes) != nullptr) return;
  const Slot* const slot = find_slot(
      [](const ObjectModel& object) { return !object.is_sealed && !object.pages.empty(); });
  if (slot == nullptr) return;
  const auto next = static_cast<std::size_t>(slot - slots_.data() + 1) % kSlots;
  require(!add_clone(slots_[next], *slot, Permissions::read_write()).has_value(), "clone: refused");
  retire();  // what was there may have ended
}

Step ObjectsSystem::drop(Slot& slot) {
  const ObjectModel* const model = slot.model.get();
  slot = {};
  const std::size_t before = world_.objects.size();
  retire();
  const bool ended = world_.objects.size() < before;
  require(ended || model->object->usage().mappings > 0, "drop: nobody has the object");
  return named(kDrop, ended ? "ended" : "still mapped", true);
}

Step ObjectsSystem::resize(Slot& slot) {
  ObjectModel& object = *slot.model;
  const std::uint64_t before = object.size;
  const std::uint64_t size = before > 1 && (scarce_ || how_.below(2) == 0)
                                 ? 1 + how_.below(std::min<std::uint64_t>(before, 12) - 1)
                                 : any_size();
  const auto result = slot.object->resize(size * kPageSize);
  const Error expected = object.is_sealed ? Error(SpaceError::kSealed) : Error();
  if (const auto step = refused(kResize, error_of(result), expected)) return *step;
  if (size < before) {
    world_.unmap_pages(object, size, before);
    object.clear(size, before);
    object.provided = std::min(object.provided, size);
    object.requests.erase(object.requests.lower_bound(size), object.requests.end());
    complete(object, size, before, vm::PageRequestState::kGone);
  }
  object.size = size;
  return named(kResize, size < before ? "shrunk" : "grown", size != before);
}

Step ObjectsSystem::seal(Slot& slot) {
  ObjectModel& object = *slot.model;
  const bool again = object.is_sealed;
  slot.object->seal();
  object.is_sealed = true;
  world_.forbid_writing(object);
  return named(kSeal, again ? "again" : "done", !again);
}

}  // namespace quoll::model::objects
