// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Cursors on several harts at once, below a root that no hart translates with: which locks they
// share, and what sharing a tree costs them.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <optional>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/exec/start.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/mem/kernel_space.hpp>
#include <quoll/kernel/mem/table_memory.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "count_support.hpp"

namespace quoll::vm::counts {
namespace {

using mem::kPageSize;

/// Which harts have locked which tables.
class LockWatch {
 public:
  void locked(mem::PhysicalAddress table, unsigned /*level*/) noexcept {
    const std::uint64_t me = sync::HartSet::of(arch::Harts::id()).bits();
    for (Seen& seen : tables_) {
      std::uint64_t expected = 0;
      if (seen.table.load() != table.value() &&
          !seen.table.compare_exchange_strong(expected, table.value()) &&
          expected != table.value()) {
        continue;
      }
      seen.harts.fetch_or(me);
      return;
    }
    overflown_.store(true);
  }
  /// Tables that more than one hart locked; all of them, when there were too many to tell.
  unsigned common() const noexcept {
    if (overflown_.load()) return kMost;
    return static_cast<unsigned>(std::ranges::count_if(
        tables_, [](const Seen& seen) { return std::popcount(seen.harts.load()) > 1; }));
  }
  /// *Context*: nobody has a cursor.
  void forget() noexcept {
    for (Seen& seen : tables_) seen.harts.store(0);
  }

 private:
  static constexpr unsigned kMost = 32;
  struct Seen {
    std::atomic<std::uint64_t> table{0};
    std::atomic<std::uint64_t> harts{0};
  };
  std::array<Seen, kMost> tables_{};
  std::atomic<bool> overflown_{false};
};

struct Watching {
  LockWatch* watch;
  void locked(mem::PhysicalAddress table, unsigned level) noexcept { watch->locked(table, level); }
  void unlocked(mem::PhysicalAddress, unsigned /*level*/) noexcept {}
  void retired(mem::PhysicalAddress, unsigned /*level*/) noexcept {}
};

template <typename Observer>
using Tables = paging::PageTable<arch::Mmu::Format, TableMemory, Observer>;

constexpr std::uint64_t kSubtree = 512 * kPageSize;
constexpr unsigned kSteps = 2000;
constexpr unsigned kPagesOfOne = 60;

mem::VirtualAddress subtree(unsigned i) {
  return mem::VirtualAddress((std::uint64_t{1} << 30) + i * kSubtree);
}
/// Where each worker has a page table of its own; its first page stays mapped.
mem::VirtualAddress apart(unsigned worker) {
  return subtree(worker) + kPageSize;
}
/// Where all have the same one.
mem::VirtualAddress together(unsigned worker) {
  return subtree(0) + (1 + worker * kPagesOfOne) * kPageSize;
}

/// A tree, and workers that change it, each on a hart of its own and at the same time.
template <typename Observer>
class Crew {
 public:
  Crew(mem::PhysicalAddress root, Observer observer)
      : target_(root),
        tables_(kernel_space().format(), root, TableMemory(frames(), UINT64_MAX),
                paging::Reclaim::kEmptyTables, observer) {
    // Each part of the tree is there and stays.
    for (unsigned i = 0; i < arch::Harts::count(); ++i) EXPECT_TRUE(map(subtree(i)));
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() {
    paging::Flush flush;
    EXPECT_TRUE(
        tables_.unmap({subtree(0), arch::Harts::count() * kSubtree}, flush, removed).has_value());
    settle(flush);
    EXPECT_EQ(tables_.memory().in_use(), 0u);
  }

  /// Maps a page, looks at it, and unmaps it again, many times.
  void work(mem::VirtualAddress at) {
    unsigned wrong = 0;
    for (unsigned step = 0; step < kSteps; ++step) {
      const mem::VirtualAddress page = at + step % kPagesOfOne * kPageSize;
      if (!map(page)) ++wrong;
      {
        auto opened = tables_.cursor(page, kPageSize);
        if (!opened || !opened->query()->leaf) ++wrong;
      }
      paging::Flush flush;
      {
        auto opened = tables_.cursor_mut(page, kPageSize);
        if (!opened || !opened->unmap(kPageSize, flush, removed)) ++wrong;
      }
      settle(flush);
    }
    EXPECT_EQ(wrong, 0u);
  }

  /// Lets every hart work, with `place(i)` for the `i`th; the instructions of all together.
  async::Task<std::uint64_t> everybody(mem::VirtualAddress (*place)(unsigned)) {
    std::array<async::JoinHandle<>, sync::kMaxHarts> others;
    unsigned count = 0;
    ready_.store(0);
    done_.store(0);
    begun_.store(false);
    for (; count + 1 < arch::Harts::count(); ++count) {
      auto spawned = exec::spawn(other(place(count + 1), arch::Harts::id()), "cursors");
      EXPECT_TRUE(spawned.has_value());
      if (!spawned) break;
      others[count] = std::move(*spawned);
      sleep_until_told([&] { return ready_.load() == count + 1; });
    }
    const std::uint64_t before = arch::read_instructions();
    begun_.store(true);
    wake_others();
    work(place(0));
    sleep_until_told([&] { return done_.load() == count; });
    const std::uint64_t spent = arch::read_instructions() - before;
    for (unsigned i = 0; i < count; ++i) (void)co_await others[i].join();
    co_return spent;
  }

 private:
  static void removed(mem::VirtualAddress, const paging::Leaf&, std::uint64_t) {}

  bool map(mem::VirtualAddress page) {
    paging::Flush flush;
    const bool done =
        tables_.map_page(page, target_, {mem::Permissions::read_write().for_user()}, flush)
            .has_value();
    settle(flush);
    return done;
  }
  void settle(paging::Flush& flush) {
    flush.waive();  // nobody translates with this root
    flush.release_tables(tables_.memory());
  }
  async::Task<void> other(mem::VirtualAddress at, unsigned told) {
    ready_.fetch_add(1);
    exec::kick(told);
    sleep_until_told([&] { return begun_.load(); });
    work(at);
    done_.fetch_add(1);
    exec::kick(told);
    co_return;
  }

  const mem::PhysicalAddress target_;
  Tables<Observer> tables_;
  std::atomic<unsigned> ready_{0};
  std::atomic<unsigned> done_{0};
  std::atomic<bool> begun_{false};
};

KTEST_TASK(Counts, DisjointCursorsShareNoLock) {
  auto root = frames().allocate_zeroed();
  CO_ASSERT_TRUE(root.has_value());
  LockWatch watch;
  {
    Crew<Watching> crew(root->address(), Watching{&watch});
    watch.forget();
    (void)(co_await crew.everybody(apart).checked()).value();
    EXPECT_EQ(watch.common(), 0u);
    if (can_count()) {
      tell("paging.common_locks", watch.common());
      co_return;
    }
    // The watch sees locks that are shared: that of the one page table here.
    watch.forget();
    (void)(co_await crew.everybody(together).checked()).value();
    EXPECT_EQ(watch.common(), arch::Harts::count() == 1 ? 0u : 1u);
  }
}

KTEST_TASK(Counts, DisjointCursors) {
  if (!can_count()) co_return;
  auto root = frames().allocate_zeroed();
  CO_ASSERT_TRUE(root.has_value());
  {
    Crew<paging::NoObserver> crew(root->address(), {});
    const std::uint64_t before = arch::read_instructions();
    crew.work(apart(0));
    const std::uint64_t alone = arch::read_instructions() - before;
    const auto all = (co_await crew.everybody(apart).checked()).value();
    tell("paging.disjoint_permille", all * 1000 / (alone * arch::Harts::count()));
  }
}

}  // namespace
}  // namespace quoll::vm::counts
