// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Shootdowns under load: spaces that all harts share are changed while all harts touch them. Each
// worker has pages of its own among those of others and moves from hart to hart, so that a
// translation that outlived its fence shows as a value that should be gone, or as a write that
// should have been refused.
#include <atomic>
#include <memory>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/flush.hpp>
#include <quoll/kernel/mem/user_copy.hpp>
#include <quoll/kernel/mem/vm_space.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "memory_storm.hpp"

namespace quoll::vm::storms {
namespace {

using mem::kPageSize;
constexpr auto kReadWrite = mem::Permissions::read_write().for_user();
constexpr auto kReadOnly = mem::Permissions::read_only().for_user();
constexpr unsigned kSpaces = 3;
/// Pages of one worker. Those of different workers stand side by side, in the same page tables.
constexpr std::uint64_t kPages = 3;

struct Arena {
  std::array<std::unique_ptr<AddressSpace>, kSpaces> spaces;
  std::array<mem::VirtualAddress, kSpaces> bases;

  bool make(unsigned workers) {
    for (unsigned i = 0; i < kSpaces; ++i) {
      auto made = AddressSpace::create(kernel_space());
      if (!made) return false;
      spaces[i] = std::move(*made);
      const auto all = spaces[i]->reserve(Placement::anywhere(), workers * kPages * kPageSize);
      if (!all) return false;
      bases[i] = all->start();
    }
    return true;
  }
};

/// One worker's pages of one space, and what they should be like.
class Patch {
 public:
  Patch(AddressSpace& space, mem::VirtualRange range) : space_(space), range_(range) {}

  /// Does one thing; returns how much was wrong.
  unsigned step(Chance& chance) {
    switch (chance.below(8)) {
      case 0:
      case 1:
        return write(chance.next() | 1);
      case 2:
        return protect(chance.below(2) == 0);
      case 3:
        return throw_away();
      default:
        return read();
    }
  }

 private:
  unsigned commit() {
    if (committed_) return 0;
    committed_ = true;
    writable_ = true;
    value_ = 0;
    return space_.commit(range_, kReadWrite).has_value() ? 0 : 1;
  }
  unsigned read() {
    unsigned wrong = commit();
    for (std::uint64_t page = 0; page < range_.page_count(); ++page) {
      std::uint64_t found = ~value_;
      const mem::VirtualAddress at = range_.start() + page * kPageSize + 8 * page;
      if (!copy_from_user(space_, &found, at, sizeof found) || found != value_) ++wrong;
    }
    return wrong;
  }
  unsigned write(std::uint64_t value) {
    unsigned wrong = commit();
    for (std::uint64_t page = 0; page < range_.page_count(); ++page) {
      const mem::VirtualAddress at = range_.start() + page * kPageSize + 8 * page;
      const bool done = copy_to_user(space_, at, &value, sizeof value).has_value();
      if (done != writable_) ++wrong;
    }
    if (writable_) value_ = value;
    return wrong;
  }
  unsigned protect(bool writable) {
    unsigned wrong = commit();
    if (!space_.protect(range_, writable ? kReadWrite : kReadOnly)) return wrong + 1;
    writable_ = writable;
    return wrong;
  }
  unsigned throw_away() {
    unsigned wrong = commit();
    committed_ = false;
    if (!space_.decommit(range_)) return wrong + 1;
    std::uint64_t none = 0;
    if (copy_from_user(space_, &none, range_.start(), sizeof none)) ++wrong;
    return wrong;
  }

  AddressSpace& space_;
  const mem::VirtualRange range_;
  bool committed_ = false;
  bool writable_ = false;
  std::uint64_t value_ = 0;
};

async::Task<std::uint64_t> work(Arena& arena, unsigned worker, std::uint64_t seed, unsigned steps) {
  Chance chance{seed + worker};
  std::array<std::optional<Patch>, kSpaces> patches;
  for (unsigned i = 0; i < kSpaces; ++i) {
    patches[i].emplace(
        *arena.spaces[i],
        mem::VirtualRange(arena.bases[i] + worker * kPages * kPageSize, kPages * kPageSize));
  }
  std::uint64_t wrong = 0;
  for (unsigned step = 0; step < steps; ++step) {
    wrong += patches[chance.below(kSpaces)]->step(chance);
    if (chance.below(3) == 0) co_await exec::yield_now();
  }
  co_return wrong;
}

KTEST_TASK(MemoryStorm, ShootdownsReachEveryHartThatMayCache, within("60s")) {
  const std::uint64_t seed = printed_seed();
  const unsigned workers = 2 * arch::Harts::count() + 1;
  (void)co_await leave_everywhere().checked();
  const FreeMemory before = (co_await free_memory(std::nullopt).checked()).value();
  {
    Arena arena;
    CO_ASSERT_TRUE(arena.make(workers));
    const auto wrong = co_await run_workers(workers, [&](unsigned i) {
                         return work(arena, i, seed, 200 / arch::Harts::count());
                       }).checked();
    CO_ASSERT_TRUE(wrong.has_value());
    EXPECT_EQ(*wrong, 0u);
    for (const auto& space : arena.spaces) EXPECT_LE(space->usage().regions, 4u * workers + 1);
  }
  (void)co_await leave_everywhere().checked();
  expect_equal((co_await free_memory(before).checked()).value(), before);
}

/// Spaces come and go while others are used.
async::Task<std::uint64_t> live_and_die(std::uint64_t seed, unsigned rounds) {
  Chance chance{seed};
  std::uint64_t wrong = 0;
  for (unsigned round = 0; round < rounds; ++round) {
    auto space = AddressSpace::create(kernel_space());
    if (!space) co_return wrong + 1;
    const std::uint64_t size = (1 + chance.below(40)) * kPageSize;
    const auto range = (*space)->map_anonymous(Placement::anywhere(), size, kReadWrite);
    if (!range) co_return wrong + 1;
    const std::uint64_t value = chance.next();
    const mem::VirtualAddress at = range->start() + chance.below(size / kPageSize) * kPageSize;
    if (!copy_to_user(**space, at, &value, sizeof value)) ++wrong;
    co_await exec::yield_now();
    std::uint64_t found = 0;
    if (!copy_from_user(**space, &found, at, sizeof found) || found != value) ++wrong;
  }
  co_return wrong;
}

KTEST_TASK(MemoryStorm, SpacesComeAndGoOnAllHarts, within("60s")) {
  const std::uint64_t seed = printed_seed();
  const unsigned workers = 2 * arch::Harts::count();
  (void)co_await leave_everywhere().checked();
  const FreeMemory before = (co_await free_memory(std::nullopt).checked()).value();
  const auto wrong = co_await run_workers(workers, [seed](unsigned i) {
                       return live_and_die(seed + i, 60);
                     }).checked();
  CO_ASSERT_TRUE(wrong.has_value());
  EXPECT_EQ(*wrong, 0u);
  (void)co_await leave_everywhere().checked();
  expect_equal((co_await free_memory(before).checked()).value(), before);
}

/// Has a hart with its interrupts off fence all that have the space active, while they do the same.
async::Task<std::uint64_t> fence_uninterrupted(VmSpace& space, std::atomic<unsigned>& present,
                                               unsigned expected) {
  space.activate();
  const sync::InterruptGuard<arch::Interrupts> guard;
  present.fetch_add(1);
  // For the others to be here too; when a task waits behind another on one hart, not for ever.
  const exec::Ticks limit = exec::now() + exec::ticks_per_second() / 20;
  while (present.load() < expected && exec::now() < limit) arch::Interrupts::relax();
  std::uint64_t done = 0;
  for (; done < 50; ++done) {
    TlbFlusher flusher(space);
    flusher.issue_all();
    flusher.dispatch();
  }
  co_return done;
}

KTEST_TASK(KnownDefects, HartsWithoutInterruptsFenceEachOther, within("60s")) {
  auto space = VmSpace::create(kernel_space());
  CO_ASSERT_TRUE(space.has_value());
  const unsigned harts = arch::Harts::count();
  std::atomic<unsigned> present{0};
  const auto done = co_await run_workers(harts, [&](unsigned) {
                      return fence_uninterrupted(**space, present, harts);
                    }).checked();
  CO_ASSERT_TRUE(done.has_value());
  EXPECT_EQ(*done, 50u * harts);
  (void)co_await leave_everywhere().checked();
}

}  // namespace
}  // namespace quoll::vm::storms
