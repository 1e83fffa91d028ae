// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Records as lines of text: few enough for a console, exact enough for `tools/trace`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/trace/ring.hpp>

namespace quoll::trace {

/// The words for numbers that this room does not know. Any may be empty.
struct Vocabulary {
  std::span<const std::string_view> syscalls;
  std::span<const std::string_view> errors;
  std::span<const std::string_view> causes;
  /// The name behind a `text_key`; empty when there is none.
  std::string_view (*text)(std::uint32_t key) noexcept = nullptr;

  std::string_view name_of(Kind kind, std::uint64_t value) const noexcept;
};

/// Enough for every event's line.
inline constexpr std::size_t kMaxTextLine = 256;

/// Writes one line with its newline:
/// `trace: hart 1 #77 123456 slice why=ended name=boot task=1 begin=123400`. Times are ticks.
std::size_t format_record(std::span<char> out, unsigned hart, const Record& record,
                          const Vocabulary& words) noexcept;

/// The name of a choice; empty when the field has none for that value.
std::string_view choice_name(std::string_view choices, std::uint64_t value) noexcept;

}  // namespace quoll::trace
