// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Faults of other frame allocators that this one must not have, and what it promises of records.
#include <algorithm>
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <quoll/kernel/mem/frame_alloc.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using test::AsHart;
using test::kPageSize;
using test::kRam;
using test::Machine;
using test::physical_pages;
using test::PhysicalAddress;
using test::PhysicalRange;

std::vector<Frame> take_all(FrameAllocator& frames) {
  std::vector<Frame> owned;
  while (auto frame = frames.allocate()) owned.push_back(std::move(*frame));
  return owned;
}

TEST(KnownDefects, HolesInsideArenasAreNotHandedOut) {
  // One arena over all of them; the machine has no memory in the holes.
  const std::vector<PhysicalRange> ranges{physical_pages(0, 3), physical_pages(4, 60),
                                          physical_pages(65, 1), physical_pages(100, 500)};
  Machine machine(ranges, 1);
  FrameAllocator frames;
  ASSERT_TRUE(frames.init(machine.phys_map(), ranges));
  EXPECT_EQ(frames.statistics().holes, 600u - 564u);
  std::set<std::uint64_t> seen;
  const std::vector<Frame> owned = take_all(frames);
  for (const Frame& frame : owned) {
    EXPECT_TRUE(std::any_of(ranges.begin(), ranges.end(), [&](const PhysicalRange& range) {
      return range.contains(frame.address());
    }));
    EXPECT_TRUE(seen.insert(frame.address().value()).second);
    std::memset(frame.data(), 1, kPageSize);
  }
  EXPECT_EQ(owned.size(), frames.statistics().managed);
}

TEST(KnownDefects, ContiguousSearchAdvancesPastWhatDoesNotFit) {
  Machine machine({physical_pages(0, 1024)}, 4);
  FrameAllocator frames;
  const std::array free{physical_pages(0, 1024)};
  ASSERT_TRUE(frames.init(machine.phys_map(), free));
  // Only one place is left for four in a row, and some of it lies in caches, mixed with frames that
  // follow no others.
  std::vector<Frame> owned = take_all(frames);
  std::vector<Frame> kept;
  for (Frame& frame : owned) {
    const std::uint64_t page = (frame.address().value() - kRam) / kPageSize;
    if (page % 2 == 1 && (page < 512 || page >= 516)) kept.push_back(std::move(frame));
  }
  for (unsigned i = 0; i < owned.size(); ++i) {
    const AsHart as(i % 4);
    owned[i].reset();
  }
  const auto run = frames.allocate_run(4);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->start().value(), kRam + 512 * kPageSize);
  EXPECT_EQ(frames.allocate_run(4).error(), AllocError::kOutOfMemory);
}

TEST(KnownDefects, FramesReturnToTheBuddyLists) {
  Machine machine({physical_pages(0, 4096)}, 4);
  FrameAllocator frames;
  const std::array free{physical_pages(0, 4096)};
  ASSERT_TRUE(frames.init(machine.phys_map(), free));
  const FrameStatistics before = frames.statistics();
  for (int round = 0; round < 3; ++round) {
    std::vector<Frame> owned = take_all(frames);
    std::shuffle(owned.begin(), owned.end(), std::mt19937(static_cast<unsigned>(round)));
    for (unsigned i = 0; i < owned.size(); ++i) {
      const AsHart as(i % 4);
      owned[i].reset();
    }
    // Without being asked to, all but what caches hold.
    EXPECT_LE(frames.statistics().cached, 4 * FrameCache::kCapacity);
    frames.drain_caches();
    const FrameStatistics now = frames.statistics();
    EXPECT_EQ(now.cached, 0u);
    EXPECT_EQ(now.free, before.free);
    EXPECT_EQ(now.largest_free_run, before.largest_free_run);
  }
}

TEST(KnownDefects, AReferenceCountDoesNotRiseAgainFromZero) {
  Machine machine({physical_pages(0, 64)}, 1);
  FrameAllocator frames;
  const std::array free{physical_pages(0, 64)};
  ASSERT_TRUE(frames.init(machine.phys_map(), free));
  EXPECT_DEATH(
      {
        Frame frame = *frames.allocate();
        const Frame stale = Frame::adopt(frames, frame.address());
        frame.reset();
        (void)stale.share();
      },
      "was_shared");
}

/// Records as nobody would want to find them: free blocks of some order, chained to each other.
void fill_with_plausible_records(const Machine& machine, std::uint64_t pages, unsigned seed) {
  std::mt19937 random(seed);
  auto* records = machine.phys_map().pointer<FrameInfo>(PhysicalAddress(kRam));
  for (std::uint64_t i = 0; i < pages * kPageSize / sizeof(FrameInfo); ++i) {
    records[i].next = records[i].previous = static_cast<FrameNumber>(kRam / kPageSize + i % pages);
    records[i].references = random() % 2;
    records[i].state = FrameState::kFree;
    records[i].order = static_cast<std::uint8_t>(random() % 11);
    records[i].payload = 0;
  }
}

TEST(FrameRecords, OfUntouchedMemoryAreNeitherReadNorWritten) {
  constexpr std::uint64_t kPages = 8192;
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Machine machine({physical_pages(0, kPages)}, 2);
  fill_with_plausible_records(machine, kPages, seed);
  FrameAllocator frames;
  const std::array free{physical_pages(0, kPages)};
  ASSERT_TRUE(frames.init(machine.phys_map(), free));
  const FrameStatistics before = frames.statistics();
  // The records lie at the end, before the frame of zeros was taken from there too.
  const std::uint64_t record_pages = before.metadata - 1;
  const auto* records = machine.phys_map().pointer<FrameInfo>(
      PhysicalAddress(kRam + (kPages - record_pages) * kPageSize));
  std::vector<std::array<unsigned char, sizeof(FrameInfo)>> copy(kPages);
  std::memcpy(static_cast<void*>(copy.data()), records, kPages * sizeof(FrameInfo));
  std::vector<Frame> few;
  for (int i = 0; i < 40; ++i) few.push_back(*frames.allocate());
  FrameRun run = *frames.allocate_run(100);
  std::uint64_t written = 0;
  for (std::uint64_t i = 0; i < kPages; ++i) {
    if (std::memcmp(copy[i].data(), &records[i], sizeof(FrameInfo)) != 0) ++written;
  }
  // Three batches, the blocks of the run and of what was split for it, and their neighbours.
  EXPECT_LE(written, 3 * 16 + 4 * 18u);
  few.clear();
  run.reset();
  // What was read wrongly would join blocks that are not free, sooner or later.
  std::mt19937 random(seed);
  for (int round = 0; round < 3; ++round) {
    std::vector<FrameRun> runs;
    for (int i = 0; i < 300; ++i) {
      if (auto more = frames.allocate_run(1 + random() % 60)) runs.push_back(std::move(*more));
      if (random() % 2 == 0 && !runs.empty()) {
        std::swap(runs[random() % runs.size()], runs.back());
        runs.pop_back();
      }
    }
    std::vector<Frame> owned = take_all(frames);
    std::set<std::uint64_t> seen;
    for (const Frame& frame : owned) ASSERT_TRUE(seen.insert(frame.address().value()).second);
    ASSERT_EQ(frames.available_frames(), 0u);
    owned.clear();
    runs.clear();
    frames.drain_caches();
    ASSERT_EQ(frames.statistics().free, before.free);
    ASSERT_EQ(frames.statistics().largest_free_run, before.largest_free_run);
  }
}

TEST(FrameArenas, FarApartWorkThroughTheSlowWay) {
  const std::vector<PhysicalRange> ranges{physical_pages(0, 300), physical_pages(100'000, 500),
                                          physical_pages(250'000, 7)};
  Machine machine(ranges, 4);
  FrameAllocator frames;
  ASSERT_TRUE(frames.init(machine.phys_map(), ranges));
  const FrameStatistics before = frames.statistics();
  EXPECT_EQ(before.holes, 0u);
  EXPECT_EQ(before.managed + before.metadata, 807u);
  for (unsigned hart = 0; hart < 4; ++hart) {
    const AsHart as(hart);
    std::vector<Frame> owned = take_all(frames);
    EXPECT_EQ(owned.size(), before.managed);
    for (Frame& frame : owned) std::memset(frame.data(), 1, kPageSize);
    const Frame shared = owned[0].share();
    owned.clear();
    EXPECT_EQ(frames.statistics().allocated, 1u);
    EXPECT_GT(frames.statistics().cached, 0u);
  }
  frames.drain_caches();
  EXPECT_EQ(frames.statistics().free, before.free);
  EXPECT_EQ(frames.statistics().largest_free_run, before.largest_free_run);
}

TEST(FrameAllocator, RefusesMemoryThatDoesNotHoldItsRecords) {
  Machine machine({physical_pages(0, 64)}, 1);
  FrameAllocator frames;
  EXPECT_EQ(frames.init(machine.phys_map(), {}).error(), AllocError::kOutOfMemory);
  const std::array one{physical_pages(3, 1)};
  EXPECT_EQ(frames.init(machine.phys_map(), one).error(), AllocError::kOutOfMemory);
  EXPECT_EQ(frames.allocate().error(), AllocError::kOutOfMemory);
  EXPECT_EQ(frames.allocate_run(1).error(), AllocError::kOutOfMemory);
  EXPECT_EQ(frames.available_frames(), 0u);
  const std::array three{physical_pages(3, 3)};
  ASSERT_TRUE(frames.init(machine.phys_map(), three));
  EXPECT_EQ(frames.statistics().managed, 1u);
  EXPECT_TRUE(frames.allocate());
}

}  // namespace
}  // namespace quoll::vm
