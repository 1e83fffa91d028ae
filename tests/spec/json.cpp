// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "json.hpp"

#include <charconv>
#include <cstdint>

namespace quoll::spec {

namespace {

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  bool document(Json& out) {
    if (!value(out)) return false;
    skip_space();
    return rest_.empty();
  }

 private:
  void skip_space() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_[0]) != std::string_view::npos) {
      rest_.remove_prefix(1);
    }
  }
  bool take(char c) {
    skip_space();
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool value(Json& out) {
    skip_space();
    if (rest_.empty()) return false;
    switch (rest_[0]) {
      case '{':
        return object(out);
      case '[':
        return array(out);
      case '"':
        out.kind = Json::Kind::kString;
        return string(out.text);
      default:
        return word(out);
    }
  }

  bool object(Json& out) {
    out.kind = Json::Kind::kObject;
    if (!take('{')) return false;
    if (take('}')) return true;
    do {
      skip_space();
      auto& member = out.members.emplace_back();
      if (!string(member.first) || !take(':') || !value(member.second)) return false;
    } while (take(','));
    return take('}');
  }

  bool array(Json& out) {
    out.kind = Json::Kind::kArray;
    if (!take('[')) return false;
    if (take(']')) return true;
    do {
      if (!value(out.items.emplace_back())) return false;
    } while (take(','));
    return take(']');
  }

  bool word(Json& out) {
    const std::size_t end = rest_.find_first_of(",]} \t\r\n");
    out.text = rest_.substr(0, end);
    rest_.remove_prefix(out.text.size());
    if (out.text == "true" || out.text == "false") {
      out.kind = Json::Kind::kBool;
    } else if (out.text != "null") {
      out.kind = Json::Kind::kNumber;
    }
    return !out.text.empty();
  }

  bool hex4(std::uint32_t& out) {
    if (rest_.size() < 4) return false;
    const auto end = std::from_chars(rest_.data(), rest_.data() + 4, out, 16);
    rest_.remove_prefix(4);
    return end.ec == std::errc();
  }

  bool escape(std::string& out) {
    if (rest_.empty()) return false;
    const char c = rest_[0];
    rest_.remove_prefix(1);
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    if (const std::size_t at = kNames.find(c); at != std::string_view::npos) {
      out.push_back(kValues[at]);
      return true;
    }
    std::uint32_t point;
    if (c != 'u' || !hex4(point)) return false;
    if (point >= 0xd800 && point < 0xdc00 && rest_.starts_with("\\u")) {
      rest_.remove_prefix(2);
      std::uint32_t low;
      if (!hex4(low)) return false;
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, point);
    return true;
  }

  bool string(std::string& out) {
    if (!take('"')) return false;
    while (!rest_.empty()) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\') {
        out.push_back(c);
      } else if (!escape(out)) {
        return false;
      }
    }
    return false;
  }

  std::string_view rest_;
};

}  // namespace

const Json& Json::operator[](std::string_view name) const {
  [[clang::no_destroy]] static constinit const Json kNull;
  for (const auto& [key, value] : members) {
    if (key == name) return value;
  }
  return kNull;
}

bool parse_json(std::string_view text, Json& out) {
  return Parser(text).document(out);
}

}  // namespace quoll::spec
