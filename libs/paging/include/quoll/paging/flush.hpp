// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The flush token: what must be fenced before a change of page tables is complete, and the page
// tables that may be given back only after that.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/table_memory.hpp>
#include <quoll/paging/table_record.hpp>

namespace quoll::paging {

/// How far a fence must reach.
enum class FenceReach : std::uint8_t {
  kNone,   ///< nothing changed
  kLocal,  ///< translations were added: a hart that misses one faults, looks again and goes on
  kAll,    ///< translations were taken away or narrowed: every hart that may cache them
};

/// Collects the changes of one commit. It must be applied, then emptied; a token that still
/// owes either when it ends is a broken invariant.
class [[nodiscard]] Flush {
 public:
  Flush() = default;
  Flush(const Flush&) = delete;
  Flush& operator=(const Flush&) = delete;
  ~Flush() { QUOLL_ASSERT(reach_ == FenceReach::kNone && !first_retired_); }

  FenceReach reach() const noexcept { return reach_; }
  mem::VirtualRange range() const noexcept { return range_; }

  /// Notes that translations of `range` changed.
  void include(mem::VirtualRange range, FenceReach reach) noexcept {
    if (reach_ == FenceReach::kNone) {
      range_ = range;
    } else {
      const mem::VirtualAddress low = std::min(range_.start(), range.start());
      const std::uint64_t last =
          std::max(range_.start() - low + range_.size(), range.start() - low + range.size());
      range_ = mem::VirtualRange(low, last);
    }
    reach_ = std::max(reach_, reach);
  }

  /// Takes a page table that has just been unlinked, with its lock held and marked stale. Its
  /// entries stay as they are: a hart may still walk here.
  void retire(mem::PhysicalAddress table, AnyTableRecord auto record) noexcept {
    record.set_next(first_retired_);
    first_retired_ = table;
  }
  /// Whether page tables wait here.
  bool holds_tables() const noexcept { return first_retired_.has_value(); }

  /// Calls `fence(range, reach)` if anything changed. It returns when every hart that it must
  /// reach has forgotten the range.
  template <typename Fence>
  void apply(Fence&& fence) {
    if (reach_ == FenceReach::kNone) return;
    std::forward<Fence>(fence)(range_, reach_);
    reach_ = FenceReach::kNone;
  }

  /// Gives up the fence, where no hart can have cached the change.
  void waive() noexcept { reach_ = FenceReach::kNone; }

  /// Gives each retired page table back to `memory`, when nobody walks there any more.
  /// *Requires*: the fence has been applied. *Context*: outside of walk sections.
  template <TableMemory Memory>
  void release_tables(Memory& memory) {
    QUOLL_ASSERT(reach_ == FenceReach::kNone);
    if (!first_retired_) [[likely]]
      return;
    memory.sections().wait_for_walkers(memory.hart_count(), [&memory] { memory.relax(); });
    while (first_retired_) {
      const mem::PhysicalAddress table = *first_retired_;
      first_retired_ = memory.record(table).next();
      memory.release(table);
    }
  }

 private:
  mem::VirtualRange range_;
  std::optional<mem::PhysicalAddress> first_retired_;
  FenceReach reach_ = FenceReach::kNone;
};

}  // namespace quoll::paging
