// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The search for a gap between regions: it goes down only where the summary says that there is one,
// and so costs the tree's height. What the summary cannot tell is where a gap begins; so the search
// is for gaps that have room at any alignment, and only when there are none for one that has room
// by luck.
#include <algorithm>
#include <cstdint>
#include <optional>

#include <quoll/kernel/mem/gap.hpp>

namespace quoll::vm {
namespace {

class Search {
 public:
  Search(mem::VirtualRange bounds, Wanted wanted, std::uint64_t worst)
      : low_(bounds.start()), high_(bounds.end()), wanted_(wanted), worst_(worst) {}

  /// The places from one address to another, as far as they are in bounds.
  std::optional<Places> between(mem::VirtualAddress from, mem::VirtualAddress to) const noexcept {
    const Places places = places_between(std::max(from, low_), std::min(to, high_), wanted_);
    if (places.count == 0) return std::nullopt;
    return places;
  }

  /// Among the gaps of a subtree that is all above the start of the bounds.
  std::optional<Places> below_node(const Region* region) const noexcept {
    while (region != nullptr && region->widest_gap >= worst_) {
      const Region* left = RegionTree::left(*region);
      const Region* right = RegionTree::right(*region);
      if (left != nullptr) {
        if (left->widest_gap >= worst_) {
          region = left;
          continue;
        }
        if (auto found = between(left->subtree_end, region->range.start())) return found;
      }
      if (right != nullptr) {
        if (auto found = between(region->range.end(), right->subtree_start)) return found;
      }
      region = right;
    }
    return std::nullopt;
  }

  /// Among the gaps behind a region, up to the last region.
  std::optional<Places> behind(const Region* region) const noexcept {
    while (region != nullptr) {
      if (const Region* right = RegionTree::right(*region)) {
        if (auto found = between(region->range.end(), right->subtree_start)) return found;
        if (auto found = below_node(right)) return found;
      }
      const Region* child = region;
      region = RegionTree::parent(*region);
      while (region != nullptr && RegionTree::right(*region) == child) {
        child = region;
        region = RegionTree::parent(*region);
      }
      if (region != nullptr) {
        if (auto found = between(child->subtree_end, region->range.start())) return found;
      }
    }
    return std::nullopt;
  }

 private:
  mem::VirtualAddress low_;
  mem::VirtualAddress high_;
  Wanted wanted_;
  std::uint64_t worst_;  // so wide is a gap that has room at any alignment
};

std::optional<Places> search_all(const RegionTree& tree, mem::VirtualRange bounds,
                                 const Search& search) noexcept {
  mem::VirtualAddress from = bounds.start();
  for (const Region* region = tree.first(); region != nullptr; region = RegionTree::next(*region)) {
    if (auto found = search.between(from, region->range.start())) return found;
    from = region->range.end();
  }
  return search.between(from, bounds.end());
}

}  // namespace

std::optional<Places> find_gap(const RegionTree& tree, mem::VirtualRange bounds,
                               Wanted wanted) noexcept {
  const auto worst = base::checked_add(wanted.size, wanted.alignment() - mem::kPageSize);
  const Search search(bounds, wanted, worst.value_or(UINT64_MAX));
  const Region* const root = tree.root();
  if (root == nullptr) return search.between(bounds.start(), bounds.end());
  if (bounds.start() <= root->subtree_start) {
    if (auto found = search.between(bounds.start(), root->subtree_start)) return found;
    if (auto found = search.below_node(root)) return found;
  } else {
    if (auto found = search.behind(tree.find_not_above(bounds.start()))) return found;
  }
  if (auto found = search.between(root->subtree_end, bounds.end())) return found;
  if (wanted.alignment() == mem::kPageSize) return std::nullopt;
  return search_all(tree, bounds, search);
}

}  // namespace quoll::vm
