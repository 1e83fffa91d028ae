// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What becomes of a fault in user mode.
#pragma once

#include <quoll/abi/types.hpp>
#include <quoll/runtime/memories.hpp>
#include <quoll/wasi/report.hpp>
#include <quoll/wasm/execution.hpp>

namespace quoll::runtime {

/// What the fault handler must know. It outlives the program.
struct FaultContext {
  const Memories& memories;
  const wasi::Reporter& reporter;
  wasm::Execution* thread = nullptr;  ///< of the program, while there is one
};

/// From now on, a fault in a linear memory ends the program as a trap, and one for want of memory
/// as that, each with a backtrace. Every other fault ends the guest, and the kernel reports it.
void watch_faults(FaultContext& context);

}  // namespace quoll::runtime
