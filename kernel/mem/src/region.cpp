// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The search for a gap between regions: it goes down only where the summary says that there is
// one, so it costs the tree's height.
#include <algorithm>
#include <optional>

#include <quoll/kernel/mem/region.hpp>

namespace quoll::vm {
namespace {

/// What is being looked for. A gap that has room for `size` at any alignment has `worst` bytes.
struct Wanted {
  mem::VirtualRange bounds;
  std::uint64_t size;
  std::uint64_t alignment;
  std::uint64_t worst;
};

std::optional<mem::VirtualAddress> fit(const Wanted& wanted, mem::VirtualAddress from,
                                       mem::VirtualAddress to) noexcept {
  from = std::max(from, wanted.bounds.start());
  to = std::min(to, wanted.bounds.end());
  const auto start = from.checked_align_up(wanted.alignment);
  if (!start || *start > to || to - *start < wanted.size) return std::nullopt;
  return start;
}

std::optional<mem::VirtualAddress> search(const Region* region, const Wanted& wanted) noexcept {
  while (region != nullptr && region->widest_gap >= wanted.worst) {
    const Region* left = RegionTree::left(*region);
    const Region* right = RegionTree::right(*region);
    if (left != nullptr) {
      if (left->widest_gap >= wanted.worst) {
        region = left;
        continue;
      }
      if (auto found = fit(wanted, left->subtree_end, region->range.start())) return found;
    }
    if (right != nullptr) {
      if (auto found = fit(wanted, region->range.end(), right->subtree_start)) return found;
    }
    region = right;
  }
  return std::nullopt;
}

}  // namespace

std::optional<mem::VirtualAddress> find_gap(const RegionTree& tree, mem::VirtualRange bounds,
                                            std::uint64_t size, std::uint64_t alignment) noexcept {
  if (size > bounds.size()) return std::nullopt;
  const auto worst = base::checked_add(size, alignment - mem::kPageSize);
  if (!worst) return std::nullopt;
  const Wanted wanted{bounds, size, alignment, *worst};
  const Region* root = tree.root();
  if (root == nullptr) return fit(wanted, bounds.start(), bounds.end());
  if (auto found = fit(wanted, bounds.start(), root->subtree_start)) return found;
  if (auto found = search(root, wanted)) return found;
  return fit(wanted, root->subtree_end, bounds.end());
}

}  // namespace quoll::vm
