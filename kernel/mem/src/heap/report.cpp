// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the heap says when its invariants are broken.
#include "report.hpp"

#include <array>
#include <span>

#include <quoll/base/assert.hpp>
#include <quoll/log/format.hpp>

namespace quoll::vm {

void report_broken_object(std::uint64_t object, const char* what) {
  std::array<char, 96> text{};
  // The last byte stays zero.
  log::format_to(std::span(text).first(text.size() - 1), "the heap: {:#x}: {}", object, what);
  base::assertion_failed(text.data(), __FILE__, unsigned{__LINE__});
}

}  // namespace quoll::vm
