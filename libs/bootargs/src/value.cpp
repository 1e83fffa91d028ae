// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <limits>

#include <quoll/base/checked.hpp>
#include <quoll/base/printable.hpp>
#include <quoll/bootargs/value.hpp>

namespace quoll::bootargs {
namespace {

constexpr Word kByteUnits[] = {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};
constexpr Word kTimeUnits[] = {{"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}};
constexpr Word kNoUnit[] = {{"", 1}};

std::span<const Word> factors(Unit unit) noexcept {
  switch (unit) {
    case Unit::kBytes:
      return kByteUnits;
    case Unit::kTime:
      return kTimeUnits;
    case Unit::kNone:
      break;
  }
  return kNoUnit;
}

/// The value of a digit; 16 for what is none.
unsigned digit_value(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  const auto lower = static_cast<unsigned char>(static_cast<unsigned char>(c) | 0x20u);
  if (lower >= 'a' && lower <= 'f') return lower - unsigned{'a'} + 10;
  return 16;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text, Unit unit) noexcept {
  unsigned base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::optional<std::uint64_t> number;
  for (; !text.empty() && digit_value(text.front()) < base; text.remove_prefix(1)) {
    const auto shifted = base::checked_mul<std::uint64_t>(number.value_or(0), base);
    if (!shifted) return std::nullopt;
    number = base::checked_add<std::uint64_t>(*shifted, digit_value(text.front()));
    if (!number) return std::nullopt;
  }
  if (!number) return std::nullopt;
  if (*number == 0 && text.empty()) return 0;
  const auto factor = parse_word(text, factors(unit));
  if (!factor) return std::nullopt;
  return base::checked_mul<std::uint64_t>(*number, *factor);
}

std::optional<bool> parse_switch(std::string_view text) noexcept {
  if (text == "on") return true;
  if (text == "off") return false;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_word(std::string_view text,
                                        std::span<const Word> words) noexcept {
  for (const Word& word : words) {
    if (word.text == text) return word.meaning;
  }
  return std::nullopt;
}

bool is_list(std::string_view text) noexcept {
  return !text.empty() && text.front() != ',' && text.back() != ',' &&
         text.find(",,") == std::string_view::npos;
}

bool is_printable(std::string_view text) noexcept {
  while (!text.empty()) {
    const base::Character character = base::first_character(text);
    if (!base::is_printable(character)) return false;
    text.remove_prefix(character.length);
  }
  return true;
}

}  // namespace quoll::bootargs
