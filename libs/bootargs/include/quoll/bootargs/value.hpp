// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Values: what text stands for a number, a word of a set, a switch or a list.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace quoll::bootargs {

/// A word of a set, and what it stands for.
struct Word {
  std::string_view text;
  std::uint64_t meaning = 0;
};

/// What the suffixes of a number mean: none; K, M and G of bytes; ns, us, ms and s of time, in
/// nanoseconds. A number of bytes may go without, a time may not unless it is 0.
enum class Unit : std::uint8_t { kNone, kBytes, kTime };

/// Decimal or `0x` hexadecimal, and a suffix. Nothing for anything else, or past 64 bits.
std::optional<std::uint64_t> parse_number(std::string_view text, Unit unit) noexcept;

/// `on` or `off`.
std::optional<bool> parse_switch(std::string_view text) noexcept;

/// What a word of the set means.
std::optional<std::uint64_t> parse_word(std::string_view text,
                                        std::span<const Word> words) noexcept;

/// Whether it is made of elements with commas between them, none of them empty.
bool is_list(std::string_view text) noexcept;

/// Whether all of it can be shown on a terminal.
bool is_printable(std::string_view text) noexcept;

}  // namespace quoll::bootargs
