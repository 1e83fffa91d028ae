// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// As much of JSON as the converted test suite needs.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quoll::spec {

/// A JSON value. Numbers keep their text.
struct Json {
  enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  std::string text;
  std::vector<Json> items;
  std::vector<std::pair<std::string, Json>> members;

  /// The member of that name; a null value when there is none.
  const Json& operator[](std::string_view name) const;
  bool has(std::string_view name) const { return (*this)[name].kind != Kind::kNull; }
};

/// Parses a document. Returns false when it is not JSON.
bool parse_json(std::string_view text, Json& out);

}  // namespace quoll::spec
