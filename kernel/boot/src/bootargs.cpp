// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

#include <quoll/bootargs/parts.hpp>
#include <quoll/kernel/boot/bootargs_table.hpp>

namespace quoll::boot {
namespace {

using Problem = Complaint::Problem;

std::optional<Value> read(const Argument& argument, std::string_view text) noexcept {
  const auto number = [&](auto parsed) -> std::optional<Value> {
    if (!parsed) return std::nullopt;
    return Value{text, *parsed};
  };
  switch (argument.type) {
    case ArgumentType::kNumber: {
      const auto parsed = bootargs::parse_number(text, argument.unit);
      if (!parsed || *parsed < argument.least || *parsed > argument.most) return std::nullopt;
      return Value{text, *parsed};
    }
    case ArgumentType::kSwitch:
      return number(bootargs::parse_switch(text));
    case ArgumentType::kWord:
      return number(bootargs::parse_word(text, argument.words));
    case ArgumentType::kList:
      if (!bootargs::is_list(text)) return std::nullopt;
      break;
    case ArgumentType::kText:
      break;
  }
  return Value{text, 0};
}

const Argument* find(std::string_view name) noexcept {
  const auto table = argument_table();
  const auto at = std::ranges::find(table, name, &Argument::name);
  return at == table.end() ? nullptr : &*at;
}

/// Takes one part, or says what is wrong with it.
std::optional<Complaint> take(Arguments& arguments, const bootargs::Part& part) noexcept {
  const Argument* const argument = find(part.name);
  const auto wrong = [&](Problem problem) { return Complaint{part.text, problem, argument}; };
  if (argument == nullptr) return wrong(Problem::kUnknown);
  std::string_view text = part.value.value_or("");
  if (!part.value && argument->type == ArgumentType::kSwitch) text = "on";
  if (text.empty()) return wrong(Problem::kNoValue);
  if (!part.has_sound_quotes) return wrong(Problem::kQuotes);
  if (!bootargs::is_printable(text)) return wrong(Problem::kUnprintable);
  const auto value = read(*argument, text);
  if (!value) return wrong(Problem::kMalformed);
  argument->store(arguments, *value);
  return std::nullopt;
}

}  // namespace

Arguments parse_arguments(std::string_view line, Complain complain) noexcept {
  Arguments arguments;
  for (const Argument& argument : argument_table()) {
    if (argument.initial.empty()) continue;
    if (const auto value = read(argument, argument.initial)) argument.store(arguments, *value);
  }
  bootargs::Parts parts(line);
  while (const auto part = parts.next()) {
    if (const auto complaint = take(arguments, *part)) complain(*complaint);
  }
  return arguments;
}

}  // namespace quoll::boot
