// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "line_discipline.hpp"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace quoll::device {
namespace {

class LineDisciplineTest : public ::testing::Test {
 protected:
  /// Types keys; what came back as echo.
  std::string type(std::string_view keys) {
    std::string echo;
    for (const char key : keys) {
      const KeyEffect effect = lines_.key(static_cast<std::uint8_t>(key));
      echo += effect.echo;
      interrupts_ += effect.interrupt ? 1 : 0;
    }
    return echo;
  }
  std::string read(std::size_t most = 4096) {
    EXPECT_TRUE(lines_.readable());
    std::string text(most, '?');
    text.resize(lines_.read(std::as_writable_bytes(std::span(text))));
    return text;
  }
  LineDiscipline lines_;
  int interrupts_ = 0;
};

TEST_F(LineDisciplineTest, ALineComesWhole) {
  EXPECT_EQ(type("hell"), "hell");
  EXPECT_FALSE(lines_.readable());
  EXPECT_EQ(type("o\r"), "o\r\n");
  EXPECT_EQ(read(), "hello\n");
  EXPECT_FALSE(lines_.readable());
}

TEST_F(LineDisciplineTest, LongLinesAreReadInPieces) {
  type("abcdef\nxy");
  EXPECT_EQ(read(4), "abcd");
  EXPECT_EQ(read(4), "ef\n");
  EXPECT_FALSE(lines_.readable());
  type("z\n");
  EXPECT_EQ(read(), "xyz\n");
}

TEST_F(LineDisciplineTest, ErasingStopsAtTheStartOfTheLine) {
  type("ab\n");
  EXPECT_EQ(type("c\x7f\x7f\x08"), "c\b \b");
  type("d\n");
  EXPECT_EQ(read(), "ab\nd\n");
}

TEST_F(LineDisciplineTest, AWholeLineCanBeTakenBack) {
  type("wrong\x15right\n");
  EXPECT_EQ(read(), "right\n");
}

TEST_F(LineDisciplineTest, EndOfFileIsSaidOnce) {
  type("\x04");
  EXPECT_EQ(read(), "");
  EXPECT_FALSE(lines_.readable());
}

TEST_F(LineDisciplineTest, TheEndOfFileKeySendsAnUnfinishedLine) {
  type("ab\x04");
  EXPECT_EQ(read(), "ab");
  EXPECT_FALSE(lines_.readable());
}

// A later line that was sent the same way took the end of file back.
TEST_F(LineDisciplineTest, AnEndOfFileIsNotForgotten) {
  type(
      "\x04"
      "ab\x04");
  EXPECT_EQ(read(), "ab");
  EXPECT_EQ(read(), "");
}

TEST_F(LineDisciplineTest, TheInterruptKeyDropsTheLine) {
  EXPECT_EQ(type("abc\x03"), "abc^C\r\n");
  EXPECT_EQ(interrupts_, 1);
  type("d\n");
  EXPECT_EQ(read(), "d\n");
}

TEST_F(LineDisciplineTest, OtherControlKeysAreIgnored) {
  EXPECT_EQ(type(std::string_view("\x00\x01\x1b\tx", 5)), "\tx");
}

TEST_F(LineDisciplineTest, AFullLineCanStillBeEnded) {
  type(std::string(5000, 'x'));
  type("\n");
  EXPECT_EQ(read(5000), std::string(LineDiscipline::kCapacity - 1, 'x') + "\n");
  type("again\n");
  EXPECT_EQ(read(), "again\n");
}

TEST_F(LineDisciplineTest, SurvivesAnyKeys) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int step = 0; step < 200'000; ++step) {
    (void)lines_.key(static_cast<std::uint8_t>(random() % 3 == 0 ? random() : '\n' + random() % 4));
    if (random() % 8 == 0 && lines_.readable()) ASSERT_LE(read(random() % 300 + 1).size(), 300u);
  }
}

}  // namespace
}  // namespace quoll::device
