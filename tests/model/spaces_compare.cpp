// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Spaces, their page tables' bytes, and all frames against the model.
#include <algorithm>
#include <set>

#include "spaces_system.hpp"

namespace quoll::model::spaces {

using mem::kPageSize;
using mem::PhysicalAddress;
using vm::Backing;

/// Pages may be there ahead of a touch, with what the touch would have found.
void SpacesSystem::note_pages_ahead(vm::AddressSpace& space, SpaceModel& model) {
  space.for_each_leaf([&](mem::VirtualAddress at, const paging::Leaf& leaf, std::uint64_t) {
    const auto found = model.pages.find(at.value() >> 12);
    if (found == model.pages.end() || found->second.own) return;
    if (found->second.backing != Backing::kAnonymous) return;
    const auto* words = machine_.phys_map().pointer<std::uint64_t>(leaf.address);
    require(std::all_of(words, words + kPageSize / 8, [](auto word) { return word == 0; }),
            "a page that was filled in ahead is not all zeros");
    found->second.own = true;
    found->second.value = 0;
  });
}

void SpacesSystem::compare() {
  require(machine_.stale_translations() == 0, "a hart remembers too much");
  for (std::size_t i = 0; i < spaces_.size(); ++i) note_pages_ahead(*spaces_[i], models_[i]);
  std::uint64_t in_use = before_;
  for (std::size_t i = 0; i < spaces_.size(); ++i) {
    const SpaceModel& model = models_[i];
    const vm::SpaceUsage usage = spaces_[i]->usage();
    require(usage.committed_pages == model.charged(), "space ", i, ": ", usage.committed_pages,
            " pages are committed, not ", model.charged());
    require(usage.resident_pages == model.resident(), "space ", i, ": ", usage.resident_pages,
            " pages are resident, not ", model.resident());
    require(usage.shared_pages == model.shared(), "space ", i, ": ", usage.shared_pages,
            " pages are shared, not ", model.shared());
    require(usage.reserved_bytes == model.pages.size() * kPageSize, "space ", i,
            ": other addresses are taken");
    require(usage.regions == model.regions(), "space ", i, ": ", usage.regions, " regions, not ",
            model.regions());
    in_use += usage.resident_pages + usage.page_tables;
    compare_raw(i, usage.page_tables);
  }
  const vm::FrameStatistics now = frames_.statistics();
  require(now.allocated == in_use, now.allocated, " frames are in use, not ", in_use);
  require(now.free + now.cached + now.allocated == now.managed, "frames do not add up");
}

void SpacesSystem::finish() {
  for (auto& space : spaces_) space.reset();
  for (unsigned hart = 0; hart < machine_.hart_count(); ++hart) {
    const arch::mock::AsHart as(hart);
    kernel_->activate();
  }
  require(frames_.statistics().allocated == before_, "frames are left over");
  require(machine_.stale_translations() == 0, "a hart remembers a space that ended");
}

void SpacesSystem::compare_raw(std::size_t which, std::uint64_t page_tables) {
  const std::uint64_t root = spaces_[which]->vm_space().root().value();
  const WordsOf words_of = [this](std::uint64_t page) -> const std::uint64_t* {
    if (page - kRam >= kFrames * kPageSize) return nullptr;
    return machine_.phys_map().pointer<std::uint64_t>(PhysicalAddress(page));
  };
  const RawTree raw = read_tree(words_of, root, bits_, 0, 256);
  require(raw.tables.size() + 1 == page_tables, "space ", which, ": ", raw.tables.size() + 1,
          " page tables can be reached, and ", page_tables, " are counted");
  for (unsigned i = 256; i < 512; ++i) {
    require(words_of(root)[i] == words_of(root_.address().value())[i],
            "raw: the kernel half of the root is not the kernel's");
  }
  for (const RawTable& table : raw.tables) {
    require(table.entries > 0, "raw: an empty page table is left, of level ", table.level);
  }
  compare_pages(models_[which], raw);
}

/// Every page that is there has the frame, the content and the permissions of the model's.
void SpacesSystem::compare_pages(const SpaceModel& model, const RawTree& raw) {
  std::uint64_t own = 0;
  std::set<std::uint64_t> frames;
  for (const RawLeaf& leaf : raw.leaves) {
    const auto found = model.pages.find(leaf.address >> 12);
    require(found != model.pages.end() && leaf.level == 0, "raw: a page at ", leaf.address,
            " where there is none");
    const Page& page = found->second;
    const std::uint64_t physical = (leaf.word >> 10 & ((std::uint64_t{1} << 44) - 1)) << 12;
    const PhysicalAddress vmo_frame = vmo_owner_->range().start() + page.vmo_page * kPageSize;
    const bool has_vmo = page.backing == Backing::kShared || page.backing == Backing::kPrivate;
    if (!page.own) {
      require(has_vmo && physical == vmo_frame.value(), "raw: the page at ", leaf.address,
              " should be the object's");
    } else {
      ++own;
      require(frames.insert(physical).second, "raw: two pages have one frame");
      require(!vmo_owner_->range().contains(PhysicalAddress(physical)), "raw: the page at ",
              leaf.address, " should be the space's own");
      const auto* value =
          machine_.phys_map().pointer<std::uint64_t>(PhysicalAddress(physical + kValueAt));
      require(*value == page.value, "raw: the page at ", leaf.address, " holds something else");
    }
    // A private page that is still the object's own must not be written.
    const bool write =
        page.permissions.can_write() && (page.own || page.backing == Backing::kShared);
    const std::uint64_t word = expected_word(physical, page.permissions.can_read(), write,
                                             page.permissions.can_execute(), true, false);
    require(leaf.word == word, "raw: the page at ", leaf.address, " has the word ", std::hex,
            leaf.word, ", not ", word);
  }
  require(own == model.resident(), "raw: ", own, " pages of its own, not ", model.resident());
}

}  // namespace quoll::model::spaces
