// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <quoll/kernel/mem/gap.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using mem::VirtualAddress;
using mem::VirtualRange;
using test::kPageSize;

constexpr std::uint64_t kPages = 64;

/// Regions here and there, and which pages they take.
class Crowd {
 public:
  explicit Crowd(std::mt19937& random) {
    for (std::uint64_t p = 3; p < kPages - 1;) {
      p += random() % 9;
      const std::uint64_t count =
          std::min<std::uint64_t>(1 + random() % 5, kPages - 1 - std::min(p, kPages - 1));
      if (p >= kPages - 1 || count == 0) break;
      regions_.push_back(std::make_unique<Region>());
      regions_.back()->range = VirtualRange(VirtualAddress(p * kPageSize), count * kPageSize);
      tree.insert(*regions_.back());
      for (std::uint64_t i = 0; i < count; ++i) taken_[p + i] = true;
      p += count;
    }
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd() {
    while (Region* region = tree.first()) tree.erase(*region);
  }
  bool is_free(std::uint64_t first, std::uint64_t count) const {
    for (std::uint64_t p = first; p < first + count; ++p) {
      if (p >= kPages || taken_[p]) return false;
    }
    return true;
  }

  RegionTree tree;

 private:
  std::vector<std::unique_ptr<Region>> regions_;
  std::vector<bool> taken_ = std::vector<bool>(kPages);
};

/// A gap wide enough at any alignment is preferred, the lowest of these; and if there is any place
/// at all, it is found. All places of the gap are told, and no others.
void expect_right(const Crowd& crowd, std::uint64_t low, std::uint64_t high, std::uint64_t size,
                  std::uint64_t alignment) {
  const auto found =
      find_gap(crowd.tree, VirtualRange(VirtualAddress(low * kPageSize), (high - low) * kPageSize),
               {size * kPageSize, static_cast<std::uint8_t>(12 + std::countr_zero(alignment))});
  const auto fits = [&](std::uint64_t p, std::uint64_t count) {
    return p >= low && p + count <= high && crowd.is_free(p, count);
  };
  std::uint64_t wide = kPages;
  std::uint64_t lucky = kPages;
  for (std::uint64_t p = kPages; p-- > 0;) {
    if (fits(p, size + alignment - 1)) wide = p;
    if (p % alignment == 0 && fits(p, size)) lucky = p;
  }
  ASSERT_EQ(found.has_value(), lucky != kPages) << size << " " << alignment;
  if (!found) return;
  const std::uint64_t first = found->first.value() / kPageSize;
  ASSERT_TRUE(first % alignment == 0 && fits(first, size));
  if (wide != kPages) ASSERT_LE(first, wide + alignment - 1);
  if (alignment == 1) ASSERT_EQ(first, lucky);
  ASSERT_FALSE(first >= alignment && fits(first - alignment, size + alignment));
  const std::uint64_t last = first + (found->count - 1) * alignment;
  ASSERT_TRUE(fits(first, last - first + size));
  ASSERT_FALSE(fits(first, last - first + alignment + size));
}

TEST(FindGap, AgreesWithASearchPageByPage) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 300 && !testing::Test::HasFailure(); ++round) {
    const Crowd crowd(random);
    // From the lowest page, and from one in the middle of whatever is there.
    for (const std::uint64_t low : {std::uint64_t{3}, 4 + random() % (kPages - 8)}) {
      for (std::uint64_t size = 1; size < 20; ++size) {
        for (std::uint64_t alignment = 1; alignment <= 16; alignment *= 2) {
          expect_right(crowd, low, kPages - 1, size, alignment);
        }
      }
    }
  }
}

TEST(FindGap, RefusesSizesThatOverflow) {
  RegionTree tree;
  const VirtualRange bounds(VirtualAddress(0x10000), 0x100000);
  EXPECT_FALSE(find_gap(tree, bounds, {~std::uint64_t{0xfff}, 12}));
  EXPECT_FALSE(find_gap(tree, bounds, {kPageSize, 63}));
  EXPECT_TRUE(find_gap(tree, bounds, {0x100000, 12}));
  EXPECT_FALSE(find_gap(tree, bounds, {0x101000, 12}));
}

}  // namespace
}  // namespace quoll::vm
