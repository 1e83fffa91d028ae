// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The persistent tree of pages: taking ranges out, and counting.
#include <algorithm>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/vmo/page_store.hpp>

namespace quoll::vm {
namespace {

constexpr std::uint64_t span_of(unsigned height) noexcept {
  return std::uint64_t{1} << (PageNode::kIndexBits * height);
}

/// The part of a range that is below one slot of a node, counted from that slot's first page.
struct Part {
  std::uint64_t first;
  std::uint64_t end;
};
Part part_below(std::uint64_t slot, std::uint64_t slot_span, std::uint64_t first,
                std::uint64_t end) noexcept {
  const std::uint64_t base = slot * slot_span;
  return {std::max(first, base) - base, std::min(end - base, slot_span)};
}

/// Nodes that must be copied to take pages out below `node`: those that keep some, and are shared.
std::uint64_t copies_to_clear(const PageNode* node, unsigned height, std::uint64_t first,
                              std::uint64_t end, bool is_shared) noexcept {
  if (node == nullptr || (first == 0 && end == span_of(height))) return 0;
  is_shared = is_shared || !node->is_unique();
  std::uint64_t copies = is_shared ? 1 : 0;
  if (height == 1) return copies;
  const std::uint64_t below = span_of(height - 1);
  // Only at the ends are slots covered in part.
  const std::uint64_t low = first / below;
  const std::uint64_t high = (end - 1) / below;
  for (std::uint64_t slot = low;; slot = high) {
    const Part part = part_below(slot, below, first, end);
    copies += copies_to_clear(node->child(static_cast<unsigned>(slot)), height - 1, part.first,
                              part.end, is_shared);
    if (slot == high) return copies;
  }
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the tree
void count_below(FrameAllocator& frames, const PageNode* node, unsigned height, bool is_alone,
                 PageStoreUsage& usage) noexcept {
  is_alone = is_alone && node->is_unique();
  usage.node_bytes += sizeof(PageNode);
  if (is_alone) usage.alone_node_bytes += sizeof(PageNode);
  for (unsigned i = 0; i < PageNode::kFanOut; ++i) {
    if (!node->has(i)) continue;
    if (height > 1) {
      count_below(frames, node->child(i), height - 1, is_alone, usage);
      continue;
    }
    Frame frame = Frame::adopt(frames, node->frame(i));
    ++usage.pages;
    if (is_alone && frame.is_unique()) ++usage.alone_pages;
    (void)frame.leak();
  }
}

}  // namespace

base::Result<void, AllocError> PageStore::reserve_clear(std::uint64_t first, std::uint64_t end,
                                                        Reserve& reserve) const noexcept {
  QUOLL_ASSERT(first < end);
  if (first >= span(height_)) return {};
  return reserve.take(*frames_,
                      copies_to_clear(root_, height_, first, std::min(end, span(height_)), false));
}

/// What becomes of a node, whose reference is taken over: itself, a copy, or nothing.
PageNode* PageStore::cleared(PageNode* node, unsigned height, std::uint64_t first,
                             std::uint64_t end, Reserve& reserve) noexcept {
  if (first == 0 && end == span(height)) {
    release(node, height);
    return nullptr;
  }
  node = own(node, height, reserve);
  const std::uint64_t below = span(height - 1);
  for (std::uint64_t slot = first / below; slot <= (end - 1) / below; ++slot) {
    const auto i = static_cast<unsigned>(slot);
    if (!node->has(i)) continue;
    if (height == 1) {
      Frame::adopt(*frames_, node->frame(i)).reset();
      node->clear(i);
    } else {
      const Part part = part_below(slot, below, first, end);
      node->set_child(i, cleared(node->child(i), height - 1, part.first, part.end, reserve));
    }
  }
  if (!node->is_empty()) return node;
  release(node, height);
  return nullptr;
}

void PageStore::clear(std::uint64_t first, std::uint64_t end, Reserve& reserve) noexcept {
  if (root_ == nullptr || first >= span(height_)) return;
  root_ = cleared(root_, height_, first, std::min(end, span(height_)), reserve);
  if (root_ == nullptr) height_ = 0;
}

PageStoreUsage PageStore::usage() const noexcept {
  PageStoreUsage usage;
  if (root_ != nullptr) count_below(*frames_, root_, height_, true, usage);
  return usage;
}

}  // namespace quoll::vm
