// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What lies right at a limit, on either side of it: the largest run, the largest block, the last
// record, the smallest hole between arenas, the last frame that guests do not get.
#include <array>
#include <bit>
#include <cstdint>
#include <gtest/gtest.h>
#include <utility>
#include <vector>

#include <quoll/kernel/mem/flush.hpp>
#include <quoll/kernel/mem/frame_alloc/arena.hpp>
#include <quoll/kernel/mem/vm_space.hpp>
#include <quoll/test_support/failing_new.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using test::kPageSize;
using test::kRam;
using test::PhysicalAddress;
using test::PhysicalRange;
using test::TestKernel;
using test::VirtualAddress;
using test::VirtualRange;

constexpr std::uint64_t kMegabyte = std::uint64_t{1} << 20;
constexpr std::uint64_t kLargestBlock = std::uint64_t{1} << FrameAllocator::kMaxOrder;

TEST(Limits, OfRunsAreMetExactly) {
  TestKernel kernel(riscv::PagingMode::kSv39);
  // What could be, but is not there, is something else than what never can be.
  EXPECT_EQ(kernel.frames.allocate_run(kLargestBlock).error(), AllocError::kOutOfMemory);
  EXPECT_EQ(kernel.frames.allocate_run(kLargestBlock + 1).error(), AllocError::kInvalid);
  EXPECT_EQ(kernel.frames.allocate_run(1, kLargestBlock).error(), AllocError::kOutOfMemory);
  EXPECT_EQ(kernel.frames.allocate_run(1, 2 * kLargestBlock).error(), AllocError::kInvalid);
}

TEST(Limits, NoBlockGrowsBeyondTheLargest) {
  // Two of the largest blocks that are each other's buddies, and one behind them.
  arch::mock::Machine machine({PhysicalRange(PhysicalAddress(kRam), 3 * kLargestBlock * kPageSize)},
                              1);
  FrameAllocator frames;
  const std::array free{machine.ram().front()};
  ASSERT_TRUE(frames.init(machine.phys_map(), free));
  const FrameStatistics before = frames.statistics();
  EXPECT_EQ(before.largest_free_run, kLargestBlock);
  {
    const auto first = frames.allocate_run(kLargestBlock, kLargestBlock);
    const auto second = frames.allocate_run(kLargestBlock, kLargestBlock);
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(frames.allocate_run(kLargestBlock, kLargestBlock));
  }
  EXPECT_EQ(frames.statistics().largest_free_run, kLargestBlock);
  EXPECT_EQ(frames.statistics().free, before.free);
}

TEST(Limits, HolesOfSixteenMegabytesAreSmallAndLargerOnesAreNot) {
  for (const std::uint64_t beyond : {std::uint64_t{0}, kPageSize}) {
    const PhysicalRange first(PhysicalAddress(kRam), kMegabyte);
    const PhysicalRange second(first.end() + 16 * kMegabyte + beyond, kMegabyte);
    const std::array ranges{first, second};
    ArenaSet arenas;
    arenas.choose(Stretches(ranges, PhysicalRange(PhysicalAddress(0), 8192 * kMegabyte)));
    EXPECT_EQ(arenas.arenas().size(), beyond == 0 ? 1u : 2u);
  }
}

TEST(Limits, RecordsEndWhereTheirArenaDoes) {
  const PhysicalRange first(PhysicalAddress(kRam), 4 * kPageSize);
  const PhysicalRange second(first.end() + 64 * kMegabyte, 2 * kPageSize);
  std::array<FrameInfo, 4> of_first{};
  std::array<FrameInfo, 2> of_second{};
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}}) {
    const std::vector<PhysicalRange> ranges =
        count == 1 ? std::vector{first} : std::vector{first, second};
    ArenaSet arenas;
    arenas.choose(Stretches(ranges, PhysicalRange(PhysicalAddress(0), 8192 * kMegabyte)));
    ASSERT_EQ(arenas.arenas().size(), count);
    arenas.set_records(0, of_first.data());
    if (count == 2) arenas.set_records(1, of_second.data());
    const FrameNumber start = frame_number(first.start());
    EXPECT_EQ(arenas.find(start - 1), nullptr);
    EXPECT_EQ(arenas.find(start), &of_first[0]);
    EXPECT_EQ(arenas.find(start + 3), &of_first[3]);
    EXPECT_EQ(arenas.find(start + 4), nullptr);
    const FrameNumber far = frame_number(second.start());
    EXPECT_EQ(arenas.find(far), count == 2 ? of_second.data() : nullptr);
    EXPECT_EQ(arenas.find(far + 1), count == 2 ? &of_second[1] : nullptr);
    EXPECT_EQ(arenas.find(far + 2), nullptr);
  }
}

TEST(Limits, TheReserveItselfIsNotTheGuests) {
  TestKernel kernel(riscv::PagingMode::kSv39);
  FrameAllocator& frames = kernel.frames;
  frames.drain_caches();
  // All on the lists, then all but some in a cache.
  frames.reserve_for_kernel(frames.available_frames());
  EXPECT_FALSE(frames.has_frame(FrameUse::kGuest));
  frames.reserve_for_kernel(frames.available_frames() - 1);
  EXPECT_TRUE(frames.has_frame(FrameUse::kGuest));
  frames.allocate()->reset();
  ASSERT_GT(frames.statistics().cached, 1u);
  frames.reserve_for_kernel(frames.available_frames());
  EXPECT_FALSE(frames.has_frame(FrameUse::kGuest));
  frames.reserve_for_kernel(frames.available_frames() - 1);
  EXPECT_TRUE(frames.has_frame(FrameUse::kGuest));
}

TEST(Limits, DevicesOfALargePageGetOne) {
  constexpr std::uint64_t kLargePage = 2 * kMegabyte;
  TestKernel kernel(riscv::PagingMode::kSv39);
  const VirtualAddress window = kernel.format.kernel_half().start();
  kernel.space.emplace(kernel.format, kernel.root.address(), VirtualRange(window, 4 * kLargePage),
                       kernel.frames);
  const PhysicalAddress registers(std::uint64_t{1} << 32);
  ASSERT_TRUE(kernel.space->map_device(PhysicalRange(registers, kPageSize)));
  const std::uint64_t tables = kernel.in_use();
  const auto mapped = kernel.space->map_device(PhysicalRange(registers, kLargePage));
  ASSERT_TRUE(mapped);
  EXPECT_EQ(std::bit_cast<std::uintptr_t>(*mapped) % kLargePage, 0u);
  EXPECT_EQ(kernel.in_use(), tables) << "a large page needs no table";
  // The rest of the window, to its last page, and not one more.
  const std::uint64_t left = 2 * kLargePage;
  EXPECT_EQ(kernel.space->map_device(PhysicalRange(registers, left + kPageSize)).error(),
            SpaceError::kNoRoom);
  EXPECT_TRUE(kernel.space->map_device(PhysicalRange(registers, left)));
  EXPECT_EQ(kernel.space->map_device(PhysicalRange(registers, kPageSize)).error(),
            SpaceError::kNoRoom);
}

TEST(Limits, ADeviceThatFindsNoPageTableIsRefusedAndTakesNoRoom) {
  TestKernel kernel(riscv::PagingMode::kSv39);
  const PhysicalRange registers(PhysicalAddress(std::uint64_t{1} << 32), kPageSize);
  {
    const test::Scarcity scarcity(kernel.frames, 0);
    EXPECT_EQ(kernel.space->map_device(registers).error(), SpaceError::kOutOfMemory);
  }
  const auto mapped = kernel.space->map_device(registers);
  ASSERT_TRUE(mapped);
  EXPECT_EQ(std::bit_cast<std::uintptr_t>(*mapped), kernel.format.kernel_half().start().value());
}

TEST(Limits, ADeviceIsToldToEveryHartOnceAndToThisOneToo) {
  TestKernel kernel(riscv::PagingMode::kSv39, 3);
  const auto before = kernel.machine.fences();
  ASSERT_TRUE(
      kernel.space->map_device(PhysicalRange(PhysicalAddress(std::uint64_t{1} << 32), kPageSize)));
  const auto after = kernel.machine.fences();
  EXPECT_EQ(after.local, before.local + 1);
  EXPECT_EQ(after.remote, before.remote + 2);
}

TEST(Limits, ASpaceWithoutRoomForItselfGivesItsRootBack) {
  TestKernel kernel(riscv::PagingMode::kSv39);
  const std::uint64_t before = kernel.in_use();
  {
    const test::FailingNew failing(0);
    EXPECT_EQ(VmSpace::create(*kernel.space).error(), SpaceError::kOutOfMemory);
  }
  EXPECT_EQ(kernel.in_use(), before);
}

TEST(Limits, ACrookedAddressIsCalledSoWhereverItIs) {
  TestKernel kernel(riscv::PagingMode::kSv39);
  const auto space = std::move(*VmSpace::create(*kernel.space));
  TlbFlusher flusher(*space);
  EXPECT_EQ(flusher.issue_address(VirtualAddress(1)).error(), SpaceError::kUnaligned);
  EXPECT_EQ(flusher.issue_address(VirtualAddress(~std::uint64_t{0})).error(),
            SpaceError::kUnaligned);
  EXPECT_FALSE(flusher.is_pending());
}

TEST(Limits, CodeIsFencedOnEveryHartOnce) {
  TestKernel kernel(riscv::PagingMode::kSv39, 3);
  const auto before = kernel.machine.fences();
  fence_code_everywhere();
  const auto after = kernel.machine.fences();
  EXPECT_EQ(after.code, before.code + 1);
  EXPECT_EQ(after.remote_code, before.remote_code + 2);
}

}  // namespace
}  // namespace quoll::vm
