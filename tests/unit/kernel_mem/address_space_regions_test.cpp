// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What regions are good for: guards, accounts and limits, changes across mappings, and that nothing
// is looked for where nothing was touched.
#include <array>
#include <gtest/gtest.h>
#include <memory>

#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/test_support/failing_new.hpp>

#include "one_space.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::AsHart;
using test::kPageSize;
using test::VirtualAddress;
using test::VirtualRange;

constexpr Permissions kReadWrite = Permissions::read_write();

class RegionsTest : public test::OneSpaceTest {
 protected:
  static VirtualRange part(const VirtualRange& whole, std::uint64_t first, std::uint64_t count) {
    return VirtualRange(whole.start() + first * kPageSize, count * kPageSize);
  }
};

TEST_P(RegionsTest, GuardsStayGuardsAndAreToldApart) {
  AddressSpace& s = create();
  const VirtualRange all = *s.reserve(Placement::anywhere(), 6 * kPageSize);
  ASSERT_TRUE(s.commit(part(all, 4, 2), kReadWrite));
  EXPECT_EQ(s.guard(part(all, 3, 2)).error(), SpaceError::kDenied);
  EXPECT_EQ(s.guard(part(all, 5, 2)).error(), SpaceError::kNotMapped);
  EXPECT_EQ(s.guard(VirtualRange(all.start(), 0)).error(), SpaceError::kEmpty);
  EXPECT_EQ(s.guard(VirtualRange(all.start(), 5)).error(), SpaceError::kUnaligned);
  ASSERT_TRUE(s.guard(part(all, 1, 2)));
  const SpaceUsage before = s.usage();
  EXPECT_EQ(before.regions, 4u);
  for (const Access access : {Access::kRead, Access::kWrite, Access::kExecute}) {
    EXPECT_EQ(s.handle_fault(all.start() + 2 * kPageSize + 5, access), FaultOutcome::kGuard);
    EXPECT_EQ(s.handle_fault(all.start() + 3 * kPageSize, access), FaultOutcome::kDenied);
  }
  EXPECT_EQ(s.populate(all, Access::kRead), FaultOutcome::kDenied);
  for (const VirtualRange& range : {part(all, 2, 1), part(all, 0, 2), part(all, 2, 4), all}) {
    EXPECT_EQ(s.commit(range, kReadWrite).error(), SpaceError::kDenied);
    EXPECT_EQ(s.protect(range, Permissions::read_only()).error(), SpaceError::kDenied);
    EXPECT_EQ(s.protect(range, Permissions::none()).error(), SpaceError::kDenied);
    EXPECT_EQ(s.decommit(range).error(), SpaceError::kDenied);
  }
  EXPECT_EQ(s.guard(part(all, 2, 1)).error(), SpaceError::kDenied);
  EXPECT_EQ(s.usage().regions, before.regions);
  EXPECT_EQ(s.usage().committed_pages, 2u);
  EXPECT_EQ(s.usage().reserved_bytes, all.size());
  // What is beside it can be used as before, and part of it unmapped.
  ASSERT_TRUE(s.commit(part(all, 3, 1), kReadWrite));
  ASSERT_TRUE(s.unmap(part(all, 2, 1)));
  EXPECT_EQ(s.handle_fault(all.start() + 2 * kPageSize, Access::kRead), FaultOutcome::kNotMapped);
  EXPECT_EQ(s.handle_fault(all.start() + kPageSize, Access::kRead), FaultOutcome::kGuard);
  ASSERT_TRUE(s.map_anonymous(Placement::at(all.start() + 2 * kPageSize), kPageSize, kReadWrite));
}

TEST_P(RegionsTest, NothingIsFencedOrLookedForWhereNothingWasTouched) {
  AddressSpace& s = create();
  const AsHart other(1);
  s.activate();
  const auto before = kernel.machine.fences();
  const VirtualRange all = *s.map_anonymous(Placement::anywhere(), 8 * kPageSize, kReadWrite);
  ASSERT_TRUE(s.protect(part(all, 2, 2), Permissions::read_only()));
  ASSERT_TRUE(s.decommit(part(all, 4, 2)));
  ASSERT_TRUE(s.unmap(part(all, 6, 1)));
  ASSERT_TRUE(s.release(all.start()));
  EXPECT_EQ(s.usage().regions, 1u);  // what lies behind the gap
  EXPECT_EQ(kernel.machine.fences().local, before.local);
  EXPECT_EQ(kernel.machine.fences().remote, before.remote);
  // What was touched once is looked for in all parts that are cut from it.
  const VirtualRange more = *s.map_anonymous(Placement::anywhere(), 4 * kPageSize, kReadWrite);
  ASSERT_EQ(s.handle_fault(more.start() + 3 * kPageSize, Access::kWrite), FaultOutcome::kResolved);
  ASSERT_EQ(s.handle_fault(more.start(), Access::kWrite), FaultOutcome::kResolved);
  ASSERT_TRUE(s.protect(part(more, 0, 2), Permissions::read_only()));
  ASSERT_TRUE(s.unmap(part(more, 3, 1)));
  ASSERT_TRUE(s.protect(part(more, 0, 2), kReadWrite));
  EXPECT_EQ(s.usage().resident_pages, 1u);
  ASSERT_TRUE(s.decommit(part(more, 0, 1)));
  EXPECT_EQ(s.usage().resident_pages, 0u);
  EXPECT_EQ(s.usage().page_tables, 1u);
  ASSERT_TRUE(s.commit(part(more, 0, 1), kReadWrite));
  ASSERT_EQ(s.handle_fault(more.start(), Access::kWrite), FaultOutcome::kResolved);
  EXPECT_EQ(s.usage().resident_pages, 1u);
}

TEST_P(RegionsTest, ProtectsAcrossMappingsAllOrNothing) {
  AddressSpace& s = create({.committed_pages = 6});
  const VirtualRange low = *s.map_anonymous(Placement::lowest(), 4 * kPageSize, kReadWrite);
  const VirtualRange high = *s.reserve(Placement::at(low.end()), 4 * kPageSize);
  ASSERT_EQ(s.handle_fault(low.end() - kPageSize, Access::kWrite), FaultOutcome::kResolved);
  // Two of the reserved pages can be paid for, three cannot.
  EXPECT_EQ(s.protect(part(low, 3, 4), Permissions::read_only()).error(), SpaceError::kLimit);
  EXPECT_EQ(s.usage().regions, 2u);
  ASSERT_TRUE(s.protect(part(low, 3, 3), Permissions::read_only()));
  EXPECT_EQ(s.usage().regions, 4u);
  EXPECT_EQ(s.usage().committed_pages, 6u);
  EXPECT_EQ(s.handle_fault(low.end() - kPageSize, Access::kWrite), FaultOutcome::kDenied);
  EXPECT_EQ(s.handle_fault(high.start(), Access::kRead), FaultOutcome::kResolved);
  EXPECT_EQ(s.handle_fault(high.start() + 2 * kPageSize, Access::kRead), FaultOutcome::kDenied);
  EXPECT_EQ(s.commit(part(low, 3, 2), kReadWrite).error(), SpaceError::kNotMapped);
  // Mappings that look the same stay two.
  ASSERT_TRUE(s.protect(part(low, 0, 6), kReadWrite));
  EXPECT_EQ(s.usage().regions, 3u);
  ASSERT_TRUE(s.release(high.start()));
  EXPECT_EQ(s.usage().reserved_bytes, low.size());
}

TEST_P(RegionsTest, CountsWhatIsReservedCommittedAndShared) {
  AddressSpace& s = create({.reserved_bytes = 20 * kPageSize});
  const auto vmo = *Vmo::create(kernel.frames, 4 * kPageSize, kReadWrite);
  const std::uint64_t own = kernel.in_use();
  const VirtualRange shared =
      *s.map_shared(Placement::anywhere(), vmo, 0, 4 * kPageSize, kReadWrite);
  ASSERT_TRUE(s.map_private(Placement::anywhere(), vmo, 0, 4 * kPageSize, kReadWrite));
  ASSERT_TRUE(s.map_anonymous(Placement::anywhere(), 3 * kPageSize, kReadWrite));
  ASSERT_TRUE(s.reserve(Placement::anywhere(), 5 * kPageSize));
  const SpaceUsage usage = s.usage();
  EXPECT_EQ(usage.reserved_bytes, 16 * kPageSize);
  EXPECT_EQ(usage.committed_pages, 7u);
  EXPECT_EQ(usage.shared_pages, 4u);
  EXPECT_EQ(usage.resident_pages, 0u);
  EXPECT_EQ(kernel.in_use() - own, usage.page_tables - 1);
  EXPECT_EQ(s.reserve(Placement::anywhere(), 5 * kPageSize).error(), SpaceError::kLimit);
  EXPECT_TRUE(s.map_shared(Placement::anywhere(), vmo, 0, 4 * kPageSize, kReadWrite));
  EXPECT_EQ(s.usage().shared_pages, 8u);
  EXPECT_EQ(s.reserve(Placement::anywhere(), kPageSize).error(), SpaceError::kLimit);
  ASSERT_TRUE(s.unmap(part(shared, 1, 2)));
  EXPECT_EQ(s.usage().shared_pages, 6u);
  EXPECT_TRUE(s.reserve(Placement::anywhere(), 2 * kPageSize));
}

TEST_P(RegionsTest, RecordsThatWereGivenBackAreAtHand) {
  AddressSpace& s = create();
  const VirtualRange first = *s.reserve(Placement::anywhere(), kPageSize);
  const VirtualRange second = *s.reserve(Placement::anywhere(), 3 * kPageSize);
  ASSERT_TRUE(s.release(first.start()));
  const test::FailingNew failing(0);
  // One record is there: not the two that a cut on both sides takes.
  EXPECT_EQ(s.commit(part(second, 1, 1), kReadWrite).error(), SpaceError::kOutOfMemory);
  EXPECT_EQ(s.usage().regions, 1u);
  ASSERT_TRUE(s.commit(part(second, 0, 1), kReadWrite));
  EXPECT_EQ(s.usage().regions, 2u);
  EXPECT_EQ(s.reserve(Placement::anywhere(), kPageSize).error(), SpaceError::kOutOfMemory);
  ASSERT_TRUE(s.decommit(part(second, 0, 1)));
  EXPECT_TRUE(s.reserve(Placement::anywhere(), kPageSize));
}

INSTANTIATE_TEST_SUITE_P(Modes, RegionsTest, test::kAllModes, test::mode_name);

}  // namespace
}  // namespace quoll::vm
