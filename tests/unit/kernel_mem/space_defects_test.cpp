// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Faults that address spaces had elsewhere: docs/test-plan.md has the list.
#include <array>
#include <gtest/gtest.h>

#include <quoll/kernel/mem/address_space.hpp>

#include "one_space.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::kPageSize;
using test::VirtualAddress;
using test::VirtualRange;

constexpr Permissions kReadWrite = Permissions::read_write();

class SpaceDefects : public test::OneSpaceTest {
 protected:
  FaultOutcome fault(const VirtualRange& range, std::uint64_t page, Access access) {
    return space->handle_fault(range.start() + page * kPageSize, access);
  }
};

TEST_P(SpaceDefects, ACommitEndsWhereItsRangeEnds) {
  AddressSpace& s = create();
  // Far up, where an end that is added to a start is far too much.
  const VirtualAddress start = s.bounds().end() - 64 * kPageSize;
  const VirtualRange all = *s.reserve(Placement::at(start), 16 * kPageSize);
  ASSERT_TRUE(s.commit(VirtualRange(start + 4 * kPageSize, 3 * kPageSize), kReadWrite));
  EXPECT_EQ(s.usage().committed_pages, 3u);
  for (std::uint64_t page = 0; page < 16; ++page) {
    EXPECT_EQ(fault(all, page, Access::kWrite),
              page >= 4 && page < 7 ? FaultOutcome::kResolved : FaultOutcome::kDenied)
        << page;
  }
}

TEST_P(SpaceDefects, CommittingAgainKeepsContentAndSaysWhatIsAllowedNow) {
  AddressSpace& s = create();
  const VirtualRange all = *s.reserve(Placement::lowest(), 2 * kPageSize);
  ASSERT_TRUE(s.commit(all, kReadWrite));
  ASSERT_EQ(fault(all, 0, Access::kWrite), FaultOutcome::kResolved);
  const auto at = kernel.machine.translate(0, all.start(), Access::kWrite);
  ASSERT_TRUE(at.has_value());
  auto& word = *kernel.machine.phys_map().pointer<std::uint64_t>(*at);
  word = 7;
  // For writing twice, and then for reading, and for writing after that.
  ASSERT_TRUE(s.commit(all, kReadWrite));
  EXPECT_EQ(kernel.machine.translate(0, all.start(), Access::kWrite), at);
  ASSERT_TRUE(s.commit(all, Permissions::read_only()));
  EXPECT_EQ(kernel.machine.translate(0, all.start(), Access::kRead), at);
  EXPECT_EQ(fault(all, 0, Access::kWrite), FaultOutcome::kDenied);
  ASSERT_TRUE(s.commit(all, kReadWrite));
  EXPECT_EQ(fault(all, 0, Access::kWrite), FaultOutcome::kResolved);
  EXPECT_EQ(kernel.machine.translate(0, all.start(), Access::kWrite), at);
  EXPECT_EQ(word, 7u);
  EXPECT_EQ(s.usage().committed_pages, 2u);
}

TEST_P(SpaceDefects, APartialUnmapLeavesTheRestOfItsRegion) {
  AddressSpace& s = create();
  const VirtualRange all = *s.map_anonymous(Placement::lowest(), 8 * kPageSize, kReadWrite);
  ASSERT_EQ(s.populate(all, Access::kWrite), FaultOutcome::kResolved);
  // From the middle, from the start and from the end.
  for (const std::uint64_t page : std::array<std::uint64_t, 3>{3, 0, 7}) {
    ASSERT_TRUE(s.unmap(VirtualRange(all.start() + page * kPageSize, kPageSize)));
  }
  EXPECT_EQ(s.usage().resident_pages, 5u);
  EXPECT_EQ(s.usage().regions, 2u);
  for (std::uint64_t page = 0; page < 8; ++page) {
    const bool is_gone = page == 0 || page == 3 || page == 7;
    EXPECT_EQ(
        kernel.machine.translate(0, all.start() + page * kPageSize, Access::kWrite).has_value(),
        !is_gone)
        << page;
    EXPECT_EQ(fault(all, page, Access::kRead),
              is_gone ? FaultOutcome::kNotMapped : FaultOutcome::kResolved)
        << page;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, SpaceDefects, test::kAllModes, test::mode_name);

}  // namespace
}  // namespace quoll::vm
