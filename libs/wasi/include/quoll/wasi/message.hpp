// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Message: one line for a person, put together without allocating.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace quoll::wasi {

/// A line of text of bounded length; what does not fit is cut off before its newline.
class Message {
 public:
  /// Adds text as it is: our own words.
  Message& text(std::string_view words);
  /// Adds text that a module supplied: bytes that are no printable characters of UTF-8 appear as
  /// \xNN, and a very long name is cut.
  Message& name(std::string_view words);
  /// Adds a number, with spaces in front up to `width` places.
  Message& decimal(std::uint64_t value, unsigned width = 0);
  Message& hexadecimal(std::uint64_t value);

  Message& padding(unsigned places);

  /// The line with its newline.
  std::span<const std::byte> line();

 private:
  static constexpr std::size_t kCapacity = 512;
  static constexpr std::size_t kLongestName = 160;

  void put(char letter);
  void put_escaped(char letter);
  void number(std::uint64_t value, unsigned radix, unsigned width = 0);

  std::array<char, kCapacity> letters_{};
  std::size_t length_ = 0;
};

}  // namespace quoll::wasi
