// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What people are told of arguments.
#include <algorithm>
#include <array>

#include <quoll/base/printable.hpp>
#include <quoll/kernel/boot/bootargs_table.hpp>
#include <quoll/log/format.hpp>

namespace quoll::boot {
namespace {

/// A text that grows to the end of its buffer.
class Text {
 public:
  explicit Text(std::span<char> out) noexcept : out_(out) {}

  template <typename... A>
  Text& add(log::Format<std::type_identity_t<A>...> format, const A&... values) noexcept {
    size_ += log::format_to(out_.subspan(size_), format, values...);
    return *this;
  }
  std::string_view view() const noexcept { return {out_.data(), size_}; }

 private:
  std::span<char> out_;
  std::size_t size_ = 0;
};

void add_number(Text& text, std::uint64_t number, bootargs::Unit unit) noexcept {
  const auto in = [&](std::uint64_t factor) { return number != 0 && number % factor == 0; };
  if (unit == bootargs::Unit::kBytes) {
    if (in(1 << 30)) return (void)text.add("{}G", number >> 30);
    if (in(1 << 20)) return (void)text.add("{}M", number >> 20);
    if (in(1 << 10)) return (void)text.add("{}K", number >> 10);
  } else if (unit == bootargs::Unit::kTime) {
    if (in(1'000'000'000)) return (void)text.add("{}s", number / 1'000'000'000);
    if (in(1'000'000)) return (void)text.add("{}ms", number / 1'000'000);
    if (in(1'000)) return (void)text.add("{}us", number / 1'000);
    return (void)text.add("{}ns", number);
  }
  text.add("{}", number);
}

void add_values(Text& text, const Argument& argument) noexcept {
  switch (argument.type) {
    case ArgumentType::kText:
      text.add("a text");
      return;
    case ArgumentType::kList:
      text.add("a list with commas");
      return;
    case ArgumentType::kSwitch:
      text.add("on or off");
      return;
    case ArgumentType::kWord:
      for (std::size_t i = 0; i < argument.words.size(); ++i) {
        const bool last = i + 1 == argument.words.size();
        text.add("{}{}", i == 0 ? "" : (last ? " or " : ", "), argument.words[i].text);
      }
      return;
    case ArgumentType::kNumber:
      break;
  }
  text.add("a number");
  if (argument.unit == bootargs::Unit::kTime) text.add(" with a unit (ns, us, ms, s)");
  if (argument.unit == bootargs::Unit::kBytes) text.add(", or one with K, M or G");
  if (argument.most == ~std::uint64_t{0}) return;
  text.add(", from ");
  add_number(text, argument.least, argument.unit);
  text.add(" to ");
  add_number(text, argument.most, argument.unit);
}

/// A part of a foreign line: not much of it, and nothing that a terminal would obey.
void add_part(Text& text, std::string_view part) noexcept {
  constexpr std::size_t kMost = 60;
  std::array<char, kMost> shown;
  const std::size_t size = std::min(part.size(), kMost);
  std::copy_n(part.data(), size, shown.data());
  base::make_printable(std::span<char>(shown).first(size));
  text.add("{}{}", std::string_view(shown.data(), size), size < part.size() ? "..." : "");
}

}  // namespace

std::string_view describe(const Complaint& complaint, std::span<char> out) noexcept {
  Text text(out);
  add_part(text, complaint.part);
  switch (complaint.problem) {
    case Complaint::Problem::kUnknown:
      return text.add(" is not known").view();
    case Complaint::Problem::kNoValue:
      text.add(" needs a value");
      break;
    case Complaint::Problem::kQuotes:
      text.add(" has a quote that does not enclose the value");
      break;
    case Complaint::Problem::kUnprintable:
      text.add(" has characters that cannot be shown");
      break;
    case Complaint::Problem::kMalformed:
      text.add(" is not understood");
      break;
  }
  text.add("; expected {}", complaint.argument->name);
  text.add("=");
  add_values(text, *complaint.argument);
  return text.view();
}

std::string_view describe_values(const Argument& argument, std::span<char> out) noexcept {
  Text text(out);
  add_values(text, argument);
  return text.view();
}

std::string_view describe(const Argument& argument, std::span<char> out) noexcept {
  Text text(out);
  text.add("{:14} ", argument.name);
  text.add("{:7} {} (", argument.initial.empty() ? std::string_view("-") : argument.initial,
           argument.help);
  add_values(text, argument);
  text.add(")");
  return text.view();
}

}  // namespace quoll::boot
