// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A line is put together on the caller's stack and handed over whole.
#include <algorithm>

#include <quoll/log/log.hpp>

namespace quoll::log {

namespace detail {
constinit std::atomic<Level> max_level{Level::kWarn};
}  // namespace detail

namespace {

constinit Filter current_filter;
constinit Backend current_backend;

}  // namespace

void set_backend(Backend backend) noexcept {
  current_backend = backend;
}

void set_filter(const Filter& filter) noexcept {
  current_filter = filter;
  detail::max_level.store(filter.most(), std::memory_order_relaxed);
}

void detail::write(Level level, std::string_view target, std::string_view format,
                   std::span<const Argument> arguments) noexcept {
  if (current_backend.write == nullptr || !current_filter.allows(level, target)) return;
  const Origin origin = current_backend.origin != nullptr ? current_backend.origin() : Origin{};
  std::array<char, kMaxLine> buffer;
  // One byte is kept for the newline.
  const std::span<char> text(buffer.data(), kMaxLine - 1);
  std::size_t length = format_to(text, "[{:5}.{:06} {}] {} {}: ", origin.time_us / 1000000,
                                 origin.time_us % 1000000, origin.hart, level_name(level), target);
  length += vformat_to(text.subspan(length), format, arguments);
  if (length == text.size()) std::fill_n(text.end() - 3, 3, '.');
  std::replace(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length), '\n', ' ');
  buffer[length++] = '\n';
  current_backend.write(level, std::string_view(buffer.data(), length));
}

}  // namespace quoll::log
