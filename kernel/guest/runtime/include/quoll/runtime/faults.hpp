// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What becomes of a fault in user mode.
#pragma once

#include <string_view>

#include <quoll/abi/types.hpp>
#include <quoll/runtime/memories.hpp>

namespace quoll::runtime {

/// What the fault handler must know. It outlives the program.
struct FaultContext {
  const Memories& memories;
  abi::Handle errors;  ///< the stream that is told
  std::string_view module_name;
};

/// From now on, a fault in a linear memory ends the program as a trap, and one for want of memory
/// as that. Every other fault ends the guest, and the kernel reports it.
void watch_faults(const FaultContext& context);

}  // namespace quoll::runtime
