// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Objects, spaces, their page tables' bytes, all frames and all nodes against the model.
#include <algorithm>
#include <array>
#include <set>

#include "objects_system.hpp"

namespace quoll::model::objects {

using mem::kPageSize;
using mem::PhysicalAddress;
using vm::Backing;

void ObjectsSystem::compare() {
  require(machine_.stale_translations() == 0, "a hart remembers too much");
  seen_.fill(nullptr);
  seen_count_ = 0;
  std::set<const int*> nodes;
  for (const ObjectRef& object : world_.objects) {
    compare_object(*object);
    for (const auto& [place, node] : object->nodes()) nodes.insert(node.get());
  }
  require(vm::PageNode::count() == nodes_before_ + nodes.size(), "there are ",
          vm::PageNode::count() - nodes_before_, " nodes, not ", nodes.size());
  std::uint64_t tables = 0;
  for (std::size_t i = 0; i < kSpaces; ++i) {
    compare_space(i);
    tables += world_.spaces[i].tables(levels_) + 1;
  }
  const vm::FrameStatistics now = frames_.statistics();
  require(now.allocated == before_ + seen_count_ + tables, now.allocated - before_,
          " frames are in use, not ", seen_count_ + tables);
  require(now.free + now.cached + now.allocated == now.managed, "frames do not add up");
  for (const auto& provider : world_.providers) {
    if (provider->told == nullptr) continue;
    require(provider->told->fetches() == provider->fetches, "a provider was asked for ",
            provider->told->fetches(), " pages, not for ", provider->fetches);
  }
  compare_waiters();
}

/// A frame is where it was, and nothing else is there.
void ObjectsSystem::note_frame(FrameModel& frame, std::uint64_t address) {
  if (frame.address == 0) frame.address = address;
  require(frame.address == address, "a frame is at ", address, ", and was at ", frame.address);
  if (address >= kLentAt) return;
  const std::uint64_t number = (address - kRam) / kPageSize;
  require(number < kFrames, "a frame is not in memory: ", address);
  if (seen_[number] == nullptr) {
    seen_[number] = &frame;
    ++seen_count_;
    require(*word(address, false) == frame.content.head, "the frame at ", address, " begins with ",
            *word(address, false), ", not ", frame.content.head);
    require(*word(address, true) == frame.content.tail, "the frame at ", address, " ends with ",
            *word(address, true), ", not ", frame.content.tail);
  }
  require(seen_[number] == &frame, "two pages have the frame at ", address);
}

void ObjectsSystem::compare_object(const ObjectModel& object) {
  vm::PagedVmo& real = *object.object;
  require(real.size() == object.size * kPageSize, "an object has another size");
  require(real.is_sealed() == object.is_sealed, "an object is sealed, or is not");
  require(real.most() == object.allowed(), "an object allows something else");
  const vm::VmoUsage usage = real.usage();
  const vm::PageStoreUsage store = object.usage();
  require(usage.store.pages == store.pages, "an object has ", usage.store.pages, " pages, not ",
          store.pages);
  require(usage.store.alone_pages == store.alone_pages, "an object has ", usage.store.alone_pages,
          " pages alone, not ", store.alone_pages);
  require(usage.store.node_bytes == store.node_bytes, "an object has ", usage.store.node_bytes,
          " bytes of nodes, not ", store.node_bytes);
  require(usage.store.alone_node_bytes == store.alone_node_bytes, "an object has ",
          usage.store.alone_node_bytes, " bytes of nodes alone, not ", store.alone_node_bytes);
  require(usage.requests == object.requests.size(), "an object has ", usage.requests,
          " requests, not ", object.requests.size());
  const auto mappings = std::ranges::count_if(
      world_.mappings, [&](const auto& entry) { return entry.second.object == &object; });
  require(usage.mappings == static_cast<std::uint64_t>(mappings), "an object has ", usage.mappings,
          " mappings, not ", mappings);
  // What was written, and a choice of what was not: asking for what comes later would change it.
  std::set<std::uint64_t> pages{31, 32, object.size - 1, object.size};
  for (std::uint64_t page = 0; page < 9; ++page) pages.insert(page);
  for (const auto& [page, frame] : object.pages) pages.insert(page);
  sync::LockGuard guard(real.pages_lock);
  for (const std::uint64_t page : pages) {
    const FoundPage found = world_.look(object, page);
    if (found.error == vm::PageError::kMustWait) continue;
    const auto source = real.source(page * kPageSize);
    const auto error = source ? std::optional<vm::PageError>() : std::optional(source.error());
    require(error == found.error, "page ", page, " of an object is there, or is not");
    if (error) continue;
    require(source->bytes == found.bytes && source->is_lent == found.is_lent, "page ", page,
            " of an object comes from elsewhere");
    if (found.bytes != 0) note_frame(*found.frame, source->from.value());
    require(real.may_write(page * kPageSize, source->from) == found.may_write, "page ", page,
            " of an object may be written, or may not");
  }
}

void ObjectsSystem::compare_space(std::size_t which) {
  const SpaceModel& model = world_.spaces[which];
  const vm::SpaceUsage usage = spaces_[which]->usage();
  const vm::SpaceUsage expected = model.usage(levels_);
  const auto same = [&](const char* what, std::uint64_t is, std::uint64_t should) {
    require(is == should, "space ", which, ": ", is, " ", what, ", not ", should);
  };
  same("bytes are reserved", usage.reserved_bytes, expected.reserved_bytes);
  same("pages are committed", usage.committed_pages, expected.committed_pages);
  same("pages are shared", usage.shared_pages, expected.shared_pages);
  same("pages are resident", usage.resident_pages, expected.resident_pages);
  same("page tables", usage.page_tables, expected.page_tables);
  same("regions", usage.regions, expected.regions);

  const std::uint64_t root = spaces_[which]->vm_space().root().value();
  const WordsOf words_of = [this](std::uint64_t page) -> const std::uint64_t* {
    if (page - kRam >= kFrames * kPageSize) return nullptr;
    return machine_.phys_map().pointer<std::uint64_t>(PhysicalAddress(page));
  };
  const RawTree raw = read_tree(words_of, root, bits_, 0, 256);
  same("page tables can be reached", raw.tables.size() + 1, expected.page_tables);
  require(std::equal(words_of(root) + 256, words_of(root) + 512,
                     words_of(root_.address().value()) + 256),
          "raw: the kernel half of the root is not the kernel's");
  for (const RawTable& table : raw.tables) {
    require(table.entries > 0, "raw: an empty page table is left, of level ", table.level);
  }
  auto leaf = raw.leaves.begin();
  for (const auto& [number, page] : model.pages) {
    if (!page.leaf) continue;
    require(leaf != raw.leaves.end() && leaf->address == number * kPageSize && leaf->level == 0,
            "raw: no page at ", number * kPageSize, ", or one too many before it");
    compare_leaf(page, *leaf);
    ++leaf;
  }
  require(leaf == raw.leaves.end(), "raw: a page too many");
}

void ObjectsSystem::compare_leaf(const PageModel& page, const RawLeaf& leaf) {
  const std::uint64_t physical = (leaf.word >> 10 & ((std::uint64_t{1} << 44) - 1)) << 12;
  note_frame(*page.leaf->frame, physical);
  // Law: only a page that is one object's alone has translations that write.
  require(!page.leaf->writes || World::may_write(page), "a page that others share is written");
  const std::uint64_t word = expected_word(physical, page.permissions.can_read(), page.leaf->writes,
                                           page.permissions.can_execute(), true, false);
  require(leaf.word == word, "raw: the page at ", leaf.address, " has the word ", std::hex,
          leaf.word, ", not ", word);
}

}  // namespace quoll::model::objects
