// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The table of all arguments, and what is said about them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/bootargs/value.hpp>
#include <quoll/kernel/boot/bootargs.hpp>

namespace quoll::boot {

enum class ArgumentType : std::uint8_t { kText, kList, kNumber, kSwitch, kWord };

/// A value that was understood: a text, or a number (of a switch or word: what it means).
struct Value {
  std::string_view text;
  std::uint64_t number = 0;
};

/// One row of the table.
struct Argument {
  std::string_view name;
  ArgumentType type = ArgumentType::kText;
  std::string_view initial;  ///< the default, as one would write it; empty: none
  std::string_view help;     ///< one line
  bootargs::Unit unit = bootargs::Unit::kNone;
  std::uint64_t least = 0;  ///< of a number
  std::uint64_t most = 0;
  std::span<const bootargs::Word> words = {};
  void (*store)(Arguments& arguments, const Value& value) noexcept = nullptr;
};

/// Every argument that there is, by name.
std::span<const Argument> argument_table() noexcept;

/// What is wrong with a part of the command line.
struct Complaint {
  enum class Problem : std::uint8_t { kUnknown, kNoValue, kQuotes, kUnprintable, kMalformed };
  std::string_view part;  ///< as written
  Problem problem = Problem::kUnknown;
  const Argument* argument = nullptr;  ///< the row it is about, if there is one
};

/// Texts for people, into a buffer of the caller's: the part of it that was used.
///@{
/// `log=x is not known`, or what was expected; printable whatever the part is.
std::string_view describe(const Complaint& complaint, std::span<char> out) noexcept;
/// The kinds of values that an argument takes, such as `on or off`.
std::string_view describe_values(const Argument& argument, std::span<char> out) noexcept;
/// One line with all that the table says.
std::string_view describe(const Argument& argument, std::span<char> out) noexcept;
///@}

/// A buffer for any of them.
inline constexpr std::size_t kMaxDescription = 256;

}  // namespace quoll::boot
