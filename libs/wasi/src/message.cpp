// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/base/printable.hpp>
#include <quoll/wasi/message.hpp>

namespace quoll::wasi {

Message& Message::text(std::string_view words) {
  for (const char letter : words) put(letter);
  return *this;
}

Message& Message::name(std::string_view words) {
  for (std::size_t at = 0; at < words.size();) {
    const base::Character character = base::first_character(words.substr(at));
    if (at + character.length > kLongestName) return text("...");
    for (const char letter : words.substr(at, character.length)) {
      if (base::is_printable(character)) {
        put(letter);
      } else {
        put_escaped(letter);
      }
    }
    at += character.length;
  }
  return *this;
}

Message& Message::decimal(std::uint64_t value, unsigned width) {
  number(value, 10, width);
  return *this;
}

Message& Message::padding(unsigned places) {
  for (; places > 0; --places) put(' ');
  return *this;
}

Message& Message::hexadecimal(std::uint64_t value) {
  text("0x");
  number(value, 16);
  return *this;
}

std::span<const std::byte> Message::line() {
  letters_[length_] = '\n';
  return std::as_bytes(std::span(letters_).first(length_ + 1));
}

void Message::put_escaped(char letter) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<std::uint8_t>(letter);
  text("\\x");
  put(kDigits[byte >> 4]);
  put(kDigits[byte & 0xfu]);
}

// The last place is the newline's.
void Message::put(char letter) {
  if (length_ < kCapacity - 1) letters_[length_++] = letter;
}

void Message::number(std::uint64_t value, unsigned radix, unsigned width) {
  std::array<char, 20> digits{};
  std::size_t count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % radix];
    value /= radix;
  } while (value != 0);
  if (count < width) padding(static_cast<unsigned>(width - count));
  while (count > 0) put(digits[--count]);
}

}  // namespace quoll::wasi
