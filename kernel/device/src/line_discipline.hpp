// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Keys to lines: echo, erasing, end of file. What a console without a terminal driver needs.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace quoll::device {

/// What a key did, besides changing the line.
struct KeyEffect {
  std::string_view echo;
  bool interrupt = false;
  bool line_ready = false;
};

/// Collects keys into lines and hands whole lines out.
/// *Locking*: the caller's.
class LineDiscipline {
 public:
  static constexpr std::size_t kCapacity = 1024;

  KeyEffect key(std::uint8_t byte) noexcept {
    switch (byte) {
      case 0x03:  // ^C
        line_ = 0;
        return {.echo = "^C\r\n", .interrupt = true};
      case 0x04:  // ^D: what there is of the line, or the end
        if (line_ == 0) end_of_file_ = true;
        commit();
        return {.echo = {}, .line_ready = true};
      case 0x08:
      case 0x7f:
        if (line_ == 0) return {};
        --line_;
        return {.echo = "\b \b"};
      case 0x15: {  // ^U
        line_ = 0;
        return {.echo = "\r\n"};
      }
      case '\r':
      case '\n':
        if (!push('\n')) return {};
        commit();
        return {.echo = "\r\n", .line_ready = true};
      default:
        if (byte < 0x20 && byte != '\t') return {};
        // One place is kept for the newline.
        if (ready_ + line_ + 1 >= kCapacity || !push(static_cast<char>(byte))) return {};
        return {.echo = std::string_view(&bytes_[ready_ + line_ - 1], 1)};
    }
  }

  bool readable() const noexcept { return ready_ != 0 || end_of_file_; }
  /// *Requires*: `readable()`. 0: end of file, said once.
  std::size_t read(std::span<std::byte> into) noexcept {
    if (ready_ == 0) {
      end_of_file_ = false;
      return 0;
    }
    const std::size_t size = std::min(into.size(), ready_);
    std::memcpy(into.data(), bytes_.data(), size);
    std::memmove(bytes_.data(), bytes_.data() + size, ready_ + line_ - size);
    ready_ -= size;
    return size;
  }

 private:
  bool push(char c) noexcept {
    if (ready_ + line_ == kCapacity) return false;
    bytes_[ready_ + line_++] = c;
    return true;
  }
  void commit() noexcept {
    ready_ += line_;
    line_ = 0;
  }

  std::array<char, kCapacity> bytes_{};
  std::size_t ready_ = 0;  ///< bytes of finished lines, at the start
  std::size_t line_ = 0;   ///< bytes of the line that is being typed, behind them
  bool end_of_file_ = false;
};

}  // namespace quoll::device
