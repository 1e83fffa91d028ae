// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Execution: a guest thread, that is a stack and the place where it stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <quoll/wasm/activation.hpp>
#include <quoll/wasm/extern.hpp>
#include <quoll/wasm/trap.hpp>
#include <quoll/wasm/value.hpp>

namespace quoll::wasm {

/// How a run ended, or why it paused.
struct Outcome {
  enum class Kind : std::uint8_t {
    kReturned,   ///< the results can be read
    kTrapped,    ///< `trap` says why
    kExited,     ///< a host function ended the program with `exit_code`
    kSuspended,  ///< a host function suspended the run; `Execution::resume` goes on
    kRefused,    ///< arguments do not fit the function or are of another store; the thread is busy
  };

  Kind kind = Kind::kReturned;
  std::uint32_t exit_code = 0;
  WasmTrap trap;

  bool returned() const { return kind == Kind::kReturned; }
};

/// Where the processor stood when a fault of the machine interrupted the engine.
struct Interruption {
  std::uint64_t pc = 0;
  /// The register in which handlers keep their cell: the one of the first integer argument.
  std::uint64_t cell = 0;
};

/// A guest thread. It runs a function to its end, a trap, an exit, or a suspension; a suspended
/// run holds nothing of the native stack.
class Execution {
 public:
  /// A thread with a stack of `stack_bytes`; null when memory is short.
  static std::unique_ptr<Execution> create(Store& store, std::uint64_t stack_bytes);
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
  ~Execution();

  /// Calls `func`. It may be called from a host function that this thread runs: the inner run
  /// then uses the rest of the stack, and must not be suspended.
  /// `caller` is what a host function sees that is called directly.
  Outcome call(Func& func, std::span<const Value> arguments, std::span<Value> results,
               Instance* caller = nullptr);

  /// Goes on after a suspension. The host function's results have been put into `pending_slots`.
  Outcome resume(std::span<Value> results = {});

  /// Ends the run with the trap `kInterrupted`, at the next turn of a loop or the next call; if
  /// there is none, the next run that turns or calls. *Requires*: the engine is `interruptible`.
  /// *Context*: any thread, signal handlers included.
  void interrupt() noexcept;

  bool suspended() const { return suspended_; }
  /// Where the suspended host function found its arguments and its results are expected.
  std::uint64_t* pending_slots() const { return pending_slots_; }
  /// The calls that have not returned, of a run that has trapped, is suspended, or is inside a
  /// host function; none otherwise.
  Activations activations() const;
  /// Makes the run that a fault interrupted one that has trapped, as far as `activations` and what
  /// comes back tell. *Requires*: the thread does not run on, and is not used again.
  WasmTrap trap_at_fault(TrapKind kind, const Interruption& at);
  /// Gives up a suspended run, so that the thread can be used again.
  void abandon();

 private:
  friend struct Machine;
  struct State;

  explicit Execution(Store& store);
  Outcome finish(std::span<Value> results);

  Store* store_;
  std::unique_ptr<State> state_;
  std::uint64_t* pending_slots_ = nullptr;
  bool suspended_ = false;
};

}  // namespace quoll::wasm
