// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The heap behind `operator new`.
#pragma once

#include <cstdint>

#include <quoll/abi/types.hpp>

namespace quoll::runtime {

/// Reserves addresses for the heap. Until then, and when there are none, every allocation fails.
void open_heap(const abi::StartBlock& start);

}  // namespace quoll::runtime
