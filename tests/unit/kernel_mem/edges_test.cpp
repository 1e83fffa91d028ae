// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What lies right at an edge of spaces and objects, on either side of it: the last region, the last
// byte of content, the last record; and what must cost nothing, neither memory nor fences.
#include <array>
#include <gtest/gtest.h>

#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/user_copy.hpp>
#include <quoll/kernel/mem/vmo/archive_pages.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/test_support/failing_new.hpp>

#include "one_space.hpp"
#include "vmo_support.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::AsHart;
using test::kPageSize;
using test::PhysicalRange;
using test::set_word;
using test::VirtualAddress;
using test::VirtualRange;
using test::word_at;

constexpr Permissions kRw = Permissions::read_write();
constexpr Permissions kCode = Permissions::read_execute();

class EdgesTest : public test::OneSpaceTest {
 protected:
  static VirtualRange part(const VirtualRange& whole, std::uint64_t first, std::uint64_t count) {
    return VirtualRange(whole.start() + first * kPageSize, count * kPageSize);
  }
  bool fault(VirtualRange range, std::uint64_t page, Access access) {
    return space->handle_fault(range.start() + page * kPageSize, access) == FaultOutcome::kResolved;
  }
  std::uint64_t leaves() {
    std::uint64_t count = 0;
    space->for_each_leaf([&](VirtualAddress, const paging::Leaf&, std::uint64_t) { ++count; });
    return count;
  }
  PagedVmoRef object(std::uint64_t pages, Permissions most = kRw) {
    return *PagedVmo::create(kernel.frames, pages * kPageSize, most);
  }
  /// Calls of `f` while guests may have no frame.
  template <typename F>
  void without_frames(F&& f) {
    kernel.frames.reserve_for_kernel(test::TestKernel::kFrames);
    f();
    kernel.frames.reserve_for_kernel(0);
  }
};

TEST_P(EdgesTest, ThereAreAsManyRegionsAsTheLimitSays) {
  AddressSpace& s = create({.regions = 3});
  const VirtualRange all = *s.map_anonymous(Placement::lowest(), 4 * kPageSize, kRw);
  ASSERT_TRUE(s.protect(part(all, 3, 1), Permissions::read_only()));
  // One more: not the two that a cut in the middle makes.
  EXPECT_EQ(s.protect(part(all, 1, 1), Permissions::read_only()).error(), SpaceError::kLimit);
  ASSERT_TRUE(s.protect(part(all, 0, 1), Permissions::read_only()));
  EXPECT_EQ(s.usage().regions, 3u);
  EXPECT_EQ(s.reserve(Placement::lowest(), kPageSize).error(), SpaceError::kLimit);
  EXPECT_EQ(s.unmap(part(all, 1, 1)).error(), SpaceError::kLimit);
  ASSERT_TRUE(s.unmap(part(all, 3, 1)));
  EXPECT_TRUE(s.reserve(Placement::lowest(), kPageSize));
}

TEST_P(EdgesTest, PagesAreChargedUpToTheLimit) {
  AddressSpace& s = create({.committed_pages = 4});
  const VirtualRange low = *s.map_anonymous(Placement::lowest(), 3 * kPageSize, kRw);
  EXPECT_EQ(s.map_anonymous(Placement::lowest(), 2 * kPageSize, kRw).error(), SpaceError::kLimit);
  const VirtualRange last = *s.map_anonymous(Placement::lowest(), kPageSize, kRw);
  EXPECT_TRUE(s.reserve(Placement::lowest(), 8 * kPageSize));
  ASSERT_TRUE(s.protect(last, Permissions::none()));
  EXPECT_EQ(s.usage().committed_pages, 4u);  // what is only forbidden is kept
  ASSERT_TRUE(s.decommit(part(low, 1, 1)));
  ASSERT_TRUE(s.protect(part(low, 1, 1), Permissions::none()));
  EXPECT_EQ(s.usage().committed_pages, 3u);
}

TEST_P(EdgesTest, ARecordAtHandCostsNoMemory) {
  AddressSpace& s = create();
  const VirtualRange first = *s.reserve(Placement::lowest(), kPageSize);
  ASSERT_TRUE(s.release(first.start()));
  without_frames([&] {
    EXPECT_TRUE(s.reserve(Placement::lowest(), kPageSize));
    EXPECT_EQ(s.reserve(Placement::lowest(), kPageSize).error(), SpaceError::kOutOfMemory);
  });
}

TEST_P(EdgesTest, AGapThatTheWindowCutsIsNone) {
  AddressSpace& s = create({}, PlacementSeed{});
  // The only wide gap is behind the third region, and too little of it is in the window's reach. In
  // the tree that is a gap between a node and its left child, with no other child to go on with.
  const VirtualAddress window(std::uint64_t{1} << 30);
  const auto take = [&](std::uint64_t page, std::uint64_t pages) {
    ASSERT_TRUE(s.reserve(Placement::at(window + page * kPageSize), pages * kPageSize));
  };
  take(3, 1);
  take(1, 1);
  take(100, 1);
  take(5, 4);
  const auto found = s.reserve(Placement::near(window, 8 * kPageSize), 3 * kPageSize);
  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(VirtualRange(window, 9 * kPageSize).contains(found->start()));
}

TEST_P(EdgesTest, TellsOfRegionsWhereThereAreSome) {
  AddressSpace& s = create();
  EXPECT_FALSE(s.region_at(s.bounds().start()));
  const VirtualRange range = *s.map_anonymous(Placement::lowest(), 2 * kPageSize, kRw);
  EXPECT_EQ(s.region_at(range.end() - 1)->range, range);
  EXPECT_FALSE(s.region_at(range.end()));
  EXPECT_FALSE(s.region_at(VirtualAddress(0)));
  EXPECT_FALSE(s.page_request(range.start()));
  EXPECT_FALSE(s.page_request(range.end()));
}

TEST_P(EdgesTest, ObjectsThatFindNoMemoryAreRefused) {
  create();
  const PhysicalRange pages = test::physical_pages(0, 1);
  const test::FailingNew failing(0);
  EXPECT_EQ(Vmo::create_wired(pages, kPageSize, kRw).error(), SpaceError::kOutOfMemory);
  EXPECT_EQ(Vmo::create(kernel.frames, kPageSize, kRw).error(), SpaceError::kOutOfMemory);
  EXPECT_EQ(Vmo::create_physical(pages, paging::CacheMode::kNormal, kRw).error(),
            SpaceError::kOutOfMemory);
  EXPECT_EQ(ArchivePages::create(pages).error(), SpaceError::kOutOfMemory);
  EXPECT_EQ(kernel.in_use(), 1u);  // the space's root
}

TEST_P(EdgesTest, ObjectsAreOfWholePagesAndRefuseNone) {
  create();
  const PhysicalRange pages = test::physical_pages(0, 2);
  EXPECT_EQ(Vmo::create(kernel.frames, 0, kRw).error(), SpaceError::kEmpty);
  EXPECT_EQ(Vmo::create(kernel.frames, 2 * test::TestKernel::kFrames * kPageSize, kRw).error(),
            SpaceError::kOutOfMemory);
  EXPECT_EQ(Vmo::create_wired(PhysicalRange(pages.start() + 8, kPageSize), kPageSize, kRw).error(),
            SpaceError::kUnaligned);
  EXPECT_TRUE(Vmo::create_physical(pages, paging::CacheMode::kNormal, kCode));
  const PagedVmoRef paged = object(4);
  ASSERT_TRUE(paged->commit(0, 4 * kPageSize));
  ASSERT_TRUE(paged->resize(4 * kPageSize));  // what it is
  EXPECT_EQ(paged->usage().store.pages, 4u);
}

TEST_P(EdgesTest, AnArchiveOfWholePagesEndsWithTheLast) {
  create();
  const FrameRun archive = std::move(*kernel.frames.allocate_run(2));
  const auto paged =
      *PagedVmo::create(kernel.frames, 4 * kPageSize, kRw, *ArchivePages::create(archive.range()));
  EXPECT_EQ(word_at(*paged, 2 * kPageSize), 0u);
  const VirtualRange range = *space->map_shared(Placement::lowest(), paged, 0, 4 * kPageSize, kRw);
  EXPECT_TRUE(fault(range, 2, Access::kRead));
  EXPECT_TRUE(fault(range, 3, Access::kWrite));
  space.reset();
}

TEST_P(EdgesTest, NobodyIsAskedForPagesWhereMemoryIsShort) {
  create();
  const auto told = intrusive::RefPtr<test::ToldPages>::adopt(new test::ToldPages);
  const auto paged = *PagedVmo::create(kernel.frames, kPageSize, kRw, PageProviderRef(told));
  const VirtualRange range = *space->map_shared(Placement::lowest(), paged, 0, kPageSize, kRw);
  without_frames([&] {
    EXPECT_EQ(space->handle_fault(range.start(), Access::kRead), FaultOutcome::kOutOfMemory);
  });
  EXPECT_EQ(told->fetched.size(), 0u);
  EXPECT_EQ(space->handle_fault(range.start(), Access::kRead), FaultOutcome::kMustWait);
}

TEST_P(EdgesTest, ContentEndsAtItsLastByte) {
  create();
  const auto memory = *Vmo::create(kernel.frames, 8 * kPageSize, kRw);
  EXPECT_EQ(Vmo::create_wired(memory->range(), 0, kRw).error(), SpaceError::kEmpty);
  EXPECT_EQ(Vmo::create_wired(memory->range(), 8 * kPageSize + 1, kRw).error(),
            SpaceError::kOutsideVmo);
  // Pages that are all content are the object's until they are written, ahead of faults too.
  for (const std::uint64_t content : {8 * kPageSize, 7 * kPageSize + 1, 8 * kPageSize - 1}) {
    const auto wired = *Vmo::create_wired(memory->range(), content, kRw);
    const VirtualRange own = *space->map_private(Placement::lowest(), wired, 0, 8 * kPageSize, kRw);
    ASSERT_TRUE(fault(own, 0, Access::kRead));
    EXPECT_EQ(leaves(), 1u);
    ASSERT_TRUE(fault(own, 1, Access::kRead));
    EXPECT_EQ(leaves(), content / kPageSize);
    EXPECT_TRUE(kernel.machine.translate(0, own.start() + 3 * kPageSize, Access::kRead));
    EXPECT_FALSE(kernel.machine.translate(0, own.start() + 2 * kPageSize, Access::kWrite));
    ASSERT_TRUE(fault(own, 7, Access::kRead));
    EXPECT_EQ(space->usage().resident_pages, content % kPageSize == 0 ? 0u : 1u);
    ASSERT_TRUE(space->unmap(own));
  }
  // Copies are made one by one.
  const auto paged = object(8);
  ASSERT_TRUE(paged->commit(0, 8 * kPageSize));
  for (const VmoRef& source : {VmoRef(memory), VmoRef(paged)}) {
    const VirtualRange own =
        *space->map_private(Placement::lowest(), source, 0, 8 * kPageSize, kRw);
    for (std::uint64_t page = 0; page < 8; ++page) {
      ASSERT_TRUE(fault(own, page, Access::kWrite));
      EXPECT_EQ(leaves(), page + 1);
    }
    EXPECT_EQ(space->usage().resident_pages, 8u);
    ASSERT_TRUE(space->unmap(own));
  }
}

TEST_P(EdgesTest, AFaultThatFindsNoFrameChangesNothing) {
  create();
  const auto wired = *Vmo::create(kernel.frames, 3 * kPageSize - 8, kRw);
  const VirtualRange own = *space->map_private(Placement::lowest(), wired, 0, 3 * kPageSize, kRw);
  const auto paged = object(3);
  ASSERT_TRUE(paged->commit(0, kPageSize));
  const VirtualRange other = *space->map_private(Placement::lowest(), paged, 0, 3 * kPageSize, kRw);
  const VirtualRange zeros = *space->map_anonymous(Placement::lowest(), 3 * kPageSize, kRw);
  const auto refused = [&](VirtualRange range, std::uint64_t page, Access access) {
    return space->handle_fault(range.start() + page * kPageSize, access) ==
           FaultOutcome::kOutOfMemory;
  };
  {
    // There is no page table, and then a frame for some of them only.
    for (std::uint64_t left = 0; left < kernel.format.levels(); ++left) {
      const test::Scarcity scarcity(kernel.frames, left);
      for (const VirtualRange& range : {own, other, zeros}) {
        EXPECT_TRUE(refused(range, 0, Access::kWrite));
      }
    }
    const test::Scarcity scarcity(kernel.frames, 0);
    EXPECT_TRUE(refused(own, 0, Access::kRead));
    EXPECT_TRUE(refused(other, 0, Access::kRead));
    EXPECT_EQ(space->usage().page_tables, 1u);
  }
  ASSERT_TRUE(fault(own, 0, Access::kRead));
  ASSERT_TRUE(fault(other, 0, Access::kRead));
  EXPECT_EQ(space->usage().resident_pages, 0u);
  const test::Scarcity scarcity(kernel.frames, 0);
  for (const VirtualRange& range : {own, other, zeros}) {
    EXPECT_TRUE(refused(range, 0, Access::kWrite));
    EXPECT_TRUE(refused(range, 1, Access::kWrite));
  }
  EXPECT_TRUE(refused(own, 2, Access::kRead));  // a part of it is content
  EXPECT_EQ(space->usage().resident_pages, 0u);
  EXPECT_TRUE(kernel.machine.translate(0, own.start(), Access::kRead));
}

TEST_P(EdgesTest, ARunEndsWithAJumpAndWithItsRegion) {
  create();
  const VirtualRange range = *space->map_anonymous(Placement::lowest(), 200 * kPageSize, kRw);
  const auto shared = object(200);
  const VirtualRange other =
      *space->map_shared(Placement::lowest(), shared, 0, 200 * kPageSize, kRw);
  // Faults until so many pages are there; the result is how many are.
  const auto run = [&](VirtualRange pages) {
    std::uint64_t next = 0;
    while (next < 60) {
      const std::uint64_t before = leaves();
      EXPECT_TRUE(fault(pages, next, Access::kWrite));
      next += leaves() - before;
    }
    return next;
  };
  for (const VirtualRange& pages : {range, other}) {
    run(pages);
    const std::uint64_t before = leaves();
    ASSERT_TRUE(fault(pages, 150, Access::kWrite));
    ASSERT_TRUE(fault(pages, 151, Access::kWrite));
    EXPECT_EQ(leaves(), before + 2);
  }
  // Who comes in its place begins anew, also with the same record.
  ASSERT_TRUE(space->release(range.start()));
  const VirtualRange again = *space->map_anonymous(Placement::lowest(), 200 * kPageSize, kRw);
  const std::uint64_t next = run(again);
  ASSERT_TRUE(space->release(again.start()));
  ASSERT_EQ(*space->map_anonymous(Placement::lowest(), 200 * kPageSize, kRw), again);
  const std::uint64_t before = leaves();
  ASSERT_TRUE(fault(again, next, Access::kWrite));
  EXPECT_EQ(leaves(), before + 1);
}

TEST_P(EdgesTest, SealedPagesComeAheadAndAreNeverWritten) {
  create();
  const auto paged = object(20);
  ASSERT_TRUE(paged->commit(0, 18 * kPageSize));
  const VirtualRange range = *space->map_shared(Placement::lowest(), paged, 0, 20 * kPageSize, kRw);
  paged->seal();
  ASSERT_TRUE(fault(range, 0, Access::kRead));
  ASSERT_TRUE(fault(range, 1, Access::kRead));
  EXPECT_EQ(leaves(), 18u);
  ASSERT_TRUE(fault(range, 18, Access::kRead));
  ASSERT_TRUE(fault(range, 19, Access::kRead));
  for (std::uint64_t page = 0; page < 20; ++page) {
    const VirtualAddress at = range.start() + page * kPageSize;
    EXPECT_FALSE(kernel.machine.translate(0, at, Access::kWrite));
    EXPECT_EQ(space->handle_fault(at, Access::kWrite), FaultOutcome::kDenied);
  }
}

TEST_P(EdgesTest, WhatMayBeWrittenInPlaceNeedsNoFaultAfterAProtect) {
  create();
  const auto paged = object(2);
  const VirtualRange range = *space->map_shared(Placement::lowest(), paged, 0, 2 * kPageSize, kRw);
  ASSERT_TRUE(fault(range, 0, Access::kWrite));
  ASSERT_TRUE(fault(range, 1, Access::kWrite));
  const auto copy = *paged->clone(kRw);
  ASSERT_TRUE(set_word(*copy, 0, 1));  // from here on page 0 is the object's alone
  ASSERT_TRUE(space->protect(range, Permissions::read_only()));
  ASSERT_TRUE(space->protect(range, kRw));
  EXPECT_TRUE(kernel.machine.translate(0, range.start(), Access::kWrite));
  EXPECT_FALSE(kernel.machine.translate(0, range.start() + kPageSize, Access::kWrite));
  EXPECT_TRUE(kernel.machine.translate(0, range.start() + kPageSize, Access::kRead));
}

TEST_P(EdgesTest, TakingBackFencesAlsoWhereATranslationIsGoneButNotFenced) {
  AddressSpace& s = create();
  const auto paged = object(2);
  const VirtualRange range = *s.map_shared(Placement::lowest(), paged, 0, 2 * kPageSize, kRw);
  const auto use_on_two_harts = [&](Access access) {
    for (unsigned hart = 0; hart < 2; ++hart) {
      const AsHart as(hart);
      s.activate();
      for (std::uint64_t page = 0; page < 2; ++page) {
        const VirtualAddress at = range.start() + page * kPageSize;
        if (kernel.machine.translate(hart, at, access)) continue;
        ASSERT_TRUE(fault(range, page, access));
        if (!kernel.machine.translate(hart, at, access)) ASSERT_TRUE(fault(range, page, access));
        ASSERT_TRUE(kernel.machine.translate(hart, at, access));
      }
    }
  };
  // Another hart is in the middle of an unmapping: the entry is gone, its fence comes later.
  const auto begin_unmapping = [&](TlbFlusher& flusher) {
    const auto removed = [](VirtualAddress, const paging::Leaf&, std::uint64_t) {};
    ASSERT_TRUE(s.vm_space().tables().unmap(range, flusher.changes(), removed));
    EXPECT_EQ(kernel.machine.stale_translations(), 4u);
  };
  {
    use_on_two_harts(Access::kWrite);
    TlbFlusher flusher(s.vm_space());
    begin_unmapping(flusher);
    ASSERT_TRUE(paged->decommit(0, 2 * kPageSize));
    EXPECT_EQ(kernel.machine.stale_translations(), 0u);
    flusher.dispatch();
  }
  for (const bool seals : {false, true}) {
    use_on_two_harts(Access::kWrite);
    TlbFlusher flusher(s.vm_space());
    begin_unmapping(flusher);
    if (seals) {
      paged->seal();
    } else {
      ASSERT_TRUE(paged->clone(kRw));
    }
    EXPECT_EQ(kernel.machine.stale_translations(), 0u);
    flusher.dispatch();
  }
}

TEST_P(EdgesTest, CodeIsFencedOnceForEachPageThatMayHaveBeenWritten) {
  create();
  const PagedVmoRef paged = object(4, kCode);
  const auto code = [&] { return kernel.machine.fences().code; };
  std::uint64_t before = code();
  ASSERT_TRUE(set_word(*paged, 0, 1));
  EXPECT_EQ(code(), before + 1);
  const auto data = object(1);
  ASSERT_TRUE(set_word(*data, 0, 1));
  EXPECT_EQ(code(), before + 1);
  const VirtualRange shared =
      *space->map_shared(Placement::lowest(), paged, 0, 4 * kPageSize, kCode);
  const VirtualRange own = *space->map_private(Placement::lowest(), paged, 0, 4 * kPageSize, kCode);
  for (const VirtualRange& range : {shared, own}) {
    before = code();
    ASSERT_TRUE(fault(range, 0, Access::kExecute));
    EXPECT_EQ(code(), before + 1);
    ASSERT_TRUE(fault(range, 0, Access::kExecute));  // it is there by now
    EXPECT_EQ(code(), before + 1);
    ASSERT_TRUE(fault(range, 1, Access::kExecute));  // zeros
    EXPECT_EQ(code(), before + 2);
  }
  // What is not executed needs none.
  before = code();
  const VirtualRange plain = *space->map_shared(Placement::lowest(), data, 0, kPageSize, kRw);
  ASSERT_TRUE(fault(plain, 0, Access::kWrite));
  ASSERT_TRUE(space->protect(plain, Permissions::read_only()));
  EXPECT_EQ(code(), before);
  ASSERT_TRUE(space->protect(shared, Permissions::read_only()));
  EXPECT_EQ(code(), before);
  ASSERT_TRUE(space->protect(shared, kCode));
  EXPECT_EQ(code(), before + 1);
  // A private copy of wired code, for a part of its page is content.
  const auto wired = *Vmo::create(kernel.frames, 100, kCode);
  const VirtualRange copied = *space->map_private(Placement::lowest(), wired, 0, kPageSize, kCode);
  ASSERT_TRUE(fault(copied, 0, Access::kExecute));
  EXPECT_EQ(code(), before + 2);
}

TEST_P(EdgesTest, ASecondSealFencesNothing) {
  create();
  const PagedVmoRef paged = object(2);
  const VirtualRange range = *space->map_shared(Placement::lowest(), paged, 0, 2 * kPageSize, kRw);
  ASSERT_TRUE(fault(range, 0, Access::kWrite));
  auto before = kernel.machine.fences();
  paged->seal();
  EXPECT_EQ(kernel.machine.fences().local, before.local + 1);
  before = kernel.machine.fences();
  paged->seal();
  EXPECT_EQ(kernel.machine.fences().local, before.local);
}

TEST_P(EdgesTest, ForgettingTakesMemoryOnlyWhereNodesAreCopied) {
  create();
  const PagedVmoRef first = object(1024);
  ASSERT_TRUE(first->commit(0, 100 * kPageSize));
  without_frames([&] {
    ASSERT_TRUE(first->decommit(0, kPageSize));  // nothing is shared
    EXPECT_TRUE(first->decommit(0, kPageSize));
  });
  const PagedVmoRef copy = *first->clone(kRw);
  without_frames([&] {
    EXPECT_EQ(copy->decommit(kPageSize, kPageSize).error(), SpaceError::kOutOfMemory);
    EXPECT_EQ(copy->resize(50 * kPageSize).error(), SpaceError::kOutOfMemory);
    EXPECT_EQ(copy->usage().store.pages, 99u);
    EXPECT_TRUE(copy->decommit(0, copy->size()));  // all of it: no node is left
    EXPECT_EQ(copy->usage().store.pages, 0u);
    EXPECT_TRUE(copy->decommit(0, copy->size()));
  });
  EXPECT_EQ(first->usage().store.alone_pages, 99u);
}

TEST_P(EdgesTest, ACopyThatGetsNowhereEnds) {
  AddressSpace& s = create();
  const VirtualRange range = *s.map_anonymous(Placement::lowest(), kPageSize, kRw);
  std::uint64_t word = 0;
  ASSERT_TRUE(copy_to_user(s, range.start(), &word, sizeof word));
  // A hart that stands somewhere else, behind the kernel's back, never finds the page.
  const auto root = kernel.machine.root(0);
  const auto asid = kernel.machine.asid(0);
  kernel.machine.set_root(0, GetParam(), kernel.root.address());
  const auto before = kernel.machine.fences().local;
  EXPECT_EQ(copy_from_user(s, &word, range.start(), sizeof word).error(), CopyError::kBadAddress);
  EXPECT_EQ(kernel.machine.fences().local, before + 16);  // each fault finds the page, and fences
  EXPECT_EQ(copy_to_user(s, range.start(), &word, sizeof word).error(), CopyError::kBadAddress);
  kernel.machine.set_root(0, GetParam(), root, asid);
  EXPECT_TRUE(copy_to_user(s, range.start(), &word, sizeof word));
}

INSTANTIATE_TEST_SUITE_P(Modes, EdgesTest, test::kAllModes, test::mode_name);

}  // namespace
}  // namespace quoll::vm
