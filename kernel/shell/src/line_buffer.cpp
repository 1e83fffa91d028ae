// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/kernel/shell/line_buffer.hpp>

namespace quoll::shell {

Line LineBuffer::take() noexcept {
  const Line line{too_long_ ? std::string_view() : std::string_view(buffer_.data(), size_),
                  too_long_};
  taken_ = true;
  return line;
}

std::optional<Line> LineBuffer::next(std::span<const std::byte>& input) noexcept {
  if (taken_) {
    size_ = 0;
    too_long_ = false;
    taken_ = false;
  }
  while (!input.empty()) {
    const char c = static_cast<char>(input.front());
    input = input.subspan(1);
    const bool completes_return = c == '\n' && after_return_;
    after_return_ = c == '\r';
    if (completes_return) continue;
    if (c == '\n' || c == '\r') return take();
    if (c == '\b' || c == '\x7f') {
      if (size_ > 0) --size_;
    } else if (size_ == buffer_.size()) {
      too_long_ = true;
    } else {
      buffer_[size_++] = c;
    }
  }
  return std::nullopt;
}

std::optional<Line> LineBuffer::finish() noexcept {
  if (taken_ || (size_ == 0 && !too_long_)) return std::nullopt;
  return take();
}

}  // namespace quoll::shell
