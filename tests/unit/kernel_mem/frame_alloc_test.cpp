// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <thread>
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

/// Free memory with holes of all sizes, some inside a machine without them.
const std::vector<PhysicalRange>& free_ranges() {
  static const std::vector<PhysicalRange> ranges{
      physical_pages(1, 2),    physical_pages(5, 1),      physical_pages(7, 120),
      physical_pages(127, 34), physical_pages(200, 1000), physical_pages(100'000, 77)};
  return ranges;
}

bool is_free_memory(PhysicalAddress address) {
  return std::any_of(free_ranges().begin(), free_ranges().end(),
                     [&](const PhysicalRange& range) { return range.contains(address); });
}

class FrameAllocatorTest : public testing::Test {
 protected:
  // The machine has RAM only where memory is free: touching a hole ends the test.
  FrameAllocatorTest() : machine(free_ranges(), 4) {
    EXPECT_TRUE(frames.init(machine.phys_map(), free_ranges()));
    before = frames.statistics();
  }
  void expect_as_before() {
    frames.drain_caches();
    const FrameStatistics now = frames.statistics();
    EXPECT_EQ(now.free, before.free);
    EXPECT_EQ(now.allocated, 0u);
    EXPECT_EQ(now.largest_free_run, before.largest_free_run);
  }
  Machine machine;
  FrameAllocator frames;
  FrameStatistics before;
};

TEST_F(FrameAllocatorTest, HandsOutEveryFrameOnceAndNoHole) {
  std::uint64_t in_ranges = 0;
  for (const auto& range : free_ranges()) in_ranges += range.page_count();
  EXPECT_EQ(before.managed + before.metadata, in_ranges);
  EXPECT_EQ(before.free, before.managed);
  for (int round = 0; round < 3; ++round) {
    std::map<PhysicalAddress, Frame> owned;
    for (;;) {
      auto frame = frames.allocate();
      if (!frame) {
        EXPECT_EQ(frame.error(), AllocError::kOutOfMemory);
        break;
      }
      const PhysicalAddress at = frame->address();
      EXPECT_TRUE(is_free_memory(at));
      std::memset(frame->data(), round, kPageSize);
      EXPECT_TRUE(owned.emplace(at, std::move(*frame)).second);
    }
    EXPECT_EQ(owned.size(), before.managed);
    EXPECT_EQ(frames.available_frames(), 0u);
    EXPECT_FALSE(frames.allocate_run(1));
    owned.clear();
    expect_as_before();
  }
}

TEST_F(FrameAllocatorTest, FindsFramesInTheCachesOfOtherHarts) {
  std::vector<Frame> owned;
  for (unsigned hart = 0; hart < 4; ++hart) {
    const AsHart as(hart);
    (void)*frames.allocate();  // fills this hart's cache
  }
  while (auto frame = frames.allocate()) owned.push_back(std::move(*frame));
  EXPECT_EQ(owned.size(), before.managed);
  owned.clear();
  expect_as_before();
}

TEST_F(FrameAllocatorTest, KeepsTheReserveFromGuests) {
  constexpr std::uint64_t kReserve = 100;
  frames.reserve_for_kernel(kReserve);
  std::vector<Frame> owned;
  while (auto frame = frames.allocate(FrameUse::kGuest)) owned.push_back(std::move(*frame));
  // Not one too many and not one too few, though some of the rest lie in a cache.
  EXPECT_EQ(owned.size(), before.managed - kReserve);
  EXPECT_FALSE(frames.has_frame(FrameUse::kGuest));
  EXPECT_FALSE(frames.allocate_zeroed(FrameUse::kGuest));
  std::vector<Frame> of_kernel;
  while (auto frame = frames.allocate()) of_kernel.push_back(std::move(*frame));
  EXPECT_EQ(of_kernel.size(), kReserve);
  of_kernel.clear();
  EXPECT_FALSE(frames.allocate(FrameUse::kGuest));
  owned.pop_back();
  EXPECT_TRUE(frames.allocate(FrameUse::kGuest));
  owned.clear();
  expect_as_before();
}

TEST_F(FrameAllocatorTest, ZeroesWhatItIsAskedTo) {
  std::vector<Frame> owned;
  while (auto frame = frames.allocate()) {
    std::memset(frame->data(), 0xff, kPageSize);
    owned.push_back(std::move(*frame));
  }
  owned.clear();
  const Frame frame = *frames.allocate_zeroed();
  const auto* bytes = static_cast<const unsigned char*>(frame.data());
  EXPECT_TRUE(std::all_of(bytes, bytes + kPageSize, [](unsigned char b) { return b == 0; }));
}

TEST_F(FrameAllocatorTest, RunsAreAlignedDisjointAndComeBackWhole) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<FrameRun> runs;
  std::vector<Frame> singles;
  std::set<std::uint64_t> owned;
  for (int step = 0; step < 4000; ++step) {
    const auto claim = [&](PhysicalAddress at) {
      EXPECT_TRUE(is_free_memory(at));
      EXPECT_TRUE(owned.insert(at.value()).second);
    };
    switch (random() % 5) {
      case 0: {
        const std::uint64_t count = 1 + random() % 40;
        const std::uint64_t alignment = std::uint64_t{1} << (random() % 6);
        auto run = frames.allocate_run(count, alignment);
        if (!run) break;
        EXPECT_TRUE(run->start().is_aligned(alignment * kPageSize));
        for (std::uint64_t i = 0; i < count; ++i) claim(run->start() + i * kPageSize);
        std::memset(run->data(), 1, run->range().size());
        runs.push_back(std::move(*run));
        break;
      }
      case 1:
        if (!runs.empty()) {
          std::swap(runs[random() % runs.size()], runs.back());
          for (std::uint64_t i = 0; i < runs.back().count(); ++i) {
            owned.erase((runs.back().start() + i * kPageSize).value());
          }
          runs.pop_back();
        }
        break;
      case 2:
      case 3: {
        const AsHart as(random() % 4);
        auto frame = frames.allocate();
        if (!frame) break;
        claim(frame->address());
        singles.push_back(std::move(*frame));
        break;
      }
      default:
        if (!singles.empty()) {
          const AsHart as(random() % 4);
          std::swap(singles[random() % singles.size()], singles.back());
          owned.erase(singles.back().address().value());
          singles.pop_back();
        }
    }
    const FrameStatistics now = frames.statistics();
    ASSERT_EQ(now.allocated, owned.size());
    ASSERT_EQ(now.available(), frames.available_frames());
    if (testing::Test::HasFailure()) return;
  }
  runs.clear();
  singles.clear();
  expect_as_before();
}

TEST_F(FrameAllocatorTest, RefusesRunsThatCannotBe) {
  EXPECT_EQ(frames.allocate_run(0).error(), AllocError::kInvalid);
  EXPECT_EQ(frames.allocate_run(1, 3).error(), AllocError::kInvalid);
  EXPECT_EQ(frames.allocate_run(~std::uint64_t{0}).error(), AllocError::kInvalid);
  EXPECT_EQ(frames.allocate_run(1, std::uint64_t{1} << 63).error(), AllocError::kInvalid);
  EXPECT_EQ(frames.allocate_run(100'000).error(), AllocError::kOutOfMemory);
}

TEST_F(FrameAllocatorTest, CountsReferences) {
  Frame first = *frames.allocate();
  EXPECT_TRUE(first.is_unique());
  Frame second = first.share();
  EXPECT_FALSE(first.is_unique());
  first.reset();
  EXPECT_EQ(frames.statistics().allocated, 1u);
  EXPECT_TRUE(second.is_unique());
  second.reset();
  EXPECT_EQ(frames.statistics().allocated, 0u);
}

TEST_F(FrameAllocatorTest, SurvivesAllHartsAtOnce) {
  std::vector<std::thread> threads;
  for (unsigned hart = 0; hart < 4; ++hart) {
    threads.emplace_back([this, hart] {
      const AsHart as(hart);
      std::mt19937 random(hart);
      std::vector<Frame> owned;
      for (int step = 0; step < 20'000; ++step) {
        if (random() % 2 == 0 || owned.empty()) {
          if (auto frame = frames.allocate()) {
            *static_cast<unsigned*>(frame->data()) = hart;
            owned.push_back(std::move(*frame));
          }
        } else {
          EXPECT_EQ(*static_cast<unsigned*>(owned.back().data()), hart);
          owned.pop_back();
        }
        if (random() % 512 == 0) (void)frames.allocate_run(8);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  expect_as_before();
}

TEST_F(FrameAllocatorTest, HasNoUseForAFrameGivenBackTwice) {
  EXPECT_DEATH(
      {
        Frame frame = *frames.allocate();
        const PhysicalAddress at = frame.address();
        frame.reset();
        Frame::adopt(frames, at).reset();
      },
      "freed twice");
}

TEST_F(FrameAllocatorTest, NoticesAFreeBlockThatWasWrittenTo) {
  EXPECT_DEATH(
      {
        // Of two buddies one is free, and the head of its list.
        FrameRun lower = *frames.allocate_run(8, 16);
        FrameRun upper = *frames.allocate_run(8);
        frames.info(upper.start()).state = FrameState::kAllocated;
        const PhysicalAddress at = lower.start();
        lower.reset();
        frames.info(at).next = 0x1234;
        (void)frames.allocate_run(8);
      },
      "the list of free blocks is corrupted");
}

TEST(FrameAllocator, TakesBackMemoryThatWasInUse) {
  Machine machine({physical_pages(0, 512)}, 1);
  FrameAllocator frames;
  const std::vector<PhysicalRange> free{physical_pages(0, 100), physical_pages(140, 372)};
  const std::vector<PhysicalRange> later{physical_pages(100, 40)};
  ASSERT_TRUE(frames.init(machine.phys_map(), free, later));
  EXPECT_EQ(frames.statistics().allocated, 40u);
  frames.release_range(physical_pages(100, 13));
  frames.release_range(physical_pages(113, 27));
  EXPECT_EQ(frames.statistics().allocated, 0u);
  EXPECT_EQ(frames.statistics().largest_free_run, 256u);
}

TEST(FrameAllocator, KeepsToWholePagesAndJoinsNeighbours) {
  Machine machine({physical_pages(0, 64)}, 1);
  FrameAllocator frames;
  const std::vector<PhysicalRange> free{
      PhysicalRange(PhysicalAddress(kRam + 5), 5 * kPageSize - 5), physical_pages(5, 11),
      PhysicalRange(PhysicalAddress(kRam + 20 * kPageSize + 1), 4000), physical_pages(40, 8)};
  ASSERT_TRUE(frames.init(machine.phys_map(), free));
  EXPECT_EQ(frames.statistics().managed + frames.statistics().metadata, 15u + 8u);
  EXPECT_EQ(frames.statistics().largest_free_run, 8u);
  EXPECT_FALSE(FrameAllocator().init(machine.phys_map(), {}, free));
}

}  // namespace
}  // namespace quoll::vm
