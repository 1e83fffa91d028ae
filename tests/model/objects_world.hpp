// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The model of objects and spaces together: who has which page, what each translation gives, and
// what a page fault makes of that.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <quoll/kernel/mem/address_space.hpp>

#include "objects_model.hpp"

namespace quoll::model::objects {

inline constexpr std::size_t kSpaces = 2;

/// A translation that is in a page table.
struct Leaf {
  FrameModel* frame = nullptr;
  FrameRef own;  ///< the same, if it is the space's own
  bool writes = false;
};

/// A page of a space.
struct PageModel {
  std::uint64_t origin = 0;
  std::uint64_t mapping = 0;
  mem::Permissions permissions;
  vm::Backing backing = vm::Backing::kReserved;
  ObjectRef object;
  std::uint64_t object_page = 0;
  std::optional<Leaf> leaf;

  bool is_charged() const { return vm::Region::is_charged(backing); }
  /// Whether the translation allows an access by itself.
  bool gives(mem::Access access) const {
    if (!leaf) return false;
    return access == mem::Access::kWrite ? leaf->writes : permissions.allows(access);
  }
};

struct SpaceModel {
  std::map<std::uint64_t, PageModel> pages;

  vm::SpaceUsage usage(unsigned levels) const;
  bool is_vacant(std::uint64_t first, std::uint64_t count) const {
    const auto next = pages.lower_bound(first);
    return next == pages.end() || next->first >= first + count;
  }
  bool covers(std::uint64_t first, std::uint64_t count, bool one_mapping) const;
  /// Whether two neighbouring pages are one region's.
  bool joined(std::uint64_t low) const;
  /// Page tables below the root that these translations need, with one more.
  std::uint64_t tables(unsigned levels, std::optional<std::uint64_t> with = std::nullopt) const;
};

/// What an object was told of: all of a mapping, until the last piece of it is gone.
struct MappingModel {
  std::size_t space = 0;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  ObjectModel* object = nullptr;
  std::uint64_t object_first = 0;
};

/// What an object finds behind one of its pages.
struct FoundPage {
  std::optional<vm::PageError> error;
  FrameModel* frame = nullptr;  ///< the object's, or a lent one; null: zeros
  std::uint64_t bytes = 0;      ///< of the frame that count
  bool is_lent = false;
  bool may_write = false;

  Content content() const {
    if (frame == nullptr || bytes == 0) return {};
    return {frame->content.head, bytes == mem::kPageSize ? frame->content.tail : 0};
  }
};

class World {
 public:
  World(unsigned levels, std::uint64_t most_tables);

  // Objects, as their own operations and faults see them.
  /// What is there, as `source` of the object. Asks for what comes later.
  FoundPage source(ObjectModel& object, std::uint64_t page);
  /// The same without asking.
  FoundPage look(const ObjectModel& object, std::uint64_t page);
  /// As `page` of the object: makes what is missing.
  FoundPage page(ObjectModel& object, std::uint64_t page, mem::Access access);
  /// Gives a page a frame of the object's own.
  FrameModel* make(ObjectModel& object, std::uint64_t page, const FoundPage& from);
  /// Whether a translation gives the object's page.
  static bool owns(const ObjectModel& object, std::uint64_t page, const Leaf& leaf) {
    return object.lends(*leaf.frame) || object.find(page) == leaf.frame;
  }
  void unmap_pages(ObjectModel& object, std::uint64_t first, std::uint64_t end);
  void forbid_writing(ObjectModel& object);

  // Spaces.
  vm::FaultOutcome fault(std::size_t space, std::uint64_t number, mem::Access access);
  /// Whether a translation may write where it is, if its region does.
  static bool may_write(const PageModel& page);
  /// Forgets mappings of which no piece is left, and objects that nobody has; those are the result.
  std::vector<ObjectRef> retire();

  ProviderModel& provider(std::size_t which) { return *providers[which]; }

  std::array<SpaceModel, kSpaces> spaces;
  std::vector<ObjectRef> objects;
  std::map<std::uint64_t, MappingModel> mappings;
  std::array<FrameModel, kLentPages> lent{};
  std::vector<std::unique_ptr<ProviderModel>> providers;
  std::uint64_t changes = 0;  ///< moves when something becomes another

 private:
  template <typename F>
  void for_each_leaf(ObjectModel& object, std::uint64_t first, std::uint64_t end, F&& f);
  vm::FaultOutcome show(std::size_t space, std::uint64_t number, const Leaf& leaf,
                        mem::Access access);
  vm::FaultOutcome fault_private(std::size_t space, std::uint64_t number, mem::Access access);

  const unsigned levels_;
  const std::uint64_t most_tables_;
};

}  // namespace quoll::model::objects
