// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "objects_model.hpp"

#include <algorithm>

namespace quoll::model::objects {
namespace {

constexpr unsigned kBits = vm::PageNode::kIndexBits;

/// How many pages are below a node.
constexpr std::uint64_t span(unsigned level) {
  return std::uint64_t{1} << (kBits * (level + 1));
}

}  // namespace

bool ObjectModel::lends(const FrameModel& frame) const {
  if (provider == nullptr || frame.address < kLentAt) return false;
  return provider->answers.lends((frame.address - kLentAt) / mem::kPageSize);
}

/// All nodes on the way to the page become this object's alone. A tree that grows has new ones
/// above the old root.
void ObjectModel::put(std::uint64_t page, FrameRef frame) {
  unsigned needed = 1;
  while (span(needed - 1) <= page) ++needed;
  if (nodes_.empty()) height_ = needed;
  for (; height_ < needed; ++height_) nodes_[{height_, 0}] = std::make_shared<int>(0);
  for (unsigned level = 0; level < height_; ++level) own(nodes_[{level, page / span(level)}]);
  pages[page] = std::move(frame);
}

/// Nodes that are wholly in the range are gone, and those that are left without a page; those that
/// are there in part become this object's alone.
void ObjectModel::clear(std::uint64_t first, std::uint64_t end) {
  pages.erase(pages.lower_bound(first), pages.lower_bound(end));
  for (auto node = nodes_.begin(); node != nodes_.end();) {
    const std::uint64_t below = span(node->first.first);
    const std::uint64_t low = node->first.second * below;
    const auto page = pages.lower_bound(low);
    if (page == pages.end() || page->first >= low + below) {
      node = nodes_.erase(node);
      continue;
    }
    if (first < low + below && end > low) own(node->second);
    ++node;
  }
  if (nodes_.empty()) height_ = 0;
}

vm::PageStoreUsage ObjectModel::usage() const {
  vm::PageStoreUsage usage;
  usage.pages = pages.size();
  for (const auto& [page, frame] : pages) usage.alone_pages += frame.use_count() == 1 ? 1U : 0U;
  std::uint64_t alone = 0;
  for (const auto& [place, node] : nodes_) alone += node.use_count() == 1 ? 1U : 0U;
  usage.node_bytes = nodes_.size() * sizeof(vm::PageNode);
  usage.alone_node_bytes = alone * sizeof(vm::PageNode);
  return usage;
}

void ObjectModel::share(const ObjectModel& other) {
  pages = other.pages;
  nodes_ = other.nodes_;
  height_ = other.height_;
}

}  // namespace quoll::model::objects
