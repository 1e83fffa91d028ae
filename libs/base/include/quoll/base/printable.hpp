// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Text that somebody else supplied, on its way to a terminal: which characters of it are harmless.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace quoll::base {

/// The character that a text begins with. A byte that begins none is one of length 1.
struct Character {
  char32_t point = 0;
  std::size_t length = 1;
  bool is_well_formed = false;  ///< UTF-8: no overlong form, surrogate or value past U+10FFFF
};

/// Reads the first character. *Requires*: a text that is not empty.
constexpr Character first_character(std::string_view text) noexcept {
  const auto lead = static_cast<std::uint8_t>(text.front());
  if (lead < 0x80) return {lead, 1, true};
  const auto ones = static_cast<unsigned>(std::countl_one(lead));
  if (ones < 2 || ones > 4 || text.size() < ones) return {lead, 1, false};
  char32_t point = lead & (0x7fu >> ones);
  for (unsigned i = 1; i < ones; ++i) {
    const auto next = static_cast<std::uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return {lead, 1, false};
    point = point << 6 | (next & 0x3fu);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[ones] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
    return {lead, 1, false};
  }
  return {point, ones, true};
}

/// Whether a terminal shows a character and does nothing else: no control character of either
/// set, nothing that is invisible or turns the direction of writing, no non-character.
constexpr bool is_printable(char32_t point) noexcept {
  struct Range {
    char32_t first;
    char32_t last;
  };
  constexpr Range kOthers[] = {{0x00, 0x1f},     {0x7f, 0x9f},      {0x61c, 0x61c},
                               {0x180e, 0x180e}, {0x200b, 0x200f},  {0x2028, 0x202e},
                               {0x2060, 0x206f}, {0xfdd0, 0xfdef},  {0xfeff, 0xfeff},
                               {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}};
  for (const Range& range : kOthers) {
    if (point >= range.first && point <= range.last) return false;
  }
  return (point & 0xfffe) != 0xfffe;
}

/// Whether a character of a foreign text may go to a terminal as it is.
constexpr bool is_printable(const Character& character) noexcept {
  return character.is_well_formed && is_printable(character.point);
}

/// Replaces each byte of what is not printable by '?', in place.
constexpr void make_printable(std::span<char> text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const Character character = first_character({text.data() + at, text.size() - at});
    if (!is_printable(character)) {
      for (std::size_t i = 0; i < character.length; ++i) text[at + i] = '?';
    }
    at += character.length;
  }
}

}  // namespace quoll::base
