// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// ASIDs against a model of what harts have cached under them.
#include <algorithm>
#include <array>
#include <cstdint>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <quoll/kernel/mem/asid.hpp>

namespace quoll::vm {
namespace {

/// Which space's translations a hart has, under each ASID.
struct ModelHart {
  std::map<std::uint16_t, std::size_t> cached;
  std::size_t space = 0;
  std::uint16_t asid = kUntagged;
};

class AsidTest : public testing::TestWithParam<std::tuple<unsigned, unsigned>> {
 protected:
  void enter(unsigned hart, std::size_t space) {
    const AsidAllocator::Entered entered = asids.enter(tags[space], hart);
    ModelHart& model = harts[hart];
    if (entered.must_forget) {
      model.cached.clear();
      ++forgotten;
    }
    model.space = space;
    model.asid = entered.asid;
    if (entered.asid == kUntagged) return;
    ASSERT_LE(entered.asid, asids.capacity());
    ASSERT_EQ(tags[space].asid(), entered.asid);
    const auto [known, is_new] = model.cached.emplace(entered.asid, space);
    ASSERT_EQ(known->second, space) << "hart " << hart << " finds another space's translations";
    for (unsigned other = 0; other < harts.size(); ++other) {
      if (other == hart || harts[other].asid == kUntagged) continue;
      // A shootdown names one ASID for all harts.
      ASSERT_EQ(harts[other].asid == entered.asid, harts[other].space == space);
    }
  }
  void leave(unsigned hart) {
    asids.leave(hart);
    harts[hart].asid = kUntagged;
  }

  const unsigned bits = std::get<0>(GetParam());
  AsidAllocator asids{bits};
  std::vector<AsidTag> tags{std::size_t{3} * ((std::size_t{1} << std::min(bits, 4U)) + 1)};
  std::vector<ModelHart> harts{std::get<1>(GetParam())};
  unsigned forgotten = 0;
};

TEST_P(AsidTest, NoHartFindsTranslationsOfAnotherSpace) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (unsigned step = 0; step < 20'000 && !HasFatalFailure(); ++step) {
    const auto hart = static_cast<unsigned>(random() % harts.size());
    if (random() % 8 == 0) {
      leave(hart);
    } else {
      enter(hart, random() % tags.size());
    }
  }
  if (asids.capacity() == 0) {
    EXPECT_EQ(asids.generation(), 1u);
    EXPECT_EQ(forgotten, 0u);
  }
  // Every hart forgets once per generation, and no more.
  EXPECT_LE(forgotten, (asids.generation() - 1) * harts.size());
  if (bits == 1 || bits == 2) EXPECT_GT(asids.generation(), 10u);
}

/// More ASIDs than harts, and more harts than one.
class ManyAsidsTest : public AsidTest {};

TEST_P(ManyAsidsTest, KeepsTheAsidsOfRunningSpacesWhenAGenerationEnds) {
  enter(0, 0);
  const std::uint16_t mine = harts[0].asid;
  std::vector<AsidTag> many(std::size_t{3} * asids.capacity());
  const unsigned last = static_cast<unsigned>(harts.size()) - 1;
  for (AsidTag& tag : many) ASSERT_NE(asids.enter(tag, last).asid, mine);
  EXPECT_EQ(asids.generation(), 4u);
  EXPECT_EQ(asids.enter(tags[0], last).asid, mine);
  EXPECT_TRUE(asids.enter(tags[0], 0).must_forget);
  EXPECT_FALSE(asids.enter(tags[0], 0).must_forget);
}

/// Fewer ASIDs than harts.
class FewAsidsTest : public AsidTest {};

TEST_P(FewAsidsTest, HartsThatOutnumberAsidsDoNotMakeEachOtherForget) {
  enter(0, 0);
  ASSERT_NE(harts[0].asid, kUntagged);
  for (std::size_t round = 0; round < 100; ++round) {
    enter(1, 1 + round % 2);
    EXPECT_EQ(harts[1].asid, kUntagged);
  }
  EXPECT_EQ(asids.generation(), 1u);
  leave(0);
  enter(1, 1);
  EXPECT_NE(harts[1].asid, kUntagged);
}

std::string name_of(const testing::TestParamInfo<AsidTest::ParamType>& info) {
  return std::to_string(std::get<0>(info.param)) + "Bits" +
         std::to_string(std::get<1>(info.param)) + "Harts";
}
INSTANTIATE_TEST_SUITE_P(Widths, AsidTest,
                         testing::Combine(testing::Values(0U, 1U, 2U, 16U),
                                          testing::Values(1U, 2U, 3U, 4U)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Widths, ManyAsidsTest,
                         testing::Combine(testing::Values(16U), testing::Values(2U, 3U, 4U)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Widths, FewAsidsTest,
                         testing::Combine(testing::Values(1U), testing::Values(2U, 3U, 4U)),
                         name_of);

/// As many harts as there can be, and one ASID less.
TEST(Asid, TheLastHartDoesNotMakeAllOthersForget) {
  AsidAllocator asids(6);
  ASSERT_EQ(asids.capacity() + 1, sync::kMaxHarts);
  std::vector<AsidTag> tags(sync::kMaxHarts + 1);
  for (unsigned hart = 0; hart + 1 < sync::kMaxHarts; ++hart) {
    EXPECT_NE(asids.enter(tags[hart], hart).asid, kUntagged);
  }
  for (unsigned round = 0; round < 10; ++round) {
    EXPECT_EQ(asids.enter(tags[sync::kMaxHarts - 1 + round % 2], sync::kMaxHarts - 1).asid,
              kUntagged);
  }
  EXPECT_EQ(asids.generation(), 1u);
  asids.leave(0);
  EXPECT_NE(asids.enter(tags[sync::kMaxHarts - 1], sync::kMaxHarts - 1).asid, kUntagged);
}

TEST(Asid, MoreBitsThanSatpHasAreSixteen) {
  AsidAllocator asids(64);
  EXPECT_EQ(asids.bits(), 16u);
  EXPECT_EQ(asids.capacity(), 0xffffu);
}

// k23: the bitmap of (max + 1) / 8 bytes is empty with 0 bits, and indexed all the same.
TEST(KnownDefects, AsidBitmapIsEmptyWithZeroBits) {
  AsidAllocator asids(0);
  std::array<AsidTag, 3> tags;
  for (unsigned round = 0; round < 100; ++round) {
    const auto entered = asids.enter(tags[round % tags.size()], round % 4);
    ASSERT_EQ(entered.asid, kUntagged);
    ASSERT_FALSE(entered.must_forget);
  }
  asids.leave(0);
  EXPECT_EQ(asids.generation(), 1u);
}

// k23: the search for a free ASID runs past the largest that the machine has.
TEST(KnownDefects, AsidLoopIgnoresTheMaximum) {
  for (unsigned bits = 1; bits <= 12; ++bits) {
    AsidAllocator asids(bits);
    std::vector<AsidTag> tags(5U << bits);
    for (AsidTag& tag : tags) {
      const std::uint16_t asid = asids.enter(tag, 0).asid;
      ASSERT_LE(asid, (1U << bits) - 1) << bits << " bits";
      asids.leave(0);
    }
  }
}

}  // namespace
}  // namespace quoll::vm
