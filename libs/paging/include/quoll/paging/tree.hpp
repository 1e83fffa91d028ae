// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// One tree of page tables, and how cursors lock parts of it.
//
// The protocol.
//
//  1. Each table has a lock in its record. Who holds it, and nobody else, writes the table's
//     entries and its record.
//  2. A cursor for a range goes down from the root without locks, inside a walk section, to the
//     lowest table there is that covers the range: its guard. It tries to lock it. If somebody
//     else has the lock, it leaves the section, lets others go on, and goes down again: what it
//     knew of the table may be wrong by then. It never waits inside a section, and reads no record
//     outside of one unless a lock that it holds keeps the table in its place. It need not go down
//     to the table of granules that its hart locked last (walk_sections.hpp): no table is lower,
//     so where that one is linked and covers the range it is the guard.
//  3. With the lock it reads again the entry that ended its way down. If a table has been linked
//     there meanwhile, the guard is not the lowest: it unlocks and goes on down.
//  4. Then it locks every table below the guard that has entries of the range: parents before
//     children, lower addresses before higher ones. It may wait here, for a table below one that
//     it holds cannot be unlinked by anybody else.
//  5. Tables that it links are locked before they can be reached. What is locked stays locked
//     until the cursor closes.
//  6. A table is unlinked only by who holds both its own lock and its parent's, so a guard never
//     is by its own cursor. An unlinked table is marked stale and keeps its lock for ever: whoever
//     still comes across it fails to lock it and goes down again from the root.
//  7. An unlinked table goes to the flush token, which gives it back when the fence is complete
//     and all walk sections that could have seen it have ended (walk_sections.hpp).
//
// Why cursors whose ranges overlap are ordered. Let A and B have locked their guards, and let page
// p be in both ranges. Both guards are on the path to p, so they are the same table, which has one
// lock, or one lies below the other, say B's below A's. B's guard has entries of A's range, and it
// is in the tree: stale tables cannot be locked, and a table does not become stale without its
// lock. So A must have it too (4), before it touches anything below it. If it was linked after
// A looked, A linked it (1), locked.
//
// Why nobody waits in a circle. Let W wait for table t, which H holds. H's guard is below W's: if
// it were the same or above, H would have locked W's guard on its way down to t (4), and W has it.
// So all that H may still wait for comes later than t in the order of (4): each cursor in a chain
// of waits waits for a later table than the one before it, and no chain closes. Trying to lock a
// guard is no wait: nothing is held then.
//
// Memory orders. Taking a lock acquires what its last holder released, so a holder reads entries
// and records relaxed. An entry that leads to a table is published with release after the table's
// entries and its record were written, and read with acquire by walks without locks. Other
// entries are stored relaxed: hardware that reads them is fenced by the flush token, and walks
// without locks learn nothing else through them. Between unlinking and giving back there are the
// two sequentially consistent fences of a walk section.
//
// A tree whose tables are never taken out (`Reclaim::kNever`) may contain tables that somebody
// else made and that have no records: its one lock is the root's. The root's record lies here and
// not beside its page.
#pragma once

#include <cstdint>

#include <quoll/base/assert.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/base/result.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/error.hpp>
#include <quoll/paging/format.hpp>
#include <quoll/paging/levels.hpp>
#include <quoll/paging/table_memory.hpp>

namespace quoll::paging {

/// What becomes of page tables without entries.
enum class Reclaim : std::uint8_t {
  kEmptyTables,  ///< they are unlinked and given back
  kNever,        ///< they stay: others share them, or somebody else made them
};

/// The tree that cursors work on. `PageTable` is its face.
template <Format F, TableMemory M, typename O>
class Tree : public Levels<F>, public EntryAccess<typename F::Entry, typename RecordOf<M>::Words> {
 public:
  using Entry = typename F::Entry;
  using Memory = M;
  using FormatType = F;
  using Levels<F>::index;
  using Levels<F>::chunk;
  using Levels<F>::page_bytes;
  using Record = RecordOf<M>;
  using EntryAccess<Entry, typename Record::Words>::load;
  using EntryAccess<Entry, typename Record::Words>::load_link;

  /// A table whose lock is held.
  struct Held {
    mem::PhysicalAddress table;
    unsigned level;
  };
  /// The table that keeps others out of a cursor's range.
  struct Guard : Held {
    Entry* entries;
    Record record;

    /// For those below the guard, who treat it as any other table.
    const Held& held() const noexcept { return *this; }
  };

  Tree(F format, mem::PhysicalAddress root, M memory, Reclaim reclaim, O observer)
      : format_(format),
        root_(root),
        reclaim_(reclaim),
        user_half_(format.user_half()),
        kernel_half_(format.kernel_half()),
        memory_(memory),
        observer_(observer) {
    // The root has children: tables of granules always count their entries.
    QUOLL_ASSERT(reclaims() || top() > 0);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() {
    // The next tree here is another one, whatever harts remember.
    if (reclaims()) memory_.sections().count_unlinked();
  }

  const F& format() const noexcept { return format_; }
  mem::PhysicalAddress root() const noexcept { return root_; }
  M& memory() noexcept { return memory_; }
  const M& memory() const noexcept { return memory_; }
  O& observer() noexcept { return observer_; }
  unsigned top() const noexcept { return format_.levels() - 1; }
  bool reclaims() const noexcept { return reclaim_ == Reclaim::kEmptyTables; }

  Entry* table(mem::PhysicalAddress address) noexcept {
    return static_cast<Entry*>(memory_.pointer(address));
  }
  Record record(mem::PhysicalAddress table) noexcept {
    if (table == root_) return {root_state_, root_next_};
    return memory_.record(table);
  }
  /// Whether an entry found at a level leads to a page table.
  bool is_link(Entry entry, unsigned level) const noexcept {
    return level > 0 && format_.is_table(entry);
  }

  /// From here on the kernel half belongs to another tree; cursors of this one keep out of it.
  void give_up_kernel_half() noexcept { kernel_half_ = mem::VirtualRange(kernel_half_.start(), 0); }

  /// Whether there can be a cursor for these addresses.
  base::Result<void, MapError> check(mem::VirtualAddress start, std::uint64_t size) const noexcept {
    if (!base::is_aligned(start.value() | size, mem::kPageSize)) {
      return base::err(MapError::kUnaligned);
    }
    if (size == 0) return base::err(MapError::kEmpty);
    if (is_inside(start, size, user_half_) || is_inside(start, size, kernel_half_)) [[likely]]
      return {};
    if (size - 1 > ~start.value()) return base::err(MapError::kOverflow);
    const bool is_shared = is_inside(start, size, format_.kernel_half());
    return base::err(is_shared ? MapError::kSharedHalf : MapError::kNotCanonical);
  }

  /// Locks a range: its guard, and what is below that. *Errors*: as `check`.
  /// *Context*: outside of walk sections, with no lock of this tree held.
  [[gnu::always_inline]] base::Result<Guard, MapError> lock(mem::VirtualAddress start,
                                                            std::uint64_t size) noexcept {
    if (base::is_aligned(start.value() | size, mem::kPageSize) && is_in_one_block(start, size)) {
      auto& sections = memory_.sections();
      const unsigned hart = memory_.hart();
      const LastLeaf& last = sections.last_leaf(hart);
      // What was locked once needs no further check of the address.
      if (last.tree == this && last.block == block_of(start)) [[likely]] {
        const Record record(*last.state, *last.next);
        sections.enter(hart);
        const bool is_locked = sections.unlinked() == last.unlinked && record.try_lock_once();
        sections.leave(hart);
        if (is_locked) [[likely]] {
          observer_.locked(last.table, 0);
          return Guard{{last.table, 0}, static_cast<Entry*>(last.entries), record};
        }
      }
    }
    // A copy, so that the address of what is returned is nobody else's and it stays in registers.
    const auto locked = lock_from_root(start, size);
    if (!locked) [[unlikely]]
      return base::err(locked.error());
    return Guard(*locked);
  }

  /// The same without what the hart remembers.
  [[gnu::noinline]] base::Result<Guard, MapError> lock_from_root(mem::VirtualAddress start,
                                                                 std::uint64_t size) noexcept {
    TRY(check(start, size));
    return lock_checked(start, size, Levels<F>::covering(start, size));
  }

  /// Locks a range that was checked, with the lowest table there is at `lowest` or above that
  /// covers it as guard.
  Guard lock_checked(mem::VirtualAddress start, std::uint64_t size, unsigned lowest) noexcept {
    const Guard guard = lock_guard(start, lowest);
    if (guard.level > 0) {
      if (!is_vacant(guard.entries, guard.level, start, size))
        lock_below(guard.held(), start, size);
    } else if (reclaims()) {
      auto& sections = memory_.sections();
      const auto [state, next] = guard.record.words();
      sections.last_leaf(memory_.hart()) = {
          this, block_of(start), sections.unlinked(), guard.table, guard.entries, state, next};
    }
    return guard;
  }

  /// Unlocks what `lock` has locked, and what was linked there since.
  [[gnu::always_inline]] void unlock(const Guard& guard, mem::VirtualAddress start,
                                     std::uint64_t size) noexcept {
    if (guard.level > 0 && !is_vacant(guard.entries, guard.level, start, size)) {
      unlock_below(guard.held(), start, size);
    }
    observer_.unlocked(guard.table, guard.level);
    guard.record.unlock();
  }

  /// Locks what is below a held table in a range. *Requires*: the range lies in the table.
  [[gnu::noinline]] void lock_below(Held held, mem::VirtualAddress at,
                                    std::uint64_t size) noexcept {
    if (!reclaims()) return;
    for_each_link(held, at, size, [this](Held child, mem::VirtualAddress from, std::uint64_t part) {
      while (!record(child.table).try_lock()) memory_.relax();
      observer_.locked(child.table, child.level);
      if (child.level > 0) lock_below(child, from, part);
    });
  }

  [[gnu::noinline]] void unlock_below(Held held, mem::VirtualAddress at,
                                      std::uint64_t size) noexcept {
    if (!reclaims()) return;
    for_each_link(held, at, size, [this](Held child, mem::VirtualAddress from, std::uint64_t part) {
      if (child.level > 0) unlock_below(child, from, part);
      observer_.unlocked(child.table, child.level);
      record(child.table).unlock();
    });
  }

  /// Whether none of a table's entries for a range is anything. *Requires*: the range is not empty
  /// and lies in the table, whose lock is held.
  static bool is_vacant(const Entry* entries, unsigned level, mem::VirtualAddress start,
                        std::uint64_t size) noexcept {
    const Entry* slot = &entries[index(start, level)];
    const Entry* const last = &entries[index(start + (size - 1), level)];
    while (load(slot) == 0) {
      if (slot++ == last) return true;
    }
    return false;
  }

  /// Prepares a table that was just allocated for being linked: locked, with `live` entries.
  void adopt(mem::PhysicalAddress table, unsigned level, unsigned live) noexcept {
    if (!reclaims()) return;
    const Record r = record(table);
    r.lock_new();
    r.add_live(live);
    observer_.locked(table, level);
  }
  void add_live(mem::PhysicalAddress table, unsigned count) noexcept {
    if (reclaims()) record(table).add_live(count);
  }
  void remove_live(mem::PhysicalAddress table, unsigned count) noexcept {
    if (reclaims()) record(table).remove_live(count);
  }

  /// Calls `f(child, at, size)` for each table right below `held` that has entries of the range.
  template <typename Visitor>
  [[gnu::always_inline]] void for_each_link(Held held, mem::VirtualAddress at, std::uint64_t size,
                                            Visitor&& f) noexcept {
    if (held.level == 0) return;
    const Entry* entries = table(held.table);
    while (size > 0) {
      const std::uint64_t part = chunk(at, size, held.level);
      const Entry entry = load(&entries[index(at, held.level)]);
      if (format_.is_table(entry)) {
        f(Held{format_.decode_table(entry), held.level - 1}, at, part);
      }
      at += part;
      size -= part;
    }
  }

 private:
  /// Which of the stretches that a table of granules covers an address is in.
  static constexpr std::uint64_t block_of(mem::VirtualAddress address) noexcept {
    return address.value() >> Levels<F>::shift(1);
  }

  static constexpr bool is_in_one_block(mem::VirtualAddress start, std::uint64_t size) noexcept {
    constexpr std::uint64_t kBlock = Levels<F>::page_bytes(1);
    // The first says so of addresses that are aligned, and is known where the size is.
    return size == mem::kPageSize || size - 1 < kBlock - (start.value() & (kBlock - 1));
  }

  [[gnu::always_inline]] Guard lock_guard(mem::VirtualAddress start, unsigned lowest) noexcept {
    if (!reclaims()) lowest = top();
    auto& sections = memory_.sections();
    const unsigned hart = memory_.hart();
    for (;;) {
      sections.enter(hart);
      Held here{root_, top()};
      // The slot's place is found from the shift, which is cheaper kept than made from the level.
      unsigned shift = Levels<F>::shift(here.level);
      for (;;) {
        Entry* const entries = table(here.table);
        const Entry* const slot = &entries[(start.value() >> shift) & (F::kEntriesPerTable - 1)];
        if (here.level > lowest) {
          const Entry entry = load_link(slot);
          if (format_.is_table(entry)) {
            here = {format_.decode_table(entry), here.level - 1};
            shift -= F::kIndexBits;
            continue;
          }
        }
        const Record lock = record(here.table);
        if (!lock.try_lock()) [[unlikely]]
          break;
        if (here.level > lowest && format_.is_table(load_link(slot))) [[unlikely]] {
          lock.unlock();
          continue;
        }
        sections.leave(hart);
        observer_.locked(here.table, here.level);
        return {here, entries, lock};
      }
      sections.leave(hart);
      memory_.relax();
    }
  }

  static bool is_inside(mem::VirtualAddress start, std::uint64_t size,
                        mem::VirtualRange half) noexcept {
    return base::fits_within(start - half.start(), size, half.size());
  }

  const F format_;
  const mem::PhysicalAddress root_;
  const Reclaim reclaim_;
  std::uint32_t root_state_ = 0;
  std::uint32_t root_next_ = 0;
  const mem::VirtualRange user_half_;
  mem::VirtualRange kernel_half_;
  M memory_;
  [[no_unique_address]] O observer_;
};

}  // namespace quoll::paging
