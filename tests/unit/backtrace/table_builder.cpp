// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "table_builder.hpp"

#include <string>

namespace quoll::backtrace {

void Bytes::fixed(std::uint64_t value, unsigned size) {
  for (unsigned i = 0; i < size; ++i) bytes_.push_back(std::byte(value >> (8 * i) & 0xFF));
}
void Bytes::uleb(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) u8((value & 0x7F) | 0x80);
  u8(value);
}
void Bytes::sleb(std::int64_t value) {
  for (; value < -64 || value > 63; value >>= 7)
    u8((static_cast<std::uint64_t>(value) & 0x7F) | 0x80);
  u8(static_cast<std::uint64_t>(value) & 0x7F);
}
void Bytes::align(std::size_t size) {
  while (bytes_.size() % size != 0) u8(0);
}
void Bytes::add(const std::vector<std::byte>& other) {
  bytes_.insert(bytes_.end(), other.begin(), other.end());
}

namespace {

class Strings {
 public:
  Strings() : text_(1, '\0') {}
  std::uint32_t add(std::string_view text) {
    const auto at = static_cast<std::uint32_t>(text_.size());
    text_ += text;
    text_ += '\0';
    return at;
  }
  const std::string& all() const { return text_; }

 private:
  std::string text_;
};

void part(Bytes& record, std::uint32_t kind, Bytes data) {
  record.u32(kind);
  record.u32(data.size());
  record.add(data.bytes());
}

// Lines -1 to 2 by special opcodes: 4 + (line + 1) + 4 * address.
Bytes lines() {
  Bytes data;
  data.sleb(-1);
  data.sleb(2);
  data.uleb(10);
  data.u8(4 + 1);             // 0x1000: line 10
  data.u8(4 + 2 + 4 * 0x10);  // 0x1010: line 11
  data.u8(1);                 // in b/middle.hpp
  data.uleb(2);
  data.u8(3);  // line 40
  data.sleb(29);
  data.u8(2);  // 0x1018
  data.uleb(8);
  data.u8(1);  // in a/outer.cpp again
  data.uleb(1);
  data.u8(3);  // line 14
  data.sleb(-26);
  data.u8(2);  // 0x1030
  data.uleb(0x18);
  data.u8(0);
  return data;
}

void entry(Bytes& data, std::uint64_t offset, std::uint64_t size, bool children, std::uint32_t name,
           std::uint64_t file, std::uint64_t line) {
  data.uleb(1);
  data.uleb(offset);
  data.uleb(size);
  data.u8(children ? 1 : 0);
  data.u32(name);
  data.uleb(file);
  data.uleb(line);
}

}  // namespace

std::vector<std::byte> small_table() {
  Strings strings;
  const auto a = strings.add("a");
  const auto b = strings.add("b");
  const auto outer_file = strings.add("outer.cpp");
  const auto middle_file = strings.add("middle.hpp");
  const auto outer = strings.add("outer");
  const auto middle = strings.add("middle");
  const auto inner = strings.add("inner");
  const auto aside = strings.add("aside");
  const auto plain = strings.add("plain");

  Bytes inlined;
  entry(inlined, 0, 0x40, true, outer, 0, 0);
  entry(inlined, 0x4, 0x4, true, aside, 1, 10);  // passed over, with what is in it
  entry(inlined, 0, 0x2, false, aside, 1, 10);
  inlined.uleb(0);
  entry(inlined, 0x10, 0x20, true, middle, 1, 12);
  entry(inlined, 0x8, 0x8, false, inner, 2, 33);  // offsets count from the enclosing one
  inlined.uleb(0);
  inlined.uleb(0);

  Bytes first;
  first.u32(0x40);
  first.u32(outer);
  part(first, 1, lines());
  part(first, 2, inlined);
  part(first, 0, {});
  first.align(4);
  Bytes second;
  second.u32(0x10);
  second.u32(plain);
  part(second, 0, {});

  constexpr std::size_t kHeader = 48;
  constexpr std::size_t kLists = 2 * 2 + 2 * 4 + 4 + 3 * 8;
  const std::size_t strings_at = kHeader + kLists;
  const std::size_t functions_at = (strings_at + strings.all().size() + 3) / 4 * 4;
  Bytes table;
  table.u32(0x4753594D);
  table.u16(1);
  table.u8(2);  // bytes of an address
  table.u8(0);
  table.u64(0x1000);
  table.u32(2);
  table.u32(strings_at);
  table.u32(strings.all().size());
  for (int i = 0; i < 20; ++i) table.u8(0);
  table.u16(0);
  table.u16(0x40);
  table.u32(functions_at);
  table.u32(functions_at + first.size());
  table.u32(3);
  for (const std::uint32_t name : {0U, 0U, a, outer_file, b, middle_file}) table.u32(name);
  for (const char c : strings.all()) table.u8(static_cast<unsigned char>(c));
  table.align(4);
  table.add(first.bytes());
  table.add(second.bytes());
  return table.bytes();
}

}  // namespace quoll::backtrace
