// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the heap says when its invariants are broken.
#pragma once

#include <cstdint>

namespace quoll::vm {

inline constexpr const char* kNotAnObject = "not an object";
inline constexpr const char* kFreedTwice = "freed twice";
inline constexpr const char* kCorruptedList = "the list of free objects is corrupted";

/// Names the object, and does not return.
[[noreturn, gnu::cold, gnu::noinline]] void report_broken_object(std::uint64_t object,
                                                                 const char* what);

}  // namespace quoll::vm
