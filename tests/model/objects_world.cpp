// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "objects_world.hpp"

#include <algorithm>
#include <set>

namespace quoll::model::objects {

using mem::Access;
using mem::kPageSize;
using vm::Backing;
using vm::FaultOutcome;
using vm::PageError;

// Spaces.

bool SpaceModel::covers(std::uint64_t first, std::uint64_t count, bool one_mapping) const {
  for (std::uint64_t p = first; p < first + count; ++p) {
    const auto found = pages.find(p);
    if (found == pages.end()) return false;
    if (one_mapping && found->second.mapping != pages.at(first).mapping) return false;
  }
  return true;
}

bool SpaceModel::joined(std::uint64_t low) const {
  const auto a = pages.find(low);
  const auto b = pages.find(low + 1);
  return a != pages.end() && b != pages.end() && a->second.mapping == b->second.mapping &&
         a->second.backing == b->second.backing && a->second.permissions == b->second.permissions;
}

std::uint64_t SpaceModel::tables(unsigned levels, std::optional<std::uint64_t> with) const {
  std::uint64_t count = 0;
  std::uint64_t before = ~std::uint64_t{0};
  const auto add = [&](std::uint64_t number) {
    for (unsigned level = 1; level < levels; ++level) {
      count += before == ~std::uint64_t{0} || before >> (9 * level) != number >> (9 * level);
    }
    before = number;
  };
  for (const auto& [number, page] : pages) {
    if (with && *with < number) {
      add(*with);
      with.reset();
    }
    if (page.leaf) add(number);
  }
  if (with) add(*with);
  return count;
}

vm::SpaceUsage SpaceModel::usage(unsigned levels) const {
  vm::SpaceUsage usage;
  usage.reserved_bytes = pages.size() * kPageSize;
  for (const auto& [number, page] : pages) {
    usage.committed_pages += page.is_charged() ? 1U : 0U;
    usage.shared_pages += page.backing == Backing::kShared ? 1U : 0U;
    usage.resident_pages += page.leaf && page.leaf->own ? 1U : 0U;
    usage.regions += number != 0 && joined(number - 1) ? 0U : 1U;
  }
  usage.page_tables = tables(levels) + 1;
  return usage;
}

// Objects.

World::World(unsigned levels, std::uint64_t most_tables)
    : levels_(levels), most_tables_(most_tables) {
  for (std::uint64_t i = 0; i < kLentPages; ++i) {
    lent[i] = {{7000 + i, 8000 + i}, kLentAt + i * kPageSize};
  }
}

FoundPage World::look(const ObjectModel& object, std::uint64_t page) {
  if (page >= object.size) return {.error = PageError::kOutsideVmo};
  if (FrameModel* const frame = object.find(page)) {
    return {.error = {},
            .frame = frame,
            .bytes = kPageSize,
            .may_write = object.is_alone(page) && !object.is_sealed};
  }
  const Said said = object.said(page);
  FrameModel* const frame = &lent[said.lent % kLentPages];
  switch (said.answer) {
    case Answer::kZero:
      return {};
    case Answer::kLent:
      return {.error = {}, .frame = frame, .bytes = kPageSize, .is_lent = true};
    case Answer::kPart:
      return {.error = {}, .frame = frame, .bytes = kPart};
    case Answer::kLater:
      return {.error = PageError::kMustWait};
    default:
      return {.error = PageError::kUnavailable};
  }
}

FoundPage World::source(ObjectModel& object, std::uint64_t page) {
  const FoundPage found = look(object, page);
  if (found.error == PageError::kMustWait && object.requests.insert(page).second) {
    ++object.provider->fetches;
    ++changes;
  }
  return found;
}

FoundPage World::page(ObjectModel& object, std::uint64_t page, Access access) {
  if (page >= object.size) return {.error = PageError::kOutsideVmo};
  const bool writes = access == Access::kWrite;
  if (writes && object.is_sealed) return {.error = PageError::kSealed};
  FoundPage found = source(object, page);
  if (found.error) return found;
  const bool is_own = object.find(page) != nullptr;
  if (is_own && (!writes || object.is_alone(page))) return found;
  if (!is_own && found.is_lent && !writes) return found;
  found.frame = make(object, page, found);
  return {.error = {}, .frame = found.frame, .bytes = kPageSize, .may_write = !object.is_sealed};
}

FrameModel* World::make(ObjectModel& object, std::uint64_t page, const FoundPage& from) {
  auto frame = std::make_shared<FrameModel>(FrameModel{from.content(), 0});
  FrameModel* const made = frame.get();
  if (from.bytes == kPageSize) unmap_pages(object, page, page + 1);
  object.put(page, std::move(frame));
  ++changes;
  return made;
}

/// All translations that give the object's pages, wherever it was told of a mapping.
template <typename F>
void World::for_each_leaf(ObjectModel& object, std::uint64_t first, std::uint64_t end, F&& f) {
  for (const auto& [number, mapping] : mappings) {
    if (mapping.object != &object) continue;
    const std::uint64_t low = std::max(first, mapping.object_first);
    const std::uint64_t high = std::min(end, mapping.object_first + mapping.count);
    for (std::uint64_t page = low; page < high; ++page) {
      auto& pages = spaces[mapping.space].pages;
      const auto found = pages.find(mapping.first + (page - mapping.object_first));
      if (found == pages.end() || !found->second.leaf) continue;
      if (owns(object, page, *found->second.leaf)) f(found->second);
    }
  }
}

void World::unmap_pages(ObjectModel& object, std::uint64_t first, std::uint64_t end) {
  for_each_leaf(object, first, end, [](PageModel& page) { page.leaf.reset(); });
}

void World::forbid_writing(ObjectModel& object) {
  for_each_leaf(object, 0, ~std::uint64_t{0}, [](PageModel& page) { page.leaf->writes = false; });
}

// Faults.

FaultOutcome World::show(std::size_t space, std::uint64_t number, const Leaf& leaf, Access access) {
  PageModel& page = spaces[space].pages.at(number);
  if (!page.leaf) {
    if (spaces[space].tables(levels_, number) > most_tables_) return FaultOutcome::kOutOfMemory;
    page.leaf = leaf;
    ++changes;
  } else if (page.leaf->frame != leaf.frame) {
    page.leaf = leaf;  // the provider said something else when it was mapped
    ++changes;
  } else if (!page.gives(access)) {
    page.leaf->writes = leaf.writes;
    ++changes;
  }
  return FaultOutcome::kResolved;
}

namespace {

FaultOutcome outcome_of(PageError error) {
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
      break;
  }
  return FaultOutcome::kOutOfMemory;
}

Leaf own_leaf(const PageModel& page, const Content& content) {
  auto frame = std::make_shared<FrameModel>(FrameModel{content, 0});
  FrameModel* const raw = frame.get();
  return {raw, std::move(frame), page.permissions.can_write()};
}

}  // namespace

FaultOutcome World::fault(std::size_t space, std::uint64_t number, Access access) {
  const auto found = spaces[space].pages.find(number);
  if (found == spaces[space].pages.end()) return FaultOutcome::kNotMapped;
  PageModel& page = found->second;
  if (!page.permissions.allows(access)) return FaultOutcome::kDenied;
  if (page.backing == Backing::kPrivate) return fault_private(space, number, access);
  if (page.backing == Backing::kAnonymous) {
    return page.leaf ? FaultOutcome::kResolved : show(space, number, own_leaf(page, {}), access);
  }
  const FoundPage got = this->page(*page.object, page.object_page, access);
  if (got.error) return outcome_of(*got.error);
  return show(space, number, {got.frame, {}, got.may_write && page.permissions.can_write()},
              access);
}

FaultOutcome World::fault_private(std::size_t space, std::uint64_t number, Access access) {
  PageModel& page = spaces[space].pages.at(number);
  ObjectModel& object = *page.object;
  if (page.leaf && !owns(object, page.object_page, *page.leaf)) return FaultOutcome::kResolved;
  const FoundPage found = source(object, page.object_page);
  if (found.error) return outcome_of(*found.error);
  if (access != Access::kWrite && found.bytes == kPageSize) {
    return show(space, number, {found.frame, {}, false}, access);
  }
  const Leaf own = own_leaf(page, found.content());
  if (!page.leaf) return show(space, number, own, access);
  page.leaf = own;
  ++changes;
  return FaultOutcome::kResolved;
}

bool World::may_write(const PageModel& page) {
  if (page.leaf->own) return true;
  if (page.backing != Backing::kShared) return false;
  const ObjectModel& object = *page.object;
  return !object.is_sealed && object.find(page.object_page) == page.leaf->frame &&
         object.is_alone(page.object_page);
}

std::vector<ObjectRef> World::retire() {
  std::set<std::uint64_t> pieces;
  for (const SpaceModel& space : spaces) {
    for (const auto& [number, page] : space.pages) pieces.insert(page.mapping);
  }
  std::erase_if(mappings, [&](const auto& entry) { return !pieces.contains(entry.first); });
  std::vector<ObjectRef> gone;
  std::erase_if(objects, [&](ObjectRef& object) {
    if (object.use_count() != 1) return false;
    gone.push_back(std::move(object));
    return true;
  });
  return gone;
}

}  // namespace quoll::model::objects
