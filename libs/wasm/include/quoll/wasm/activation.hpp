// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Activations: the calls that had not returned when a guest thread stopped.
#pragma once

#include <cstdint>

#include <quoll/wasm/trap.hpp>

namespace quoll::wasm {

class Func;
class Instance;
class Store;

/// One call of a function.
struct Activation {
  static constexpr std::uint64_t kNoOffset = ~std::uint64_t{0};

  /// The instance whose function it is; for a host function, one that imports it. Null when a
  /// host function is no import of any instance.
  const Instance* instance = nullptr;
  /// The function's index in that instance's module; `WasmTrap::kNoFunction` without an instance.
  std::uint32_t function_index = WasmTrap::kNoFunction;
  bool is_host = false;
  /// Offset in the module of the instruction that trapped, or of the call that did not return;
  /// of the body when its first instruction was not reached. A host function has none.
  std::uint64_t byte_offset = kNoOffset;
};

/// The activations of a stopped thread, innermost first. A view: it allocates nothing, and holds
/// until the thread runs again.
class Activations {
 public:
  /// No activations at all.
  Activations() = default;

  /// The next one; false when there is none.
  bool next(Activation& out);
  /// As `next`, without finding out which function it is.
  bool skip();
  /// How many are left.
  std::uint64_t count() const;

 private:
  friend class Execution;

  /// An activation as the stack has it: a place in code, or a host function.
  struct Place {
    const std::uint8_t* pc = nullptr;
    const Func* host = nullptr;
    bool is_exact = true;  ///< `pc` lies in the very cell
  };

  bool step(Place& out);
  void resolve(const Place& place, Activation& out) const;

  const Store* store_ = nullptr;
  Place first_;  ///< not on the return stack
  const std::uint8_t* record_ = nullptr;
  const std::uint8_t* end_ = nullptr;
};

}  // namespace quoll::wasm
