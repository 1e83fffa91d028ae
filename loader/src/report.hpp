// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// One line on the console, put together from pieces: what a loader has to say.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quoll::loader {

/// A number to be printed in hexadecimal, with 0x.
struct Hex {
  std::uint64_t value = 0;
};

/// A line of bounded length; what does not fit is cut off.
class Line {
 public:
  Line& operator<<(std::string_view text) noexcept {
    for (const char c : text) put(c);
    return *this;
  }
  Line& operator<<(Hex number) noexcept {
    *this << "0x";
    int shift = 60;
    while (shift > 0 && (number.value >> shift & 15) == 0) shift -= 4;
    for (; shift >= 0; shift -= 4) put("0123456789abcdef"[number.value >> shift & 15]);
    return *this;
  }
  Line& operator<<(std::unsigned_integral auto number) noexcept {
    std::array<char, 20> digits{};
    std::size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    while (count > 0) put(digits[--count]);
    return *this;
  }

  std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  void put(char c) noexcept {
    if (size_ < text_.size()) text_[size_++] = c;
  }

  std::array<char, 200> text_{};
  std::size_t size_ = 0;
};

/// Prints `quoll: ` and the line.
void print(const Line& line) noexcept;

/// Prints the line and stops the machine: through the test device if it is known, else through
/// the firmware, else for ever in `wfi`.
[[noreturn]] void stop(const Line& line) noexcept;

/// Makes the test device at this physical address known to `stop`.
void set_test_device(std::uint64_t address) noexcept;

/// Something goes on in a way that its owner should know.
template <typename... Pieces>
void warn(const Pieces&... pieces) noexcept {
  Line line;
  line << "loader: warning: ";
  (line << ... << pieces);
  print(line);
}

/// The boot cannot go on.
template <typename... Pieces>
[[noreturn]] void fail(const Pieces&... pieces) noexcept {
  Line line;
  line << "loader: ";
  (line << ... << pieces) << "; stopping";
  stop(line);
}

}  // namespace quoll::loader
