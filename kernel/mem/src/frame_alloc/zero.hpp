// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Filling a frame with zeros.
#pragma once

#include <cstdint>

#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

/// Eight stores a turn: freestanding memset may go byte by byte.
inline void fill_with_zeros(void* page) noexcept {
  auto* word = static_cast<std::uint64_t*>(page);
  for (auto* end = word + mem::kPageSize / sizeof *word; word != end; word += 8) {
    word[0] = 0;
    word[1] = 0;
    word[2] = 0;
    word[3] = 0;
    word[4] = 0;
    word[5] = 0;
    word[6] = 0;
    word[7] = 0;
  }
}

}  // namespace quoll::vm
