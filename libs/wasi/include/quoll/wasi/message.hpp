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
  /// Adds text that a module supplied: whatever is not printable ASCII becomes '?', and a very
  /// long name is cut.
  Message& name(std::string_view words);
  Message& decimal(std::uint64_t value);
  Message& hexadecimal(std::uint64_t value);

  /// The line with its newline.
  std::span<const std::byte> line();

 private:
  static constexpr std::size_t kCapacity = 512;
  static constexpr std::size_t kLongestName = 160;

  void put(char letter);
  void number(std::uint64_t value, unsigned radix);

  std::array<char, kCapacity> letters_{};
  std::size_t length_ = 0;
};

}  // namespace quoll::wasi
