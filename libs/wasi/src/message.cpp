// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/wasi/message.hpp>

namespace quoll::wasi {

Message& Message::text(std::string_view words) {
  for (const char letter : words) put(letter);
  return *this;
}

Message& Message::name(std::string_view words) {
  const bool cut = words.size() > kLongestName;
  for (const char letter : words.substr(0, kLongestName)) {
    put(letter >= ' ' && letter <= '~' ? letter : '?');
  }
  return cut ? text("...") : *this;
}

Message& Message::decimal(std::uint64_t value) {
  number(value, 10);
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

// The last place is the newline's.
void Message::put(char letter) {
  if (length_ < kCapacity - 1) letters_[length_++] = letter;
}

void Message::number(std::uint64_t value, unsigned radix) {
  std::array<char, 20> digits{};
  std::size_t count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % radix];
    value /= radix;
  } while (value != 0);
  while (count > 0) put(digits[--count]);
}

}  // namespace quoll::wasi
