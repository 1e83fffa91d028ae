// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Instance::Code: the translation of one function.
#pragma once

#include <cstdint>
#include <memory>

#include <quoll/wasm/instance.hpp>

#include "translate/code_buffer.hpp"

namespace quoll::wasm {

struct Instance::Code {
  std::unique_ptr<std::uint64_t[]> words;  ///< code, and behind it the sites as SiteTable has them
  std::uint32_t word_count = 0;
  std::uint32_t site_bytes = 0;

  /// A copy of what the buffer holds; null when memory is short.
  static std::unique_ptr<Code> create(const CodeBuffer& buffer);
  const std::uint8_t* begin() const;
  bool contains(const std::uint8_t* pc) const;
  /// The offset in the module of the instruction that the cell at `pc` came from, for one that can
  /// trap or calls; `body` is that of the function's body, where its first cell comes from.
  std::uint64_t offset_of(const std::uint8_t* pc, std::uint64_t body) const;
  /// Whether exactly there begins a cell that can trap or calls.
  bool is_site(const std::uint8_t* pc) const;

 private:
  /// The last site that is not behind the word.
  TrapSite site_of(std::uint32_t word) const;
};

}  // namespace quoll::wasm
