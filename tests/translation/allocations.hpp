// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the engine allocates, counted, and where: the program's `operator new` does both.
#pragma once

#include <cstddef>

namespace quoll::translation {

/// Where the engine's allocations lie from now on: wherever the workstation puts them, or all below
/// 2 GiB, where an address fits into a positive number of 32 bits.
enum class Place { kAnywhere, kLow };
void allocate(Place place) noexcept;

/// Bytes that the engine has asked for and not given back.
std::size_t allocated() noexcept;
/// The most there were since `forget_peak`.
std::size_t peak() noexcept;
void forget_peak() noexcept;

}  // namespace quoll::translation
