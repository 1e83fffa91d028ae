// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Memory objects under load: all harts fault in one object, through one space and through spaces of
// their own; copies of copies of copies are written and end in any order; pages are forgotten,
// unmapped and touched at once; and what several harts need at once is made once. One file, because
// the storms share how objects are mapped, stored to and read.
#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/user_copy.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>

#include "memory_storm.hpp"

namespace quoll::vm::storms {
namespace {

using mem::kPageSize;
constexpr auto kReadWrite = mem::Permissions::read_write();
constexpr auto kReadOnly = mem::Permissions::read_only();

std::unique_ptr<AddressSpace> new_space() {
  auto made = AddressSpace::create(kernel_space());
  return made ? std::move(*made) : nullptr;
}
PagedVmoRef new_object(std::uint64_t pages, PageProviderRef provider = {}) {
  auto made = PagedVmo::create(frames(), pages * kPageSize, kReadWrite, std::move(provider));
  return made ? std::move(*made) : PagedVmoRef();
}
/// Where an object is mapped to be shared; nowhere when that is refused.
std::optional<mem::VirtualRange> share(AddressSpace& space, const PagedVmoRef& object) {
  const auto range =
      space.map_shared(Placement::anywhere(), VmoRef(object), 0, object->size(), kReadWrite);
  if (!range) return std::nullopt;
  return *range;
}
bool store(AddressSpace& space, mem::VirtualAddress at, std::uint64_t value) {
  return copy_to_user(space, at, &value, sizeof value).has_value();
}
std::optional<std::uint64_t> load(AddressSpace& space, mem::VirtualAddress at) {
  std::uint64_t value = 0;
  if (!copy_from_user(space, &value, at, sizeof value)) return std::nullopt;
  return value;
}
bool set(PagedVmo& object, std::uint64_t offset, std::uint64_t value) {
  return object.write(offset, std::as_bytes(std::span(&value, 1))).has_value();
}
std::optional<std::uint64_t> get(PagedVmo& object, std::uint64_t offset) {
  std::uint64_t value = 0;
  if (!object.read(offset, std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
  return value;
}

// All harts in one object.

constexpr std::uint64_t kSharedPages = 48;

/// Each worker has one word of each page, which nobody else writes.
class Sharer {
 public:
  Sharer(PagedVmoRef object, AddressSpace& common, mem::VirtualRange range, unsigned worker)
      : object_(std::move(object)), common_(common), range_(range), worker_(worker) {}

  unsigned step(Chance& chance) {
    const std::uint64_t page = chance.below(kSharedPages);
    switch (chance.below(12)) {
      case 0:
        return move();
      case 1:
        return unmap_own();
      case 2:
      case 3:
      case 4:
        return write(page, chance);
      case 5:
        return get(*object_, offset(page, worker_)) == values_[page] ? 0 : 1;
      case 6:
      case 7:
        return read_of_others(page, chance);
      default:
        return load(common_, range_.start() + offset(page, worker_)) == values_[page] &&
                       (!own_ || load(*own_, at_.start() + offset(page, worker_)) == values_[page])
                   ? 0
                   : 1;
    }
  }

 private:
  static std::uint64_t offset(std::uint64_t page, unsigned worker) {
    return page * kPageSize + worker * sizeof(std::uint64_t);
  }
  std::uint64_t tag(std::uint64_t page, unsigned worker) const {
    return (page << 48) | (std::uint64_t{worker} << 32);
  }
  /// To a new space of its own, where nothing is there yet.
  unsigned move() {
    own_ = new_space();
    if (!own_) return 1;
    const auto mapped = share(*own_, object_);
    if (!mapped) return 1;
    at_ = *mapped;
    return 0;
  }
  unsigned unmap_own() {
    if (!own_) return move();
    if (!own_->release(at_.start())) return 1;
    const auto mapped = share(*own_, object_);
    if (!mapped) return 1;
    at_ = *mapped;
    return 0;
  }
  unsigned write(std::uint64_t page, Chance& chance) {
    const std::uint64_t value = tag(page, worker_) | chance.below(std::uint64_t{1} << 32);
    values_[page] = value;
    if (own_ && chance.below(2) == 0) {
      return store(*own_, at_.start() + offset(page, worker_), value) ? 0 : 1;
    }
    return store(common_, range_.start() + offset(page, worker_), value) ? 0 : 1;
  }
  unsigned read_of_others(std::uint64_t page, Chance& chance) {
    const auto other = static_cast<unsigned>(chance.below(std::uint64_t{2} * arch::Harts::count()));
    const auto found = load(common_, range_.start() + offset(page, other));
    const std::uint64_t upper = ~std::uint64_t{0} << 32;
    return found && (*found == 0 || (*found & upper) == tag(page, other)) ? 0 : 1;
  }

  PagedVmoRef object_;
  AddressSpace& common_;
  const mem::VirtualRange range_;
  const unsigned worker_;
  std::array<std::uint64_t, kSharedPages> values_{};
  std::unique_ptr<AddressSpace> own_;
  mem::VirtualRange at_;
};

async::Task<std::uint64_t> share_pages(PagedVmoRef object, AddressSpace& common,
                                       mem::VirtualRange range, unsigned worker,
                                       std::uint64_t seed) {
  Chance chance{seed + worker};
  const std::unique_ptr<Sharer> sharer(new (std::nothrow)
                                           Sharer(std::move(object), common, range, worker));
  if (!sharer) co_return 1;
  std::uint64_t wrong = 0;
  for (unsigned step = 0; step < 400; ++step) {
    wrong += sharer->step(chance);
    if (chance.below(4) == 0) co_await exec::yield_now();
  }
  co_return wrong;
}

KTEST_TASK(MemoryStorm, AllHartsFaultInOneObject, within("60s")) {
  const std::uint64_t seed = printed_seed();
  const unsigned workers = 2 * arch::Harts::count();
  (void)co_await leave_everywhere().checked();
  const FreeMemory before = (co_await free_memory(std::nullopt).checked()).value();
  {
    const PagedVmoRef object = new_object(kSharedPages);
    const auto common = new_space();
    CO_ASSERT_TRUE(object && common);
    const auto range = share(*common, object);
    CO_ASSERT_TRUE(range.has_value());
    const auto wrong = co_await run_workers(workers, [&](unsigned i) {
                         return share_pages(object, *common, *range, i, seed);
                       }).checked();
    CO_ASSERT_TRUE(wrong.has_value());
    EXPECT_EQ(*wrong, 0u);
    const VmoUsage usage = object->usage();
    EXPECT_LE(usage.store.pages, kSharedPages);
    EXPECT_EQ(usage.store.alone_pages, usage.store.pages);
    EXPECT_EQ(usage.mappings, 1u);
    EXPECT_EQ(common->usage().resident_pages, 0u);
  }
  (void)co_await leave_everywhere().checked();
  expect_equal((co_await free_memory(before).checked()).value(), before);
}

// Copies of copies.

constexpr unsigned kDepth = 100;
constexpr std::uint64_t kCopiedPages = 40;

/// A row of copies, each of the one before it, and what each should hold.
struct Generations {
  struct One {
    PagedVmoRef object;
    std::array<std::uint64_t, kCopiedPages> values{};
  };
  std::array<One, kDepth> all;
  std::unique_ptr<AddressSpace> space;

  /// Writes to some pages of a generation: by the object itself, or where it is mapped.
  unsigned write(One& one, Chance& chance) {
    std::optional<mem::VirtualRange> mapped;
    if (chance.below(4) == 0) mapped = share(*space, one.object);
    unsigned wrong = 0;
    for (unsigned i = 0; i < 3; ++i) {
      const std::uint64_t page = chance.below(kCopiedPages);
      const std::uint64_t value = chance.next();
      one.values[page] = value;
      const bool done = mapped ? store(*space, mapped->start() + page * kPageSize, value)
                               : set(*one.object, page * kPageSize, value);
      if (!done) ++wrong;
    }
    // Some stay mapped until the space ends.
    if (mapped && chance.below(2) == 0 && !space->release(mapped->start())) ++wrong;
    return wrong;
  }
  static unsigned differences(const One& one) {
    unsigned wrong = 0;
    for (std::uint64_t page = 0; page < kCopiedPages; ++page) {
      if (get(*one.object, page * kPageSize) != one.values[page]) ++wrong;
    }
    return wrong;
  }
};

async::Task<std::uint64_t> copy_copies(PagedVmo& original, std::uint64_t seed) {
  Chance chance{seed};
  const std::unique_ptr<Generations> mine(new (std::nothrow) Generations);
  if (!mine || !(mine->space = new_space())) co_return 1;
  std::uint64_t wrong = 0;
  for (unsigned i = 0; i < kDepth; ++i) {
    Generations::One& one = mine->all[i];
    auto copy = i == 0 ? original.clone(kReadWrite) : mine->all[i - 1].object->clone(kReadWrite);
    if (!copy) co_return wrong + 1;
    one.object = std::move(*copy);
    if (i == 0) {
      for (std::uint64_t page = 0; page < kCopiedPages; page += 2) one.values[page] = page + 1;
    } else {
      one.values = mine->all[i - 1].values;
    }
    wrong += mine->write(one, chance);
    // Older ones are written too, after they were copied.
    wrong += mine->write(mine->all[chance.below(i + 1)], chance);
    if (i % 4 == 0) co_await exec::yield_now();
  }
  std::array<unsigned, kDepth> order;
  for (unsigned i = 0; i < kDepth; ++i) order[i] = i;
  for (unsigned left = kDepth; left > 0; --left) {
    wrong += Generations::differences(mine->all[order[chance.below(left)]]);
    if (left == kDepth || left == kDepth / 2) {
      for (unsigned i = 0; i < left; ++i) {
        wrong += Generations::differences(mine->all[order[i]]);
        co_await exec::yield_now();
      }
    }
    std::swap(order[chance.below(left)], order[left - 1]);
    mine->all[order[left - 1]].object = {};
    if (left % 4 == 0) co_await exec::yield_now();
  }
  co_return wrong;
}

KTEST_TASK(MemoryStorm, CopiesOfCopiesAHundredDeep, within("60s")) {
  const std::uint64_t seed = printed_seed();
  (void)co_await leave_everywhere().checked();
  const FreeMemory before = (co_await free_memory(std::nullopt).checked()).value();
  {
    const PagedVmoRef original = new_object(kCopiedPages);
    CO_ASSERT_TRUE(static_cast<bool>(original));
    for (std::uint64_t page = 0; page < kCopiedPages; page += 2) {
      CO_ASSERT_TRUE(set(*original, page * kPageSize, page + 1));
    }
    const auto wrong = co_await run_workers(arch::Harts::count() + 1, [&](unsigned i) {
                         return copy_copies(*original, seed + i);
                       }).checked();
    CO_ASSERT_TRUE(wrong.has_value());
    EXPECT_EQ(*wrong, 0u);
    // All copies are gone: nothing is shared, and nobody has written to the original.
    const VmoUsage usage = original->usage();
    EXPECT_EQ(usage.store.pages, kCopiedPages / 2);
    EXPECT_EQ(usage.store.alone_pages, usage.store.pages);
    EXPECT_EQ(usage.store.alone_node_bytes, usage.store.node_bytes);
    for (std::uint64_t page = 0; page < kCopiedPages; ++page) {
      EXPECT_TRUE(get(*original, page * kPageSize) == (page % 2 == 0 ? page + 1 : 0));
    }
  }
  (void)co_await leave_everywhere().checked();
  expect_equal((co_await free_memory(before).checked()).value(), before);
}

// Decommit against fault against unmap.

constexpr std::uint64_t kContestedPages = 8;
constexpr std::uint64_t kMark = 0x6d61'726b'0000'0000;
constexpr std::uint64_t kAlien = 0xa11e'a11e'a11e'a11e;

struct Contest {
  PagedVmoRef object;
  std::unique_ptr<AddressSpace> space;
  mem::VirtualRange range;

  mem::VirtualRange part(Chance& chance) const {
    const std::uint64_t first = chance.below(kContestedPages);
    const std::uint64_t count = 1 + chance.below(kContestedPages - first);
    return mem::VirtualRange(range.start() + first * kPageSize, count * kPageSize);
  }
  std::uint64_t offset_of(mem::VirtualRange part) const { return part.start() - range.start(); }
};

/// Touches pages, which may be there or not; what it finds was written here, or by nobody.
unsigned touch(const Contest& contest, Chance& chance) {
  const mem::VirtualAddress at = contest.part(chance).start();
  if (chance.below(2) == 0) {
    (void)store(*contest.space, at, kMark | chance.below(1000));
    return 0;
  }
  const auto found = load(*contest.space, at);
  return !found || *found == 0 || (*found & ~std::uint64_t{0xffff}) == kMark ? 0 : 1;
}
/// The same through the object.
unsigned forget(const Contest& contest, Chance& chance) {
  const mem::VirtualRange part = contest.part(chance);
  if (!contest.object->decommit(contest.offset_of(part), part.size())) return 1;
  const auto found = get(*contest.object, contest.offset_of(part));
  return found && (*found == 0 || (*found & ~std::uint64_t{0xffff}) == kMark) ? 0 : 1;
}
/// Takes a part of the mapping away, if all of it is there, and puts back what is missing as a
/// whole.
unsigned remap(const Contest& contest, Chance& chance) {
  const mem::VirtualRange part = contest.part(chance);
  const auto unmapped = contest.space->unmap(part);
  if (!unmapped && unmapped.error() != SpaceError::kNotMapped) return 1;
  const auto mapped = contest.space->map_shared(Placement::at(part.start()), VmoRef(contest.object),
                                                contest.offset_of(part), part.size(), kReadWrite);
  return mapped || mapped.error() == SpaceError::kOverlap ? 0 : 1;
}
unsigned protect(const Contest& contest, Chance& chance) {
  const auto done =
      contest.space->protect(contest.part(chance), chance.below(2) == 0 ? kReadOnly : kReadWrite);
  return done || done.error() == SpaceError::kNotMapped ? 0 : 1;
}
/// Takes frames that others have just given back: nobody writes to them, or reads them, through a
/// translation that outlived its page.
unsigned hoard(Chance& chance) {
  constexpr unsigned kFrames = 4;
  std::array<Frame, kFrames> taken;
  for (Frame& frame : taken) {
    auto made = frames().allocate();
    if (!made) return 1;
    frame = std::move(*made);
    std::fill_n(static_cast<std::uint64_t*>(frame.data()), kPageSize / 8, kAlien);
  }
  for (std::uint64_t wait = chance.below(200); wait > 0; --wait) arch::Interrupts::relax();
  unsigned wrong = 0;
  for (Frame& frame : taken) {
    const auto* const words = static_cast<const std::uint64_t*>(frame.data());
    if (std::any_of(words, words + kPageSize / 8, [](auto word) { return word != kAlien; })) {
      ++wrong;
    }
  }
  return wrong;
}

async::Task<std::uint64_t> contend(const Contest& contest, unsigned worker, std::uint64_t seed) {
  Chance chance{seed + worker};
  std::uint64_t wrong = 0;
  for (unsigned step = 0; step < 160 / arch::Harts::count(); ++step) {
    switch (worker % 4 == 0 ? 4 : chance.below(8)) {
      case 0:
        wrong += remap(contest, chance);
        break;
      case 1:
        wrong += forget(contest, chance);
        break;
      case 2:
        wrong += protect(contest, chance);
        break;
      case 3:
        wrong += hoard(chance);
        break;
      default:
        wrong += touch(contest, chance);
    }
    if (chance.below(4) == 0) co_await exec::yield_now();
  }
  co_return wrong;
}

KTEST_TASK(MemoryStorm, DecommitAgainstFaultAgainstUnmap, within("60s")) {
  const std::uint64_t seed = printed_seed();
  (void)co_await leave_everywhere().checked();
  const FreeMemory before = (co_await free_memory(std::nullopt).checked()).value();
  {
    Contest contest{new_object(kContestedPages), new_space(), {}};
    CO_ASSERT_TRUE(contest.object && contest.space);
    const auto range = share(*contest.space, contest.object);
    CO_ASSERT_TRUE(range.has_value());
    contest.range = *range;
    const auto wrong = co_await run_workers(std::max(4u, arch::Harts::count()), [&](unsigned i) {
                         return contend(contest, i, seed);
                       }).checked();
    CO_ASSERT_TRUE(wrong.has_value());
    EXPECT_EQ(*wrong, 0u);
    EXPECT_LE(contest.object->usage().store.pages, kContestedPages);
    EXPECT_TRUE(contest.object->decommit(0, contest.object->size()).has_value());
    EXPECT_EQ(contest.object->usage().store.pages, 0u);
    EXPECT_EQ(contest.object->usage().store.node_bytes, 0u);
    contest.space->for_each_leaf([](mem::VirtualAddress, const paging::Leaf&, std::uint64_t) {
      EXPECT_TRUE(false);  // a translation of a page that nobody has
    });
  }
  (void)co_await leave_everywhere().checked();
  expect_equal((co_await free_memory(before).checked()).value(), before);
}

// What several need at once is made once.

/// Answers later, and counts how often it is asked to begin.
class SlowPages final : public PageProvider {
 public:
  PageAnswer page(std::uint64_t, std::uint64_t) noexcept override { return LaterPage(); }
  void fetch(PagedVmo&, std::uint64_t) noexcept override { begun.fetch_add(1); }
  std::atomic<unsigned> begun{0};
};

/// Tasks that go on together, round after round.
class Together {
 public:
  explicit Together(unsigned tasks) : tasks_(tasks) {}
  async::Task<void> begin(unsigned round) {
    arrived_.fetch_add(1);
    while (arrived_.load() < tasks_ * (round + 1)) co_await exec::yield_now();
  }

 private:
  const unsigned tasks_;
  std::atomic<unsigned> arrived_{0};
};

constexpr unsigned kRounds = 60;

struct Rush {
  explicit Rush(unsigned tasks) : together(tasks) {}
  Together together;
  std::unique_ptr<AddressSpace> space;
  mem::VirtualRange anonymous;
  mem::VirtualRange shared;
  mem::VirtualRange late;
  PagedVmoRef object;
  PagedVmoRef late_object;
};

/// Faults on pages that all others fault on at once; backwards, so that each fault is for one page.
async::Task<std::uint64_t> rush(Rush& all, unsigned worker) {
  const auto own = new_space();
  const auto mapped = own ? share(*own, all.object) : std::nullopt;
  std::uint64_t wrong = mapped ? 0 : 1;
  for (unsigned round = 0; round < kRounds; ++round) {
    const std::uint64_t offset = (kRounds - 1 - round) * kPageSize;
    (void)co_await all.together.begin(round).checked();
    const auto access = worker % 2 == 0 ? mem::Access::kWrite : mem::Access::kRead;
    const auto touch = [&](AddressSpace& space, mem::VirtualRange range) {
      return space.handle_fault(range.start() + offset, access);
    };
    if (touch(*all.space, all.anonymous) != FaultOutcome::kResolved) ++wrong;
    if (touch(*all.space, all.shared) != FaultOutcome::kResolved) ++wrong;
    if (mapped && touch(*own, *mapped) != FaultOutcome::kResolved) ++wrong;
    if (touch(*all.space, all.late) != FaultOutcome::kMustWait) ++wrong;
  }
  // Everybody sees the same frames.
  std::uint64_t same = 0;
  for (std::uint64_t page = 0; mapped && page < kRounds; ++page) {
    const std::uint64_t offset = page * kPageSize;
    if (worker == 0 && !store(*own, mapped->start() + offset, page + 1)) ++wrong;
    if (load(*own, mapped->start() + offset) == load(*all.space, all.shared.start() + offset)) {
      ++same;
    }
  }
  if (worker == 0 && same != kRounds) ++wrong;
  co_return wrong;
}

KTEST_TASK(MemoryStorm, WhatSeveralNeedAtOnceIsMadeOnce, within("60s")) {
  (void)printed_seed();
  const unsigned workers = arch::Harts::count();
  (void)co_await leave_everywhere().checked();
  const FreeMemory before = (co_await free_memory(std::nullopt).checked()).value();
  {
    const intrusive::RefPtr<SlowPages> slow =
        intrusive::RefPtr<SlowPages>::adopt(new (std::nothrow) SlowPages);
    CO_ASSERT_TRUE(static_cast<bool>(slow));
    Rush all(workers);
    all.space = new_space();
    all.object = new_object(kRounds);
    all.late_object = new_object(kRounds, PageProviderRef(slow));
    CO_ASSERT_TRUE(all.space && all.object && all.late_object);
    const auto anonymous =
        all.space->map_anonymous(Placement::anywhere(), kRounds * kPageSize, kReadWrite);
    const auto shared = share(*all.space, all.object);
    const auto late = share(*all.space, all.late_object);
    CO_ASSERT_TRUE(anonymous && shared && late);
    all.anonymous = *anonymous;
    all.shared = *shared;
    all.late = *late;
    const auto wrong =
        co_await run_workers(workers, [&](unsigned i) { return rush(all, i); }).checked();
    CO_ASSERT_TRUE(wrong.has_value());
    EXPECT_EQ(*wrong, 0u);
    EXPECT_EQ(all.space->usage().resident_pages, kRounds);
    EXPECT_EQ(all.object->usage().store.pages, kRounds);
    EXPECT_EQ(slow->begun.load(), kRounds);
    EXPECT_EQ(all.late_object->usage().requests, kRounds);
    // One answer is for everybody.
    auto frame = frames().allocate_zeroed();
    CO_ASSERT_TRUE(frame.has_value());
    EXPECT_TRUE(all.late_object->supply(0, std::move(*frame)).has_value());
    EXPECT_TRUE(load(*all.space, all.late.start()) == 0u);
    EXPECT_EQ(all.late_object->usage().store.pages, 1u);
  }
  (void)co_await leave_everywhere().checked();
  expect_equal((co_await free_memory(before).checked()).value(), before);
}

}  // namespace
}  // namespace quoll::vm::storms
