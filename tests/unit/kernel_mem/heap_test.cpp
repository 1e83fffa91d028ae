// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The heap on one thread: what it hands out, keeps, gives back and notices, law by law of the
// room's README, which makes it long. heap_threads.cpp has the harts.
#include <array>
#include <bit>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <quoll/kernel/mem/heap.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using test::AsHart;

class HeapTest : public testing::Test {
 protected:
  HeapTest() : kernel(riscv::PagingMode::kSv39, 4), heap(kernel.frames) {}
  ~HeapTest() override {
    EXPECT_EQ(heap.statistics().objects, 0u);
    EXPECT_EQ(heap.statistics().used_bytes, 0u);
    EXPECT_EQ(kernel.in_use(), heap.statistics().frames);
    heap.trim();
    const HeapStatistics now = heap.statistics();
    EXPECT_EQ(now.frames, 0u);
    EXPECT_EQ(now.cached_objects, 0u);
    EXPECT_EQ(now.empty_frames, 0u);
    EXPECT_EQ(kernel.in_use(), 0u);
  }
  /// The address that decides about alignment: the emulated memory lies anywhere.
  std::uint64_t physical(const void* memory) {
    return kernel.machine.phys_map().physical(memory).value();
  }
  test::TestKernel kernel;
  Heap heap;
};

struct Block {
  unsigned char* memory;
  std::size_t size;
  unsigned char mark;
};

void check_and_free(Heap& heap, const Block& block) {
  for (std::size_t i = 0; i < block.size; ++i) ASSERT_EQ(block.memory[i], block.mark);
  heap.deallocate(block.memory);
}

/// Frames that the live blocks need if their slabs hold nothing else: at least this many, and after
/// a trim none that holds no block.
std::size_t frames_under(const std::map<std::uint64_t, Block>& blocks, const Heap& heap) {
  std::set<std::uint64_t> frames;
  for (const auto& [address, block] : blocks) {
    const std::uint64_t last = address + heap.usable_size(block.memory) - 1;
    for (std::uint64_t at = address / mem::kPageSize; at <= last / mem::kPageSize; ++at) {
      frames.insert(at);
    }
  }
  return frames.size();
}

TEST_F(HeapTest, IsAsAPlainMapThroughRandomUseOnAllHarts) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::map<std::uint64_t, Block> blocks;
  std::uint64_t used = 0;
  const auto free_one = [&] {
    auto found = blocks.lower_bound(test::kRam + random() % (kernel.kFrames * mem::kPageSize));
    if (found == blocks.end()) found = blocks.begin();
    used -= heap.usable_size(found->second.memory);
    check_and_free(heap, found->second);
    blocks.erase(found);
  };
  for (int step = 0; step < 30'000; ++step) {
    const AsHart as(random() % 4);
    // Waves, so that slabs fill and empty.
    const unsigned chance = (step / 3000) % 2 == 0 ? 6 : 4;
    if (random() % 10 < chance) {
      const std::size_t size =
          random() % 50 == 0 ? random() % 40'000 : random() % (random() % 2 == 0 ? 100 : 3000);
      const std::size_t alignment = std::size_t{1} << (random() % 14);
      auto* memory = static_cast<unsigned char*>(heap.allocate(size, alignment));
      if (memory == nullptr) continue;
      ASSERT_EQ(physical(memory) % std::max<std::size_t>(alignment, 16), 0u);
      ASSERT_GE(heap.usable_size(memory), size);
      const auto next = blocks.lower_bound(physical(memory));
      ASSERT_TRUE(next == blocks.end() ||
                  physical(memory) + heap.usable_size(memory) <= next->first);
      ASSERT_TRUE(next == blocks.begin() ||
                  std::prev(next)->first + heap.usable_size(std::prev(next)->second.memory) <=
                      physical(memory));
      const auto mark = static_cast<unsigned char>(random());
      std::memset(memory, mark, size);
      blocks.emplace(physical(memory), Block{memory, size, mark});
      used += heap.usable_size(memory);
    } else if (!blocks.empty()) {
      free_one();
    }
    const HeapStatistics now = heap.statistics();
    ASSERT_EQ(now.objects, blocks.size());
    ASSERT_EQ(now.used_bytes, used);
    ASSERT_EQ(now.frames, kernel.in_use());
    if (random() % 500 == 0) {
      heap.trim();
      ASSERT_EQ(heap.statistics().objects, blocks.size());
      ASSERT_EQ(heap.statistics().cached_objects, 0u);
      ASSERT_EQ(kernel.in_use(), frames_under(blocks, heap));
    }
  }
  while (!blocks.empty()) free_one();
}

TEST_F(HeapTest, EveryClassIsAlignedToThePowerOfTwoInItsSize) {
  for (std::size_t size = 1; size <= Heap::kMaxSmall; ++size) {
    void* const memory = heap.allocate(size);
    ASSERT_NE(memory, nullptr);
    const std::size_t usable = heap.usable_size(memory);
    EXPECT_GE(usable, size);
    EXPECT_EQ(usable, SizeClasses::kSizes[SizeClasses::of(size)]);
    EXPECT_GE(std::countr_zero(physical(memory)), std::countr_zero(usable));
    heap.deallocate(memory, size);
  }
}

TEST_F(HeapTest, KnowsTheFirstBytesOfObjectsFromAllOthers) {
  for (std::size_t c = 0; c < SizeClasses::kCount; ++c) {
    for (std::uint32_t offset = 0; offset < mem::kPageSize; ++offset) {
      ASSERT_EQ(SizeClasses::is_first_byte(offset, SizeClasses::reciprocal(c)),
                offset % SizeClasses::kSizes[c] == 0)
          << offset << " of " << SizeClasses::kSizes[c];
      ASSERT_FALSE(SizeClasses::is_first_byte(offset, 0));
    }
  }
}

TEST_F(HeapTest, TrimTakesWhatOtherHartsHaveCached) {
  std::vector<void*> blocks;
  for (unsigned hart = 0; hart < 4; ++hart) {
    const AsHart as(hart);
    for (const std::uint16_t size : SizeClasses::kSizes) blocks.push_back(heap.allocate(size));
  }
  // Each by another hart than had it.
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const AsHart as(static_cast<unsigned>(i * 7 % 4));
    heap.deallocate(blocks[i]);
  }
  EXPECT_GE(heap.statistics().cached_objects, blocks.size());
  EXPECT_EQ(heap.statistics().objects, 0u);
  const AsHart as(3);
  heap.trim();
  EXPECT_EQ(heap.statistics().cached_objects, 0u);
  EXPECT_EQ(kernel.in_use(), 0u);
}

TEST_F(HeapTest, CachesHoldFewObjects) {
  for (const std::uint16_t size : SizeClasses::kSizes) {
    std::vector<void*> blocks;
    for (int i = 0; i < 300; ++i) blocks.push_back(heap.allocate(size));
    EXPECT_LE(heap.statistics().cached_objects, HeapCache::kRoom);
    for (void* block : blocks) heap.deallocate(block);
    EXPECT_LE(heap.statistics().cached_objects, HeapCache::kRoom);
    EXPECT_LE(heap.statistics().cached_objects * size, 2 * mem::kPageSize);
    heap.trim();
  }
}

TEST_F(HeapTest, TakesTheLastObjectsFromOtherHartsCaches) {
  void* block = nullptr;
  {
    const AsHart as(1);
    block = heap.allocate(96);
  }
  const test::Scarcity scarcity(kernel.frames, 0);
  std::vector<void*> blocks{block};
  // All of the slab, though hart 1 cached some of it.
  while (void* memory = heap.allocate(96)) blocks.push_back(memory);
  EXPECT_EQ(blocks.size(), mem::kPageSize / 96);
  EXPECT_EQ(heap.statistics().cached_objects, 0u);
  {
    const AsHart as(2);
    heap.deallocate(blocks.back());
  }
  EXPECT_EQ(heap.allocate(96), blocks.back());
  EXPECT_EQ(heap.allocate(96), nullptr);
  for (void* memory : blocks) heap.deallocate(memory);
}

TEST_F(HeapTest, IsWholeAfterEachFrameThatIsRefused) {
  // The same objects each time, with one frame more.
  bool all = false;
  for (std::uint64_t frames = 0; !all; ++frames) {
    SCOPED_TRACE(frames);
    heap.trim();
    ASSERT_EQ(kernel.in_use(), 0u);
    std::vector<Block> blocks;
    std::mt19937 random(1);
    all = true;
    {
      const test::Scarcity scarcity(kernel.frames, frames);
      for (int i = 0; i < 120; ++i) {
        const AsHart as(random() % 4);
        const std::size_t size = 1 + random() % (random() % 8 == 0 ? 9000 : 2048);
        const HeapStatistics before = heap.statistics();
        auto* const memory = static_cast<unsigned char*>(heap.allocate(size));
        const HeapStatistics after = heap.statistics();
        if (memory == nullptr) {
          all = false;
          ASSERT_EQ(after.objects, before.objects);
          ASSERT_EQ(after.used_bytes, before.used_bytes);
          ASSERT_EQ(after.frames, before.frames);
          ASSERT_EQ(after.cached_objects, before.cached_objects);
          continue;
        }
        std::memset(memory, i, size);
        blocks.push_back({memory, size, static_cast<unsigned char>(i)});
        ASSERT_EQ(after.objects, blocks.size());
      }
      ASSERT_EQ(kernel.in_use() - scarcity.held(), heap.statistics().frames);
    }
    for (const Block& block : blocks) check_and_free(heap, block);
  }
}

TEST_F(HeapTest, AnswersNullWhenThereIsNoMore) {
  std::vector<void*> taken;
  while (void* memory = heap.allocate(2048)) taken.push_back(memory);
  EXPECT_EQ(kernel.frames.available_frames(), 0u);
  EXPECT_EQ(heap.allocate(64), nullptr);
  EXPECT_EQ(heap.allocate(100'000), nullptr);
  EXPECT_EQ(heap.allocate(16, 3), nullptr);
  heap.deallocate(nullptr);
  for (void* memory : taken) heap.deallocate(memory);
}

TEST_F(HeapTest, RefusesWhatCouldNeverBe) {
  EXPECT_EQ(heap.allocate(~std::size_t{0}), nullptr);
  EXPECT_EQ(heap.allocate(1, std::size_t{1} << 62), nullptr);
  EXPECT_EQ(heap.allocate(std::size_t{1} << 63), nullptr);
}

TEST_F(HeapTest, ServesAllHartsAtOnce) {
  std::vector<std::thread> threads;
  for (unsigned hart = 0; hart < 4; ++hart) {
    threads.emplace_back([this, hart] {
      const AsHart as(hart);
      std::mt19937 random(hart);
      std::vector<Block> blocks;
      for (int step = 0; step < 5000; ++step) {
        if (random() % 2 == 0 || blocks.empty()) {
          const std::size_t size = 1 + random() % 600;
          auto* memory = static_cast<unsigned char*>(heap.allocate(size));
          if (memory == nullptr) continue;
          std::memset(memory, static_cast<int>(hart), size);
          blocks.push_back({memory, size, static_cast<unsigned char>(hart)});
        } else {
          std::swap(blocks[random() % blocks.size()], blocks.back());
          check_and_free(heap, blocks.back());
          blocks.pop_back();
        }
      }
      for (const Block& block : blocks) check_and_free(heap, block);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(HeapTest, NoticesABlockGivenBackTwice) {
  EXPECT_DEATH(
      {
        void* memory = heap.allocate(48);
        heap.deallocate(memory);
        heap.deallocate(memory);
      },
      "freed twice");
}

TEST_F(HeapTest, NoticesABlockGivenBackTwiceWithOthersBetween) {
  EXPECT_DEATH(
      {
        void* first = heap.allocate(48);
        void* second = heap.allocate(48);
        void* third = heap.allocate(48);
        heap.deallocate(first);
        heap.deallocate(second);
        heap.deallocate(first);
        heap.deallocate(third);
      },
      "freed twice");
}

TEST_F(HeapTest, NoticesABlockGivenBackTwiceOnTwoHarts) {
  EXPECT_DEATH(
      {
        void* memory = heap.allocate(48);
        heap.deallocate(memory);
        const AsHart as(2);
        heap.deallocate(memory, 48);
      },
      "freed twice");
}

TEST_F(HeapTest, NoticesABlockGivenBackTwiceThatIsInItsSlabAgain) {
  EXPECT_DEATH(
      {
        void* kept = heap.allocate(48);
        void* memory = heap.allocate(48);
        heap.deallocate(memory);
        heap.trim();
        heap.deallocate(memory);
        heap.deallocate(kept);
      },
      "freed twice");
}

TEST_F(HeapTest, NoticesWhatIsNoBlock) {
  for (const std::size_t inside : {1u, 8u, 16u, 32u, 47u}) {
    EXPECT_DEATH(heap.deallocate(static_cast<std::byte*>(heap.allocate(48)) + inside),
                 "not an object");
  }
  // Of the same slab, but never handed out; and behind the last one.
  EXPECT_DEATH(heap.deallocate(static_cast<std::byte*>(heap.allocate(48)) + std::size_t{48} * 40),
               "not an object");
  EXPECT_DEATH(heap.deallocate(static_cast<std::byte*>(heap.allocate(48)) + std::size_t{48} * 85),
               "not an object");
  EXPECT_DEATH(heap.deallocate(static_cast<std::byte*>(heap.allocate(9000)) + 4096),
               "not an object");
  std::uint64_t local = 0;
  EXPECT_DEATH(heap.deallocate(&local), "not an object");
}

TEST_F(HeapTest, NoticesAFreeBlockThatWasWrittenTo) {
  EXPECT_DEATH(
      {
        void* memory = heap.allocate(48);
        heap.deallocate(memory);
        std::memset(memory, 0, 2);
        (void)heap.allocate(48);
      },
      "the list of free objects is corrupted");
}

TEST_F(HeapTest, NoticesAFreeBlockWhoseSecondWordWasWrittenTo) {
  EXPECT_DEATH(
      {
        void* memory = heap.allocate(48);
        heap.deallocate(memory);
        static_cast<std::byte*>(memory)[15] ^= std::byte{1};
        (void)heap.allocate(48);
      },
      "the list of free objects is corrupted");
}

TEST_F(HeapTest, NoticesAFreeBlockThatWasWrittenToWhenItsCacheIsDrained) {
  EXPECT_DEATH(
      {
        void* memory = heap.allocate(48);
        heap.deallocate(memory);
        std::memset(memory, 0x55, 8);
        heap.trim();
      },
      "the list of free objects is corrupted");
}

TEST_F(HeapTest, NoticesAFreeBlockThatWasWrittenToInItsSlab) {
  EXPECT_DEATH(
      {
        (void)heap.allocate(48);
        void* memory = heap.allocate(48);
        heap.deallocate(memory);
        heap.trim();
        std::memset(memory, 0x55, 8);
        for (int i = 0; i < 100; ++i) (void)heap.allocate(48);
      },
      "the list of free objects is corrupted");
}

TEST_F(HeapTest, GivesSlabsBackAsTheyEmpty) {
  for (const std::uint16_t size : SizeClasses::kSizes) {
    std::vector<void*> blocks;
    while (kernel.in_use() < 40) blocks.push_back(heap.allocate(size));
    for (void* block : blocks) heap.deallocate(block);
    // The kept one, and those that the cache's two pages of objects may lie on.
    EXPECT_LE(heap.statistics().frames, 1 + HeapCache::kRoom);
    EXPECT_LE(heap.statistics().empty_frames, 3u);
    heap.trim();
    ASSERT_EQ(kernel.in_use(), 0u);
  }
}

TEST_F(HeapTest, GrowsBySingleFramesWhereNoBatchIsLeft) {
  std::vector<void*> blocks;
  {
    const test::Scarcity scarcity(kernel.frames, 3);
    while (void* memory = heap.allocate(2048)) blocks.push_back(memory);
    EXPECT_EQ(blocks.size(), 6u);
  }
  for (void* block : blocks) heap.deallocate(block);
}

TEST_F(HeapTest, TakesNothingAsOneByte) {
  void* const memory = heap.allocate(0);
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(heap.usable_size(memory), 16u);
  heap.deallocate(memory, 0);
}

TEST_F(HeapTest, RefusedRequestsChangeNothing) {
  void* const kept = heap.allocate(100);
  const HeapStatistics before = heap.statistics();
  const std::uint64_t frames = kernel.in_use();
  constexpr std::size_t kHuge = ~std::size_t{0};
  for (const std::size_t size : {kHuge, kHuge - 1, kHuge - mem::kPageSize, kHuge / 2 + 1,
                                 std::size_t{kernel.kFrames * mem::kPageSize + 1}}) {
    for (const std::size_t alignment : {std::size_t{1}, std::size_t{16}, std::size_t{4096}}) {
      EXPECT_EQ(heap.allocate(size, alignment), nullptr);
    }
  }
  // Alignments that are none, or more than there is.
  for (const std::size_t alignment :
       {std::size_t{0}, std::size_t{3}, std::size_t{24}, kHuge, std::size_t{1} << 40,
        std::size_t{1} << 62, std::size_t{1} << 63}) {
    for (const std::size_t size : {0u, 1u, 2048u, 2049u, 9000u}) {
      EXPECT_EQ(heap.allocate(size, alignment), nullptr);
    }
  }
  EXPECT_EQ(heap.statistics().objects, before.objects);
  EXPECT_EQ(heap.statistics().used_bytes, before.used_bytes);
  EXPECT_EQ(heap.statistics().frames, before.frames);
  EXPECT_EQ(kernel.in_use(), frames);
  heap.deallocate(kept);
}

TEST_F(HeapTest, WhatIsNoBlockHasNoSize) {
  std::uint64_t local = 0;
  EXPECT_EQ(heap.usable_size(&local), 0u);
  EXPECT_EQ(heap.usable_size(nullptr), 0u);
  EXPECT_EQ(heap.usable_size(kernel.root.data()), 0u);
}

#ifndef NDEBUG
TEST_F(HeapTest, NoticesAFreeBlockThatWasWrittenToBehindItsLinkAndSeal) {
  for (const std::size_t offset : {16u, 40u, 99u, 127u}) {
    EXPECT_DEATH(
        {
          void* memory = heap.allocate(128);
          heap.deallocate(memory, 128);
          static_cast<std::byte*>(memory)[offset] ^= std::byte{0x40};
          (void)heap.allocate(128);
        },
        "written to after it was freed");
  }
}

TEST_F(HeapTest, NoticesAFreeBlockOfASlabThatWasWrittenTo) {
  EXPECT_DEATH(
      {
        void* kept = heap.allocate(1024);
        // Of the same slab, and never handed out.
        std::memset(static_cast<std::byte*>(kept) + 2048, 0, 8);
        static_cast<std::byte*>(kept)[3 * 1024 - 1] = std::byte{0};
        for (int i = 0; i < 3; ++i) (void)heap.allocate(1024);
      },
      "written to after it was freed");
}

TEST_F(HeapTest, AFreeBlockHoldsPoison) {
  auto* const memory = static_cast<std::byte*>(heap.allocate(96));
  std::memset(memory, 1, 96);
  heap.deallocate(memory);
  for (std::size_t i = 16; i < 96; ++i) EXPECT_EQ(memory[i], Poison::kByte);
}

TEST_F(HeapTest, NoticesABlockGivenBackWithAnotherSize) {
  EXPECT_DEATH(heap.deallocate(heap.allocate(48), 64), "not an object of that size");
  EXPECT_DEATH(heap.deallocate(heap.allocate(9000), 64), "not an object of that size");
}
#endif

TEST_F(HeapTest, BlocksMayLookLikeFreeOnes) {
  // Sealed to the last bit, on all lists' terms: only the lists can tell.
  std::array<void*, 40> blocks{};
  for (void*& block : blocks) block = heap.allocate(48);
  for (void* block : blocks) {
    const std::uint64_t link = mem::address_of(blocks[7]).value() | 3;
    FreeObject(mem::address_of(block).value()).seal(link);
  }
  for (void* block : blocks) heap.deallocate(block, 48);
  EXPECT_EQ(heap.statistics().objects, 0u);
}

TEST_F(HeapTest, BlocksMayHoldWhatLooksLikeAFreeOne) {
  std::array<void*, 4> blocks{};
  for (void*& block : blocks) block = heap.allocate(48);
  std::uint64_t mark = 0;
  heap.deallocate(blocks[0]);
  std::memcpy(&mark, blocks[0], sizeof mark);
  blocks[0] = heap.allocate(48);
  std::memcpy(blocks[0], &mark, sizeof mark);
  for (void* block : blocks) heap.deallocate(block);
}

}  // namespace
}  // namespace quoll::vm
