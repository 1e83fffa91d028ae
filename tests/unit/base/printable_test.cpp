// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What of a foreign text may reach a terminal.
#include <gtest/gtest.h>
#include <string>

#include <quoll/base/printable.hpp>

namespace quoll::base {
namespace {

std::string printable(std::string text) {
  make_printable(text);
  return text;
}

std::string encoded(char32_t point) {
  std::string out;
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | point >> 18);
    out += static_cast<char>(0x80 | (point >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
  }
  out += static_cast<char>(0x80 | (point & 0x3f));
  return out;
}

TEST(Printable, ReadsEveryCharacterThatUtf8CanWrite) {
  for (char32_t point = 0; point <= 0x10ffff; ++point) {
    const std::string text = encoded(point) + "x";
    const Character character = first_character(text);
    const bool surrogate = point >= 0xd800 && point < 0xe000;
    ASSERT_EQ(character.is_well_formed, !surrogate) << std::hex << static_cast<unsigned>(point);
    if (surrogate) continue;
    ASSERT_EQ(character.point, point);
    ASSERT_EQ(character.length, text.size() - 1);
    // Cut short it is no character.
    if (text.size() > 2) {
      ASSERT_FALSE(first_character(text.substr(0, text.size() - 2)).is_well_formed);
    }
  }
}

TEST(Printable, KnowsOverlongFormsForWhatTheyAre) {
  for (const char* text :
       {"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff"}) {
    EXPECT_FALSE(first_character(text).is_well_formed) << text;
  }
}

TEST(Printable, KeepsTextOfAnyLanguage) {
  for (const char* text :
       {"main", "größe", "λ→ξ", "日本語", "std::vector<int>::at(unsigned)", "🦀"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, ControlCharactersOfBothSetsAreReplaced) {
  for (unsigned byte = 0; byte < 0x20; ++byte) {
    EXPECT_EQ(printable(std::string(1, static_cast<char>(byte))), "?");
  }
  EXPECT_EQ(printable("\x7f"), "?");
  for (unsigned byte = 0x80; byte < 0xa0; ++byte) {
    const char raw = static_cast<char>(byte);
    EXPECT_EQ(printable(std::string(1, raw)), "?") << "alone, as a terminal of eight bits takes it";
    EXPECT_EQ(printable(std::string("\xc2") + raw), "??") << "as UTF-8";
  }
  EXPECT_EQ(printable("a\xc2\x9b"
                      "31mb"),
            "a??31mb");
}

TEST(Printable, WhatTurnsTheWritingAroundOrCannotBeSeenIsReplaced) {
  for (const char* text : {"\u200b", "\u200f", "\u2028", "\u202e", "\u2066", "\ufeff", "\uffff"}) {
    EXPECT_EQ(printable(text), "???");
  }
  EXPECT_EQ(printable("\U000e0041"), "????");
}

TEST(Printable, ReplacesNothingButWhatIsBroken) {
  EXPECT_EQ(printable("a\xffz"), "a?z");
  EXPECT_EQ(printable("\xe6\x97"), "??");
  EXPECT_EQ(printable("\xe6\x97x"), "??x");
}

}  // namespace
}  // namespace quoll::base
