// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Steps of the decoder and the translator: basic blocks that were entered. The same work takes the
// same number of them, on any machine, however busy.
#pragma once

#include <cstdint>

namespace quoll::translation {

/// How many there were since the program began.
std::uint64_t steps() noexcept;

}  // namespace quoll::translation
