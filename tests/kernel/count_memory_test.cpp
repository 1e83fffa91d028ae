// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What memory costs: frames, heap, page tables. Only a machine that counts instructions (`bench=`,
// and QEMU's -icount) can tell; others only find that everything works.
#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <optional>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/mem/table_memory.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/kernel/tracing/trace.hpp>
#include <quoll/kernel/watchdog/watchdog.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "count_support.hpp"

namespace quoll::vm::counts {
namespace {

using mem::kPageSize;

KTEST(Counts, Frames) {
  if (!can_count()) return;
  std::uint64_t allocate = ~std::uint64_t{0};
  std::uint64_t free = ~std::uint64_t{0};
  for (unsigned i = 0; i < 50; ++i) {
    Frame frame;
    allocate = std::min(allocate, count([&] {
                          auto got = frames().allocate();
                          if (got) frame = std::move(*got);
                        }));
    ASSERT_TRUE(static_cast<bool>(frame));
    free = std::min(free, count([&] { frame.reset(); }));
  }
  tell("frames.allocate", allocate);
  tell("frames.free", free);
  // The dearest of more than the caches hold: each refill and each drain is among them.
  constexpr unsigned kMany = 512;
  const std::unique_ptr<std::array<Frame, kMany>> many(new (std::nothrow)
                                                           std::array<Frame, kMany>{});
  ASSERT_TRUE(many != nullptr);
  std::uint64_t worst = 0;
  std::uint64_t all = 0;
  for (Frame& frame : *many) {
    const std::uint64_t one = count([&] {
      auto got = frames().allocate();
      if (got) frame = std::move(*got);
    });
    worst = std::max(worst, one);
    all += one;
  }
  std::uint64_t all_free = 0;
  for (Frame& frame : *many) all_free += count([&] { frame.reset(); });
  tell("frames.allocate_512", all / kMany);
  tell("frames.free_512", all_free / kMany);
  tell("frames.worst", worst);
  // Past the cache: the buddy lists alone. Every second one splits a block, and frees as often join
  // two, so what counts is the mean.
  frames().drain_caches();
  constexpr unsigned kRuns = 64;
  std::array<FrameRun, kRuns> runs;
  std::uint64_t taken = 0;
  for (FrameRun& run : runs) {
    taken += count([&] {
      auto got = frames().allocate_run(1);
      if (got) run = std::move(*got);
    });
    ASSERT_TRUE(static_cast<bool>(run));
  }
  std::uint64_t given = 0;
  for (FrameRun& run : runs) given += count([&] { run.reset(); });
  tell("frames.uncached", taken / kRuns);
  tell("frames.uncached_free", given / kRuns);
}

/// What a second allocator takes to begin, over a GiB of the first one's frames. The machine has to
/// have that much: the count follows the number of blocks, and cannot be told from a part.
KTEST(Counts, FramesInit) {
  if (!can_count()) return;
  const std::unique_ptr<FrameAllocator> second(new (std::nothrow) FrameAllocator);
  ASSERT_TRUE(second != nullptr);
  auto run = frames().allocate_run((std::uint64_t{1} << 30) / kPageSize);
  ASSERT_TRUE(run.has_value());
  const std::array<mem::PhysicalRange, 1> free{run->range()};
  bool made = false;
  const std::uint64_t spent =
      count([&] { made = second->init(frames().phys_map(), free).has_value(); });
  EXPECT_TRUE(made);
  tell("frames.init_per_gib", spent);
}

KTEST(Counts, Heap) {
  if (!can_count()) return;
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): the assembly gives it back
  const auto keep = [](void*& memory) { asm volatile("" : "+r"(memory) : : "memory"); };
  std::uint64_t constant = 0;
  std::uint64_t pair = 0;
  std::uint64_t unsized = 0;
  std::uint64_t by_new = 0;
  const auto measure = [&]<std::size_t kSize>() {
    constant = std::max(constant, least([&] {
                          void* memory = heap().allocate(kSize);
                          keep(memory);
                          heap().deallocate(memory, kSize);
                        }));
    std::size_t size = kSize;
    asm volatile("" : "+r"(size));
    pair = std::max(pair, least([&] {
                      void* memory = heap().allocate(size);
                      keep(memory);
                      heap().deallocate(memory, size);
                    }));
    unsized = std::max(unsized, least([&] {
                         void* memory = heap().allocate(size);
                         keep(memory);
                         heap().deallocate(memory);
                       }));
    by_new = std::max(by_new, least([&] {
                        void* memory = ::operator new(size, std::nothrow);
                        keep(memory);
                        ::operator delete(memory, size);
                      }));
  };
  measure.operator()<16>();
  measure.operator()<64>();
  measure.operator()<256>();
  measure.operator()<1024>();
  measure.operator()<2048>();
  tell("heap.pair", constant);
  tell("heap.pair_any_size", pair);
  tell("heap.pair_unsized", unsized);
  tell("heap.new_delete", by_new);
  // Slabs that are begun and ended, caches that run empty and over.
  constexpr unsigned kMany = 600;
  const std::unique_ptr<std::array<void*, kMany>> many(new (std::nothrow)
                                                           std::array<void*, kMany>{});
  ASSERT_TRUE(many != nullptr);
  std::uint64_t worst = 0;
  std::uint64_t worst_free = 0;
  for (const std::size_t size : {16u, 128u, 1024u, 2048u}) {
    for (void*& memory : *many)
      worst = std::max(worst, count([&] { memory = heap().allocate(size); }));
    for (void*& memory : *many) {
      worst_free = std::max(worst_free, count([&] { heap().deallocate(memory); }));
    }
  }
  tell("heap.worst_allocate", worst);
  tell("heap.worst", std::max(worst, worst_free));
}

/// Page tables of the test's own, below a root that no hart translates with.
KTEST(Counts, Cursors) {
  if (!can_count()) return;
  auto root = frames().allocate_zeroed();
  ASSERT_TRUE(root.has_value());
  TableMemory memory(frames(), UINT64_MAX);
  PageTable tables(kernel_space().format(), root->address(), memory, paging::Reclaim::kEmptyTables);
  constexpr std::uint64_t kPages = 512;
  const mem::VirtualRange range(mem::VirtualAddress(std::uint64_t{1} << 30), kPages * kPageSize);
  const paging::Properties properties{kReadWrite};
  const auto settle = [&](paging::Flush& flush) {
    flush.apply([](mem::VirtualRange changed, paging::FenceReach) { arch::Mmu::fence(changed); });
    flush.release_tables(tables.memory());
  };
  // The frames behind it are never touched.
  const mem::PhysicalAddress target = root->address();
  const auto removed = [](mem::VirtualAddress, const paging::Leaf&, std::uint64_t) {};
  {
    paging::Flush flush;
    ASSERT_TRUE(tables.map(range, target, properties, flush).has_value());
    settle(flush);
  }
  const mem::VirtualRange page(range.start() + 7 * kPageSize, kPageSize);
  tell("paging.open_query_close", least([&] {
         auto opened = tables.cursor(page.start(), kPageSize);
         if (opened) (void)opened->query();
       }));
  // By a cursor over the page, and by one whose guard is so far up that it can take out tables.
  std::uint64_t unmap = ~std::uint64_t{0};
  std::uint64_t unmap_from_the_root = ~std::uint64_t{0};
  for (unsigned i = 0; i < 20; ++i) {
    paging::Flush flush;
    unmap = std::min(unmap, count([&] {
                       {
                         auto opened = tables.cursor_mut(page.start(), kPageSize);
                         if (opened) (void)opened->unmap(kPageSize, flush, removed);
                       }
                       settle(flush);
                     }));
    (void)tables.map(page, target, properties, flush);
    settle(flush);
    unmap_from_the_root = std::min(unmap_from_the_root, count([&] {
                                     (void)tables.unmap(page, flush, removed);
                                     settle(flush);
                                   }));
    (void)tables.map(page, target, properties, flush);
    settle(flush);
  }
  tell("paging.unmap_fence", unmap);
  tell("paging.unmap_fence_from_root", unmap_from_the_root);
  std::uint64_t map = ~std::uint64_t{0};
  for (unsigned i = 0; i < 5; ++i) {
    paging::Flush flush;
    // One page stays, so that the table does.
    (void)tables.unmap(mem::VirtualRange(range.start(), range.size() - kPageSize), flush, removed);
    settle(flush);
    const mem::VirtualRange batch(range.start(), range.size() - kPageSize);
    map = std::min(map, count([&] {
                     (void)tables.map(batch, target, properties, flush);
                     settle(flush);
                   }));
  }
  tell("paging.map_per_page", map / (kPages - 1));
  paging::Flush flush;
  (void)tables.unmap(range, flush, removed);
  settle(flush);
}

KTEST(Counts, Spaces) {
  if (!can_count()) return;
  const Fixture user;
  ASSERT_TRUE(user.space != nullptr);
  AddressSpace& space = *user.space;
  space.activate();
  constexpr std::uint64_t kGib = std::uint64_t{1} << 30;
  tell("paging.reserve_release_1gib", least([&] {
         const auto range = space.reserve(Placement::anywhere(kGib), kGib);
         if (range) (void)space.release(range->start());
       }));
  // 512 pages of a table that is there, by the space's own means: regions, faults, zeroing aside.
  constexpr std::uint64_t kPages = 512;
  const auto range =
      space.map_anonymous(Placement::anywhere(kPages * kPageSize), kPages * kPageSize, kReadWrite);
  ASSERT_TRUE(range.has_value());
  const std::uint64_t zeroed = least([] { (void)frames().allocate_zeroed(); });
  const std::uint64_t all = count([&] { (void)space.populate(*range, mem::Access::kWrite); });
  tell("space.populate_per_page", all / kPages - zeroed);
  const mem::VirtualRange page(range->start() + 7 * kPageSize, kPageSize);
  tell("space.protect_page", least([&] {
                               (void)space.protect(page, kReadOnly);
                               (void)space.protect(page, kReadWrite);
                             }) / 2);
  std::uint64_t decommit = ~std::uint64_t{0};
  for (unsigned i = 0; i < 20; ++i) {
    EXPECT_TRUE(space.commit(page, kReadWrite).has_value());
    (void)space.populate(page, mem::Access::kWrite);
    decommit = std::min(decommit, count([&] { (void)space.decommit(page); }));
  }
  tell("space.decommit_page", decommit);
}

/// What one mapping more costs, and its end, among so many others with a page between each two; the
/// mean over some of these pages.
struct AmongRegions {
  std::uint64_t map = 0;
  std::uint64_t unmap = 0;
  std::uint64_t search =
      0;  ///< for two pages, for which there is room in one place amid the others
};

std::optional<AmongRegions> measure_among(unsigned present) {
  constexpr unsigned kTimes = 64;
  const Fixture user(SpaceLimits{.regions = present + 1});
  if (user.space == nullptr) return std::nullopt;
  AddressSpace& space = *user.space;
  const auto gap = [&](std::uint64_t i) {
    return mem::VirtualRange(space.bounds().start() + 2 * i * kPageSize, kPageSize);
  };
  const std::uint64_t room = present / 2;
  for (std::uint64_t i = 0; i <= present; ++i) {
    const mem::VirtualAddress at = gap(i).end();
    if (i != room && !space.map_anonymous(Placement::at(at), kPageSize, kReadWrite)) {
      return std::nullopt;
    }
  }
  AmongRegions out;
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    const mem::VirtualRange page = gap((i * present + room) / kTimes);
    out.map += count(
        [&] { (void)space.map_anonymous(Placement::at(page.start()), kPageSize, kReadWrite); });
    out.unmap += count([&] { (void)space.unmap(page); });
    std::optional<mem::VirtualRange> found;
    out.search += count([&] {
      auto got = space.map_anonymous(Placement::lowest(), 2 * kPageSize, kReadWrite);
      if (got) found = *got;
    });
    if (!found || found->start() != gap(room).start() || !space.unmap(*found)) return std::nullopt;
  }
  if (space.usage().regions != present) return std::nullopt;
  return AmongRegions{out.map / kTimes, out.unmap / kTimes, out.search / kTimes};
}

/// What a place chosen at random costs among so many that were, and its end: the mean of some.
std::optional<std::uint64_t> measure_random(unsigned present) {
  constexpr unsigned kTimes = 64;
  const Fixture user(SpaceLimits{.regions = present + 1}, PlacementSeed{});
  if (user.space == nullptr) return std::nullopt;
  AddressSpace& space = *user.space;
  for (unsigned i = 0; i < present; ++i) {
    if (!space.reserve(Placement::anywhere(), kPageSize)) return std::nullopt;
  }
  std::uint64_t all = 0;
  for (unsigned i = 0; i < kTimes; ++i) {
    std::optional<mem::VirtualRange> range;
    all += count([&] {
      if (auto got = space.reserve(Placement::anywhere(), kPageSize)) range = *got;
    });
    if (!range || !space.release(range->start())) return std::nullopt;
  }
  return all / kTimes;
}

KTEST(Counts, RandomPlaces) {
  if (!can_count()) return;
  const auto one = measure_random(1);
  const auto thousand = measure_random(1'000);
  ASSERT_TRUE(one && thousand);
  tell("regions.random_among_1", *one);
  tell("regions.random_among_1000", *thousand);
}

KTEST(Counts, Regions) {
  if (!can_count()) return;
  const auto one = measure_among(1);
  const auto thousand = measure_among(1'000);
  const auto many = measure_among(100'000);
  ASSERT_TRUE(one && thousand && many);
  tell("regions.map_among_1", one->map);
  tell("regions.map_among_1000", thousand->map);
  tell("regions.map_among_100000", many->map);
  tell("regions.unmap_among_1", one->unmap);
  tell("regions.unmap_among_1000", thousand->unmap);
  tell("regions.unmap_among_100000", many->unmap);
  tell("regions.search_among_1", one->search);
  tell("regions.search_among_1000", thousand->search);
  tell("regions.search_among_100000", many->search);
  // From a thousand to a hundred thousand is two thirds of the way from one to a thousand.
  const auto is_logarithmic = [](std::uint64_t first, std::uint64_t second, std::uint64_t third) {
    return third <= second + (second - std::min(first, second));
  };
  EXPECT_TRUE(is_logarithmic(one->map, thousand->map, many->map));
  EXPECT_TRUE(is_logarithmic(one->unmap, thousand->unmap, many->unmap));
  EXPECT_TRUE(is_logarithmic(one->search, thousand->search, many->search));
}

/// Remote fences that were recorded since `begin`: how many, and which harts they reached.
class Fences {
 public:
  Fences() : before_(tracing::recorded_groups()) {
    const auto locals = tracing::trace_locals();
    for (std::size_t hart = 0; hart < locals.size(); ++hart) {
      if (locals[hart] != nullptr) from_[hart] = locals[hart]->ring.written();
    }
    tracing::record_groups(trace::kAllGroups);
  }
  Fences(const Fences&) = delete;
  Fences& operator=(const Fences&) = delete;
  ~Fences() { tracing::record_groups(before_); }

  void end() {
    tracing::record_groups(trace::kNoGroups);
    const auto locals = tracing::trace_locals();
    for (std::size_t hart = 0; hart < locals.size(); ++hart) {
      if (locals[hart] == nullptr) continue;
      const trace::Ring& ring = locals[hart]->ring;
      for (std::uint64_t i = from_[hart]; i < ring.written(); ++i) {
        const auto record = ring.read(i);
        if (!record || record->event != trace::Event::kFence) continue;
        const sync::HartSet harts(record->value("harts"));
        if (harts.is_empty()) continue;
        ++fences_;
        reached_ += harts.count();
      }
    }
  }
  unsigned fences() const noexcept { return fences_; }
  unsigned reached() const noexcept { return reached_; }

 private:
  trace::GroupMask before_;
  std::array<std::uint64_t, sync::kMaxHarts> from_{};
  unsigned fences_ = 0;
  unsigned reached_ = 0;
};

/// Keeps the space active on a hart.
async::Task<void> hold(AddressSpace& space, std::atomic<std::uint64_t>& holding,
                       const std::atomic<bool>& over, unsigned told) {
  space.activate();
  holding.fetch_or(sync::HartSet::of(arch::Harts::id()).bits());
  exec::kick(told);
  sleep_until_told([&] { return over.load(); });
  kernel_space().activate();
  co_return;
}

/// One commit, while so many other harts have the space active; how many they were told.
async::Task<void> commit_beside(unsigned others) {
  const Fixture user;
  CO_ASSERT_TRUE(user.space != nullptr);
  AddressSpace& space = *user.space;
  const auto range = space.map_anonymous(Placement::anywhere(), 8 * kPageSize, kReadWrite);
  CO_ASSERT_TRUE(range.has_value());
  CO_ASSERT_TRUE(space.populate(*range, mem::Access::kWrite) == FaultOutcome::kResolved);
  std::atomic<std::uint64_t> holding{0};
  std::atomic<bool> over{false};
  std::array<async::JoinHandle<>, sync::kMaxHarts> holders;
  for (unsigned i = 0; i < others; ++i) {
    auto spawned = exec::spawn(hold(space, holding, over, arch::Harts::id()), "holder");
    CO_ASSERT_TRUE(spawned.has_value());
    holders[i] = std::move(*spawned);
    sleep_until_told([&] { return sync::HartSet(holding.load()).count() == i + 1; });
  }
  Fences fences;
  bool done = false;
  {
    // The firmware spins until the others have answered. An alarm ends this hart's turn.
    const sync::InterruptGuard<arch::Interrupts> guard;
    arch::HartLocal& local = arch::hart_local();
    arch::set_timer(arch::read_time() + exec::ticks_per_second() / 50'000);
    done = space.protect(*range, kReadOnly).has_value();
    arch::set_timer(watchdog::or_tick(local, local.deadline));
  }
  fences.end();
  over.store(true);
  wake_others();
  for (unsigned i = 0; i < others; ++i) (void)co_await holders[i].join();
  EXPECT_TRUE(done);
  EXPECT_EQ(fences.reached(), others);
  EXPECT_EQ(fences.fences(), others == 0 ? 0U : 1U);
  if (can_count()) {
    tell(others == 0 ? "ipis.per_commit" : "ipis.per_commit_and_hart",
         others == 0 ? fences.reached() : fences.reached() / others);
  }
}

KTEST_TASK(Counts, OneFenceForEachCommit) {
  EXPECT_TRUE((co_await commit_beside(0).checked()).has_value());
  const unsigned others = arch::Harts::count() - 1;
  if (others != 0) EXPECT_TRUE((co_await commit_beside(others).checked()).has_value());
}

}  // namespace
}  // namespace quoll::vm::counts
