// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where mappings go: how evenly places are chosen, and that none is missed.
#include <algorithm>
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <quoll/kernel/mem/address_space.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using mem::Permissions;
using test::kPageSize;
using test::VirtualAddress;
using test::VirtualRange;

class PlacementTest : public testing::TestWithParam<riscv::PagingMode> {
 protected:
  PlacementTest() : kernel(GetParam()) {}
  ~PlacementTest() override {
    space.reset();
    EXPECT_EQ(kernel.in_use(), 0u);
  }
  static PlacementSeed seed_from(unsigned number) {
    PlacementSeed seed;
    std::mt19937 random(number);
    for (auto& byte : seed.bytes) byte = static_cast<std::uint8_t>(random());
    return seed;
  }
  AddressSpace& create(const std::optional<PlacementSeed>& seed, const SpaceLimits& limits = {}) {
    space = std::move(*AddressSpace::create(*kernel.space, limits, seed));
    return *space;
  }
  /// Where something would go.
  static std::uint64_t draw(AddressSpace& s, std::uint64_t size, std::uint64_t alignment) {
    const VirtualRange range = *s.reserve(Placement::anywhere(alignment), size);
    EXPECT_TRUE(s.bounds().contains(range));
    EXPECT_TRUE(range.start().is_aligned(alignment));
    EXPECT_TRUE(s.release(range.start()));
    return range.start().value();
  }

  test::TestKernel kernel;
  std::unique_ptr<AddressSpace> space;
};

/// How far counts are from equal ones, in standard deviations of chi-squared.
double unevenness(const std::vector<double>& counts, const std::vector<double>& expected) {
  double chi = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    chi += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  }
  const double freedom = static_cast<double>(counts.size() - 1);
  return (chi - freedom) / std::sqrt(2 * freedom);
}

TEST_P(PlacementTest, WithoutASeedTheLowestPlaceIsTaken) {
  AddressSpace& s = create(std::nullopt);
  EXPECT_EQ(s.reserve(Placement::anywhere(), kPageSize)->start(), s.bounds().start());
  EXPECT_EQ(s.reserve(Placement::lowest(), kPageSize)->start(), s.bounds().start() + kPageSize);
}

TEST_P(PlacementTest, TheSameSeedGivesTheSamePlacesAndAnotherOneOthers) {
  std::vector<std::uint64_t> places[3];
  for (unsigned i = 0; i < 3; ++i) {
    AddressSpace& s = create(seed_from(i / 2));
    for (int n = 0; n < 50; ++n) {
      places[i].push_back(s.reserve(Placement::anywhere(), kPageSize)->start().value());
    }
  }
  EXPECT_EQ(places[0], places[1]);
  EXPECT_NE(places[0], places[2]);
}

TEST_P(PlacementTest, TheLowestPlaceIsToBeHadInSpacesWithASeedToo) {
  AddressSpace& s = create(seed_from(std::random_device()()));
  EXPECT_EQ(s.reserve(Placement::lowest(), kPageSize)->start(), s.bounds().start());
  EXPECT_EQ(s.reserve(Placement::lowest(), kPageSize)->start(), s.bounds().start() + kPageSize);
}

/// The entropy of a choice, by how often two draws agree: n draws among m places that are all as
/// likely have n^2 / 2m pairs that agree. And no part of the space is preferred: neither by the
/// highest bits of the address nor by the lowest ones.
TEST_P(PlacementTest, PlacesOfAPageHaveAllTheBitsThatTheModeAllows) {
  const unsigned number = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(number));
  AddressSpace& s = create(seed_from(number));
  constexpr std::size_t kDraws = 1 << 15;
  constexpr std::size_t kBuckets = 64;
  std::vector<std::uint64_t> draws(kDraws);
  std::vector<double> high(kBuckets);
  std::vector<double> low(kBuckets);
  const double share = static_cast<double>(s.bounds().size()) / kBuckets;
  for (std::uint64_t& page : draws) {
    const std::uint64_t at = draw(s, kPageSize, kPageSize);
    page = at / kPageSize;
    ++high[static_cast<std::size_t>(static_cast<double>(at - s.bounds().start().value()) / share)];
    ++low[page % kBuckets];
  }
  const std::vector<double> even(kBuckets, double{kDraws} / kBuckets);
  EXPECT_LT(unevenness(high, even), 6);
  EXPECT_LT(unevenness(low, even), 6);
  std::sort(draws.begin(), draws.end());
  double agreeing = 0;
  for (std::size_t i = 0; i < kDraws;) {
    std::size_t end = i;
    while (end < kDraws && draws[end] == draws[i]) ++end;
    agreeing += static_cast<double>((end - i) * (end - i - 1)) / 2;
    i = end;
  }
  const double places = static_cast<double>(s.bounds().size() / kPageSize);
  RecordProperty("bits", std::to_string(std::log2(places)));
  EXPECT_GE(std::log2(places), kernel.format.virtual_bits() == 39 ? 25.999999 : 27);
  const double expected = double{kDraws} * kDraws / 2 / places;  // 8 in Sv39
  EXPECT_LE(agreeing, expected + 7 * std::sqrt(expected) + 2);
}

TEST_P(PlacementTest, AlignedPlacesAreChosenEvenlyToo) {
  const unsigned number = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(number));
  AddressSpace& s = create(seed_from(number));
  // A 256th of the space: the first and the last of them are not whole.
  const std::uint64_t large = std::bit_ceil(s.bounds().size() / 256);
  std::map<std::uint64_t, double> counts;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) ++counts[draw(s, large, large)];
  std::vector<double> found;
  for (const auto& [at, count] : counts) found.push_back(count);
  const std::uint64_t places =
      places_between(s.bounds().start(), s.bounds().end(),
                     {large, static_cast<std::uint8_t>(std::countr_zero(large))})
          .count;
  ASSERT_EQ(found.size(), places);
  EXPECT_LT(
      unevenness(found, std::vector<double>(places, double{kDraws} / static_cast<double>(places))),
      6);
}

TEST_P(PlacementTest, NearIsAnywhereInTheWindowAndOutsideOnceThatIsFull) {
  const unsigned number = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(number));
  AddressSpace& s = create(seed_from(number));
  constexpr std::uint64_t kWindow = std::uint64_t{1} << 34;
  // Whole windows, and the first one, which is not.
  for (const std::uint64_t where : {3 * kWindow + 5 * kPageSize, 7 * kPageSize}) {
    const VirtualRange window(VirtualAddress(where).align_down(kWindow), kWindow);
    const Placement placement = Placement::near(VirtualAddress(where), kWindow);
    std::vector<double> eighths(8);
    constexpr int kDraws = 8000;
    for (int i = 0; i < kDraws; ++i) {
      const VirtualRange range = *s.reserve(placement, kPageSize);
      ASSERT_TRUE(window.contains(range));
      ++eighths[(range.start() - window.start()) / (kWindow / 8)];
      ASSERT_TRUE(s.release(range.start()));
    }
    EXPECT_LT(unevenness(eighths, std::vector<double>(8, kDraws / 8.0)), 6);
    const VirtualAddress first = std::max(window.start(), s.bounds().start());
    ASSERT_TRUE(s.reserve(Placement::at(first), window.end() - first - kPageSize));
    EXPECT_EQ(s.reserve(placement, kPageSize)->start(), window.end() - kPageSize);
    const auto outside = s.reserve(placement, kPageSize);
    ASSERT_TRUE(outside.has_value());
    EXPECT_FALSE(window.contains(outside->start()));
    ASSERT_TRUE(s.release(outside->start()));
  }
  // A window that the space does not reach, and one that is larger than it.
  EXPECT_TRUE(s.reserve(Placement::near(s.bounds().end() + kWindow, kWindow), kPageSize));
  EXPECT_TRUE(s.reserve(Placement::near(VirtualAddress(0), std::uint64_t{1} << 63), kPageSize));
  EXPECT_EQ(
      s.reserve(Placement::near(VirtualAddress(0), kWindow, 3 * kPageSize), kPageSize).error(),
      SpaceError::kUnaligned);
  EXPECT_TRUE(s.reserve(Placement::near(VirtualAddress(0), kPageSize), 2 * kWindow));
}

TEST_P(PlacementTest, NearBeginsInTheWindowAndWidensItByAPageTable) {
  const unsigned number = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(number));
  AddressSpace& s = create(seed_from(number));
  constexpr std::uint64_t kWindow = std::uint64_t{1} << 24;
  const VirtualRange window(VirtualAddress(5 * kWindow), kWindow);
  const Placement placement = Placement::near(window.start() + kPageSize, kWindow);
  // Larger than the window, and at its last place.
  for (int i = 0; i < 100; ++i) {
    const VirtualRange range = *s.reserve(placement, 2 * kWindow);
    ASSERT_TRUE(window.contains(range.start()));
    ASSERT_TRUE(s.release(range.start()));
  }
  ASSERT_TRUE(s.reserve(Placement::at(window.start()), kWindow - kPageSize));
  EXPECT_EQ(s.reserve(placement, 2 * kWindow)->start(), window.end() - kPageSize);
  const VirtualRange wider(window.start().align_down(kWindow << 9), kWindow << 9);
  for (int i = 0; i < 100; ++i) {
    const VirtualRange range = *s.reserve(placement, kPageSize);
    ASSERT_TRUE(wider.contains(range.start()));
    ASSERT_FALSE(window.contains(range.start()));
    ASSERT_TRUE(s.release(range.start()));
  }
}

TEST_P(PlacementTest, WithoutASeedNearIsTheLowestPlaceToo) {
  AddressSpace& s = create(std::nullopt);
  const Placement near = Placement::near(s.bounds().end() - kPageSize, std::uint64_t{1} << 36);
  EXPECT_EQ(s.reserve(near, kPageSize)->start(), s.bounds().start());
}

/// Gaps are chosen by how many places they have.
TEST_P(PlacementTest, GapsAreWeightedByTheirPlaces) {
  const unsigned number = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(number));
  AddressSpace& s = create(seed_from(number));
  // Two gaps of a twelfth and a quarter of the space; each draw finds free places one time of
  // three.
  const std::uint64_t part = s.bounds().size() / 12 / kPageSize * kPageSize;
  const VirtualAddress start = s.bounds().start();
  ASSERT_TRUE(s.reserve(Placement::at(start), 2 * part));
  const VirtualAddress second = start + 3 * part;
  const VirtualAddress third = start + 8 * part;
  ASSERT_TRUE(s.reserve(Placement::at(second), 5 * part));
  ASSERT_TRUE(s.reserve(Placement::at(third + 3 * part), (s.bounds().end() - third) - 3 * part));
  std::vector<double> counts(4);
  constexpr int kDraws = 12000;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t at = draw(s, kPageSize, kPageSize);
    const bool in_first = at < second.value();
    ++counts[in_first ? 0 : 1 + (at - third.value()) / part];
  }
  // Eight throws find it 96 times of 100; the rest goes to the gap above the last throw.
  for (const double count : counts) EXPECT_NEAR(count, kDraws / 4.0, kDraws / 4.0 * 0.1);
}

/// A space with the given number of regions between which there is nothing, but for one gap.
TEST_P(PlacementTest, TheOnlyGapIsFoundWhereverItIs) {
  const unsigned number = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(number));
  std::mt19937 random(number);
  constexpr std::uint64_t kRegions = 40;
  for (std::uint64_t gap = 0; gap <= kRegions; ++gap) {
    AddressSpace& s = create(seed_from(static_cast<unsigned>(random())));
    const std::uint64_t width = s.bounds().size() / kRegions / kPageSize * kPageSize;
    const std::uint64_t pages = 1 + random() % 4;
    VirtualAddress at = s.bounds().start();
    VirtualRange hole(at, 0);
    for (std::uint64_t i = 0; i <= kRegions; ++i) {
      if (i == gap) {
        hole = VirtualRange(at, pages * kPageSize);
        at = hole.end();
      }
      const VirtualAddress end =
          i == kRegions ? s.bounds().end() : s.bounds().start() + (i + 1) * width;
      if (at >= end) continue;
      ASSERT_TRUE(s.reserve(Placement::at(at), end - at));
      at = end;
    }
    ASSERT_EQ(s.usage().reserved_bytes + hole.size(), s.bounds().size());
    EXPECT_EQ(s.reserve(Placement::anywhere(), hole.size() + kPageSize).error(),
              SpaceError::kNoRoom);
    const auto found = s.reserve(Placement::anywhere(), hole.size());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(*found, hole);
    EXPECT_EQ(s.reserve(Placement::anywhere(), kPageSize).error(), SpaceError::kNoRoom);
    EXPECT_EQ(s.reserve(Placement::lowest(), kPageSize).error(), SpaceError::kNoRoom);
    ASSERT_TRUE(s.release(hole.start()));
    for (std::uint64_t i = 0; i < pages; ++i)
      EXPECT_TRUE(s.reserve(Placement::anywhere(), kPageSize));
    EXPECT_EQ(s.usage().reserved_bytes, s.bounds().size());
  }
}

TEST_P(PlacementTest, AGapThatFitsByLuckIsFound) {
  AddressSpace& s = create(seed_from(std::random_device()()));
  const std::uint64_t large = std::uint64_t{2} << 20;
  // Exactly one aligned stretch, and a gap as wide that is not aligned.
  const VirtualAddress aligned(std::uint64_t{64} * large);
  const VirtualAddress skewed(std::uint64_t{32} * large + kPageSize);
  const auto fill = [&](VirtualAddress from, VirtualAddress to) {
    ASSERT_TRUE(s.reserve(Placement::at(from), to - from));
  };
  fill(s.bounds().start(), skewed);
  fill(skewed + large, aligned);
  fill(aligned + large, s.bounds().end());
  EXPECT_EQ(s.reserve(Placement::anywhere(large), large)->start(), aligned);
  EXPECT_EQ(s.reserve(Placement::anywhere(large), large).error(), SpaceError::kNoRoom);
  EXPECT_EQ(s.reserve(Placement::anywhere(), large)->start(), skewed);
}

INSTANTIATE_TEST_SUITE_P(Modes, PlacementTest, test::kAllModes, test::mode_name);

}  // namespace
}  // namespace quoll::vm
