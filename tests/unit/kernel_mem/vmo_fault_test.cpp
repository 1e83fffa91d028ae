// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Paged objects in spaces, on harts that remember every translation until they are fenced.
#include <array>
#include <gtest/gtest.h>
#include <memory>

#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/vmo/archive_pages.hpp>
#include <quoll/test_support/failing_new.hpp>

#include "test_kernel.hpp"
#include "vmo_support.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::AsHart;
using test::kPageSize;
using test::PhysicalAddress;
using test::PhysicalRange;
using test::set_word;
using test::VirtualAddress;
using test::VirtualRange;
using test::word_at;

const auto kRw = Permissions::read_write();

class VmoFaultTest : public testing::TestWithParam<riscv::PagingMode> {
 protected:
  VmoFaultTest() : kernel(GetParam(), 3, 16, riscv::Svpbmt::kPresent) {
    for (auto& space : spaces) space = std::move(*AddressSpace::create(*kernel.space));
    for (unsigned hart = 0; hart < spaces.size(); ++hart) {
      const AsHart as(hart);
      spaces[hart]->activate();
    }
  }
  ~VmoFaultTest() override {
    for (auto& space : spaces) space.reset();
    for (unsigned hart = 0; hart < kernel.machine.hart_count(); ++hart) {
      const AsHart as(hart);
      kernel.space->activate();
    }
    EXPECT_EQ(kernel.machine.stale_translations(), 0u);
    EXPECT_EQ(kernel.in_use(), 0u);
    EXPECT_EQ(PageNode::count(), nodes_before);
  }
  PagedVmoRef create(std::uint64_t pages, PageProviderRef provider = {}) {
    return *PagedVmo::create(kernel.frames, pages * kPageSize, kRw, std::move(provider));
  }
  /// Touches memory of space `which` on the hart that runs it, faults included; null if refused.
  std::uint64_t* touch(unsigned which, VirtualAddress at, Access access) {
    const AsHart as(which);
    for (int tries = 0; tries < 4; ++tries) {
      if (const auto physical = kernel.machine.translate(which, at, access)) {
        return kernel.machine.phys_map().pointer<std::uint64_t>(*physical);
      }
      outcome = spaces[which]->handle_fault(at, access);
      if (outcome != FaultOutcome::kResolved) return nullptr;
    }
    ADD_FAILURE() << "a fault that is resolved comes again";
    return nullptr;
  }
  std::uint64_t get(unsigned which, VirtualAddress at) {
    const auto* word = touch(which, at, Access::kRead);
    return word == nullptr ? ~std::uint64_t{0} : *word;
  }
  bool set(unsigned which, VirtualAddress at, std::uint64_t value) {
    auto* word = touch(which, at, Access::kWrite);
    if (word != nullptr) *word = value;
    return word != nullptr;
  }
  VirtualRange share(unsigned which, const VmoRef& object, std::uint64_t offset,
                     std::uint64_t pages, Permissions permissions = kRw) {
    return *spaces[which]->map_shared(Placement::anywhere(), object, offset, pages * kPageSize,
                                      permissions);
  }
  VirtualRange copy(unsigned which, const VmoRef& object, std::uint64_t offset,
                    std::uint64_t pages) {
    return *spaces[which]->map_private(Placement::anywhere(), object, offset, pages * kPageSize,
                                       kRw);
  }

  test::TestKernel kernel;
  std::uint64_t nodes_before = PageNode::count();
  std::array<std::unique_ptr<AddressSpace>, 3> spaces;
  FaultOutcome outcome{};
};

TEST_P(VmoFaultTest, SpacesShareWhatIsThereOnDemand) {
  const auto object = create(10);
  const VirtualRange low = share(0, object, 0, 10);
  const VirtualRange high = share(1, object, 5 * kPageSize, 5);
  EXPECT_EQ(object->usage().mappings, 2u);
  EXPECT_EQ(object->usage().store.pages, 0u);
  EXPECT_EQ(get(1, high.start()), 0u);
  ASSERT_TRUE(set(0, low.start() + 5 * kPageSize, 7));
  EXPECT_EQ(get(1, high.start()), 7u);
  EXPECT_EQ(word_at(*object, 5 * kPageSize), 7u);
  ASSERT_TRUE(set(1, high.start() + 8, 9));
  EXPECT_EQ(get(0, low.start() + 5 * kPageSize + 8), 9u);
  EXPECT_EQ(object->usage().store.alone_pages, 1u);
  EXPECT_EQ(spaces[0]->usage().resident_pages, 0u);
  ASSERT_TRUE(spaces[0]->unmap(low));
  EXPECT_EQ(object->usage().mappings, 1u);
  EXPECT_EQ(get(1, high.start()), 7u);
}

TEST_P(VmoFaultTest, ACopyIsMadeWhileOthersWrite) {
  const auto object = create(4);
  const VirtualRange first = share(0, object, 0, 4);
  const VirtualRange second = share(1, object, 0, 4);
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(set(0, first.start() + i * kPageSize, i + 1));
  ASSERT_TRUE(set(1, second.start() + 8, 100));
  const auto cloned = *object->clone(kRw);
  const VirtualRange third = share(2, cloned, 0, 4);
  EXPECT_EQ(get(2, third.start() + 8), 100u);
  ASSERT_TRUE(set(1, second.start(), 50));
  EXPECT_EQ(get(0, first.start()), 50u);  // the old page is gone from this hart too
  EXPECT_EQ(get(2, third.start()), 1u);
  ASSERT_TRUE(set(2, third.start() + kPageSize, 60));
  EXPECT_EQ(get(0, first.start() + kPageSize), 2u);
  EXPECT_EQ(get(1, second.start() + kPageSize), 2u);
  // The original's page is alone again by now: it is written in place.
  const std::uint64_t before = kernel.in_use();
  ASSERT_TRUE(set(0, first.start() + kPageSize, 70));
  EXPECT_EQ(kernel.in_use(), before);
  EXPECT_EQ(get(1, second.start() + kPageSize), 70u);
  EXPECT_EQ(get(2, third.start() + kPageSize), 60u);
}

TEST_P(VmoFaultTest, ProtectDoesNotOpenWhatACopyShares) {
  const auto object = create(2);
  const VirtualRange range = share(0, object, 0, 2);
  ASSERT_TRUE(set(0, range.start(), 1));
  ASSERT_TRUE(set(0, range.start() + kPageSize, 2));
  const auto cloned = *object->clone(kRw);
  ASSERT_TRUE(spaces[0]->protect(range, Permissions::read_only()));
  EXPECT_FALSE(set(0, range.start(), 5));
  EXPECT_EQ(outcome, FaultOutcome::kDenied);
  ASSERT_TRUE(spaces[0]->protect(range, Permissions::none()));
  EXPECT_EQ(touch(0, range.start(), Access::kRead), nullptr);
  ASSERT_TRUE(spaces[0]->protect(range, kRw));
  ASSERT_TRUE(set(0, range.start(), 5));
  EXPECT_EQ(word_at(*cloned, 0), 1u);
  EXPECT_EQ(word_at(*object, 0), 5u);
}

TEST_P(VmoFaultTest, PrivateMappingsCopyWhatTheyWrite) {
  const auto object = create(4);
  ASSERT_TRUE(set_word(*object, 0, 1));
  ASSERT_TRUE(set_word(*object, kPageSize, 2));
  const VirtualRange shared = share(0, object, 0, 4);
  const VirtualRange own = copy(1, object, 0, 4);
  EXPECT_EQ(get(1, own.start()), 1u);
  EXPECT_EQ(spaces[1]->usage().resident_pages, 0u);
  EXPECT_EQ(spaces[1]->usage().committed_pages, 4u);
  ASSERT_TRUE(set(0, shared.start(), 10));  // seen until it is written
  EXPECT_EQ(get(1, own.start()), 10u);
  ASSERT_TRUE(set(1, own.start(), 20));
  ASSERT_TRUE(set(1, own.start() + kPageSize, 30));
  EXPECT_EQ(get(0, shared.start()), 10u);
  EXPECT_EQ(get(0, shared.start() + kPageSize), 2u);
  EXPECT_EQ(spaces[1]->usage().resident_pages, 2u);
  // What nobody has written is zeros of the space's own, and the object has no page of it.
  EXPECT_EQ(get(1, own.start() + 2 * kPageSize), 0u);
  EXPECT_EQ(spaces[1]->usage().resident_pages, 3u);
  EXPECT_EQ(object->usage().store.pages, 2u);
  ASSERT_TRUE(spaces[1]->protect(own, Permissions::read_only()));
  EXPECT_FALSE(set(1, own.start(), 1));
  ASSERT_TRUE(spaces[1]->protect(own, kRw));
  const std::uint64_t before = kernel.in_use();
  ASSERT_TRUE(set(1, own.start(), 21));
  EXPECT_EQ(kernel.in_use(), before);
  ASSERT_TRUE(spaces[1]->unmap(own));
  EXPECT_EQ(spaces[1]->usage().resident_pages, 0u);
}

TEST_P(VmoFaultTest, WhatIsForgottenOrCutOffIsGoneFromSpaces) {
  const auto object = create(8);
  const VirtualRange shared = share(0, object, 0, 8);
  const VirtualRange again = share(0, object, kPageSize, 7);
  const VirtualRange own = copy(1, object, 0, 8);
  for (std::uint64_t i = 0; i < 8; ++i) {
    ASSERT_TRUE(set(0, shared.start() + i * kPageSize, i + 1));
    EXPECT_EQ(get(1, own.start() + i * kPageSize), i + 1);
    if (i > 0) EXPECT_EQ(get(0, again.start() + (i - 1) * kPageSize), i + 1);
  }
  ASSERT_TRUE(set(1, own.start() + 6 * kPageSize, 66));
  ASSERT_TRUE(object->decommit(2 * kPageSize, 2 * kPageSize));
  EXPECT_EQ(get(0, shared.start() + 2 * kPageSize), 0u);
  EXPECT_EQ(get(0, again.start() + kPageSize), 0u);
  EXPECT_EQ(get(1, own.start() + 3 * kPageSize), 0u);
  EXPECT_EQ(get(1, own.start() + 4 * kPageSize), 5u);
  ASSERT_TRUE(object->resize(5 * kPageSize));
  EXPECT_EQ(touch(0, shared.start() + 5 * kPageSize, Access::kRead), nullptr);
  EXPECT_EQ(outcome, FaultOutcome::kOutsideVmo);
  EXPECT_EQ(touch(1, own.start() + 7 * kPageSize, Access::kWrite), nullptr);
  EXPECT_EQ(outcome, FaultOutcome::kOutsideVmo);
  EXPECT_EQ(get(1, own.start() + 6 * kPageSize), 66u);  // a copy of its own
  EXPECT_EQ(spaces[0]->map_shared(Placement::anywhere(), object, 0, 6 * kPageSize, kRw).error(),
            SpaceError::kOutsideVmo);
  ASSERT_TRUE(object->resize(8 * kPageSize));
  EXPECT_EQ(get(0, shared.start() + 5 * kPageSize), 0u);
}

TEST_P(VmoFaultTest, AddressesThatBecameSomebodyElsesAreLeftAlone) {
  const auto object = create(4);
  const VirtualRange range = share(0, object, 0, 4);
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(set(0, range.start() + i * kPageSize, 1));
  // Two pages in the middle of the mapping are anonymous from here on.
  const VirtualRange middle(range.start() + kPageSize, 2 * kPageSize);
  ASSERT_TRUE(spaces[0]->unmap(middle));
  EXPECT_EQ(object->usage().mappings, 1u);
  ASSERT_TRUE(spaces[0]->map_anonymous(Placement::at(middle.start()), middle.size(), kRw));
  ASSERT_TRUE(set(0, middle.start(), 44));
  ASSERT_TRUE(object->decommit(0, 4 * kPageSize));
  EXPECT_EQ(get(0, middle.start()), 44u);
  EXPECT_EQ(get(0, range.start()), 0u);
  ASSERT_TRUE(spaces[0]->protect(VirtualRange(range.start(), kPageSize), Permissions::read_only()));
  ASSERT_TRUE(spaces[0]->unmap(range));
  EXPECT_EQ(object->usage().mappings, 0u);
}

TEST_P(VmoFaultTest, ASealTakesThePermissionToWrite) {
  const auto object = create(2);
  const VirtualRange range = share(0, object, 0, 2);
  const VirtualRange own = copy(1, object, 0, 2);
  ASSERT_TRUE(set(0, range.start(), 1));
  object->seal();
  EXPECT_FALSE(set(0, range.start(), 2));
  EXPECT_EQ(outcome, FaultOutcome::kDenied);
  EXPECT_FALSE(set(0, range.start() + kPageSize, 2));
  EXPECT_EQ(get(0, range.start()), 1u);
  EXPECT_EQ(get(0, range.start() + kPageSize), 0u);
  EXPECT_EQ(spaces[2]->map_shared(Placement::anywhere(), object, 0, kPageSize, kRw).error(),
            SpaceError::kDenied);
  EXPECT_EQ(spaces[0]->protect(range, kRw).error(), SpaceError::kDenied);
  ASSERT_TRUE(set(1, own.start(), 3));  // a private copy is no change of the object
  EXPECT_EQ(get(0, range.start()), 1u);
}

TEST_P(VmoFaultTest, PagesOfTheArchiveExistOnce) {
  const FrameRun archive = std::move(*kernel.frames.allocate_run(3));
  auto* words = static_cast<std::uint64_t*>(archive.data());
  for (std::uint64_t i = 0; i < 3 * kPageSize / 8; ++i) words[i] = i;
  const std::uint64_t before = kernel.in_use();
  {
    const auto object = *PagedVmo::create(
        kernel.frames, 4 * kPageSize, Permissions::read_execute(),
        *ArchivePages::create(PhysicalRange(archive.start(), 2 * kPageSize + 16)));
    EXPECT_EQ(spaces[0]->map_shared(Placement::anywhere(), object, 0, kPageSize, kRw).error(),
              SpaceError::kDenied);
    const std::array code{share(0, object, 0, 4, Permissions::read_execute()),
                          share(1, object, 0, 4, Permissions::read_execute())};
    const VirtualRange own = copy(2, object, 0, 4);
    EXPECT_EQ(touch(0, code[0].start(), Access::kExecute), words);
    EXPECT_EQ(touch(1, code[1].start(), Access::kRead), words);
    EXPECT_EQ(touch(2, own.start(), Access::kRead), words);
    EXPECT_EQ(object->usage().store.pages, 0u);
    ASSERT_TRUE(set(2, own.start(), 99));
    EXPECT_EQ(words[0], 0u);
    // The last page of the content is shared as a copy, with zeros behind.
    const auto* last = touch(0, code[0].start() + 2 * kPageSize, Access::kRead);
    EXPECT_EQ(last[1], 2 * kPageSize / 8 + 1);
    EXPECT_EQ(last[2], 0u);
    EXPECT_EQ(touch(1, code[1].start() + 2 * kPageSize, Access::kRead), last);
    EXPECT_EQ(get(2, own.start() + 2 * kPageSize + 8), 2 * kPageSize / 8 + 1);
    EXPECT_EQ(get(2, own.start() + 2 * kPageSize + 16), 0u);
    EXPECT_EQ(get(2, own.start() + 3 * kPageSize), 0u);
    // A copy of the object may be written.
    const auto cloned = *object->clone(kRw);
    const VirtualRange written = share(2, cloned, 0, 4);
    EXPECT_EQ(touch(2, written.start() + kPageSize, Access::kRead), words + kPageSize / 8);
    ASSERT_TRUE(set(2, written.start() + kPageSize, 5));
    EXPECT_EQ(words[kPageSize / 8], kPageSize / 8);
    EXPECT_EQ(get(0, code[0].start() + kPageSize), kPageSize / 8);
    for (auto& space : spaces) space.reset();
    for (unsigned hart = 0; hart < 3; ++hart) {
      const AsHart as(hart);
      kernel.space->activate();
    }
    EXPECT_EQ(kernel.machine.stale_translations(), 0u);
  }
  EXPECT_LE(kernel.in_use(), before);
}

TEST_P(VmoFaultTest, WhatTheArchiveHasBetweenFramesExistsOnceToo) {
  const FrameRun archive = std::move(*kernel.frames.allocate_run(2));
  auto* words = static_cast<std::uint64_t*>(archive.data());
  for (std::uint64_t i = 0; i < 2 * kPageSize / 8; ++i) words[i] = i;
  const auto object =
      *PagedVmo::create(kernel.frames, kPageSize, Permissions::read_only(),
                        *ArchivePages::create(PhysicalRange(archive.start() + 16, kPageSize)));
  const VirtualRange here = share(0, object, 0, 1, Permissions::read_only());
  const VirtualRange there = share(1, object, 0, 1, Permissions::read_only());
  const auto* first = touch(0, here.start(), Access::kRead);
  EXPECT_EQ(first[0], 2u);
  EXPECT_EQ(touch(1, there.start(), Access::kRead), first);
  EXPECT_EQ(object->usage().store.pages, 1u);
  // A private copy of what is not a frame is the space's own, also where it is only read.
  const auto fresh =
      *PagedVmo::create(kernel.frames, kPageSize, Permissions::read_only(),
                        *ArchivePages::create(PhysicalRange(archive.start() + 16, kPageSize)));
  const VirtualRange own = copy(2, fresh, 0, 1);
  EXPECT_EQ(touch(2, own.start(), Access::kRead)[kPageSize / 8 - 1], kPageSize / 8 + 1);
  EXPECT_EQ(fresh->usage().store.pages, 0u);
  EXPECT_EQ(spaces[2]->usage().resident_pages, 1u);
}

TEST_P(VmoFaultTest, WhatWasLentIsNeverWrittenWhateverTheProviderSaysLater) {
  const FrameRun archive = std::move(*kernel.frames.allocate_run(1));
  auto* lent = static_cast<std::uint64_t*>(archive.data());
  lent[0] = 7;
  const PhysicalRange bytes(archive.start(), kPageSize);
  auto* told = new test::ToldPages(bytes);
  told->answer = LentPage{bytes};
  const auto object =
      *PagedVmo::create(kernel.frames, kPageSize, kRw, PageProviderRef::adopt(told));
  const VirtualRange range = share(0, object, 0, 1);
  EXPECT_EQ(touch(0, range.start(), Access::kRead), lent);
  told->answer = ZeroPage();
  ASSERT_TRUE(object->commit(0, kPageSize));
  // The object has a page of its own now, and the mapping still what was lent.
  ASSERT_TRUE(spaces[0]->protect(range, Permissions::read_only()));
  ASSERT_TRUE(spaces[0]->protect(range, kRw));
  ASSERT_TRUE(set(0, range.start(), 9));
  EXPECT_EQ(lent[0], 7u);
  EXPECT_EQ(get(0, range.start()), 9u);
  EXPECT_EQ(test::word_at(*object, 0), 9u);
}

TEST_P(VmoFaultTest, AFaultThatMustWaitSaysForWhat) {
  auto* told = new test::ToldPages;
  const auto object = create(4, PageProviderRef::adopt(told));
  const VirtualRange shared = share(0, object, 0, 4);
  const VirtualRange own = copy(1, object, kPageSize, 3);
  EXPECT_EQ(touch(0, shared.start() + kPageSize + 8, Access::kWrite), nullptr);
  EXPECT_EQ(outcome, FaultOutcome::kMustWait);
  EXPECT_EQ(touch(1, own.start(), Access::kRead), nullptr);
  EXPECT_EQ(outcome, FaultOutcome::kMustWait);
  EXPECT_EQ(told->fetched.size(), 1u);
  const PageRequestRef request = spaces[0]->page_request(shared.start() + kPageSize + 8);
  ASSERT_TRUE(request);
  EXPECT_EQ(spaces[1]->page_request(own.start()), request);
  EXPECT_FALSE(spaces[0]->page_request(shared.start()));
  EXPECT_FALSE(spaces[0]->page_request(VirtualAddress(0)));
  Frame frame = std::move(*kernel.frames.allocate());
  static_cast<std::uint64_t*>(frame.data())[0] = 42;
  ASSERT_TRUE(object->supply(kPageSize, std::move(frame)));
  EXPECT_FALSE(spaces[0]->page_request(shared.start() + kPageSize));
  EXPECT_EQ(get(0, shared.start() + kPageSize), 42u);
  EXPECT_EQ(get(1, own.start()), 42u);
  told->answer = NoPage();
  EXPECT_EQ(touch(0, shared.start(), Access::kRead), nullptr);
  EXPECT_EQ(outcome, FaultOutcome::kUnavailable);
}

TEST_P(VmoFaultTest, PhysicalMemoryKeepsItsCacheMode) {
  const auto object = *Vmo::create_physical(
      PhysicalRange(PhysicalAddress(0x1000'0000), 2 * kPageSize), paging::CacheMode::kDevice, kRw);
  EXPECT_EQ(spaces[0]->map_private(Placement::anywhere(), object, 0, kPageSize, kRw).error(),
            SpaceError::kWrongKind);
  const VirtualRange range = share(0, object, 0, 2);
  const auto check = [&](Permissions permissions) {
    unsigned leaves = 0;
    spaces[0]->for_each_leaf([&](VirtualAddress, const paging::Leaf& leaf, std::uint64_t) {
      EXPECT_EQ(leaf.properties.cache, paging::CacheMode::kDevice);
      EXPECT_EQ(leaf.properties.permissions, permissions.for_user());
      ++leaves;
    });
    EXPECT_EQ(leaves, 2u);
  };
  check(kRw);
  ASSERT_TRUE(spaces[0]->protect(range, Permissions::read_only()));
  check(Permissions::read_only());
  const auto beyond =
      *Vmo::create_physical(PhysicalRange(PhysicalAddress(std::uint64_t{1} << 60), kPageSize),
                            paging::CacheMode::kDevice, kRw);
  EXPECT_EQ(spaces[0]->map_shared(Placement::anywhere(), beyond, 0, kPageSize, kRw).error(),
            SpaceError::kOutOfRange);
  ASSERT_TRUE(spaces[0]->unmap(range));
}

TEST_P(VmoFaultTest, EveryFailingAllocationIsSurvived) {
  const auto object = create(40);
  const VirtualRange shared = share(0, object, 0, 40);
  ASSERT_TRUE(set(0, shared.start(), 1));
  ASSERT_TRUE(set(0, shared.start() + 39 * kPageSize, 3));  // two levels of nodes
  const auto cloned = *object->clone(kRw);
  {
    const test::FailingNew failing(0);
    EXPECT_EQ(spaces[1]->map_shared(Placement::anywhere(), cloned, 0, kPageSize, kRw).error(),
              SpaceError::kOutOfMemory);
  }
  {
    const test::FailingNew failing(1);  // the region, and nothing to tell the object with
    EXPECT_EQ(spaces[1]->map_shared(Placement::anywhere(), cloned, 0, kPageSize, kRw).error(),
              SpaceError::kOutOfMemory);
  }
  EXPECT_EQ(cloned->usage().mappings, 0u);
  for (unsigned left = 0; left < 2; ++left) {
    const test::FailingNew failing(left);
    EXPECT_FALSE(set(0, shared.start(), 2));
    EXPECT_EQ(outcome, FaultOutcome::kOutOfMemory);
  }
  for (std::uint64_t left = 0; left < 1; ++left) {
    const test::Scarcity scarcity(kernel.frames, left);
    EXPECT_FALSE(set(0, shared.start(), 2));
    EXPECT_FALSE(set(0, shared.start() + 39 * kPageSize, 2));
  }
  EXPECT_EQ(get(0, shared.start()), 1u);
  ASSERT_TRUE(set(0, shared.start(), 2));
  EXPECT_EQ(word_at(*cloned, 0), 1u);
}

TEST_P(VmoFaultTest, TheLastMappingEndsTheObjectAfterItsFence) {
  auto object = create(2);
  const VirtualRange range = share(0, object, 0, 2);
  ASSERT_TRUE(set(0, range.start(), 1));
  auto wired = *Vmo::create(kernel.frames, kPageSize, kRw);
  const VirtualRange page = share(0, wired, 0, 1);
  ASSERT_TRUE(set(0, page.start(), 1));
  object = {};
  wired = {};
  spaces[0].reset();  // hart 0 still has its root
  EXPECT_EQ(kernel.machine.stale_translations(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Modes, VmoFaultTest, test::kAllModes, test::mode_name);

}  // namespace
}  // namespace quoll::vm
