// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <string>

#include <quoll/backtrace/print.hpp>

#include "table_builder.hpp"

namespace quoll::backtrace {
namespace {

std::string printed;
void keep(std::string_view text) noexcept {
  printed += text;
}

std::string print(Style style, std::uint64_t pc, std::uint64_t position, const Symbols* symbols) {
  printed.clear();
  print_frame(&keep, style, 7, pc, position, symbols);
  return printed;
}

TEST(PrintFrame, ShortStyleMarksInlinedFunctions) {
  const auto table = small_table();
  const auto symbols = Symbols::open(table);
  ASSERT_TRUE(symbols);
  EXPECT_EQ(print(Style::kShort, 0x8000101A, 0x1019, &*symbols),
            "     7 inner at b/middle.hpp:40 (inlined)\n"
            "       middle at b/middle.hpp:33 (inlined)\n"
            "       outer at a/outer.cpp:12\n");
}

TEST(PrintFrame, FullStyleHasTheAddress) {
  const auto table = small_table();
  const auto symbols = Symbols::open(table);
  ASSERT_TRUE(symbols);
  EXPECT_EQ(print(Style::kFull, 0x8000104A, 0x1049, &*symbols),
            "     7 0x000000008000104a plain\n");
}

TEST(PrintFrame, AddressStandsForWhatIsNotKnown) {
  const auto table = small_table();
  const auto symbols = Symbols::open(table);
  ASSERT_TRUE(symbols);
  EXPECT_EQ(print(Style::kShort, 0x80009000, 0x9000, &*symbols), "     7 0x0000000080009000\n");
  EXPECT_EQ(print(Style::kShort, 0x80001000, 0x1000, nullptr), "     7 0x0000000080001000\n");
}

TEST(PrintFrame, OffPrintsNothing) {
  EXPECT_EQ(print(Style::kOff, 0x1000, 0x1000, nullptr), "");
}

}  // namespace
}  // namespace quoll::backtrace
