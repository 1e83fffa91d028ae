// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Text from values, into a buffer of the caller's, with placeholders checked at compile time.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace quoll::log {

/// One value, by kind; made from whatever can be printed.
class Argument {
 public:
  enum class Kind : std::uint8_t { kUnsigned, kSigned, kBool, kChar, kText, kPointer, kAddress };

  template <typename T>
    requires(std::integral<T> || std::is_enum_v<T>)
  constexpr Argument(T value) noexcept {  // NOLINT(google-explicit-constructor): a printable value
    if constexpr (std::is_enum_v<T>) {
      *this = Argument(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::same_as<T, bool>) {
      kind_ = Kind::kBool;
      number_ = value ? 1 : 0;
    } else if constexpr (std::same_as<T, char>) {
      kind_ = Kind::kChar;
      number_ = static_cast<unsigned char>(value);
    } else if constexpr (std::is_signed_v<T>) {
      kind_ = Kind::kSigned;
      number_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    } else {
      kind_ = Kind::kUnsigned;
      number_ = value;
    }
  }
  // NOLINTNEXTLINE(google-explicit-constructor): a printable value
  constexpr Argument(std::string_view text) noexcept
      : kind_(Kind::kText), number_(text.size()), text_(text.data()) {}
  // NOLINTNEXTLINE(google-explicit-constructor): a printable value
  constexpr Argument(const char* text) noexcept
      : Argument(text != nullptr ? std::string_view(text) : std::string_view("(null)")) {}
  // NOLINTNEXTLINE(google-explicit-constructor): a printable value
  Argument(const void* pointer) noexcept
      : kind_(Kind::kPointer), text_(static_cast<const char*>(pointer)) {}
  /// Strong ids and addresses.
  template <typename T>
    requires requires(const T& t) {
      { t.value() } -> std::integral;
    }
  // NOLINTNEXTLINE(google-explicit-constructor): a printable value
  constexpr Argument(const T& wrapped) noexcept : Argument(wrapped.value()) {}

  constexpr Kind kind() const noexcept { return kind_; }
  constexpr std::uint64_t number() const noexcept { return number_; }
  constexpr std::string_view text() const noexcept {
    return {text_, static_cast<std::size_t>(number_)};
  }
  const void* pointer() const noexcept { return text_; }

 private:
  Kind kind_ = Kind::kUnsigned;
  std::uint64_t number_ = 0;
  const char* text_ = nullptr;
};

namespace detail {

/// How many placeholders a format has; a malformed one does not compile.
consteval std::size_t count_placeholders(std::string_view format) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '}') {
      if (i + 1 >= format.size() || format[i + 1] != '}') throw "a lone }";
      ++i;
    } else if (format[i] == '{') {
      if (i + 1 < format.size() && format[i + 1] == '{') {
        ++i;
        continue;
      }
      const std::size_t end = format.find('}', i);
      if (end == std::string_view::npos) throw "a placeholder without its }";
      if (end != i + 1 && format[i + 1] != ':') throw "only {} and {:spec}";
      ++count;
      i = end;
    }
  }
  return count;
}

std::size_t vformat_to(std::span<char> out, std::string_view format,
                       std::span<const Argument> arguments) noexcept;

}  // namespace detail

/// A format string that fits its arguments.
template <typename... A>
class Format {
 public:
  template <std::convertible_to<std::string_view> S>
  // NOLINTNEXTLINE(google-explicit-constructor): stands for its text
  consteval Format(const S& text) : text_(text) {
    if (detail::count_placeholders(text_) != sizeof...(A))
      throw "placeholders and arguments differ";
  }
  constexpr std::string_view text() const noexcept { return text_; }

 private:
  std::string_view text_;
};

/// Writes the text and returns its length; what does not fit is cut off.
template <typename... A>
std::size_t format_to(std::span<char> out, Format<std::type_identity_t<A>...> format,
                      const A&... values) noexcept {
  const Argument arguments[] = {Argument(values)..., Argument(0)};
  return detail::vformat_to(out, format.text(), std::span(arguments, sizeof...(A)));
}

}  // namespace quoll::log
