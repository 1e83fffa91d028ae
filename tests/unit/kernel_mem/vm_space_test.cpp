// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Spaces on several harts: which fences there are, and that nobody uses what was.
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <tuple>
#include <vector>

#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/user_copy.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::AsHart;
using test::kPageSize;
using test::VirtualAddress;
using test::VirtualRange;

constexpr unsigned kHarts = 4;

class VmSpaceTest : public testing::TestWithParam<std::tuple<riscv::PagingMode, unsigned>> {
 protected:
  VmSpaceTest() : kernel(std::get<0>(GetParam()), kHarts, std::get<1>(GetParam())) {}
  ~VmSpaceTest() override {
    spaces.clear();
    for (unsigned hart = 0; hart < kHarts; ++hart) {
      const AsHart as(hart);
      kernel.space->activate();
    }
    EXPECT_EQ(kernel.in_use(), 0u);
  }
  bool has_asids() const { return std::get<1>(GetParam()) == 16; }
  AddressSpace& create() {
    auto made = AddressSpace::create(*kernel.space);
    EXPECT_TRUE(made);
    return *spaces.emplace_back(std::move(*made));
  }
  static VirtualRange map(AddressSpace& space, std::uint64_t pages) {
    auto range =
        space.map_anonymous(Placement::anywhere(), pages * kPageSize, Permissions::read_write());
    EXPECT_TRUE(range);
    EXPECT_EQ(space.populate(*range, Access::kWrite), FaultOutcome::kResolved);
    return *range;
  }
  bool reaches(unsigned hart, VirtualAddress at) {
    return kernel.machine.translate(hart, at, Access::kRead).has_value();
  }
  static void activate_on(unsigned hart, AddressSpace& space) {
    const AsHart as(hart);
    space.activate();
  }
  void leave_on(unsigned hart) {
    const AsHart as(hart);
    kernel.space->activate();
  }
  arch::mock::FenceCounts fences() { return kernel.machine.fences(); }

  test::TestKernel kernel;
  std::vector<std::unique_ptr<AddressSpace>> spaces;
};

TEST_P(VmSpaceTest, SwitchingCostsNoFenceWhenThereAreAsids) {
  AddressSpace& a = create();
  AddressSpace& b = create();
  const VirtualRange pages = map(a, 2);
  (void)map(b, 2);
  a.activate();
  b.activate();
  const auto before = fences().local;
  constexpr unsigned kSwitches = 20;
  for (unsigned i = 0; i < kSwitches; ++i) {
    (i % 2 == 0 ? a : b).activate();
    ASSERT_TRUE(reaches(0, pages.start()));
    ASSERT_EQ(kernel.machine.stale_translations(), 0u);
  }
  if (has_asids()) EXPECT_EQ(fences().local, before);
  if (kernel.space->asids().bits() == 0) EXPECT_EQ(fences().local, before + kSwitches);
}

TEST_P(VmSpaceTest, OneDispatchReachesAllHartsOfTheSetAndNoOther) {
  AddressSpace& s = create();
  AddressSpace& other = create();
  const VirtualRange range = map(s, 8);
  for (unsigned hart = 0; hart < 3; ++hart) activate_on(hart, s);
  activate_on(3, other);
  for (unsigned hart = 0; hart < 3; ++hart) EXPECT_TRUE(reaches(hart, range.start()));
  const auto before = fences();
  ASSERT_TRUE(s.unmap(range));
  EXPECT_EQ(fences().dispatches, before.dispatches + 1);
  EXPECT_EQ(fences().remote, before.remote + 2);
  EXPECT_EQ(fences().local, before.local + 1);
  EXPECT_EQ(kernel.machine.stale_translations(), 0u);
  for (unsigned hart = 0; hart < 3; ++hart) EXPECT_FALSE(reaches(hart, range.start()));
}

TEST_P(VmSpaceTest, AHartThatComesBackForgetsWhatWasTakenAwayMeanwhile) {
  AddressSpace& s = create();
  const VirtualRange range = map(s, 2);
  activate_on(1, s);
  EXPECT_TRUE(reaches(1, range.start()));
  leave_on(1);
  const auto before = fences();
  ASSERT_TRUE(s.unmap(VirtualRange(range.start(), kPageSize)));
  EXPECT_EQ(fences().dispatches, before.dispatches);  // active nowhere: nobody is disturbed
  EXPECT_EQ(fences().local, before.local);
  activate_on(1, s);
  EXPECT_EQ(fences().local, before.local + 1);
  EXPECT_EQ(kernel.machine.stale_translations(), 0u);
  EXPECT_FALSE(reaches(1, range.start()));
  EXPECT_TRUE(reaches(1, range.start() + kPageSize));
}

/// Without ASIDs a hart forgets at every switch.
class TaggedVmSpaceTest : public VmSpaceTest {};

TEST_P(TaggedVmSpaceTest, AHartThatWasFencedWhileActiveNeedNotForgetAgain) {
  AddressSpace& s = create();
  const VirtualRange range = map(s, 2);
  activate_on(0, s);
  activate_on(1, s);
  ASSERT_TRUE(s.unmap(VirtualRange(range.start(), kPageSize)));
  const auto before = fences().local;
  for (unsigned hart = 0; hart < 2; ++hart) {
    leave_on(hart);
    activate_on(hart, s);
  }
  EXPECT_EQ(fences().local, before);
  // What was added meanwhile is no change either.
  leave_on(1);
  (void)map(s, 1);
  const auto added = fences().local;
  activate_on(1, s);
  EXPECT_EQ(fences().local, added);
}

TEST_P(VmSpaceTest, RandomSwitchesAndChangesNeverUseStaleTranslations) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  constexpr std::size_t kSpaces = 7;
  const VirtualAddress at(0x10'0000);
  for (std::size_t i = 0; i < kSpaces; ++i) create();
  std::array<int, kHarts> active{};
  active.fill(-1);
  const auto owns = [&](std::size_t space) { return static_cast<unsigned char>(space + 1); };
  for (unsigned step = 0; step < 3000; ++step) {
    const auto hart = static_cast<unsigned>(random() % kHarts);
    const AsHart as(hart);
    const std::size_t chosen = random() % kSpaces;
    AddressSpace& s = *spaces[chosen];
    switch (random() % 6) {
      case 0:
      case 1:
        s.activate();
        active[hart] = static_cast<int>(chosen);
        break;
      case 2:
        kernel.space->activate();
        active[hart] = -1;
        break;
      case 3:
        (void)s.unmap(VirtualRange(at, kPageSize)).has_value();
        break;
      case 4:
        if (s.map_anonymous(Placement::at(at), kPageSize, Permissions::read_write())) {
          const unsigned char mark = owns(chosen);
          ASSERT_TRUE(copy_to_user(s, at, &mark, 1));
          active[hart] = static_cast<int>(chosen);
        }
        break;
      default:
        break;
    }
    ASSERT_EQ(kernel.machine.stale_translations(), 0u) << "step " << step;
    for (unsigned h = 0; h < kHarts; ++h) {
      if (active[h] < 0) continue;
      const auto space = static_cast<std::size_t>(active[h]);
      const auto physical = kernel.machine.translate(h, at, Access::kRead);
      if (!physical) continue;
      ASSERT_EQ(*kernel.machine.phys_map().pointer<unsigned char>(*physical), owns(space))
          << "hart " << h << " at step " << step;
    }
  }
}

TEST_P(VmSpaceTest, AnEndedSpaceLeavesNothingBehindUnderItsAsid) {
  for (unsigned round = 0; round < 20; ++round) {
    AddressSpace& s = create();
    const VirtualRange range = map(s, 1);
    activate_on(round % kHarts, s);
    EXPECT_TRUE(reaches(round % kHarts, range.start()));
    spaces.clear();
    for (unsigned hart = 0; hart < kHarts; ++hart) EXPECT_FALSE(reaches(hart, range.start()));
    EXPECT_EQ(kernel.machine.stale_translations(), 0u);
  }
}

// The flusher.

TEST_P(VmSpaceTest, TheFlusherRefusesWhatIsNoPartOfTheUserHalf) {
  AddressSpace& s = create();
  s.activate();
  TlbFlusher flusher(s.vm_space());
  const VirtualRange half = kernel.format.user_half();
  EXPECT_EQ(flusher.issue_address(VirtualAddress(1)).error(), SpaceError::kUnaligned);
  EXPECT_EQ(flusher.issue_address(half.end()).error(), SpaceError::kOutOfRange);
  EXPECT_EQ(flusher.issue_address(kernel.format.kernel_half().start()).error(),
            SpaceError::kOutOfRange);
  EXPECT_EQ(flusher.issue_address(VirtualAddress(~std::uint64_t{0xfff})).error(),
            SpaceError::kOutOfRange);
  EXPECT_EQ(flusher.issue_range(VirtualRange()).error(), SpaceError::kEmpty);
  EXPECT_EQ(flusher.issue_range(VirtualRange(half.start(), 5)).error(), SpaceError::kUnaligned);
  EXPECT_EQ(flusher.issue_range(VirtualRange(half.end() - kPageSize, 2 * kPageSize)).error(),
            SpaceError::kOutOfRange);
  EXPECT_FALSE(flusher.is_pending());
  const auto before = fences();
  flusher.dispatch();
  EXPECT_EQ(fences().local, before.local);  // nothing was issued

  EXPECT_TRUE(flusher.issue_address(half.end() - kPageSize));
  EXPECT_TRUE(flusher.issue_range(VirtualRange(half.start(), 3 * kPageSize)));
  flusher.issue_all();
  EXPECT_TRUE(flusher.is_pending());
  flusher.dispatch();
  EXPECT_FALSE(flusher.is_pending());
  EXPECT_EQ(fences().local, before.local + 1);
}

TEST_P(VmSpaceTest, TheFlusherHoldsFramesUntilItHasDispatched) {
  AddressSpace& s = create();
  s.activate();
  const auto before = kernel.in_use();
  {
    TlbFlusher flusher(s.vm_space());
    flusher.hold(std::move(*kernel.frames.allocate()));
    flusher.issue_all();
    EXPECT_TRUE(flusher.is_pending());
    EXPECT_EQ(kernel.in_use(), before + 1);
    flusher.dispatch();
  }
  EXPECT_EQ(kernel.in_use(), before);
}

TEST_P(VmSpaceTest, AFlusherThatIsDroppedUnappliedIsABrokenInvariant) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  AddressSpace& s = create();
  EXPECT_DEATH({ TlbFlusher(s.vm_space()).issue_all(); }, "");
  EXPECT_DEATH({ TlbFlusher(s.vm_space()).hold(std::move(*kernel.frames.allocate())); }, "");
}

// Faults, readers and writers.

TEST_P(VmSpaceTest, OneHandlerIsRegisteredAndAskedForMissingPages) {
  auto space = VmSpace::create(*kernel.space);
  ASSERT_TRUE(space);
  VmSpace& s = **space;
  EXPECT_EQ(s.handle_page_fault(VirtualAddress(0x1000), Access::kRead), FaultOutcome::kNotMapped);
  unsigned asked = 0;
  const PageFaultHandler handler{[](void* count, VirtualAddress, Access) {
                                   ++*static_cast<unsigned*>(count);
                                   return FaultOutcome::kDenied;
                                 },
                                 &asked};
  EXPECT_TRUE(s.register_page_fault_handler(handler));
  EXPECT_EQ(s.register_page_fault_handler(handler).error(), SpaceError::kOverlap);
  EXPECT_EQ(s.handle_page_fault(VirtualAddress(0x1000), Access::kRead), FaultOutcome::kDenied);
  EXPECT_EQ(asked, 1u);
  s.unregister_page_fault_handler();
  EXPECT_EQ(s.handle_page_fault(VirtualAddress(0x1000), Access::kRead), FaultOutcome::kNotMapped);
}

TEST_P(VmSpaceTest, ReadersAndWritersSayWhichPageTheyNeed) {
  AddressSpace& s = create();
  const VirtualRange range =
      *s.map_anonymous(Placement::anywhere(), 3 * kPageSize, Permissions::read_write());
  ASSERT_EQ(s.handle_fault(range.start(), Access::kWrite), FaultOutcome::kResolved);
  std::vector<unsigned char> bytes(2 * kPageSize, 0x5a);
  auto writer = s.vm_space().writer(range.start() + 100, bytes.size());
  ASSERT_TRUE(writer);
  const auto stopped = writer->write(bytes.data(), bytes.size());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().address, range.start() + kPageSize);
  EXPECT_EQ(stopped.error().access, Access::kWrite);
  EXPECT_EQ(writer->address(), range.start() + kPageSize);
  EXPECT_EQ(writer->remaining(), kPageSize + 100);
  ASSERT_EQ(s.populate(range, Access::kWrite), FaultOutcome::kResolved);
  const std::size_t done = bytes.size() - writer->remaining();
  EXPECT_EQ(*writer->write(bytes.data() + done, ~std::size_t{0}), kPageSize + 100);
  EXPECT_EQ(writer->remaining(), 0u);
  EXPECT_EQ(*writer->write(bytes.data(), 1), 0u);

  std::vector<unsigned char> back(bytes.size());
  auto reader = s.vm_space().reader(range.start() + 100, back.size());
  EXPECT_EQ(*reader->read(back.data(), 10), 10u);
  EXPECT_EQ(*reader->read(back.data() + 10, back.size()), back.size() - 10);
  EXPECT_EQ(back, bytes);
}

TEST_P(VmSpaceTest, ReadersAndWritersStayInTheUserHalf) {
  VmSpace& s = create().vm_space();
  const VirtualRange half = kernel.format.user_half();
  const auto refused = [&](VirtualAddress at, std::size_t size) {
    const auto reader = s.reader(at, size);
    const auto writer = s.writer(at, size);
    return !reader && !writer && reader.error() == CopyError::kBadAddress;
  };
  EXPECT_TRUE(refused(half.end() - 1, 2));
  EXPECT_TRUE(refused(half.end(), 1));
  EXPECT_TRUE(refused(kernel.format.kernel_half().start(), 1));
  EXPECT_TRUE(refused(VirtualAddress(~std::uint64_t{0}), 1));
  EXPECT_TRUE(refused(VirtualAddress(8), ~std::size_t{0}));
  EXPECT_TRUE(s.reader(half.end(), 0));
  unsigned char byte = 0;
  auto last = s.reader(half.end() - 1, 1);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->read(&byte, 1).error().address, half.end() - 1);
}

std::string name_of(const testing::TestParamInfo<VmSpaceTest::ParamType>& info) {
  return "Sv" + std::to_string(riscv::Sv(std::get<0>(info.param)).virtual_bits()) + "With" +
         std::to_string(std::get<1>(info.param)) + "Bits";
}
INSTANTIATE_TEST_SUITE_P(Machines, VmSpaceTest,
                         testing::Combine(test::kAllModes, testing::Values(0U, 1U, 2U, 16U)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Machines, TaggedVmSpaceTest,
                         testing::Combine(test::kAllModes, testing::Values(16U)), name_of);

// Faults of others.

struct FourHarts {
  FourHarts() {
    range = *space->map_anonymous(Placement::anywhere(), 4 * kPageSize, Permissions::read_write());
  }
  ~FourHarts() {
    space.reset();
    for (unsigned hart = 0; hart < kHarts; ++hart) {
      const AsHart as(hart);
      kernel.space->activate();
    }
    EXPECT_EQ(kernel.in_use(), 0u);
  }
  FourHarts(const FourHarts&) = delete;
  FourHarts& operator=(const FourHarts&) = delete;

  test::TestKernel kernel{riscv::PagingMode::kSv39, kHarts};
  std::unique_ptr<AddressSpace> space = std::move(*AddressSpace::create(*kernel.space));
  VirtualRange range;
};

// k23: with_user_slice, unlike its _mut form, never activates the address space, and both build a
// slice over memory that is not committed.
TEST(KnownDefects, WithUserSliceNeverActivatesTheAddressSpace) {
  FourHarts machine;
  auto& [kernel, space, range] = machine;
  auto other = std::move(*AddressSpace::create(*kernel.space));
  ASSERT_TRUE(
      other->map_anonymous(Placement::at(range.start()), kPageSize, Permissions::read_write()));
  const unsigned char mine = 1;
  const unsigned char theirs = 2;
  ASSERT_TRUE(copy_to_user(*space, range.start(), &mine, 1));
  ASSERT_TRUE(copy_to_user(*other, range.start(), &theirs, 1));
  unsigned char found = 0;
  auto reader = space->vm_space().reader(range.start(), 2);
  other->activate();  // between making the reader and using it
  EXPECT_EQ(*reader->read(&found, 1), 1u);
  EXPECT_EQ(found, mine);
  EXPECT_TRUE(space->is_active());
  other->activate();
  auto uncommitted = space->vm_space().reader(range.start() + kPageSize, 1);
  EXPECT_EQ(uncommitted->read(&found, 1).error().address, range.start() + kPageSize);
}

// k23: unmap_unchecked frees frames before the entry is cleared and the caches are flushed.
TEST(KnownDefects, UnmapFreesFramesBeforePteClearAndTlbFlush) {
  FourHarts machine;
  auto& [kernel, space, range] = machine;
  ASSERT_EQ(space->populate(range, Access::kWrite), FaultOutcome::kResolved);
  for (unsigned hart = 0; hart < 2; ++hart) {
    const AsHart as(hart);
    space->activate();
    for (std::uint64_t at = 0; at < range.size(); at += kPageSize) {
      ASSERT_TRUE(kernel.machine.translate(hart, range.start() + at, Access::kWrite));
    }
  }
  const auto allocated = kernel.in_use();
  TlbFlusher flusher(space->vm_space());
  ASSERT_TRUE(space->vm_space()
                  .tables()
                  .unmap(VirtualRange(range.start(), kPageSize), flusher.changes(),
                         [&](VirtualAddress, const paging::Leaf& leaf, std::uint64_t) {
                           flusher.hold(Frame::adopt(kernel.frames, leaf.address));
                         })
                  .has_value());
  // The entry is gone, a hart remembers it, and the frame is nobody else's yet.
  EXPECT_GT(kernel.machine.stale_translations(), 0u);
  EXPECT_EQ(kernel.in_use(), allocated);
  flusher.dispatch();
  EXPECT_EQ(kernel.machine.stale_translations(), 0u);
  // Put back, as the space knows nothing of it.
  auto frame = kernel.frames.allocate_zeroed(FrameUse::kGuest);
  paging::Flush added;
  ASSERT_TRUE(space->vm_space().tables().map_page(range.start(), frame->leak(),
                                                  {Permissions::read_write().for_user()}, added));
  added.waive();
}

// ostd: the flush queues of two harts dead-lock when each waits for the other with interrupts off.
TEST(KnownDefects, FlushQueuesDeadlockWhenInterruptsArrive) {
  FourHarts machine;
  auto& [kernel, space, range] = machine;
  ASSERT_EQ(space->populate(range, Access::kWrite), FaultOutcome::kResolved);
  for (unsigned hart = 0; hart < kHarts; ++hart) {
    const AsHart as(hart);
    space->activate();
    ASSERT_TRUE(kernel.machine.translate(hart, range.start(), Access::kWrite));
  }
  // Every hart has its interrupts off and flushes: none of them answers anything.
  const auto state = arch::Interrupts::save_and_disable();
  for (unsigned hart = 0; hart < kHarts; ++hart) {
    const AsHart as(hart);
    TlbFlusher flusher(space->vm_space());
    flusher.issue_all();
    flusher.dispatch();
  }
  arch::Interrupts::restore(state);
  EXPECT_EQ(kernel.machine.fences().dispatches, kHarts);
}

}  // namespace
}  // namespace quoll::vm
