// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <quoll/kernel/mem/bootstrap_alloc.hpp>

namespace quoll::vm {
namespace {

using mem::kPageSize;
using mem::PhysicalAddress;
using mem::PhysicalRange;

PhysicalRange bytes(std::uint64_t start, std::uint64_t size) {
  return PhysicalRange(PhysicalAddress(start), size);
}
PhysicalRange pages(std::uint64_t first, std::uint64_t count) {
  return bytes(first * kPageSize, count * kPageSize);
}
const PhysicalRange kEverything = bytes(0, ~std::uint64_t{0});

std::vector<Stretch> all_free(const BootstrapAllocator& bootstrap) {
  std::vector<Stretch> out;
  for (auto s = bootstrap.next_free(0); s; s = bootstrap.next_free(s->end)) out.push_back(*s);
  return out;
}

TEST(BootstrapAllocator, ReadsRegionsInAnyOrderAndOverlap) {
  const std::vector<PhysicalRange> free{pages(50, 10),         pages(10, 5),          pages(12, 8),
                                        pages(20, 1),          pages(55, 2),          pages(30, 0),
                                        bytes(0x28001, 0xfff), bytes(0x60001, 0x2fff)};
  const BootstrapAllocator bootstrap(free, kEverything);
  EXPECT_EQ(all_free(bootstrap), (std::vector<Stretch>{{10, 21}, {50, 60}, {0x61, 0x63}}));
}

TEST(BootstrapAllocator, KeepsToMemoryThatFramesCanName) {
  // As large as can be, and far above what a frame's number reaches.
  const std::vector<PhysicalRange> free{bytes(0, ~std::uint64_t{0}),
                                        bytes(~std::uint64_t{0} - 0x5000, 0x5000)};
  BootstrapAllocator bootstrap(free, kEverything);
  EXPECT_EQ(all_free(bootstrap), (std::vector<Stretch>{{1, kNoFrame}}));
  EXPECT_EQ(bootstrap.allocate(1), kNoFrame - 1);
  EXPECT_FALSE(bootstrap.allocate(kNoFrame));
  EXPECT_FALSE(bootstrap.allocate(~std::uint64_t{0}));
  EXPECT_FALSE(bootstrap.allocate(0));
  EXPECT_EQ(bootstrap.taken_frames(), 1u);
}

TEST(BootstrapAllocator, LeavesOutWhatIsInUseEvenInPart) {
  const std::vector<PhysicalRange> free{pages(10, 20)};
  const std::vector<PhysicalRange> in_use{pages(9, 2), bytes(15 * kPageSize + 5, 1), pages(28, 9),
                                          pages(20, 0)};
  const BootstrapAllocator bootstrap(free, kEverything, in_use);
  EXPECT_EQ(all_free(bootstrap), (std::vector<Stretch>{{11, 15}, {16, 28}}));
}

TEST(BootstrapAllocator, HandsOutEveryFrameOnceAndTheRestIsLeft) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::set<std::uint64_t> model;
    std::vector<PhysicalRange> free;
    std::vector<PhysicalRange> in_use;
    for (unsigned i = random() % 30; i > 0; --i) {
      const std::uint64_t start = random() % 400 * (kPageSize / 4);
      const std::uint64_t size = random() % 60 * (kPageSize / 4);
      free.push_back(bytes(start, size));
      for (std::uint64_t f = (start + kPageSize - 1) / kPageSize;
           (f + 1) * kPageSize <= start + size; ++f) {
        if (f != 0) model.insert(f);
      }
    }
    for (unsigned i = random() % 4; i > 0; --i) {
      const std::uint64_t start = random() % 400 * (kPageSize / 4);
      const std::uint64_t size = random() % 20 * (kPageSize / 4);
      in_use.push_back(bytes(start, size));
      for (std::uint64_t f = start / kPageSize; f * kPageSize < start + size; ++f) {
        if (size != 0) model.erase(f);
      }
    }
    BootstrapAllocator bootstrap(free, kEverything, in_use);
    std::uint64_t taken = 0;
    for (int step = 0; step < 20; ++step) {
      const std::uint64_t count = 1 + random() % 6;
      const auto first = bootstrap.allocate(count);
      if (!first) continue;
      taken += count;
      for (std::uint64_t f = *first; f < *first + count; ++f) ASSERT_EQ(model.erase(f), 1u);
    }
    EXPECT_EQ(bootstrap.taken_frames(), taken);
    std::set<std::uint64_t> left;
    std::uint64_t before = 0;
    for (const Stretch& stretch : all_free(bootstrap)) {
      ASSERT_GE(stretch.first, before);
      before = stretch.end;
      for (std::uint64_t f = stretch.first; f < stretch.end; ++f) left.insert(f);
    }
    ASSERT_EQ(left, model);
  }
}

TEST(BootstrapAllocator, ManyRegionsAreNoReasonToStop) {
  std::vector<PhysicalRange> free;
  for (std::uint64_t i = 0; i < 1000; ++i) free.push_back(pages(1 + 2 * (999 - i), 1));
  BootstrapAllocator bootstrap(free, kEverything);
  EXPECT_EQ(all_free(bootstrap).size(), 1000u);
  // As many stretches as it can remember, and then it says no.
  for (std::size_t i = 0; i < BootstrapAllocator::kMaxTaken; ++i) {
    EXPECT_TRUE(bootstrap.allocate(1));
  }
  EXPECT_FALSE(bootstrap.allocate(1));
  EXPECT_EQ(all_free(bootstrap).size(), 1000 - BootstrapAllocator::kMaxTaken);
}

}  // namespace
}  // namespace quoll::vm
