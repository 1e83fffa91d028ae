// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The formatter behind `format_to`.
#include <quoll/log/format.hpp>

namespace quoll::log::detail {
namespace {

class Writer {
 public:
  explicit Writer(std::span<char> out) noexcept : out_(out) {}
  void put(char c) noexcept {
    if (length_ < out_.size()) out_[length_++] = c;
  }
  void put(std::string_view text) noexcept {
    for (const char c : text) put(c);
  }
  std::size_t length() const noexcept { return length_; }

 private:
  std::span<char> out_;
  std::size_t length_ = 0;
};

struct Spec {
  bool prefix = false;
  bool zeros = false;
  std::size_t width = 0;
  char type = 0;
};

Spec parse_spec(std::string_view text) noexcept {
  Spec spec;
  std::size_t i = 0;
  if (i < text.size() && text[i] == ':') ++i;
  if (i < text.size() && text[i] == '#') spec.prefix = true, ++i;
  if (i < text.size() && text[i] == '0') spec.zeros = true, ++i;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9' && spec.width < 100; ++i) {
    spec.width = spec.width * 10 + static_cast<std::size_t>(text[i] - '0');
  }
  if (i < text.size()) spec.type = text[i];
  return spec;
}

void pad(Writer& out, std::size_t used, std::size_t width, char with) noexcept {
  for (; used < width; ++used) out.put(with);
}

void put_number(Writer& out, const Spec& spec, bool negative, std::uint64_t magnitude,
                bool hexadecimal) noexcept {
  char digits[20];
  std::size_t count = 0;
  const unsigned base = hexadecimal ? 16 : 10;
  do {
    digits[count++] = "0123456789abcdef"[magnitude % base];
    magnitude /= base;
  } while (magnitude != 0);
  const bool prefix = hexadecimal && spec.prefix;
  const std::size_t length = count + (negative ? 1 : 0) + (prefix ? 2 : 0);
  if (!spec.zeros) pad(out, length, spec.width, ' ');
  if (negative) out.put('-');
  if (prefix) out.put("0x");
  if (spec.zeros) pad(out, length, spec.width, '0');
  while (count != 0) out.put(digits[--count]);
}

void put_text(Writer& out, const Spec& spec, std::string_view text) noexcept {
  out.put(text);
  pad(out, text.size(), spec.width, ' ');
}

void put_argument(Writer& out, Spec spec, const Argument& argument) noexcept {
  const std::uint64_t number = argument.number();
  const bool hexadecimal = spec.type == 'x';
  switch (argument.kind()) {
    case Argument::Kind::kUnsigned:
    case Argument::Kind::kAddress:
      if (spec.type == 'c') return out.put(static_cast<char>(number));
      return put_number(out, spec, false, number, hexadecimal);
    case Argument::Kind::kSigned: {
      const bool negative = !hexadecimal && static_cast<std::int64_t>(number) < 0;
      return put_number(out, spec, negative, negative ? std::uint64_t{0} - number : number,
                        hexadecimal);
    }
    case Argument::Kind::kBool:
      return put_text(out, spec, number != 0 ? "true" : "false");
    case Argument::Kind::kChar: {
      const char c = static_cast<char>(number);
      return put_text(out, spec, std::string_view(&c, 1));
    }
    case Argument::Kind::kText:
      return put_text(out, spec, argument.text());
    case Argument::Kind::kPointer:
      spec.prefix = true;
      // SAFETY: the address is printed, never followed.
      return put_number(out, spec, false, reinterpret_cast<std::uintptr_t>(argument.pointer()),
                        true);
  }
}

}  // namespace

std::size_t vformat_to(std::span<char> out, std::string_view format,
                       std::span<const Argument> arguments) noexcept {
  Writer writer(out);
  std::size_t next = 0;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if ((c == '{' || c == '}') && i + 1 < format.size() && format[i + 1] == c) {
      writer.put(c);
      ++i;
    } else if (c == '{') {
      std::size_t end = i + 1;
      while (end < format.size() && format[end] != '}') ++end;
      if (next < arguments.size()) {
        put_argument(writer, parse_spec(format.substr(i + 1, end - i - 1)), arguments[next++]);
      }
      i = end;
    } else {
      writer.put(c);
    }
  }
  return writer.length();
}

}  // namespace quoll::log::detail
