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
  std::unique_ptr<std::uint64_t[]> words;
  std::uint32_t word_count = 0;
  std::unique_ptr<TrapSite[]> sites;
  std::uint32_t site_count = 0;

  /// A copy of what the buffer holds; null when memory is short.
  static std::unique_ptr<Code> create(const CodeBuffer& buffer);
  const std::uint8_t* begin() const;
  bool contains(const std::uint8_t* pc) const;
  /// The offset in the module of the instruction that the cell at `pc` came from.
  std::uint32_t offset_of(const std::uint8_t* pc) const;
};

}  // namespace quoll::wasm
