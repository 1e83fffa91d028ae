// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Small modules, written section by section.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace quoll::wasi::testing {

using Bytes = std::vector<std::uint8_t>;

/// Puts byte strings together.
inline Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

inline Bytes leb(std::uint32_t value) {
  Bytes out;
  do {
    out.push_back(static_cast<std::uint8_t>((value & 0x7f) | (value > 0x7f ? 0x80 : 0)));
    value >>= 7;
  } while (value != 0);
  return out;
}

inline Bytes name(std::string_view text) {
  return join({leb(static_cast<std::uint32_t>(text.size())), Bytes(text.begin(), text.end())});
}

inline Bytes section(std::uint8_t id, const Bytes& content) {
  return join({{id}, leb(static_cast<std::uint32_t>(content.size())), content});
}

/// A vector of items, with its count.
inline Bytes list(std::initializer_list<Bytes> items) {
  return join({leb(static_cast<std::uint32_t>(items.size())), join(items)});
}

inline constexpr std::uint8_t kI32 = 0x7f;
inline constexpr std::uint8_t kI64 = 0x7e;
inline constexpr std::uint8_t kEnd = 0x0b;

inline Bytes function_type(const Bytes& parameters, const Bytes& results) {
  return join({{0x60},
               leb(static_cast<std::uint32_t>(parameters.size())),
               parameters,
               leb(static_cast<std::uint32_t>(results.size())),
               results});
}

/// A function body without locals; the final `end` is added.
inline Bytes body(const Bytes& code) {
  const Bytes whole = join({{0x00}, code, {kEnd}});
  return join({leb(static_cast<std::uint32_t>(whole.size())), whole});
}

inline Bytes import_function(std::string_view module, std::string_view field, std::uint8_t type) {
  return join({name(module), name(field), {0x00, type}});
}

/// A module of these sections.
inline Bytes module(std::initializer_list<Bytes> sections) {
  return join({{0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00}, join(sections)});
}

/// A module with one imported function of type `import_type` (type 1), whose `_start` (type 0,
/// function 1) has that code, and a memory of one page.
inline Bytes program(const Bytes& import_type, std::string_view import_module,
                     std::string_view import_name, const Bytes& code) {
  return module({section(1, list({function_type({}, {}), import_type})),
                 section(2, list({import_function(import_module, import_name, 1)})),
                 section(3, list({{0x00}})), section(5, list({{0x00, 0x01}})),
                 section(7, list({join({name("_start"), {0x00, 0x01}})})),
                 section(10, list({body(code)}))});
}

/// As `program`, without an import: `_start` is function 0.
inline Bytes program(const Bytes& code) {
  return module({section(1, list({function_type({}, {})})), section(3, list({{0x00}})),
                 section(5, list({{0x00, 0x01}})),
                 section(7, list({join({name("_start"), {0x00, 0x00}})})),
                 section(10, list({body(code)}))});
}

}  // namespace quoll::wasi::testing
