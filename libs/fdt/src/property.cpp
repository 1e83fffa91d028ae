// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>

#include <quoll/base/bits.hpp>
#include <quoll/fdt/property.hpp>

namespace quoll::fdt {
namespace {

std::uint32_t load_cell(const std::byte* from) noexcept {
  std::uint32_t raw;
  __builtin_memcpy(&raw, from, sizeof raw);
  return __builtin_bswap32(raw);
}

}  // namespace

std::optional<std::uint64_t> Cells::take(std::uint32_t count) noexcept {
  if (count > size()) return std::nullopt;
  std::uint64_t value = 0;
  bool fits = true;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (value >> 32 != 0) fits = false;
    value = value << 32 | load_cell(data_.data() + std::size_t{i} * 4);
  }
  data_ = data_.subspan(std::size_t{count} * 4);
  if (!fits) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> Property::as_u32() const noexcept {
  if (data_.size() != 4) return std::nullopt;
  return load_cell(data_.data());
}

std::optional<std::uint64_t> Property::as_u64() const noexcept {
  if (data_.size() != 8) return std::nullopt;
  return as_cells().take(2);
}

std::optional<std::uint64_t> Property::as_number() const noexcept {
  if (data_.size() == 4) return as_u32();
  return as_u64();
}

std::optional<std::string_view> Property::as_string() const noexcept {
  // SAFETY: char may alias the blob's bytes.
  const auto* text = reinterpret_cast<const char*>(data_.data());
  const std::string_view all(text, data_.size());
  const std::size_t length = all.find('\0');
  if (length == std::string_view::npos) return std::nullopt;
  return all.substr(0, length);
}

bool Property::has_string(std::string_view wanted) const noexcept {
  // By hand: strings are short, and there is one such look at every node of a walk.
  const std::byte* const end = data_.data() + data_.size();
  for (const std::byte* at = data_.data(); at != end;) {
    std::size_t same = 0;
    while (at != end && same < wanted.size() && *at == static_cast<std::byte>(wanted[same])) {
      ++at;
      ++same;
    }
    if (at == end) return false;  // the last string is not terminated
    if (same == wanted.size() && *at == std::byte{0}) return true;
    while (at != end && *at != std::byte{0}) ++at;
    if (at != end) ++at;
  }
  return false;
}

}  // namespace quoll::fdt
