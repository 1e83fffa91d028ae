// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/kernel/mem/frame_alloc/reference_count.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using test::AsHart;
using test::kPageSize;
using test::Machine;
using test::physical_pages;
using test::PhysicalAddress;
using test::PhysicalRange;

class FrameHandleTest : public testing::Test {
 protected:
  FrameHandleTest() : machine({physical_pages(0, 2048)}, 4) {
    const std::array free{physical_pages(0, 2048)};
    EXPECT_TRUE(frames.init(machine.phys_map(), free));
    before = frames.statistics();
  }
  ~FrameHandleTest() override {
    frames.drain_caches();
    EXPECT_EQ(frames.statistics().free, before.free);
    EXPECT_EQ(frames.statistics().largest_free_run, before.largest_free_run);
  }
  Machine machine;
  FrameAllocator frames;
  FrameStatistics before;
};

TEST_F(FrameHandleTest, StaysSharedUntilOneIsLeft) {
  std::vector<Frame> owners;
  owners.push_back(*frames.allocate());
  for (unsigned i = 1; i < 100; ++i) owners.push_back(owners[i / 2].share());
  EXPECT_EQ(owners[0].reference_count(), 100u);
  for (unsigned i = 0; i < 99; ++i) {
    EXPECT_FALSE(owners[0].is_unique());
    owners.pop_back();
  }
  EXPECT_TRUE(owners[0].is_unique());
  EXPECT_EQ(frames.statistics().allocated, 1u);
  owners.clear();
  EXPECT_EQ(frames.statistics().allocated, 0u);
}

TEST(ReferenceCount, NeverRisesFromZeroNorBeyondTheMost) {
  using Count = ReferenceCount<std::atomic_ref<std::uint32_t>>;
  for (std::uint32_t word : {0U, Count::kShared, Count::kShared | Count::kMaxCount}) {
    const std::uint32_t before = word;
    EXPECT_FALSE(Count(std::atomic_ref(word)).share());
    EXPECT_EQ(word, before);
  }
  std::uint32_t nobody = 0;
  EXPECT_EQ(Count(std::atomic_ref(nobody)).drop(), Dropped::kBroken);
  EXPECT_EQ(nobody, 0u);
}

TEST_F(FrameHandleTest, TheZeroFrameIsSharedAndStays) {
  Frame zeros = frames.zero_frame();
  EXPECT_TRUE(zeros.is_zero_frame());
  EXPECT_FALSE(zeros.is_unique());
  EXPECT_EQ(frames.statistics().allocated, 0u);
  const auto* bytes = static_cast<const unsigned char*>(zeros.data());
  EXPECT_TRUE(std::all_of(bytes, bytes + kPageSize, [](unsigned char b) { return b == 0; }));
  const Frame again = frames.zero_frame();
  EXPECT_EQ(again.address(), zeros.address());
  EXPECT_EQ(zeros.reference_count(), 3u);
  EXPECT_FALSE(frames.allocate()->is_zero_frame());
  EXPECT_FALSE(Frame().is_zero_frame());
}

TEST_F(FrameHandleTest, TheZeroFrameIsNotGivenUpByItsAllocator) {
  EXPECT_DEATH(
      {
        const PhysicalAddress at = frames.zero_frame().address();
        Frame::adopt(frames, at).reset();
      },
      "the frame of zeros");
}

TEST_F(FrameHandleTest, ListsPushPopAndSplice) {
  FrameList first(frames);
  FrameList second(frames);
  EXPECT_FALSE(first.pop());
  first.splice(second);
  std::vector<PhysicalAddress> order;
  for (int i = 0; i < 10; ++i) {
    Frame frame = *frames.allocate();
    order.push_back(frame.address());
    (i < 5 ? first : second).push(std::move(frame));
  }
  first.splice(second);
  EXPECT_EQ(first.count(), 10u);
  EXPECT_TRUE(second.is_empty());
  first.splice(first);
  for (int i : {9, 8, 7, 6, 5, 4, 3, 2}) {
    EXPECT_EQ(first.pop().address(), order[static_cast<unsigned>(i)]);
  }
  second.splice(first);
  EXPECT_EQ(second.count(), 2u);
  second.release_all();
  EXPECT_EQ(frames.statistics().allocated, 0u);
}

TEST_F(FrameHandleTest, RunsSplitIntoFrames) {
  FrameRun run = *frames.allocate_run(11, 4);
  const PhysicalAddress start = run.start();
  FrameList list(frames);
  run.split_into(list);
  EXPECT_FALSE(run);
  EXPECT_EQ(list.count(), 11u);
  for (std::uint64_t i = 0; i < 11; ++i) {
    Frame frame = list.pop();
    EXPECT_EQ(frame.address(), start + i * kPageSize);
    EXPECT_TRUE(frame.is_unique());
    const Frame other = frame.share();
    EXPECT_EQ(frames.statistics().allocated, 11 - i);
  }
  run.split_into(list);
  EXPECT_TRUE(list.is_empty());
}

TEST_F(FrameHandleTest, SharedFramesSurviveAllHartsAtOnce) {
  // Every hart shares and drops what the others do, and writes to what is its own alone.
  constexpr unsigned kHarts = 4;
  constexpr unsigned kSlots = 8;
  for (int round = 0; round < 20; ++round) {
    std::vector<Frame> originals;
    for (unsigned i = 0; i < kSlots; ++i) originals.push_back(*frames.allocate());
    std::array<std::vector<Frame>, kHarts> copies;
    for (auto& of_hart : copies) {
      for (Frame& frame : originals) of_hart.push_back(frame.share());
    }
    originals.clear();
    std::atomic<unsigned> last{0};
    std::vector<std::thread> threads;
    for (unsigned hart = 0; hart < kHarts; ++hart) {
      threads.emplace_back([&, hart] {
        const AsHart as(hart);
        std::mt19937 random(hart);
        for (Frame& frame : copies[hart]) {
          for (int i = 0; i < 20; ++i) {
            Frame more = frame.share();
            if (random() % 2 == 0) std::swap(more, frame);
          }
          if (frame.is_unique()) {
            *static_cast<unsigned*>(frame.data()) = hart;
            last.fetch_add(1, std::memory_order_relaxed);
          } else {
            // Read while others do too; the only owner's write comes after.
            (void)*static_cast<volatile unsigned*>(frame.data());
          }
          frame.reset();
          Frame other = *frames.allocate();
          *static_cast<unsigned*>(other.data()) = hart;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(last.load(), kSlots);
    EXPECT_EQ(frames.statistics().allocated, 0u);
  }
}

}  // namespace
}  // namespace quoll::vm
