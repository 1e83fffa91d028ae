// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Host functions: what the embedder lends to a module.
#pragma once

#include <cstdint>

#include <quoll/wasm/trap.hpp>

namespace quoll::wasm {

class Instance;

/// How a call of a host function ended.
struct HostOutcome {
  enum class Kind : std::uint8_t {
    kOk,       ///< results are in the slots
    kTrap,     ///< the computation traps
    kExit,     ///< the program ends with `exit_code`
    kSuspend,  ///< the run returns to its caller; results are due before it is resumed
  };

  Kind kind = Kind::kOk;
  TrapKind trap = TrapKind::kHostError;
  std::uint32_t exit_code = 0;

  static constexpr HostOutcome ok() { return {}; }
  static constexpr HostOutcome trapped(TrapKind kind) { return {Kind::kTrap, kind, 0}; }
  static constexpr HostOutcome exited(std::uint32_t code) {
    return {Kind::kExit, TrapKind::kHostError, code};
  }
  static constexpr HostOutcome suspended() { return {Kind::kSuspend, TrapKind::kHostError, 0}; }
};

/// A host function. `slots` holds the arguments, one 64-bit slot each and two for a v128, the low
/// half first, and receives the results in the same place. Of an i32 or f32 only the low half means
/// anything, in both directions.
/// `caller` is the instance whose code made the call. A function that is a result belongs to the
/// caller's store; one of another store is a trap, `kHostError`.
using HostCall = HostOutcome (*)(void* context, Instance& caller, std::uint64_t* slots);

struct HostFunction {
  HostCall call = nullptr;
  void* context = nullptr;
};

}  // namespace quoll::wasm
