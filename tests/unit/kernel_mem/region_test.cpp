// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <random>
#include <vector>

#include <quoll/kernel/mem/region.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using mem::VirtualAddress;
using mem::VirtualRange;
using test::kPageSize;

TEST(FindGap, AgreesWithASearchPageByPage) {
  constexpr std::uint64_t kPages = 64;
  const VirtualRange bounds(VirtualAddress(3 * kPageSize), (kPages - 4) * kPageSize);
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<bool> taken(kPages, true);
    for (std::uint64_t p = 3; p < kPages - 1; ++p) taken[p] = false;
    std::vector<std::unique_ptr<Region>> regions;
    RegionTree tree;
    for (std::uint64_t p = 3; p < kPages - 1;) {
      p += random() % 9;
      const std::uint64_t count =
          std::min<std::uint64_t>(1 + random() % 5, kPages - 1 - std::min(p, kPages - 1));
      if (p >= kPages - 1 || count == 0) break;
      regions.push_back(std::make_unique<Region>());
      regions.back()->range = VirtualRange(VirtualAddress(p * kPageSize), count * kPageSize);
      tree.insert(*regions.back());
      for (std::uint64_t i = 0; i < count; ++i) taken[p + i] = true;
      p += count;
    }
    for (std::uint64_t size = 1; size < 20; ++size) {
      for (std::uint64_t alignment = 1; alignment <= 16; alignment *= 2) {
        // The lowest gap that has room at any alignment, or that happens to fit: the search may
        // pass over a gap that only fits by luck, never over one that must.
        const auto found = find_gap(tree, bounds, size * kPageSize, alignment * kPageSize);
        bool must = false;
        for (std::uint64_t p = 0; p + size + alignment - 1 <= kPages && !must; ++p) {
          must = true;
          for (std::uint64_t i = 0; i < size + alignment - 1; ++i) must &= !taken[p + i];
        }
        if (must) EXPECT_TRUE(found.has_value()) << size << " " << alignment;
        if (!found) continue;
        EXPECT_TRUE(found->is_aligned(alignment * kPageSize));
        EXPECT_TRUE(bounds.contains(VirtualRange(*found, size * kPageSize)));
        for (std::uint64_t i = 0; i < size; ++i) {
          EXPECT_FALSE(taken[found->value() / kPageSize + i]);
        }
        if (alignment == 1) {
          for (std::uint64_t p = 0; p < found->value() / kPageSize; ++p) {
            bool fits = true;
            for (std::uint64_t i = 0; i < size; ++i) fits &= !taken[p + i];
            EXPECT_FALSE(fits) << "a lower gap at page " << p;
          }
        }
      }
    }
    while (Region* region = tree.first()) tree.erase(*region);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(FindGap, RefusesSizesThatOverflow) {
  RegionTree tree;
  const VirtualRange bounds(VirtualAddress(0x10000), 0x100000);
  EXPECT_FALSE(find_gap(tree, bounds, ~std::uint64_t{0xfff}, kPageSize));
  EXPECT_FALSE(find_gap(tree, bounds, kPageSize, std::uint64_t{1} << 63));
  EXPECT_TRUE(find_gap(tree, bounds, 0x100000, kPageSize));
  EXPECT_FALSE(find_gap(tree, bounds, 0x101000, kPageSize));
}

}  // namespace
}  // namespace quoll::vm
