// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The persistent tree of pages: looking, sharing, and changing one page.
#include <new>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/vmo/page_store.hpp>

namespace quoll::vm {

// What a change takes ahead of time.

PageStore::Reserve::~Reserve() {
  while (first_ != nullptr) delete pop();
}

base::Result<void, AllocError> PageStore::Reserve::take(FrameAllocator& frames,
                                                        std::uint64_t count) noexcept {
  // Nodes are the kernel's memory, and guests can ask for many.
  if (count > 0 && !frames.has_frame(FrameUse::kGuest)) return base::err(AllocError::kOutOfMemory);
  for (; count > 0; --count) {
    auto* node = new (std::nothrow) PageNode;
    if (node == nullptr) return base::err(AllocError::kOutOfMemory);
    node->set_child(0, first_);
    first_ = node;
  }
  return {};
}

PageNode* PageStore::Reserve::pop() noexcept {
  QUOLL_ASSERT(first_ != nullptr);
  PageNode* node = std::exchange(first_, first_->child(0));
  node->clear(0);
  return node;
}

// Life.

PageStore::PageStore(PageStore&& other) noexcept
    : frames_(other.frames_),
      root_(std::exchange(other.root_, nullptr)),
      height_(std::exchange(other.height_, 0)) {}

PageStore& PageStore::operator=(PageStore&& other) noexcept {
  std::swap(frames_, other.frames_);
  std::swap(root_, other.root_);
  std::swap(height_, other.height_);
  return *this;
}

PageStore PageStore::share() const noexcept {
  if (root_ != nullptr) root_->add_owner();
  return {*frames_, root_, height_};
}

/// Gives up one reference to a node, and with the last one all that it owns.
void PageStore::release(PageNode* node, unsigned height) noexcept {
  if (node == nullptr || !node->drop_owner()) return;
  for (unsigned i = 0; i < PageNode::kFanOut; ++i) {
    if (!node->has(i)) continue;
    if (height == 1) {
      Frame::adopt(*frames_, node->frame(i)).reset();
    } else {
      release(node->child(i), height - 1);
    }
  }
  delete node;
}

// Looking.

unsigned PageStore::height_for(std::uint64_t page) noexcept {
  unsigned height = 1;
  while (span(height) <= page) ++height;
  return height;
}

std::optional<PageStore::Found> PageStore::find(std::uint64_t page) const noexcept {
  if (height_ == 0 || page >= span(height_)) return std::nullopt;
  const PageNode* node = root_;
  bool is_alone = node->is_unique();
  for (unsigned level = height_ - 1; level > 0; --level) {
    node = node->child(index(page, level));
    if (node == nullptr) return std::nullopt;
    is_alone = is_alone && node->is_unique();
  }
  const unsigned at = index(page, 0);
  if (!node->has(at)) return std::nullopt;
  Frame frame = Frame::adopt(*frames_, node->frame(at));
  is_alone = is_alone && frame.is_unique();
  return Found{frame.leak(), is_alone};
}

// Changing one page.

base::Result<void, AllocError> PageStore::reserve_put(std::uint64_t page,
                                                      Reserve& reserve) const noexcept {
  const unsigned height = height_for(page);
  if (root_ == nullptr) return reserve.take(*frames_, height);
  // A higher tree has new nodes above the old root, and the way to the page leads beside that.
  if (height > height_) return reserve.take(*frames_, (height - height_) + (height - 1));
  std::uint64_t copies = 0;
  const PageNode* node = root_;
  for (unsigned level = height_;;) {
    // Below a node that is copied or made, everything has several owners or is missing.
    if (node == nullptr || !node->is_unique()) {
      copies = level;
      break;
    }
    if (--level == 0) break;
    node = node->child(index(page, level));
  }
  return reserve.take(*frames_, copies);
}

/// A node that its one owner may change: itself, or a copy that takes over the reference.
PageNode* PageStore::own(PageNode* node, unsigned height, Reserve& reserve) noexcept {
  if (node == nullptr) return reserve.pop();
  if (node->is_unique()) return node;
  PageNode* copy = reserve.pop();
  for (unsigned i = 0; i < PageNode::kFanOut; ++i) {
    if (!node->has(i)) continue;
    if (height == 1) {
      Frame shared = Frame::adopt(*frames_, node->frame(i));
      copy->set_frame(i, shared.share().leak());
      (void)shared.leak();
    } else {
      node->child(i)->add_owner();
      copy->set_child(i, node->child(i));
    }
  }
  release(node, height);
  return copy;
}

void PageStore::put(std::uint64_t page, Frame frame, Reserve& reserve) noexcept {
  QUOLL_ASSERT(page < kMaxPages && static_cast<bool>(frame));
  const unsigned needed = height_for(page);
  if (root_ == nullptr) height_ = needed;
  for (; height_ < needed; ++height_) {
    PageNode* above = reserve.pop();
    above->set_child(0, root_);
    root_ = above;
  }
  root_ = own(root_, height_, reserve);
  PageNode* node = root_;
  for (unsigned level = height_ - 1; level > 0; --level) {
    const unsigned at = index(page, level);
    PageNode* below = own(node->child(at), level, reserve);
    node->set_child(at, below);
    node = below;
  }
  const unsigned at = index(page, 0);
  if (node->has(at)) Frame::adopt(*frames_, node->frame(at)).reset();
  node->set_frame(at, frame.leak());
}

}  // namespace quoll::vm
