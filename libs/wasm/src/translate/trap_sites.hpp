// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Trap sites: the way back from threaded code to the module, for instructions that can trap or
// call. A table of them stays for as long as the code does, and is read only when something has
// gone wrong: so it is small rather than fast, and finding a site allocates nothing.
//
// Sites are written as differences from the one before, the words in the upper half of a byte and
// the offset in the lower. A half that is 0 says that the difference did not fit and follows, as
// LEB128, words first.
#pragma once

#include <cstdint>
#include <span>

#include <quoll/containers/vector.hpp>

namespace quoll::wasm {

/// Where in the code a cell begins, and where in the function's body its instruction stood.
struct TrapSite {
  std::uint32_t word = 0;
  std::uint32_t offset = 0;
};

/// Sites of one function while it is translated; both members never decrease.
class SiteTable {
 public:
  void clear() {
    bytes_.clear();
    last_ = {};
  }
  /// False when memory is short.
  [[nodiscard]] bool try_add(const TrapSite& site) {
    const std::uint32_t words = site.word - last_.word;
    const std::uint32_t offset = site.offset - last_.offset;
    last_ = site;
    if (words - 1 < kMostInHalf && offset - 1 < kMostInHalf) [[likely]] {
      return bytes_.try_push_back(static_cast<std::uint8_t>(words << 4 | offset));
    }
    return try_add_long(words, offset);
  }
  std::span<const std::uint8_t> bytes() const { return bytes_.span(); }

 private:
  // 1 to 15.
  static constexpr std::uint32_t kMostInHalf = 15;

  bool try_add_long(std::uint32_t words, std::uint32_t offset);
  bool try_add_leb(std::uint32_t value);

  containers::Vector<std::uint8_t> bytes_;
  TrapSite last_;
};

/// Reads what a SiteTable has written.
class SiteReader {
 public:
  explicit SiteReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  /// The next site; false when there is none.
  bool next(TrapSite& out);

 private:
  std::uint8_t take();
  std::uint32_t read_difference(std::uint32_t half);

  std::span<const std::uint8_t> rest_;
  TrapSite last_;
};

}  // namespace quoll::wasm
