// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>

#include <quoll/backtrace/symbols.hpp>

#include "table_builder.hpp"

namespace quoll::backtrace {
namespace {

std::string show(const Place& place) {
  return std::string(place.function) + " " + std::string(place.directory) + "/" +
         std::string(place.file) + ":" + std::to_string(place.line);
}

// In memory of exactly its size, so that a read past the end is seen.
struct Exact {
  explicit Exact(std::span<const std::byte> from)
      : bytes(std::make_unique<std::byte[]>(from.size())), size(from.size()) {
    if (size != 0) std::memcpy(bytes.get(), from.data(), size);
  }
  std::span<const std::byte> span() const { return {bytes.get(), size}; }
  std::unique_ptr<std::byte[]> bytes;
  std::size_t size;
};

// Everything that a table of any content must survive.
void try_everything(std::span<const std::byte> table) {
  const Exact exact(table);
  const auto symbols = Symbols::open(exact.span());
  if (!symbols) return;
  for (std::uint64_t address = 0xFF0; address < 0x1060; ++address) {
    const auto location = symbols->find(address);
    if (!location) continue;
    ASSERT_GE(location->count, 1U);
    ASSERT_LE(location->count, Location::kMaxPlaces);
    for (const Place& place : location->all()) {
      for (const std::string_view text : {place.function, place.directory, place.file}) {
        if (text.empty()) continue;
        const auto* const data = std::bit_cast<const std::byte*>(text.data());
        ASSERT_GE(data, exact.span().data());
        ASSERT_LE(data + text.size(), exact.span().data() + exact.size);
      }
    }
  }
  (void)symbols->find(0);
  (void)symbols->find(~std::uint64_t{0});
}

TEST(Symbols, NamesFunctionFileAndLine) {
  const auto table = small_table();
  const auto symbols = Symbols::open(table);
  ASSERT_TRUE(symbols);
  EXPECT_EQ(symbols->function_count(), 2U);
  const auto first = symbols->find(0x1000);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->count, 1U);
  EXPECT_EQ(show(first->places[0]), "outer a/outer.cpp:10");
  const auto last = symbols->find(0x103F);
  ASSERT_TRUE(last);
  ASSERT_EQ(last->count, 1U);
  EXPECT_EQ(show(last->places[0]), "outer a/outer.cpp:14");
  EXPECT_EQ(last->function_start, 0x1000U);
}

TEST(Symbols, InlinedFunctionsComeInnermostFirst) {
  const auto table = small_table();
  const auto symbols = Symbols::open(table);
  ASSERT_TRUE(symbols);
  const auto two = symbols->find(0x1011);
  ASSERT_TRUE(two);
  ASSERT_EQ(two->count, 2U);
  EXPECT_EQ(show(two->places[0]), "middle a/outer.cpp:11");
  EXPECT_EQ(show(two->places[1]), "outer a/outer.cpp:12");
  const auto three = symbols->find(0x101F);
  ASSERT_TRUE(three);
  ASSERT_EQ(three->count, 3U);
  EXPECT_EQ(show(three->places[0]), "inner b/middle.hpp:40");
  EXPECT_EQ(show(three->places[1]), "middle b/middle.hpp:33");
  EXPECT_EQ(show(three->places[2]), "outer a/outer.cpp:12");
}

TEST(Symbols, FunctionWithoutLinesHasAName) {
  const auto table = small_table();
  const auto symbols = Symbols::open(table);
  ASSERT_TRUE(symbols);
  const auto location = symbols->find(0x104F);
  ASSERT_TRUE(location);
  EXPECT_EQ(show(location->places[0]), "plain /:0");
}

TEST(Symbols, NothingIsKnownOutsideFunctions) {
  const auto table = small_table();
  const auto symbols = Symbols::open(table);
  ASSERT_TRUE(symbols);
  EXPECT_FALSE(symbols->find(0));
  EXPECT_FALSE(symbols->find(0xFFF));
  EXPECT_FALSE(symbols->find(0x1050));
  EXPECT_FALSE(symbols->find(~std::uint64_t{0}));
}

TEST(Symbols, RefusesWhatIsNoTable) {
  EXPECT_EQ(Symbols::open({}).error(), SymbolsError::kTooShort);
  auto table = small_table();
  table[0] = std::byte{0};
  EXPECT_EQ(Symbols::open(table).error(), SymbolsError::kWrongMagic);
  table = small_table();
  table[4] = std::byte{2};
  EXPECT_EQ(Symbols::open(table).error(), SymbolsError::kWrongVersion);
  table = small_table();
  table[6] = std::byte{3};
  EXPECT_EQ(Symbols::open(table).error(), SymbolsError::kOutOfBounds);
}

TEST(Symbols, SurvivesTruncationAtEveryLength) {
  const auto table = small_table();
  for (std::size_t size = 0; size <= table.size(); ++size) {
    try_everything(std::span(table).first(size));
  }
}

TEST(Symbols, SurvivesEveryFlippedBit) {
  const auto table = small_table();
  for (std::size_t bit = 0; bit < table.size() * 8; ++bit) {
    auto flipped = table;
    flipped[bit / 8] ^= std::byte(1U << (bit % 8));
    try_everything(flipped);
  }
}

TEST(Symbols, SurvivesRandomBytes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto table = small_table();
  for (int round = 0; round < 5000; ++round) {
    auto broken = table;
    const unsigned changes = random() % 20 + 1;
    for (unsigned i = 0; i < changes; ++i) {
      // The first bytes decide whether it is looked at at all.
      broken[8 + random() % (broken.size() - 8)] = std::byte(random() & 0xFF);
    }
    try_everything(broken);
  }
}

}  // namespace
}  // namespace quoll::backtrace
