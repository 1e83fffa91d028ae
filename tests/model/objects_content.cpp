// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Reading and writing objects, giving their pages memory, and forgetting what was written.
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "objects_system.hpp"

namespace quoll::model::objects {

using mem::Access;
using mem::kPageSize;
using vm::PageError;
using vm::SpaceError;

namespace {

constexpr std::uint64_t kMostBytes = 3 * kPageSize;

/// Bytes of an object: whole pages, a page's first word, or its last with the first of the next.
struct Bytes {
  std::uint64_t offset;
  std::uint64_t count;

  static Bytes pick(std::uint64_t page, Picker& how) {
    switch (how.below(4)) {
      case 0:
        return {page * kPageSize, (1 + how.below(3)) * kPageSize};
      case 1:
        return {page * kPageSize + kTailAt, 16};
      default:
        return {page * kPageSize, 8};
    }
  }
  std::uint64_t first_page() const { return offset / kPageSize; }
  std::uint64_t end_page() const { return (offset + count + kPageSize - 1) / kPageSize; }
  bool has(std::uint64_t at) const { return at >= offset && at + 8 <= offset + count; }
};

/// Calls `f(word, at)` for each of a page's words that are among the bytes.
template <typename F>
void for_each_word(const Bytes& bytes, std::uint64_t page, Content& content, F&& f) {
  if (bytes.has(page * kPageSize)) f(content.head, page * kPageSize - bytes.offset);
  if (bytes.has(page * kPageSize + kTailAt)) {
    f(content.tail, page * kPageSize + kTailAt - bytes.offset);
  }
}

SpaceError error_for(PageError error) {
  switch (error) {
    case PageError::kOutsideVmo:
      return SpaceError::kOutsideVmo;
    case PageError::kSealed:
      return SpaceError::kSealed;
    default:
      return SpaceError::kUnavailable;
  }
}

}  // namespace

Step ObjectsSystem::read(Slot& slot) {
  ObjectModel& object = *slot.model;
  // What runs out there is a request.
  const auto later = scarce_ ? later_page(object) : std::nullopt;
  const Bytes bytes = Bytes::pick(later ? *later : object_page(object), how_);
  std::array<std::byte, kMostBytes> buffer;
  buffer.fill(std::byte{0xa5});
  const auto result = slot.object->read(bytes.offset, std::span(buffer.data(), bytes.count));
  Error expected;
  const std::uint64_t changes = world_.changes;
  const bool ran_out = !result && result.error() == SpaceError::kOutOfMemory;
  if (bytes.end_page() > object.size) expected = SpaceError::kOutsideVmo;
  for (std::uint64_t page = bytes.first_page(); !ran_out && !expected && page < bytes.end_page();
       ++page) {
    if (const auto error = world_.source(object, page).error) expected = error_for(*error);
  }
  if (auto step = refused(kRead, error_of(result), expected)) {
    require(buffer.front() == std::byte{0xa5} && buffer[bytes.count - 1] == std::byte{0xa5},
            "read: refused, and something was copied");
    step->changed = world_.changes != changes;
    return *step;
  }
  for (std::uint64_t page = bytes.first_page(); page < bytes.end_page(); ++page) {
    Content content = world_.look(object, page).content();
    for_each_word(bytes, page, content, [&](std::uint64_t word, std::uint64_t at) {
      std::uint64_t got = 0;
      std::memcpy(&got, buffer.data() + at, sizeof got);
      require(got == word, "read: page ", page, " holds ", got, ", not ", word);
    });
  }
  return named(kRead, "done");
}

Step ObjectsSystem::write(Slot& slot) {
  ObjectModel& object = *slot.model;
  const Bytes bytes = Bytes::pick(object_page(object), how_);
  std::array<std::byte, kMostBytes> buffer{};
  std::vector<Content> contents(bytes.end_page() - bytes.first_page());
  for (Content& content : contents) content = {new_value(), new_value()};
  for (std::uint64_t i = 0; i < contents.size(); ++i) {
    for_each_word(bytes, bytes.first_page() + i, contents[i],
                  [&](std::uint64_t word, std::uint64_t at) {
                    std::memcpy(buffer.data() + at, &word, sizeof word);
                  });
  }
  const auto result = slot.object->write(bytes.offset, std::span(buffer.data(), bytes.count));
  const std::uint64_t changes = world_.changes;
  Error expected;
  if (bytes.end_page() > object.size) expected = SpaceError::kOutsideVmo;
  const bool ran_out = !result && result.error() == SpaceError::kOutOfMemory;
  // Pages before the one that stood against it have become the object's own.
  for (std::uint64_t page = bytes.first_page(); !expected && page < bytes.end_page(); ++page) {
    if (ran_out) {
      reconcile(object, page);
    } else if (const auto error = world_.page(object, page, Access::kWrite).error) {
      expected = error_for(*error);
    }
  }
  if (auto step = refused(kWrite, error_of(result), expected)) {
    step->changed = world_.changes != changes;
    return *step;
  }
  for (std::uint64_t i = 0; i < contents.size(); ++i) {
    const std::uint64_t page = bytes.first_page() + i;
    Content& to = object.find(page)->content;
    for_each_word(bytes, page, to, [&](std::uint64_t& word, std::uint64_t at) {
      std::memcpy(&word, buffer.data() + at, sizeof word);
    });
  }
  return named(kWrite, "done", true);
}

Step ObjectsSystem::commit(Slot& slot) {
  ObjectModel& object = *slot.model;
  const Pages pages = object_pages(object, 6);
  const auto result = slot.object->commit(pages.offset(), pages.bytes());
  const std::uint64_t changes = world_.changes;
  const bool ran_out = !result && result.error() == SpaceError::kOutOfMemory;
  Error expected;
  if (pages.end() > object.size) expected = SpaceError::kOutsideVmo;
  std::vector<std::uint64_t> missing;
  for (std::uint64_t page = pages.first; !ran_out && !expected && page < pages.end(); ++page) {
    const FoundPage found = world_.source(object, page);
    if (found.error) expected = error_for(*found.error);
    if (object.find(page) == nullptr && !found.is_lent) missing.push_back(page);
  }
  if (auto step = refused(kCommit, error_of(result), expected)) {
    step->changed = world_.changes != changes;
    return *step;
  }
  for (const std::uint64_t page : missing) world_.make(object, page, world_.look(object, page));
  return named(kCommit, "done", !missing.empty());
}

Step ObjectsSystem::decommit(Slot& slot) {
  ObjectModel& object = *slot.model;
  Pages pages = object_pages(object, how_.below(4) == 0 ? 1100 : 8);
  // What runs out there is a copy of a node that keeps something.
  if (scarce_ && !object.pages.empty()) pages = {object.pages.begin()->first, 1};
  const auto result = slot.object->decommit(pages.offset(), pages.bytes());
  Error expected;
  if (object.is_sealed) expected = SpaceError::kSealed;
  if (pages.end() > object.size) expected = SpaceError::kOutsideVmo;
  if (const auto step = refused(kDecommit, error_of(result), expected)) return *step;
  const std::size_t before = object.pages.size();
  world_.unmap_pages(object, pages.first, pages.end());
  object.clear(pages.first, pages.end());
  return named(kDecommit, "done", object.pages.size() != before);
}

}  // namespace quoll::model::objects
