// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "decode/reader.hpp"

#include <bit>

#include <quoll/base/bits.hpp>

namespace quoll::wasm {

bool Reader::read_u32_slow(std::uint32_t& out) {
  const std::uint64_t start = offset();
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    std::uint8_t byte;
    if (!read_byte(byte)) return false;
    if (shift == 28 && byte > 0x0f) {
      return fail((byte & 0x80) != 0 ? Rule::kLebTooLong : Rule::kLebTooLarge, start);
    }
    value |= std::uint32_t{byte & 0x7fu} << shift;
    if (byte < 0x80) {
      out = value;
      return true;
    }
  }
  return fail(Rule::kLebTooLong, start);
}

bool Reader::read_u64(std::uint64_t& out) {
  const std::uint64_t start = offset();
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    std::uint8_t byte;
    if (!read_byte(byte)) return false;
    if (shift == 63 && byte > 1) {
      return fail((byte & 0x80) != 0 ? Rule::kLebTooLong : Rule::kLebTooLarge, start);
    }
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) {
      out = value;
      return true;
    }
  }
  return fail(Rule::kLebTooLong, start);
}

template <typename T, unsigned Bits>
bool Reader::read_signed(T& out) {
  constexpr unsigned kBytes = (Bits + 6) / 7;
  constexpr unsigned kLastBits = Bits - (kBytes - 1) * 7;  // that the last byte may carry
  const std::uint64_t start = offset();
  std::uint64_t value = 0;
  for (unsigned i = 0; i < kBytes; ++i) {
    std::uint8_t byte;
    if (!read_byte(byte)) return false;
    if (i == kBytes - 1) {
      if ((byte & 0x80) != 0) return fail(Rule::kLebTooLong, start);
      // The bits beyond the width repeat the sign.
      const unsigned rest = (byte & 0x7fu) >> (kLastBits - 1);
      if (rest != 0 && rest != (0x7fu >> (kLastBits - 1))) return fail(Rule::kLebTooLarge, start);
    }
    const unsigned shift = i * 7;
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) {
      if ((byte & 0x40) != 0 && shift + 7 < 64) value |= ~std::uint64_t{0} << (shift + 7);
      out = static_cast<T>(static_cast<std::int64_t>(value));
      return true;
    }
  }
  return fail(Rule::kLebTooLong, start);
}

bool Reader::read_s32(std::int32_t& out) {
  return read_signed<std::int32_t, 32>(out);
}
bool Reader::read_s33(std::int64_t& out) {
  return read_signed<std::int64_t, 33>(out);
}
bool Reader::read_s64(std::int64_t& out) {
  return read_signed<std::int64_t, 64>(out);
}

bool Reader::read_fixed32(std::uint32_t& out) {
  if (remaining() < sizeof(out)) return fail(Rule::kUnexpectedEnd);
  out = base::load_le<std::uint32_t>(cursor_);
  cursor_ += sizeof(out);
  return true;
}

bool Reader::read_fixed64(std::uint64_t& out) {
  if (remaining() < sizeof(out)) return fail(Rule::kUnexpectedEnd);
  out = base::load_le<std::uint64_t>(cursor_);
  cursor_ += sizeof(out);
  return true;
}

bool Reader::read_count(std::uint32_t& out, std::size_t least_bytes) {
  const std::uint64_t start = offset();
  if (!read_u32(out)) return false;
  if (out > remaining() / least_bytes) return fail(Rule::kLengthOutOfBounds, start);
  return true;
}

bool Reader::read_bytes(std::size_t count, std::span<const std::uint8_t>& out) {
  if (count > remaining()) return fail(Rule::kUnexpectedEnd);
  out = {cursor_, count};
  cursor_ += count;
  return true;
}

bool Reader::read_name(std::string_view& out) {
  std::uint32_t length;
  if (!read_count(length)) return false;
  const std::uint64_t start = offset();
  std::span<const std::uint8_t> bytes;
  if (!read_bytes(length, bytes)) return false;
  if (!is_utf8(bytes)) return fail(Rule::kMalformedUtf8, start);
  // SAFETY: char may alias any object; the view has the span's bounds.
  out = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return true;
}

bool is_utf8(std::span<const std::uint8_t> bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size();) {
    const std::uint8_t lead = bytes[i++];
    if (lead < 0x80) continue;
    const auto ones = static_cast<unsigned>(std::countl_one(lead));
    if (ones < 2 || ones > 4 || bytes.size() - i < ones - 1) return false;
    std::uint32_t point = lead & (0x7fu >> ones);
    for (unsigned k = 1; k < ones; ++k) {
      const std::uint8_t next = bytes[i++];
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3fu);
    }
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[ones] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
      return false;
    }
  }
  return true;
}

}  // namespace quoll::wasm
