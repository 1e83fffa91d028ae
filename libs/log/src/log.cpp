// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A line is put together on the caller's stack and handed over whole.
#include <algorithm>

#include <quoll/log/log.hpp>

extern "C" {
// The ends of the section that every target is in. Weak: a program may have none.
[[gnu::weak, gnu::visibility("hidden")]] extern quoll::log::Target __start_quoll_log_targets[];
[[gnu::weak, gnu::visibility("hidden")]] extern quoll::log::Target __stop_quoll_log_targets[];
}

namespace quoll::log {
namespace {

constinit Backend current_backend;

SpanList* current_spans() noexcept {
  return current_backend.spans == nullptr ? nullptr : &current_backend.spans();
}

std::span<Target> all_targets() noexcept {
  return {__start_quoll_log_targets, __stop_quoll_log_targets};
}

/// Text that grows until its buffer is full.
class Composer {
 public:
  explicit Composer(std::span<char> out) noexcept : out_(out) {}
  template <typename... A>
  void add(Format<std::type_identity_t<A>...> format, const A&... values) noexcept {
    size_ += format_to(rest(), format, values...);
  }
  std::span<char> rest() const noexcept { return out_.subspan(size_); }
  void grow(std::size_t by) noexcept { size_ += by; }
  std::size_t size() const noexcept { return size_; }

 private:
  std::span<char> out_;
  std::size_t size_ = 0;
};

// Outermost first. Deeper nesting than this is nobody's; only its inner end is named.
void add_spans(Composer& text) noexcept {
  const SpanList* const spans = current_spans();
  if (spans == nullptr) return;
  constexpr std::size_t kMaxSpans = 8;
  std::array<const Span*, kMaxSpans> open;
  std::size_t count = 0;
  const Span* span = spans->innermost();
  for (; span != nullptr && count < kMaxSpans; span = span->outer()) open[count++] = span;
  if (span != nullptr) text.add(" ..");
  while (count-- > 0) {
    text.add(" {}", open[count]->name());
    if (const auto number = open[count]->number()) text.add("={}", *number);
  }
}

void add_origin(Composer& text) noexcept {
  const Origin origin = current_backend.origin != nullptr ? current_backend.origin() : Origin{};
  text.add("[{:5}.{:06} {}", origin.time_us / 1'000'000, origin.time_us % 1'000'000, origin.hart);
  if (origin.task != 0) text.add(" {}#{}", origin.task_name, origin.task);
  add_spans(text);
  text.add("] ");
}

}  // namespace

void set_backend(Backend backend) noexcept {
  current_backend = backend;
}

std::string_view set_filter(const Filter& filter) noexcept {
  for (Target& target : all_targets()) target.set_level(filter.level_of(target.name()));
  for (std::size_t i = 0;; ++i) {
    const std::string_view name = filter.named_target(i);
    if (name.empty()) return {};
    const auto bears = [name](const Target& target) { return target.name() == name; };
    if (std::ranges::none_of(all_targets(), bears)) return name;
  }
}

std::string_view colour_of(Level level) noexcept {
  switch (level) {
    case Level::kError:
      return "\x1b[1;31m";
    case Level::kWarn:
      return "\x1b[33m";
    case Level::kInfo:
      return "\x1b[32m";
    case Level::kDebug:
      return "\x1b[36m";
    case Level::kTrace:
    case Level::kOff:
      return "\x1b[2m";
  }
  return {};
}

void detail::write(Level level, const Target& target, std::string_view format,
                   std::span<const Argument> arguments) noexcept {
  if (current_backend.write == nullptr) return;
  std::array<char, kMaxLine> buffer;
  // One byte is kept for the newline.
  Composer text(std::span<char>(buffer.data(), kMaxLine - 1));
  add_origin(text);
  Line line;
  line.level = level;
  line.mark_begin = text.size();
  text.add("{} {}", level_name(level), target.name());
  line.mark_end = text.size();
  text.add(": ");
  text.grow(vformat_to(text.rest(), format, arguments));
  if (text.rest().empty()) std::fill_n(buffer.end() - 4, 3, '.');
  std::replace(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(text.size()), '\n',
               ' ');
  buffer[text.size()] = '\n';
  line.text = {buffer.data(), text.size() + 1};
  current_backend.write(line);
}

Span::Span(const char* name) noexcept : name_(name), list_(current_spans()) {
  if (list_ == nullptr) return;
  outer_ = list_->innermost_;
  list_->innermost_ = this;
}

Span::Span(const char* name, std::uint64_t number) noexcept : Span(name) {
  number_ = number;
}

}  // namespace quoll::log
