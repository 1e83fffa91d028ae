// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "translate/trap_sites.hpp"

namespace quoll::wasm {

bool SiteTable::try_add_long(std::uint32_t words, std::uint32_t offset) {
  const std::uint32_t words_half = words <= kMostInHalf ? words : 0;
  const std::uint32_t offset_half = offset <= kMostInHalf ? offset : 0;
  return bytes_.try_push_back(static_cast<std::uint8_t>(words_half << 4 | offset_half)) &&
         (words_half != 0 || try_add_leb(words)) && (offset_half != 0 || try_add_leb(offset));
}

bool SiteTable::try_add_leb(std::uint32_t value) {
  for (; value >= 0x80; value >>= 7) {
    if (!bytes_.try_push_back(static_cast<std::uint8_t>(value | 0x80))) return false;
  }
  return bytes_.try_push_back(static_cast<std::uint8_t>(value));
}

bool SiteReader::next(TrapSite& out) {
  if (rest_.empty()) return false;
  const std::uint8_t halves = take();
  last_.word += read_difference(halves >> 4);
  last_.offset += read_difference(halves & 0xfu);
  out = last_;
  return true;
}

std::uint32_t SiteReader::read_difference(std::uint32_t half) {
  if (half != 0) return half;
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift < 32; shift += 7) {
    const std::uint8_t byte = take();
    value |= std::uint32_t{byte & 0x7fu} << shift;
    if (byte < 0x80) break;
  }
  return value;
}

std::uint8_t SiteReader::take() {
  const std::uint8_t byte = rest_.front();
  rest_ = rest_.subspan(1);
  return byte;
}

}  // namespace quoll::wasm
