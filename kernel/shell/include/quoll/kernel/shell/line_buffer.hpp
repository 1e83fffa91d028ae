// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// LineBuffer: cuts a stream of typed bytes into lines of bounded length.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace quoll::shell {

/// What a line came to.
struct Line {
  std::string_view text;  ///< without its end; valid until the next call of `next`
  bool too_long = false;  ///< the line was longer than the buffer: `text` is empty
};

/// Bytes go in as they arrive, lines come out. A line that does not fit is dropped whole, up to
/// its end, and reported once. CR, LF and CR LF end a line; backspace and DEL take a byte back.
class LineBuffer {
 public:
  static constexpr std::size_t kMaxLine = 1024;

  /// Takes bytes from `input` up to the end of a line, and returns the line; nothing when `input`
  /// is used up first. What was taken is removed from `input`.
  std::optional<Line> next(std::span<const std::byte>& input) noexcept;

  /// The unfinished last line at end of file; nothing when there is none.
  std::optional<Line> finish() noexcept;

 private:
  Line take() noexcept;

  std::array<char, kMaxLine> buffer_{};
  std::size_t size_ = 0;
  bool too_long_ = false;
  bool taken_ = true;          ///< the content was handed out and is to be dropped
  bool after_return_ = false;  ///< an LF now belongs to the CR before
};

}  // namespace quoll::shell
