// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Reader: a cursor over a part of the module. The first error sticks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/wasm/error.hpp>

namespace quoll::wasm {

/// Reads the primitives of the binary format. Each `read_…` returns false, and remembers the rule
/// and the offset, when the input breaks a rule; after that nothing more is read.
class Reader {
 public:
  /// `offset` is where `bytes` begin in the module.
  Reader(std::span<const std::uint8_t> bytes, std::uint64_t offset)
      : begin_(bytes.data()),
        cursor_(bytes.data()),
        end_(bytes.data() + bytes.size()),
        offset_(offset) {}

  bool at_end() const { return cursor_ == end_; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - cursor_); }
  /// Offset of the next byte from the start of the module.
  std::uint64_t offset() const { return offset_ + static_cast<std::uint64_t>(cursor_ - begin_); }
  const ModuleError& error() const { return error_; }

  /// Records a broken rule and returns false.
  bool fail(const ModuleError& error) {
    if (!failed_) error_ = error;
    failed_ = true;
    cursor_ = end_;
    return false;
  }
  bool fail(Rule rule, std::uint64_t at) { return fail(ModuleError{rule, at}); }
  bool fail(Rule rule) { return fail(rule, offset()); }
  /// Records a rule that is broken because the feature is switched off.
  bool fail_without(Feature feature, Rule rule, std::uint64_t at) {
    return fail(ModuleError{rule, at, feature});
  }

  bool read_byte(std::uint8_t& out) {
    if (cursor_ == end_) [[unlikely]]
      return fail(Rule::kUnexpectedEnd);
    out = *cursor_++;
    return true;
  }
  bool peek_byte(std::uint8_t& out) {
    if (cursor_ == end_) [[unlikely]]
      return fail(Rule::kUnexpectedEnd);
    out = *cursor_;
    return true;
  }
  bool read_u32(std::uint32_t& out) {
    if (cursor_ != end_ && *cursor_ < 0x80) [[likely]] {
      out = *cursor_++;
      return true;
    }
    return read_u32_slow(out);
  }
  bool read_u64(std::uint64_t& out);
  bool read_s32(std::int32_t& out);
  bool read_s64(std::int64_t& out);
  /// The signed 33-bit integer of block types.
  bool read_s33(std::int64_t& out);
  bool read_fixed32(std::uint32_t& out);
  bool read_fixed64(std::uint64_t& out);

  /// The number of elements of a vector, each of which takes at least `least_bytes`: a count that
  /// cannot fit into what remains is refused before anything is allocated for it.
  bool read_count(std::uint32_t& out, std::size_t least_bytes = 1);
  bool read_bytes(std::size_t count, std::span<const std::uint8_t>& out);
  /// A name, which has to be UTF-8.
  bool read_name(std::string_view& out);

 private:
  bool read_u32_slow(std::uint32_t& out);
  template <typename T, unsigned Bits>
  bool read_signed(T& out);

  const std::uint8_t* begin_;
  const std::uint8_t* cursor_;
  const std::uint8_t* end_;
  std::uint64_t offset_;
  ModuleError error_;
  bool failed_ = false;
};

/// Whether `bytes` are well-formed UTF-8: no overlong forms, surrogates or values past U+10FFFF.
bool is_utf8(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace quoll::wasm
