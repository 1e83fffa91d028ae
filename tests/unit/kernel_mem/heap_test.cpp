// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
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
    EXPECT_EQ(kernel.in_use(), heap.statistics().empty_frames);
    heap.trim();
    EXPECT_EQ(kernel.in_use(), 0u);
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

TEST_F(HeapTest, BlocksKeepTheirBytesThroughRandomUse) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<Block> blocks;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 5 < 3) {
      const std::size_t size =
          random() % 50 == 0 ? random() % 40'000 : random() % (random() % 2 == 0 ? 100 : 3000);
      const std::size_t alignment = std::size_t{1} << (random() % 14);
      auto* memory = static_cast<unsigned char*>(heap.allocate(size, alignment));
      if (memory == nullptr) continue;
      EXPECT_EQ(mem::address_of(memory).value() % std::max<std::size_t>(alignment, 16), 0u);
      EXPECT_GE(heap.usable_size(memory), size);
      const auto mark = static_cast<unsigned char>(random());
      std::memset(memory, mark, size);
      blocks.push_back({memory, size, mark});
    } else if (!blocks.empty()) {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      check_and_free(heap, blocks.back());
      blocks.pop_back();
    }
    ASSERT_EQ(heap.statistics().objects, blocks.size());
    ASSERT_EQ(heap.statistics().frames, kernel.in_use());
  }
  for (const Block& block : blocks) check_and_free(heap, block);
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

TEST_F(HeapTest, NoticesWhatIsNoBlock) {
  EXPECT_DEATH(heap.deallocate(static_cast<std::byte*>(heap.allocate(48)) + 16), "not an object");
  EXPECT_DEATH(heap.deallocate(static_cast<std::byte*>(heap.allocate(48)) + 48), "not an object");
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
