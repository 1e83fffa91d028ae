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
  /// The least range that has all changes; empty when there were none.
  mem::VirtualRange range() const noexcept {
    if (reach_ == FenceReach::kNone) return {};
    return mem::VirtualRange(low_, high_ - low_ + 1);
  }

  /// Notes that translations of `range` changed. *Requires*: it is not empty.
  [[gnu::always_inline]] void include(mem::VirtualRange range, FenceReach reach) noexcept {
    include(range.start(), range.start() + (range.size() - 1), reach);
  }
  /// The same from one address to another, both among them.
  [[gnu::always_inline]] void include(mem::VirtualAddress first, mem::VirtualAddress last,
                                      FenceReach reach) noexcept {
    low_ = std::min(low_, first);
    high_ = std::max(high_, last);
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
    std::forward<Fence>(fence)(range(), reach_);
    waive();
  }

  /// Gives up the fence, where no hart can have cached the change.
  void waive() noexcept {
    reach_ = FenceReach::kNone;
    low_ = kHighest;
    high_ = mem::VirtualAddress(0);
  }

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
  static constexpr mem::VirtualAddress kHighest{~std::uint64_t{0}};

  // The first and the last address that changed.
  mem::VirtualAddress low_ = kHighest;
  mem::VirtualAddress high_;
  std::optional<mem::PhysicalAddress> first_retired_;
  FenceReach reach_ = FenceReach::kNone;
};

}  // namespace quoll::paging
