// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the frame allocator says when its invariants are broken.
#include "report.hpp"

#include <array>
#include <span>

#include <quoll/base/assert.hpp>
#include <quoll/log/format.hpp>

namespace quoll::vm {

void report_broken(FrameNumber frame, const char* what) {
  std::array<char, 96> text{};
  // The last byte stays zero.
  log::format_to(std::span(text).first(text.size() - 1), "the frame allocator: {:#x}: {}",
                 frame_address(frame).value(), what);
  base::assertion_failed(text.data(), __FILE__, unsigned{__LINE__});
}

}  // namespace quoll::vm
