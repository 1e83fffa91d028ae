// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The pages of a paged object: a persistent radix tree.
//
// A copy shares the root. Who changes a page of a tree that others share copies the nodes on the
// way to it, and then the page; everything else stays shared. So a copy costs the same whatever
// the size, and copies of copies are no deeper than what they are copies of. A page belongs to
// one store alone if each node on the way to it has one owner, and its frame has one.
//
// What can fail is done first: a `Reserve` takes the nodes that a change will need. Meanwhile
// other stores may give up what they shared, and then fewer are needed; that more are needed
// would take a copy of this store, which its owner's lock excludes.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/kernel/mem/vmo/page_node.hpp>

namespace quoll::vm {

/// What a store holds: `alone` of it is nobody else's.
struct PageStoreUsage {
  std::uint64_t pages = 0;
  std::uint64_t alone_pages = 0;
  std::uint64_t node_bytes = 0;
  std::uint64_t alone_node_bytes = 0;
  bool operator==(const PageStoreUsage&) const = default;
};

/// Frames by the number of the page that they are. *Locking*: the owner's.
class PageStore {
 public:
  static constexpr unsigned kMaxHeight = 7;
  static constexpr std::uint64_t kMaxPages = std::uint64_t{1}
                                             << (PageNode::kIndexBits * kMaxHeight);

  /// Nodes taken for a change.
  class Reserve {
   public:
    Reserve() = default;
    Reserve(const Reserve&) = delete;
    Reserve& operator=(const Reserve&) = delete;
    ~Reserve();

   private:
    friend class PageStore;
    base::Result<void, AllocError> take(FrameAllocator& frames, std::uint64_t count) noexcept;
    PageNode* pop() noexcept;
    PageNode* first_ = nullptr;  // chained by their first slots
  };

  explicit PageStore(FrameAllocator& frames) noexcept : frames_(&frames) {}
  PageStore(PageStore&& other) noexcept;
  PageStore& operator=(PageStore&& other) noexcept;
  ~PageStore() { release(root_, height_); }

  /// A store with the same pages. From here on none of them is this one's alone.
  PageStore share() const noexcept;

  struct Found {
    mem::PhysicalAddress frame;
    bool is_alone;  ///< nobody else can read it through a store
  };
  /// *Requires*: `page` is below `kMaxPages`. The same holds for what follows.
  std::optional<Found> find(std::uint64_t page) const noexcept;

  /// Takes the nodes that a `put` needs. *Errors*: `kOutOfMemory`; nothing has changed.
  base::Result<void, AllocError> reserve_put(std::uint64_t page, Reserve& reserve) const noexcept;
  /// Puts a frame in the place of a page. What was there is given up.
  /// *Requires*: `reserve` was filled for it, and nobody translates to what was there.
  void put(std::uint64_t page, Frame frame, Reserve& reserve) noexcept;

  /// Takes the nodes that a `clear` needs: none, if nothing is shared.
  /// *Requires*: `first < end`. *Errors*: `kOutOfMemory`; nothing has changed.
  base::Result<void, AllocError> reserve_clear(std::uint64_t first, std::uint64_t end,
                                               Reserve& reserve) const noexcept;
  /// Gives up the pages from `first` to before `end`. *Requires*: as `put`.
  void clear(std::uint64_t first, std::uint64_t end, Reserve& reserve) noexcept;

  /// By a walk over all nodes; exact while no other store changes.
  PageStoreUsage usage() const noexcept;

 private:
  PageStore(FrameAllocator& frames, PageNode* root, unsigned height) noexcept
      : frames_(&frames), root_(root), height_(height) {}

  /// How many pages are below a node of `height` levels.
  static constexpr std::uint64_t span(unsigned height) noexcept {
    return std::uint64_t{1} << (PageNode::kIndexBits * height);
  }
  static constexpr unsigned index(std::uint64_t page, unsigned level) noexcept {
    return static_cast<unsigned>(page >> (PageNode::kIndexBits * level)) & (PageNode::kFanOut - 1);
  }
  static unsigned height_for(std::uint64_t page) noexcept;

  void release(PageNode* node, unsigned height) noexcept;
  PageNode* own(PageNode* node, unsigned height, Reserve& reserve) noexcept;
  PageNode* cleared(PageNode* node, unsigned height, std::uint64_t first, std::uint64_t end,
                    Reserve& reserve) noexcept;

  FrameAllocator* frames_;
  PageNode* root_ = nullptr;
  unsigned height_ = 0;  // levels, the lowest included; 0 without a root
};

}  // namespace quoll::vm
