// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

#include <quoll/bootargs/parts.hpp>

namespace quoll::bootargs {
namespace {

constexpr std::string_view kSeparators = " ;\t\r\n";

std::size_t end_of_word(std::string_view text) noexcept {
  return std::min(text.find_first_of(kSeparators), text.size());
}

/// How long the part is that begins here, with a quoted value whole.
std::size_t length_of_part(std::string_view text) noexcept {
  const std::size_t word = end_of_word(text);
  const std::size_t equals = text.substr(0, word).find('=');
  if (equals == std::string_view::npos) return word;
  if (equals + 1 >= word || text[equals + 1] != '"') return word;
  const std::size_t closing = text.find('"', equals + 2);
  if (closing == std::string_view::npos) return word;
  return closing + 1 + end_of_word(text.substr(closing + 1));
}

}  // namespace

std::optional<Part> Parts::next() noexcept {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(kSeparators), rest_.size()));
  if (rest_.empty()) return std::nullopt;
  Part part;
  part.text = rest_.substr(0, length_of_part(rest_));
  rest_.remove_prefix(part.text.size());
  const std::size_t equals = part.text.find('=');
  part.name = part.text.substr(0, equals);
  if (equals == std::string_view::npos) return part;
  std::string_view value = part.text.substr(equals + 1);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  part.has_sound_quotes = value.find('"') == std::string_view::npos;
  part.value = value;
  return part;
}

}  // namespace quoll::bootargs
