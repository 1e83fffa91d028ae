// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <vector>

#include <quoll/abi/limits.hpp>
#include <quoll/runtime/heap.hpp>

namespace quoll::runtime {
namespace {

/// Addresses, and how much of them may be committed.
class Space {
 public:
  explicit Space(std::size_t bytes, std::size_t limit = SIZE_MAX)
      : limit_(limit),
        bytes_(bytes),
        base_(static_cast<std::byte*>(std::aligned_alloc(abi::kPageSize, bytes))) {
    heap.open(base_, bytes, &Space::commit, &Space::decommit, this);
  }
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;
  ~Space() { std::free(base_); }

  std::size_t committed() const { return committed_; }
  bool holds(const void* memory, std::size_t size) const {
    const auto* at = static_cast<const std::byte*>(memory);
    return at >= base_ && at + size <= base_ + bytes_;
  }

  Heap heap;

 private:
  static bool commit(void* context, std::byte* from, std::byte* to) {
    auto& self = *static_cast<Space*>(context);
    EXPECT_EQ((from - self.base_) % static_cast<std::ptrdiff_t>(abi::kPageSize), 0);
    EXPECT_EQ((to - from) % static_cast<std::ptrdiff_t>(abi::kPageSize), 0);
    const auto size = static_cast<std::size_t>(to - from);
    if (size > self.limit_ - self.committed_) return false;
    self.committed_ += size;
    return true;
  }
  static void decommit(void* context, std::byte* from, std::byte* to) {
    static_cast<Space*>(context)->committed_ -= static_cast<std::size_t>(to - from);
    std::memset(from, 0xdd, static_cast<std::size_t>(to - from));
  }

  std::size_t limit_;
  std::size_t bytes_;
  std::byte* base_;
  std::size_t committed_ = 0;
};

TEST(Heap, FailsBeforeItIsOpened) {
  Heap heap;
  EXPECT_EQ(heap.allocate(1), nullptr);
  heap.release(nullptr);
}

TEST(Heap, HandsOutAlignedMemoryOfEverySize) {
  Space space(std::size_t{16} << 20);
  std::vector<std::pair<std::byte*, std::size_t>> taken;
  for (std::size_t size = 0; size < 3000; size += size < 300 ? 1 : 37) {
    auto* memory = static_cast<std::byte*>(space.heap.allocate(size));
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(std::bit_cast<std::uintptr_t>(memory) % Heap::kAlignment, 0u);
    std::memset(memory, static_cast<int>(size & 0xff), size);
    taken.emplace_back(memory, size);
  }
  EXPECT_TRUE(space.heap.is_consistent());
  for (const auto& [memory, size] : taken) {
    EXPECT_TRUE(std::all_of(memory, memory + size,
                            [size](std::byte b) { return b == std::byte(size & 0xff); }));
    space.heap.release(memory);
  }
  EXPECT_TRUE(space.heap.is_consistent());
  EXPECT_EQ(space.heap.used_bytes(), 0u);
}

TEST(Heap, RefusesWhatCannotFit) {
  Space space(std::size_t{1} << 20);
  EXPECT_EQ(space.heap.allocate(SIZE_MAX), nullptr);
  EXPECT_EQ(space.heap.allocate(SIZE_MAX - 7), nullptr);
  EXPECT_EQ(space.heap.allocate(SIZE_MAX - 100), nullptr);
  EXPECT_EQ(space.heap.allocate(std::size_t{1} << 20), nullptr);
  EXPECT_EQ(space.heap.allocate_aligned(SIZE_MAX - 64, 64), nullptr);
  void* all = space.heap.allocate((std::size_t{1} << 20) - 64);
  ASSERT_NE(all, nullptr);
  std::memset(all, 1, (std::size_t{1} << 20) - 64);
  EXPECT_EQ(space.heap.allocate(64), nullptr);
  space.heap.release(all);
  EXPECT_TRUE(space.heap.is_consistent());
}

TEST(Heap, SurvivesThatNothingMoreCanBeCommitted) {
  Space space(std::size_t{4} << 20, std::size_t{256} << 10);
  std::vector<void*> taken;
  while (void* memory = space.heap.allocate(1000)) taken.push_back(memory);
  EXPECT_GT(taken.size(), 200u);
  EXPECT_TRUE(space.heap.is_consistent());
  for (void* memory : taken) space.heap.release(memory);
  EXPECT_NE(space.heap.allocate(200'000), nullptr);
}

TEST(Heap, MergesNeighboursInEveryOrder) {
  std::array<std::size_t, 4> order{0, 1, 2, 3};
  do {
    Space space(std::size_t{1} << 20);
    std::array<void*, 4> blocks{};
    for (void*& block : blocks) block = space.heap.allocate(1000);
    void* guard = space.heap.allocate(16);
    for (const std::size_t index : order) {
      space.heap.release(blocks[index]);
      EXPECT_TRUE(space.heap.is_consistent());
    }
    EXPECT_EQ(space.heap.allocate(3900), blocks[0]) << "the four are one block again";
    space.heap.release(blocks[0]);
    space.heap.release(guard);
    EXPECT_TRUE(space.heap.is_consistent());
    EXPECT_EQ(space.heap.used_bytes(), 0u);
  } while (std::ranges::next_permutation(order).found);
}

TEST(Heap, GivesIdlePagesBack) {
  Space space(std::size_t{64} << 20);
  void* big = space.heap.allocate(std::size_t{32} << 20);
  ASSERT_NE(big, nullptr);
  EXPECT_GE(space.committed(), std::size_t{32} << 20);
  space.heap.release(big);
  EXPECT_LE(space.committed(), std::size_t{2} << 20);
  EXPECT_NE(space.heap.allocate(std::size_t{32} << 20), nullptr);
}

TEST(Heap, HonoursLargeAlignments) {
  Space space(std::size_t{8} << 20);
  std::vector<void*> taken;
  for (std::size_t alignment = 16; alignment <= 65536; alignment *= 2) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{100}, alignment}) {
      void* memory = space.heap.allocate_aligned(size, alignment);
      ASSERT_NE(memory, nullptr);
      EXPECT_EQ(std::bit_cast<std::uintptr_t>(memory) % alignment, 0u);
      std::memset(memory, 7, size);
      EXPECT_TRUE(space.heap.is_consistent());
      taken.push_back(memory);
    }
  }
  for (void* memory : taken) space.heap.release(memory);
  EXPECT_TRUE(space.heap.is_consistent());
  EXPECT_EQ(space.heap.used_bytes(), 0u);
}

TEST(Heap, KeepsContentsApartUnderRandomUse) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  Space space(std::size_t{32} << 20, std::size_t{24} << 20);
  struct Taken {
    std::byte* memory;
    std::size_t size;
    std::byte fill;
  };
  std::vector<Taken> taken;
  for (int step = 0; step < 40'000; ++step) {
    if (taken.empty() || random() % 100 < 55) {
      const std::size_t size = random() % (std::size_t{1} << (random() % 17));
      auto* memory = static_cast<std::byte*>(
          random() % 8 == 0 ? space.heap.allocate_aligned(size, std::size_t{1} << (random() % 10))
                            : space.heap.allocate(size));
      if (memory == nullptr) continue;
      ASSERT_TRUE(space.holds(memory, size));
      const auto fill = std::byte(random() % 256);
      std::memset(memory, static_cast<int>(fill), size);
      taken.push_back({memory, size, fill});
    } else {
      const std::size_t index = random() % taken.size();
      const Taken gone = taken[index];
      taken[index] = taken.back();
      taken.pop_back();
      ASSERT_TRUE(std::all_of(gone.memory, gone.memory + gone.size,
                              [&](std::byte b) { return b == gone.fill; }));
      space.heap.release(gone.memory);
    }
    if (step % 500 == 0) {
      ASSERT_TRUE(space.heap.is_consistent()) << step;
    }
  }
  for (const Taken& rest : taken) space.heap.release(rest.memory);
  EXPECT_TRUE(space.heap.is_consistent());
  EXPECT_EQ(space.heap.used_bytes(), 0u);
}

}  // namespace
}  // namespace quoll::runtime
