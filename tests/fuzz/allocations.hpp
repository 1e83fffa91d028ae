// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the engine allocates: the program's `operator new` counts it.
#pragma once

#include <cstddef>

namespace quoll::fuzz {

/// Bytes that are allocated now, by the forms of `new` that the engine uses.
std::size_t allocated() noexcept;
/// The most there were since `forget_peak`.
std::size_t peak() noexcept;
void forget_peak() noexcept;

}  // namespace quoll::fuzz
