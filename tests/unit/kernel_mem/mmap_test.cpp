// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

#include <quoll/kernel/mem/mmap.hpp>
#include <quoll/kernel/mem/user_copy.hpp>

#include "one_space.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::AsHart;
using test::kPageSize;
using test::VirtualAddress;
using test::VirtualRange;

class MmapTest : public test::OneSpaceTest {
 protected:
  static std::vector<std::byte> pattern(std::size_t size, unsigned first = 7) {
    std::vector<unsigned char> numbers(size);
    std::iota(numbers.begin(), numbers.end(), static_cast<unsigned char>(first));
    std::vector<std::byte> bytes(size);
    std::memcpy(bytes.data(), numbers.data(), size);
    return bytes;
  }
  static std::vector<std::byte> bytes_of(const Mmap& mapping, MmapRange range) {
    std::vector<std::byte> out(range.size, std::byte{0xee});
    EXPECT_TRUE(mapping.copy_from_userspace(range, out));
    return out;
  }
  std::uint64_t resident() { return space->usage().resident_pages; }
  std::optional<Permissions> allowed(VirtualAddress at) {
    const auto region = space->region_at(at);
    if (!region) return std::nullopt;
    return region->permissions;
  }
  bool fetches(VirtualAddress at) {
    return space->handle_fault(at, Access::kExecute) == FaultOutcome::kResolved;
  }
};

TEST_P(MmapTest, EndsWithItsMapping) {
  AddressSpace& user = create();
  VirtualRange range;
  {
    auto made = Mmap::new_zeroed(user, 3 * kPageSize, 4 * kPageSize);
    ASSERT_TRUE(made);
    Mmap mapping = std::move(*made);
    range = mapping.range();
    EXPECT_EQ(mapping.len(), 3 * kPageSize);
    EXPECT_FALSE(mapping.is_empty());
    EXPECT_TRUE(range.start().is_aligned(4 * kPageSize));
    EXPECT_EQ(mapping.permissions(), Permissions::read_write().for_user());
    EXPECT_EQ(allowed(range.start()), Permissions::read_write().for_user());
    EXPECT_EQ(user.usage().committed_pages, 3u);
    ASSERT_TRUE(mapping.commit({0, mapping.len()}));
    EXPECT_EQ(resident(), 3u);
  }
  EXPECT_EQ(user.usage().regions, 0u);
  EXPECT_EQ(user.usage().committed_pages, 0u);
  EXPECT_EQ(resident(), 0u);
  EXPECT_EQ(allowed(range.start()), std::nullopt);
}

TEST_P(MmapTest, HasOneOwnerHoweverItIsMoved) {
  AddressSpace& user = create();
  Mmap first = std::move(*Mmap::new_zeroed(user, kPageSize));
  const VirtualRange range = first.range();
  Mmap second = std::move(first);
  EXPECT_EQ(second.range(), range);
  EXPECT_EQ(user.usage().regions, 1u);
  Mmap third = std::move(*Mmap::new_zeroed(user, 2 * kPageSize));
  EXPECT_EQ(user.usage().regions, 2u);
  // What it had ends, what it gets goes on.
  third = std::move(second);
  EXPECT_EQ(third.range(), range);
  EXPECT_EQ(user.usage().regions, 1u);
  EXPECT_EQ(user.usage().committed_pages, 1u);
  Mmap& itself = third;
  third = std::move(itself);
  EXPECT_EQ(third.range(), range);
  third = Mmap::new_empty();
  EXPECT_EQ(user.usage().regions, 0u);
}

TEST_P(MmapTest, OfNothingHasNoBytesAndNoPermissions) {
  create();
  Mmap nothing = Mmap::new_empty();
  EXPECT_TRUE(nothing.is_empty());
  EXPECT_EQ(nothing.len(), 0u);
  EXPECT_TRUE(nothing.permissions().is_none());
  std::array<std::byte, 1> one{};
  unsigned calls = 0;
  const auto never = [&](std::span<const std::byte>) { ++calls; };
  EXPECT_TRUE(nothing.commit({0, 0}));
  EXPECT_TRUE(nothing.copy_from_userspace({0, 0}, {}));
  EXPECT_TRUE(nothing.copy_to_userspace({0, 0}, {}));
  EXPECT_TRUE(nothing.with_user_slice({0, 0}, never));
  EXPECT_EQ(nothing.commit({0, 1}).error(), SpaceError::kOutOfRange);
  EXPECT_EQ(nothing.copy_from_userspace({0, 1}, one).error(), SpaceError::kOutOfRange);
  EXPECT_EQ(nothing.copy_to_userspace({1, 0}, {}).error(), SpaceError::kOutOfRange);
  EXPECT_EQ(nothing.with_user_slice({0, 1}, never).error(), SpaceError::kOutOfRange);
  EXPECT_EQ(nothing.make_executable().error(), SpaceError::kEmpty);
  EXPECT_EQ(nothing.make_readonly().error(), SpaceError::kEmpty);
  EXPECT_EQ(calls, 0u);
}

TEST_P(MmapTest, CopiesWhatIsMeantAndNothingBesides) {
  AddressSpace& user = create();
  const Mmap mapping = std::move(*Mmap::new_zeroed(user, 4 * kPageSize));
  const auto out = pattern(kPageSize + 900);
  const MmapRange middle{2 * kPageSize - 450, out.size()};
  ASSERT_TRUE(mapping.copy_to_userspace(middle, out));
  EXPECT_EQ(resident(), 3u);  // the first page nobody has touched
  EXPECT_EQ(bytes_of(mapping, middle), out);
  EXPECT_EQ(bytes_of(mapping, {middle.offset - 1, 1})[0], std::byte{0});
  EXPECT_EQ(bytes_of(mapping, {middle.offset + middle.size, 1})[0], std::byte{0});
  // The first bytes and the last ones.
  const auto few = pattern(3, 90);
  ASSERT_TRUE(mapping.copy_to_userspace({0, 3}, few));
  ASSERT_TRUE(mapping.copy_to_userspace({mapping.len() - 3, 3}, few));
  EXPECT_EQ(bytes_of(mapping, {mapping.len() - 3, 3}), few);
  std::array<std::byte, 3> raw{};
  ASSERT_TRUE(copy_from_user(user, raw.data(), mapping.range().start(), raw.size()));
  EXPECT_EQ(std::memcmp(raw.data(), few.data(), raw.size()), 0);
}

TEST_P(MmapTest, RefusesRangesThatPassItsEnd) {
  AddressSpace& user = create();
  // What lies behind is mapped too, so that only the check keeps it apart.
  const VirtualRange around =
      *user.map_anonymous(Placement::anywhere(), 8 * kPageSize, Permissions::read_write());
  ASSERT_TRUE(user.unmap(VirtualRange(around.start() + 2 * kPageSize, 2 * kPageSize)));
  Mmap mapping = std::move(*Mmap::new_zeroed(user, 2 * kPageSize));
  ASSERT_EQ(mapping.range().start(), around.start() + 2 * kPageSize);
  std::vector<std::byte> buffer(2 * kPageSize + 1);
  const std::uint64_t len = mapping.len();
  const std::uint64_t most = ~std::uint64_t{0};
  for (const MmapRange range :
       {MmapRange{0, len + 1}, MmapRange{len, 1}, MmapRange{len + 1, 0}, MmapRange{1, len},
        MmapRange{kPageSize, most}, MmapRange{most, 1}, MmapRange{most, 2}, MmapRange{most, most},
        MmapRange{most - kPageSize + 1, kPageSize}}) {
    const std::span<std::byte> bytes(buffer.data(), std::min<std::uint64_t>(range.size, len + 1));
    unsigned calls = 0;
    EXPECT_EQ(mapping.commit(range).error(), SpaceError::kOutOfRange);
    EXPECT_EQ(mapping.copy_from_userspace(range, bytes).error(), SpaceError::kOutOfRange);
    EXPECT_EQ(mapping.copy_to_userspace(range, bytes).error(), SpaceError::kOutOfRange);
    EXPECT_EQ(mapping.with_user_slice(range, [&](auto) { ++calls; }).error(),
              SpaceError::kOutOfRange);
    EXPECT_EQ(calls, 0u);
  }
  EXPECT_EQ(resident(), 0u);
  // A buffer of another size than the range.
  EXPECT_EQ(mapping.copy_from_userspace({0, 4}, std::span(buffer).first(3)).error(),
            SpaceError::kSizeMismatch);
  EXPECT_EQ(mapping.copy_to_userspace({0, 4}, std::span(buffer).first(5)).error(),
            SpaceError::kSizeMismatch);
  EXPECT_EQ(mapping.copy_to_userspace({len, 0}, std::span(buffer).first(1)).error(),
            SpaceError::kSizeMismatch);
  EXPECT_EQ(resident(), 0u);
  EXPECT_TRUE(mapping.commit({len, 0}));
  EXPECT_TRUE(mapping.copy_to_userspace({len, 0}, {}));
  EXPECT_EQ(resident(), 0u);
}

TEST_P(MmapTest, CommitEndsWhereTheRangeDoes) {
  AddressSpace& user = create();
  const Mmap mapping = std::move(*Mmap::new_zeroed(user, 8 * kPageSize));
  const auto present = [&] {
    std::vector<std::uint64_t> pages;
    user.for_each_leaf([&](VirtualAddress page, const paging::Leaf& leaf, std::uint64_t) {
      EXPECT_TRUE(leaf.properties.permissions.can_write());
      pages.push_back((page - mapping.range().start()) / kPageSize);
    });
    return pages;
  };
  ASSERT_TRUE(mapping.commit({2 * kPageSize, kPageSize}));
  EXPECT_EQ(present(), (std::vector<std::uint64_t>{2}));
  ASSERT_TRUE(mapping.commit({5 * kPageSize - 1, 2}));
  EXPECT_EQ(present(), (std::vector<std::uint64_t>{2, 4, 5}));
  ASSERT_TRUE(mapping.commit({7 * kPageSize + 17, kPageSize - 17}));
  EXPECT_EQ(present(), (std::vector<std::uint64_t>{2, 4, 5, 7}));
  ASSERT_TRUE(mapping.commit({kPageSize, 0}));
  EXPECT_EQ(present(), (std::vector<std::uint64_t>{2, 4, 5, 7}));
  // Again, and over what is there: nothing is lost.
  const auto out = pattern(64);
  ASSERT_TRUE(mapping.copy_to_userspace({2 * kPageSize, 64}, out));
  ASSERT_TRUE(mapping.commit({0, mapping.len()}));
  ASSERT_TRUE(mapping.commit({0, mapping.len()}));
  EXPECT_EQ(resident(), 8u);
  EXPECT_EQ(bytes_of(mapping, {2 * kPageSize, 64}), out);
  ASSERT_TRUE(mapping.copy_to_userspace({0, 64}, out));
}

TEST_P(MmapTest, SlicesAreCopiedChunkByChunkFromASpaceThatIsNotActive) {
  AddressSpace& user = create();
  const Mmap mapping = std::move(*Mmap::new_zeroed(user, 4 * kPageSize));
  const auto out = pattern(kPageSize + 3 * Mmap::kChunkSize + 5);
  const MmapRange range{kPageSize - 100, out.size()};
  ASSERT_TRUE(mapping.copy_to_userspace(range, out));
  // Another space has something else at these addresses, and is active.
  auto other = std::move(*AddressSpace::create(*kernel.space));
  const auto decoy = other->map_anonymous(Placement::at(mapping.range().start()), mapping.len(),
                                          Permissions::read_write());
  ASSERT_TRUE(decoy);
  const auto wrong = pattern(decoy->size(), 200);
  ASSERT_TRUE(copy_to_user(*other, decoy->start(), wrong.data(), wrong.size()));
  for (const unsigned hart : {0u, 2u}) {
    const AsHart as(hart);
    other->activate();
    std::vector<std::byte> seen;
    ASSERT_TRUE(mapping.with_user_slice(range, [&](std::span<const std::byte> chunk) {
      EXPECT_LE(chunk.size(), Mmap::kChunkSize);
      EXPECT_FALSE(chunk.empty());
      seen.insert(seen.end(), chunk.begin(), chunk.end());
    }));
    EXPECT_EQ(seen, out);
    other->activate();
    EXPECT_EQ(bytes_of(mapping, range), out);
    kernel.space->activate();
  }
}

TEST_P(MmapTest, SlicesOverPagesThatAreNotThereReadZeros) {
  AddressSpace& user = create();
  const Mmap mapping = std::move(*Mmap::new_zeroed(user, 3 * kPageSize));
  std::uint64_t bytes = 0;
  ASSERT_TRUE(mapping.with_user_slice({10, 2 * kPageSize}, [&](std::span<const std::byte> chunk) {
    for (const std::byte byte : chunk) EXPECT_EQ(byte, std::byte{0});
    bytes += chunk.size();
  }));
  EXPECT_EQ(bytes, 2 * kPageSize);
  EXPECT_EQ(resident(), 3u);
}

TEST_P(MmapTest, SaysWhenThereIsNoFrame) {
  AddressSpace& user = create();
  const Mmap mapping = std::move(*Mmap::new_zeroed(user, 4 * kPageSize));
  const auto out = pattern(10);
  ASSERT_TRUE(mapping.copy_to_userspace({0, 10}, out));
  {
    const test::Scarcity scarcity(kernel.frames, 0);
    std::array<std::byte, 10> in{};
    EXPECT_EQ(mapping.commit({0, mapping.len()}).error(), SpaceError::kOutOfMemory);
    EXPECT_EQ(mapping.copy_from_userspace({kPageSize, 10}, in).error(), SpaceError::kOutOfMemory);
    EXPECT_EQ(mapping.copy_to_userspace({kPageSize, 10}, out).error(), SpaceError::kOutOfMemory);
    unsigned calls = 0;
    EXPECT_EQ(mapping.with_user_slice({0, 2 * kPageSize}, [&](auto) { ++calls; }).error(),
              SpaceError::kOutOfMemory);
    EXPECT_EQ(calls, kPageSize / Mmap::kChunkSize);
    EXPECT_EQ(bytes_of(mapping, {0, 10}), out);
    EXPECT_EQ(resident(), 1u);
  }
  EXPECT_TRUE(mapping.commit({0, mapping.len()}));
}

TEST_P(MmapTest, BecomesExecutableAndIsWrittenNoLonger) {
  AddressSpace& user = create();
  Mmap mapping = std::move(*Mmap::new_zeroed(user, 3 * kPageSize));
  const auto code = pattern(2 * kPageSize);
  ASSERT_TRUE(mapping.copy_to_userspace({0, code.size()}, code));
  EXPECT_FALSE(fetches(mapping.range().start()));
  const auto fences = kernel.machine.fences();
  ASSERT_TRUE(mapping.make_executable());
  EXPECT_EQ(kernel.machine.fences().code, fences.code + 1);
  EXPECT_EQ(kernel.machine.fences().remote_code, fences.remote_code + 2);
  EXPECT_EQ(mapping.permissions(), Permissions::read_execute().for_user());
  for (const std::uint64_t page : {0u, 1u, 2u}) {
    const VirtualAddress at = mapping.range().start() + page * kPageSize;
    EXPECT_EQ(allowed(at), Permissions::read_execute().for_user());
    EXPECT_TRUE(fetches(at));
    EXPECT_EQ(user.handle_fault(at, Access::kWrite), FaultOutcome::kDenied);
  }
  EXPECT_EQ(mapping.copy_to_userspace({0, 2}, std::span(code).first(2)).error(),
            SpaceError::kDenied);
  EXPECT_EQ(bytes_of(mapping, {0, code.size()}), code);
  EXPECT_TRUE(mapping.commit({0, mapping.len()}));
  ASSERT_TRUE(mapping.make_readonly());
  EXPECT_EQ(mapping.permissions(), Permissions::read_only().for_user());
  EXPECT_FALSE(fetches(mapping.range().start()));
  EXPECT_EQ(mapping.copy_to_userspace({0, 2}, std::span(code).first(2)).error(),
            SpaceError::kDenied);
  EXPECT_TRUE(mapping.copy_to_userspace({0, 0}, {}));
  EXPECT_EQ(bytes_of(mapping, {0, code.size()}), code);
}

TEST_P(MmapTest, PermissionsReachEveryPieceOfIt) {
  AddressSpace& user = create();
  Mmap mapping = std::move(*Mmap::new_zeroed(user, 5 * kPageSize));
  ASSERT_TRUE(mapping.commit({0, 4 * kPageSize}));
  const VirtualRange middle(mapping.range().start() + 2 * kPageSize, kPageSize);
  ASSERT_TRUE(user.protect(middle, Permissions::none()));
  ASSERT_EQ(user.usage().regions, 3u);
  ASSERT_TRUE(mapping.make_executable());
  EXPECT_EQ(user.usage().regions, 1u);
  for (std::uint64_t page = 0; page < 5; ++page) {
    const VirtualAddress at = mapping.range().start() + page * kPageSize;
    EXPECT_EQ(allowed(at), Permissions::read_execute().for_user());
    EXPECT_TRUE(fetches(at));
  }
}

TEST_P(MmapTest, OfPhysicalMemoryIsThereAtOnceAndNeverGivenBack) {
  AddressSpace& user = create();
  const auto frame = kernel.frames.allocate_run(2);
  ASSERT_TRUE(frame);
  const mem::PhysicalRange physical = frame->range();
  {
    Mmap mapping =
        std::move(*Mmap::new_phys(user, physical, paging::CacheMode::kDevice, 16 * kPageSize));
    EXPECT_EQ(mapping.len(), physical.size());
    EXPECT_TRUE(mapping.range().start().is_aligned(16 * kPageSize));
    EXPECT_EQ(resident(), 0u);
    unsigned leaves = 0;
    user.for_each_leaf([&](VirtualAddress page, const paging::Leaf& leaf, std::uint64_t) {
      EXPECT_EQ(leaf.address, physical.start() + (page - mapping.range().start()));
      ++leaves;
    });
    EXPECT_EQ(leaves, 2u);
    const auto out = pattern(20);
    ASSERT_TRUE(mapping.copy_to_userspace({kPageSize - 10, 20}, out));
    EXPECT_EQ(std::memcmp(static_cast<std::byte*>(frame->data()) + kPageSize - 10, out.data(), 20),
              0);
    EXPECT_EQ(bytes_of(mapping, {kPageSize - 10, 20}), out);
    EXPECT_TRUE(mapping.commit({0, mapping.len()}));
    EXPECT_EQ(resident(), 0u);
    // Registers hold no instructions.
    EXPECT_EQ(mapping.make_executable().error(), SpaceError::kDenied);
    EXPECT_EQ(mapping.permissions(), Permissions::read_write().for_user());
    ASSERT_TRUE(mapping.make_readonly());
    EXPECT_EQ(mapping.copy_to_userspace({0, 20}, out).error(), SpaceError::kDenied);
  }
  EXPECT_EQ(user.usage().regions, 0u);
}

TEST_P(MmapTest, RefusesWhatCannotBeMapped) {
  AddressSpace& user = create({.committed_pages = 4});
  const auto zeroed = [&](std::uint64_t size, std::uint64_t alignment = kPageSize) {
    return Mmap::new_zeroed(user, size, alignment).error();
  };
  EXPECT_EQ(zeroed(0), SpaceError::kEmpty);
  EXPECT_EQ(zeroed(kPageSize + 1), SpaceError::kUnaligned);
  EXPECT_EQ(zeroed(kPageSize, 24), SpaceError::kUnaligned);
  EXPECT_EQ(zeroed(kPageSize, 3 * kPageSize), SpaceError::kUnaligned);
  EXPECT_EQ(zeroed(std::uint64_t{0} - kPageSize), SpaceError::kNoRoom);
  EXPECT_EQ(zeroed(5 * kPageSize), SpaceError::kLimit);
  const auto physical = [&](mem::PhysicalRange memory) {
    return Mmap::new_phys(user, memory, paging::CacheMode::kDevice).error();
  };
  EXPECT_EQ(physical({}), SpaceError::kEmpty);
  EXPECT_EQ(physical(mem::PhysicalRange(mem::PhysicalAddress(kPageSize), 12)),
            SpaceError::kUnaligned);
  EXPECT_EQ(physical(mem::PhysicalRange(mem::PhysicalAddress(12), kPageSize)),
            SpaceError::kUnaligned);
  EXPECT_EQ(physical(mem::PhysicalRange(mem::PhysicalAddress(std::uint64_t{1} << 60), kPageSize)),
            SpaceError::kOutOfRange);
  EXPECT_EQ(user.usage().regions, 0u);
  EXPECT_EQ(user.usage().reserved_bytes, 0u);
  {
    const test::Scarcity scarcity(kernel.frames, 0);
    EXPECT_EQ(physical(test::physical_pages(0, 1)), SpaceError::kOutOfMemory);
  }
  EXPECT_EQ(user.usage().regions, 0u);
}

TEST_P(MmapTest, EndsAloneWhateverIsMappedInItsPlace) {
  AddressSpace& user = create();
  VirtualRange range;
  {
    Mmap mapping = std::move(*Mmap::new_zeroed(user, 7 * kPageSize));
    range = mapping.range();
    ASSERT_TRUE(mapping.commit({0, mapping.len()}));
    const auto part = [&](std::uint64_t page, std::uint64_t count = 1) {
      return VirtualRange(range.start() + page * kPageSize, count * kPageSize);
    };
    // A thread of the guest puts its own in the place of some pages, the first among them.
    for (const std::uint64_t page : {0u, 3u}) {
      ASSERT_TRUE(user.unmap(part(page)));
      ASSERT_TRUE(user.map_anonymous(Placement::at(part(page).start()), kPageSize,
                                     Permissions::read_only()));
    }
    ASSERT_TRUE(user.unmap(part(5)));
    ASSERT_TRUE(user.protect(part(1), Permissions::read_only()));
    // Permissions change of all of it or of none.
    EXPECT_EQ(mapping.make_executable().error(), SpaceError::kNotMapped);
    EXPECT_EQ(mapping.make_readonly().error(), SpaceError::kNotMapped);
    EXPECT_EQ(mapping.permissions(), Permissions::read_write().for_user());
    EXPECT_EQ(allowed(part(2).start()), Permissions::read_write().for_user());
    const auto out = pattern(8);
    EXPECT_EQ(mapping.copy_to_userspace({5 * kPageSize, 8}, out).error(), SpaceError::kNotMapped);
    EXPECT_EQ(mapping.copy_to_userspace({kPageSize, 8}, out).error(), SpaceError::kNotMapped);
    EXPECT_EQ(mapping.commit({4 * kPageSize, 3 * kPageSize}).error(), SpaceError::kNotMapped);
    EXPECT_TRUE(mapping.copy_to_userspace({2 * kPageSize, 8}, out));
  }
  EXPECT_EQ(user.usage().regions, 2u);
  EXPECT_EQ(allowed(range.start()), Permissions::read_only().for_user());
  EXPECT_EQ(allowed(range.start() + 3 * kPageSize), Permissions::read_only().for_user());
  EXPECT_EQ(user.usage().committed_pages, 2u);
  EXPECT_EQ(resident(), 0u);
}

TEST_P(MmapTest, WholeInTheHandsOfOthersIsLeftAlone) {
  AddressSpace& user = create();
  VirtualRange range;
  {
    Mmap mapping = std::move(*Mmap::new_zeroed(user, 2 * kPageSize));
    range = mapping.range();
    ASSERT_TRUE(user.release(range.start()));
    ASSERT_TRUE(
        user.map_anonymous(Placement::at(range.start()), range.size(), Permissions::read_write()));
    EXPECT_EQ(mapping.make_executable().error(), SpaceError::kNotMapped);
    EXPECT_EQ(allowed(range.start()), Permissions::read_write().for_user());
  }
  EXPECT_EQ(user.usage().regions, 1u);
  EXPECT_EQ(allowed(range.start()), Permissions::read_write().for_user());
}

INSTANTIATE_TEST_SUITE_P(Modes, MmapTest, test::kAllModes, test::mode_name);

}  // namespace
}  // namespace quoll::vm
