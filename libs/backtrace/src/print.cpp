// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <span>

#include <quoll/backtrace/print.hpp>
#include <quoll/log/format.hpp>

namespace quoll::backtrace {
namespace {

template <typename... A>
void say(Sink sink, log::Format<std::type_identity_t<A>...> format, const A&... values) noexcept {
  std::array<char, 64> text;
  sink(std::string_view(text.data(), log::format_to(std::span<char>(text), format, values...)));
}

// Readable names and paths are shorter; what a damaged table has instead must not fill the screen.
std::string_view cut(std::string_view text) noexcept {
  constexpr std::size_t kMostShown = 200;
  return text.substr(0, kMostShown);
}

void print_text(Sink sink, const Place& place) noexcept {
  sink(place.function.empty() ? std::string_view("?") : cut(place.function));
  if (!place.file.empty()) {
    sink(" at ");
    if (!place.directory.empty()) {
      sink(cut(place.directory));
      sink("/");
    }
    sink(cut(place.file));
    if (place.line != 0) say(sink, ":{}", place.line);
  }
}

}  // namespace

void print_frame(Sink sink, Style style, unsigned number, std::uint64_t pc, std::uint64_t position,
                 const Symbols* symbols) noexcept {
  if (style == Style::kOff) return;
  const auto location = symbols != nullptr ? symbols->find(position) : std::nullopt;
  if (!location) return say(sink, "    {:2} {:#018x}\n", number, pc);
  for (std::size_t i = 0; i < location->count; ++i) {
    const bool inlined = i + 1 != location->count;
    if (i == 0) {
      say(sink, "    {:2} ", number);
    } else {
      sink("       ");
    }
    if (style == Style::kFull) say(sink, "{:#018x} ", pc);
    print_text(sink, location->places[i]);
    sink(inlined ? " (inlined)\n" : "\n");
  }
}

void print_place(Sink sink, Style style, unsigned number, std::uint64_t pc,
                 const Place& place) noexcept {
  if (style == Style::kOff) return;
  say(sink, "    {:2} ", number);
  if (place.function.empty()) return say(sink, "{:#018x}\n", pc);
  if (style == Style::kFull) say(sink, "{:#018x} ", pc);
  print_text(sink, place);
  sink("\n");
}

}  // namespace quoll::backtrace
