// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A small GSYM table, byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace quoll::backtrace {

class Bytes {
 public:
  void u8(std::uint64_t value) { fixed(value, 1); }
  void u16(std::uint64_t value) { fixed(value, 2); }
  void u32(std::uint64_t value) { fixed(value, 4); }
  void u64(std::uint64_t value) { fixed(value, 8); }
  void uleb(std::uint64_t value);
  void sleb(std::int64_t value);
  void align(std::size_t size);
  void add(const std::vector<std::byte>& other);
  std::size_t size() const { return bytes_.size(); }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  void fixed(std::uint64_t value, unsigned size);
  std::vector<std::byte> bytes_;
};

/// Two functions: `outer` at 0x1000 (0x40 bytes, lines from 10 on, in a/outer.cpp) with `middle`
/// inlined at 0x1010 (0x20 bytes, called in line 12) and in that `inner` at 0x1018 (8 bytes,
/// called in b/middle.hpp:33); and `plain` at 0x1040 without lines, 0x10 bytes.
std::vector<std::byte> small_table();

}  // namespace quoll::backtrace
