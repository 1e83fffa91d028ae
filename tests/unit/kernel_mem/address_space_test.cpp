// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>
#include <gtest/gtest.h>

#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/test_support/failing_new.hpp>

#include "one_space.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::AsHart;
using test::kPageSize;
using test::PhysicalRange;
using test::VirtualAddress;
using test::VirtualRange;

class AddressSpaceTest : public test::OneSpaceTest {
 protected:
  /// Touches memory as user mode does, faults included.
  bool touch(VirtualAddress at, Access access) {
    const unsigned hart = arch::Harts::id();
    for (int tries = 0; tries < 3; ++tries) {
      if (kernel.machine.translate(hart, at, access)) return true;
      if (space->handle_fault(at, access) != FaultOutcome::kResolved) return false;
    }
    return false;
  }
  unsigned char& byte(VirtualAddress at) {
    return *kernel.machine.phys_map().pointer<unsigned char>(
        *kernel.machine.translate(arch::Harts::id(), at, Access::kRead));
  }
};

TEST_P(AddressSpaceTest, FillsAnonymousMemoryOnDemand) {
  AddressSpace& s = create();
  const VirtualRange range =
      *s.map_anonymous(Placement::anywhere(), 4 * kPageSize, Permissions::read_write());
  EXPECT_EQ(range.start(), s.bounds().start());
  EXPECT_EQ(s.usage().resident_pages, 0u);
  EXPECT_TRUE(touch(range.start() + kPageSize, Access::kWrite));
  EXPECT_EQ(byte(range.start() + kPageSize), 0);
  EXPECT_EQ(s.usage().resident_pages, 1u);
  EXPECT_EQ(s.usage().committed_pages, 4u);
  EXPECT_EQ(s.handle_fault(range.start(), Access::kExecute), FaultOutcome::kDenied);
  EXPECT_EQ(s.handle_fault(range.end(), Access::kRead), FaultOutcome::kNotMapped);
  EXPECT_EQ(s.handle_fault(VirtualAddress(0), Access::kRead), FaultOutcome::kNotMapped);
  EXPECT_EQ(s.handle_fault(kernel.format.kernel_half().start(), Access::kRead),
            FaultOutcome::kNotMapped);
  EXPECT_EQ(s.populate(range, Access::kWrite), FaultOutcome::kResolved);
  EXPECT_EQ(s.usage().resident_pages, 4u);
}

TEST_P(AddressSpaceTest, RefusesBadRequestsAndChangesNothing) {
  AddressSpace& s = create();
  const auto rw = Permissions::read_write();
  const VirtualRange there = *s.map_anonymous(Placement::at(VirtualAddress(0x100000)), 0x4000, rw);
  const SpaceUsage before = s.usage();
  const auto map = [&](std::uint64_t at, std::uint64_t size) {
    return s.map_anonymous(Placement::at(VirtualAddress(at)), size, rw).error();
  };
  EXPECT_EQ(map(0x100001, 0x1000), SpaceError::kUnaligned);
  EXPECT_EQ(map(0x200000, 0x1001), SpaceError::kUnaligned);
  EXPECT_EQ(map(0x200000, 0), SpaceError::kEmpty);
  EXPECT_EQ(map(0, 0x1000), SpaceError::kOutOfRange);
  EXPECT_EQ(map(0xf000, 0x2000), SpaceError::kOutOfRange);
  EXPECT_EQ(map(s.bounds().end().value() - 0x1000, 0x2000), SpaceError::kOutOfRange);
  EXPECT_EQ(map(0x200000, ~std::uint64_t{0xfff}), SpaceError::kOutOfRange);
  EXPECT_EQ(map(~std::uint64_t{0xfff}, 0x1000), SpaceError::kOutOfRange);
  EXPECT_EQ(map(0xff000, 0x2000), SpaceError::kOverlap);
  EXPECT_EQ(map(0x103000, 0x2000), SpaceError::kOverlap);
  EXPECT_EQ(map(0xff000, 0x8000), SpaceError::kOverlap);
  EXPECT_EQ(s.map_anonymous(Placement::anywhere(), s.bounds().size(), rw).error(),
            SpaceError::kNoRoom);
  EXPECT_EQ(s.map_anonymous(Placement::anywhere(0x800), 0x1000, rw).error(),
            SpaceError::kUnaligned);
  EXPECT_EQ(s.map_anonymous(Placement::anywhere(0x3000), 0x1000, rw).error(),
            SpaceError::kUnaligned);
  const VirtualRange beyond(there.start(), 0x5000);
  EXPECT_EQ(s.unmap(beyond).error(), SpaceError::kNotMapped);
  EXPECT_EQ(s.protect(beyond, rw).error(), SpaceError::kNotMapped);
  EXPECT_EQ(s.commit(beyond, rw).error(), SpaceError::kNotMapped);
  EXPECT_EQ(s.decommit(beyond).error(), SpaceError::kNotMapped);
  EXPECT_EQ(s.commit(there, Permissions::none()).error(), SpaceError::kDenied);
  EXPECT_EQ(s.unmap(VirtualRange(there.start(), 0)).error(), SpaceError::kEmpty);
  EXPECT_EQ(s.unmap(VirtualRange(there.start(), 5)).error(), SpaceError::kUnaligned);
  EXPECT_EQ(s.release(there.start() + 0x1000).error(), SpaceError::kNotMapped);
  EXPECT_EQ(s.usage().regions, before.regions);
  EXPECT_EQ(s.usage().committed_pages, before.committed_pages);
  EXPECT_EQ(s.usage().reserved_bytes, before.reserved_bytes);
}

TEST_P(AddressSpaceTest, CommitsAndDecommitsPartsOfAReservation) {
  AddressSpace& s = create();
  const VirtualRange all = *s.reserve(Placement::anywhere(), std::uint64_t{8} << 30);
  EXPECT_EQ(s.usage().page_tables, 1u);
  EXPECT_EQ(s.handle_fault(all.start(), Access::kRead), FaultOutcome::kDenied);
  for (std::uint64_t page = 0; page < 32; ++page) {
    ASSERT_TRUE(s.commit(VirtualRange(all.start() + page * kPageSize, kPageSize),
                         Permissions::read_write()));
  }
  // Growing page by page makes one region of it.
  EXPECT_EQ(s.usage().regions, 2u);
  EXPECT_EQ(s.usage().committed_pages, 32u);
  EXPECT_TRUE(touch(all.start(), Access::kWrite));
  byte(all.start()) = 7;
  ASSERT_TRUE(s.commit(VirtualRange(all.start(), kPageSize), Permissions::read_write()));
  EXPECT_EQ(byte(all.start()), 7);
  ASSERT_TRUE(s.decommit(VirtualRange(all.start(), kPageSize)));
  EXPECT_FALSE(touch(all.start(), Access::kRead));
  ASSERT_TRUE(s.commit(VirtualRange(all.start(), kPageSize), Permissions::read_write()));
  EXPECT_TRUE(touch(all.start(), Access::kRead));
  EXPECT_EQ(byte(all.start()), 0);
  ASSERT_TRUE(s.release(all.start()));
  EXPECT_EQ(s.usage().regions, 0u);
  EXPECT_EQ(s.usage().page_tables, 1u);
}

TEST_P(AddressSpaceTest, EnforcesItsLimitsBeforeAnythingIsTaken) {
  AddressSpace& s = create({.committed_pages = 8, .page_tables = UINT64_MAX, .regions = 3});
  const VirtualRange all = *s.reserve(Placement::anywhere(), 64 * kPageSize);
  const auto part = [&](std::uint64_t first, std::uint64_t count) {
    return VirtualRange(all.start() + first * kPageSize, count * kPageSize);
  };
  ASSERT_TRUE(s.commit(part(0, 8), Permissions::read_write()));
  EXPECT_EQ(s.commit(part(8, 1), Permissions::read_write()).error(), SpaceError::kLimit);
  EXPECT_EQ(s.map_anonymous(Placement::anywhere(), kPageSize, Permissions::read_only()).error(),
            SpaceError::kLimit);
  ASSERT_TRUE(s.decommit(part(0, 4)));
  ASSERT_TRUE(s.commit(part(0, 4), Permissions::read_write()));
  EXPECT_EQ(s.usage().regions, 2u);
  EXPECT_EQ(s.protect(part(2, 2), Permissions::read_only()).error(), SpaceError::kLimit);
  EXPECT_EQ(s.usage().committed_pages, 8u);
}

TEST_P(AddressSpaceTest, CountsPageTablesAgainstTheirLimit) {
  const std::uint64_t path = kernel.format.levels() - 1;
  AddressSpace& s = create({.committed_pages = UINT64_MAX, .page_tables = path});
  const auto rw = Permissions::read_write();
  const VirtualRange low = *s.map_anonymous(Placement::anywhere(), kPageSize, rw);
  const VirtualRange far =
      *s.map_anonymous(Placement::at(VirtualAddress(std::uint64_t{1} << 35)), kPageSize, rw);
  EXPECT_TRUE(touch(low.start(), Access::kWrite));
  EXPECT_EQ(s.handle_fault(far.start(), Access::kWrite), FaultOutcome::kOutOfMemory);
  ASSERT_TRUE(s.unmap(low));
  EXPECT_TRUE(touch(far.start(), Access::kWrite));
  EXPECT_EQ(s.usage().page_tables, path + 1);
}

TEST_P(AddressSpaceTest, SharesAVmoAndCopiesItPrivately) {
  AddressSpace& s = create();
  const std::uint64_t content = 2 * kPageSize + 100;
  auto vmo = *Vmo::create(kernel.frames, 3 * kPageSize, Permissions::read_execute());
  std::memset(vmo->data(), 0x55, 3 * kPageSize);
  const auto wired = *Vmo::create_wired(vmo->range(), content, Permissions::read_execute());
  EXPECT_EQ(s.map_shared(Placement::anywhere(), wired, 0, 3 * kPageSize, Permissions::read_write())
                .error(),
            SpaceError::kDenied);
  EXPECT_EQ(
      s.map_shared(Placement::anywhere(), wired, kPageSize, 3 * kPageSize, Permissions::read_only())
          .error(),
      SpaceError::kOutsideVmo);
  EXPECT_EQ(
      s.map_shared(Placement::anywhere(), wired, 5, kPageSize, Permissions::read_only()).error(),
      SpaceError::kUnaligned);
  const VirtualRange shared = *s.map_shared(Placement::anywhere(), wired, kPageSize, 2 * kPageSize,
                                            Permissions::read_execute());
  EXPECT_EQ(s.protect(shared, Permissions::read_write()).error(), SpaceError::kDenied);
  EXPECT_TRUE(kernel.machine.translate(0, shared.start(), Access::kExecute));
  EXPECT_EQ(kernel.machine.translate(0, shared.start(), Access::kRead),
            vmo->range().start() + kPageSize);
  EXPECT_EQ(s.usage().resident_pages, 0u);

  const VirtualRange own =
      *s.map_private(Placement::anywhere(), wired, 0, 3 * kPageSize, Permissions::read_write());
  EXPECT_TRUE(touch(own.start(), Access::kRead));
  EXPECT_EQ(s.usage().resident_pages, 0u);  // still the VMO's page
  EXPECT_TRUE(touch(own.start(), Access::kWrite));
  EXPECT_EQ(s.usage().resident_pages, 1u);
  EXPECT_EQ(byte(own.start()), 0x55);
  byte(own.start()) = 1;
  EXPECT_EQ(*static_cast<unsigned char*>(vmo->data()), 0x55);
  EXPECT_TRUE(touch(own.start() + 2 * kPageSize, Access::kRead));
  EXPECT_EQ(byte(own.start() + 2 * kPageSize + 99), 0x55);
  EXPECT_EQ(byte(own.start() + 2 * kPageSize + 100), 0);  // behind the content
  EXPECT_EQ(kernel.machine.stale_translations(), 0u);
}

TEST_P(AddressSpaceTest, FencesOnlyHartsThatMayCacheIt) {
  AddressSpace& s = create();
  const VirtualRange range =
      *s.map_anonymous(Placement::anywhere(), 2 * kPageSize, Permissions::read_write());
  EXPECT_TRUE(touch(range.start(), Access::kWrite));
  const auto remote = [&] { return kernel.machine.fences().remote; };
  const auto before = remote();
  ASSERT_TRUE(s.protect(range, Permissions::read_only()));
  EXPECT_EQ(remote(), before);  // no other hart has it active
  {
    const AsHart as(1);
    s.activate();
    EXPECT_TRUE(touch(range.start(), Access::kRead));
  }
  ASSERT_TRUE(s.unmap(VirtualRange(range.start(), kPageSize)));
  EXPECT_EQ(remote(), before + 1);
  EXPECT_EQ(kernel.machine.stale_translations(), 0u);
  {
    const AsHart as(1);
    kernel.space->activate();
  }
  EXPECT_TRUE(touch(range.start() + kPageSize, Access::kRead));
  ASSERT_TRUE(s.unmap(VirtualRange(range.start() + kPageSize, kPageSize)));
  EXPECT_EQ(remote(), before + 1);
}

TEST_P(AddressSpaceTest, APageThatIsFilledInCostsNoFenceAndASecondFaultOne) {
  AddressSpace& s = create();
  const VirtualRange range =
      *s.map_anonymous(Placement::anywhere(), 2 * kPageSize, Permissions::read_write());
  s.activate();
  // This machine remembers that there was nothing.
  EXPECT_FALSE(kernel.machine.translate(0, range.start(), Access::kWrite));
  const auto before = kernel.machine.fences();
  ASSERT_EQ(s.handle_fault(range.start(), Access::kWrite), FaultOutcome::kResolved);
  EXPECT_EQ(kernel.machine.fences().local, before.local);
  ASSERT_EQ(s.handle_fault(range.start(), Access::kWrite), FaultOutcome::kResolved);
  EXPECT_EQ(kernel.machine.fences().local, before.local + 1);
  EXPECT_EQ(kernel.machine.fences().remote, before.remote);
  EXPECT_TRUE(kernel.machine.translate(0, range.start(), Access::kWrite));
  EXPECT_EQ(s.usage().resident_pages, 1u);
}

TEST_P(AddressSpaceTest, PopulatedPagesCanBeUsedAtOnce) {
  AddressSpace& s = create();
  const VirtualRange range =
      *s.map_anonymous(Placement::anywhere(), 3 * kPageSize, Permissions::read_write());
  s.activate();
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_FALSE(kernel.machine.translate(0, range.start() + i * kPageSize, Access::kRead));
  }
  const auto before = kernel.machine.fences().local;
  ASSERT_EQ(s.populate(range, Access::kWrite), FaultOutcome::kResolved);
  EXPECT_EQ(kernel.machine.fences().local, before + 1);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_TRUE(kernel.machine.translate(0, range.start() + i * kPageSize, Access::kWrite));
  }
  EXPECT_EQ(s.populate(VirtualRange(range.start(), 0), Access::kRead), FaultOutcome::kResolved);
}

TEST_P(AddressSpaceTest, FaultsAfterTheRegionOfTheLastOneIsGone) {
  AddressSpace& s = create();
  const VirtualRange range =
      *s.map_anonymous(Placement::anywhere(), 4 * kPageSize, Permissions::read_write());
  ASSERT_EQ(s.handle_fault(range.start() + 3 * kPageSize, Access::kRead), FaultOutcome::kResolved);
  // Cut, joined, cut again: the region of the last fault is another object each time.
  ASSERT_TRUE(s.protect(VirtualRange(range.start(), 2 * kPageSize), Permissions::read_only()));
  ASSERT_EQ(s.handle_fault(range.start() + 2 * kPageSize, Access::kWrite), FaultOutcome::kResolved);
  ASSERT_TRUE(s.protect(VirtualRange(range.start(), 2 * kPageSize), Permissions::read_write()));
  ASSERT_EQ(s.handle_fault(range.start() + kPageSize, Access::kWrite), FaultOutcome::kResolved);
  ASSERT_TRUE(s.unmap(VirtualRange(range.start() + kPageSize, kPageSize)));
  EXPECT_EQ(s.handle_fault(range.start() + kPageSize, Access::kRead), FaultOutcome::kNotMapped);
  ASSERT_EQ(s.handle_fault(range.start(), Access::kWrite), FaultOutcome::kResolved);
  ASSERT_TRUE(s.unmap(VirtualRange(range.start(), kPageSize)));
  EXPECT_EQ(s.handle_fault(range.start(), Access::kRead), FaultOutcome::kNotMapped);
}

TEST_P(AddressSpaceTest, EmptyPageTablesGoBackWhicheverRegionsShareThem) {
  AddressSpace& s = create();
  const VirtualRange touched =
      *s.map_anonymous(Placement::anywhere(), kPageSize, Permissions::read_write());
  const VirtualRange untouched =
      *s.map_anonymous(Placement::at(touched.end()), kPageSize, Permissions::read_write());
  const VirtualRange reserved = *s.reserve(Placement::at(untouched.end()), kPageSize);
  const auto bare = s.usage().page_tables;
  for (const VirtualRange& last : {untouched, reserved}) {
    ASSERT_EQ(s.handle_fault(touched.start(), Access::kWrite), FaultOutcome::kResolved);
    EXPECT_GT(s.usage().page_tables, bare);
    ASSERT_TRUE(s.decommit(touched));
    EXPECT_EQ(s.usage().page_tables, bare);
    ASSERT_TRUE(s.commit(touched, Permissions::read_write()));
    ASSERT_TRUE(s.unmap(last));
    EXPECT_EQ(s.usage().page_tables, bare);
  }
}

TEST_P(AddressSpaceTest, EndsWhileAnotherHartStandsOnItsRoot) {
  AddressSpace& s = create();
  const VirtualRange range =
      *s.map_anonymous(Placement::anywhere(), kPageSize, Permissions::read_write());
  const AsHart as(1);
  s.activate();
  EXPECT_TRUE(touch(range.start(), Access::kWrite));
  {
    const AsHart other(2);
    space.reset();
  }
  EXPECT_EQ(kernel.machine.stale_translations(), 0u);
  EXPECT_FALSE(kernel.machine.translate(1, range.start(), Access::kRead));
  // The root alone is left, and goes when the harts turn to something else.
  EXPECT_EQ(kernel.in_use(), 1u);
  AddressSpace& next = create();
  const AsHart first(0);
  next.activate();
  EXPECT_EQ(kernel.in_use(), 1u);  // the new space's root
}

TEST_P(AddressSpaceTest, FailsCleanlyAtEveryAllocation) {
  const auto attempt = [&](unsigned frames_left, unsigned news_left) {
    const test::Scarcity scarcity(kernel.frames, frames_left);
    const test::FailingNew failing(news_left);
    auto created = AddressSpace::create(*kernel.space);
    if (!created) {
      EXPECT_EQ(created.error(), SpaceError::kOutOfMemory);
      return false;
    }
    AddressSpace& s = **created;
    auto range = s.map_anonymous(Placement::anywhere(), 4 * kPageSize, Permissions::read_write());
    if (!range) return false;
    if (s.handle_fault(range->start(), Access::kWrite) != FaultOutcome::kResolved) return false;
    const VirtualRange middle(range->start() + kPageSize, kPageSize);
    if (!s.protect(middle, Permissions::read_only())) {
      EXPECT_EQ(s.usage().regions, 1u);
      return false;
    }
    if (!s.unmap(VirtualRange(range->start() + 3 * kPageSize, kPageSize))) return false;
    return true;
  };
  unsigned succeeded = 0;
  for (unsigned frames = 0; frames < 8; ++frames) {
    for (unsigned news = 0; news < 8; ++news) {
      succeeded += attempt(frames, news) ? 1 : 0;
      EXPECT_EQ(kernel.in_use(), 0u) << frames << " frames, " << news << " objects";
    }
  }
  EXPECT_GT(succeeded, 0u);
}

TEST_P(AddressSpaceTest, LeavesTheReserveToTheKernel) {
  AddressSpace& s = create();
  const VirtualRange range = *s.map_anonymous(
      Placement::anywhere(), test::TestKernel::kFrames * kPageSize, Permissions::read_write());
  constexpr std::uint64_t kReserve = 64;
  kernel.frames.reserve_for_kernel(kReserve);
  EXPECT_EQ(s.populate(range, Access::kWrite), FaultOutcome::kOutOfMemory);
  EXPECT_GE(kernel.frames.available_frames(), kReserve);
  // Nothing that a guest asks for reaches into it: neither pages, nor records, nor spaces.
  EXPECT_EQ(s.reserve(Placement::anywhere(), kPageSize).error(), SpaceError::kOutOfMemory);
  EXPECT_EQ(s.decommit(VirtualRange(range.start() + kPageSize, kPageSize)).error(),
            SpaceError::kOutOfMemory);
  EXPECT_EQ(AddressSpace::create(*kernel.space).error(), SpaceError::kOutOfMemory);
  EXPECT_EQ(kernel.frames.available_frames(), kReserve);
  EXPECT_TRUE(kernel.frames.allocate());
  // What is given back is there for the next.
  EXPECT_TRUE(s.release(range.start()));
  EXPECT_TRUE(s.reserve(Placement::anywhere(), kPageSize));
}

TEST_P(AddressSpaceTest, MapsDevicesForEveryHart) {
  const auto registers = [&](std::uint64_t at, std::uint64_t size) {
    return kernel.space->map_device(PhysicalRange(test::PhysicalAddress(at), size));
  };
  AddressSpace& s = create();  // made before, and sees it all the same
  auto mapped = registers(0x1000'0008, 0x1000);
  ASSERT_TRUE(mapped);
  const auto at = mem::address_of(const_cast<void*>(*mapped));
  for (unsigned hart = 0; hart < 2; ++hart) {
    EXPECT_EQ(
        kernel.machine.translate(hart, at, Access::kWrite, arch::mock::Mode::kSupervisorForUser),
        test::PhysicalAddress(0x1000'0008));
    EXPECT_FALSE(kernel.machine.translate(hart, at, Access::kRead));
    EXPECT_FALSE(
        kernel.machine.translate(hart, at, Access::kExecute, arch::mock::Mode::kSupervisorForUser));
  }
  EXPECT_TRUE(s.is_active());
  EXPECT_EQ(registers(0x1000'0000, 0).error(), SpaceError::kEmpty);
  EXPECT_EQ(registers(std::uint64_t{1} << 56, 1).error(), SpaceError::kOutOfRange);
  EXPECT_EQ(registers(0, 0x1000'0000).error(), SpaceError::kNoRoom);
  // Its page tables stay, as the mapping does.
  kernel.allocated_before += kernel.in_use() - 1;
}

INSTANTIATE_TEST_SUITE_P(Modes, AddressSpaceTest, test::kAllModes, test::mode_name);

}  // namespace
}  // namespace quoll::vm
