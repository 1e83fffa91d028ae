// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the frame allocator says when its invariants are broken.
#pragma once

#include <quoll/kernel/mem/frame_alloc/frame_number.hpp>

namespace quoll::vm {

/// Names the frame, and does not return.
[[noreturn, gnu::cold]] void report_broken(FrameNumber frame, const char* what);

}  // namespace quoll::vm
