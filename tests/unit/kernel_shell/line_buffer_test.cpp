// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <quoll/kernel/shell/line_buffer.hpp>

namespace quoll::shell {
namespace {

// Feeds `text` in pieces of `piece` bytes; too long lines come out as "<too long>".
std::vector<std::string> lines(const std::string& text, std::size_t piece) {
  LineBuffer buffer;
  std::vector<std::string> out;
  const auto keep = [&](const Line& line) {
    out.push_back(line.too_long ? "<too long>" : std::string(line.text));
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const std::string part = text.substr(at, piece);
    std::span<const std::byte> input = std::as_bytes(std::span(part));
    while (const auto line = buffer.next(input)) keep(*line);
  }
  if (const auto line = buffer.finish()) keep(*line);
  EXPECT_FALSE(buffer.finish());
  return out;
}

using Lines = std::vector<std::string>;

TEST(LineBuffer, CutsAtAnyLineEndHoweverTheBytesArrive) {
  for (std::size_t piece = 1; piece < 12; ++piece) {
    EXPECT_EQ(lines("a\nbb\r\n\rccc\n\nlast", piece), (Lines{"a", "bb", "", "ccc", "", "last"}))
        << piece;
  }
  EXPECT_EQ(lines("", 1), Lines{});
}

TEST(LineBuffer, BackspaceTakesBack) {
  EXPECT_EQ(lines("\bab\x7f\x7f\x7f"
                  "cd\bx\n",
                  3),
            (Lines{"cx"}));
}

TEST(LineBuffer, ReportsALongLineOnceAndGoesOn) {
  const std::string fits(LineBuffer::kMaxLine, 'x');
  EXPECT_EQ(lines(fits + "\nafter\n", 7), (Lines{fits, "after"}));
  EXPECT_EQ(lines(fits + "x\nafter\n", 7), (Lines{"<too long>", "after"}));
  EXPECT_EQ(lines(std::string(10000, 'y'), 512), (Lines{"<too long>"}));
}

}  // namespace
}  // namespace quoll::shell
