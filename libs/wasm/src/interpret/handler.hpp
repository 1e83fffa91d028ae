// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Handlers: the register state that they pass along, and how one hands over to the next.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>

#include <quoll/wasm/extern.hpp>
#include <quoll/wasm/instance.hpp>
#include <quoll/wasm/trap.hpp>

namespace quoll::wasm {

struct Machine;

// All of a guest's volatile state is in arguments, and so in machine registers: eight integer and
// four floating-point ones, as many as every target passes in registers.
//   pc         the current cell
//   fp         the frame: slots of eight bytes, arguments first; a v128 takes two
//   mem        base of the instance's memory
//   machine    the rest
//   acc        the integer accumulator
//   pin0 pin1  two integer locals
//   mem_size   size of that memory in bytes
//   dacc facc  the accumulators for f64 and f32
//   dpin0 dpin1 two f64 locals
// An i32 is kept sign-extended to 64 bits wherever it is.
#define QUOLL_WASM_REGISTERS                                                                    \
  const std::uint8_t *pc, std::uint8_t *fp, std::uint8_t *mem, ::quoll::wasm::Machine *machine, \
      std::uint64_t acc, std::uint64_t pin0, std::uint64_t pin1, std::uint64_t mem_size,        \
      double dacc, double dpin0, double dpin1, float facc
#define QUOLL_WASM_PASS pc, fp, mem, machine, acc, pin0, pin1, mem_size, dacc, dpin0, dpin1, facc

// Where the compiler has a convention without callee-saved registers, handlers use it: a handler
// then never saves anything. AddressSanitizer cannot lay out frames in it.
#if __has_cpp_attribute(clang::preserve_none) && !__has_feature(address_sanitizer)
#define QUOLL_WASM_HANDLER __attribute__((preserve_none))
#else
#define QUOLL_WASM_HANDLER
#endif

/// The code behind a cell.
// NOLINTNEXTLINE(modernize-use-using): an alias declaration takes no calling convention here
typedef void HandlerFunction(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER;
using Handler = HandlerFunction*;

/// Size of the unit that code is made of. A cell takes two words or more.
inline constexpr std::uint32_t kWordBytes = 8;

/// Reads a field of a cell or a slot of a frame. The builtin, because in a freestanding build the
/// library's function would be called.
template <typename T>
[[gnu::always_inline]] inline T peek(const std::uint8_t* at) {
  T value;
  __builtin_memcpy(&value, at, sizeof(T));
  return value;
}
template <typename T>
[[gnu::always_inline]] inline void poke(std::uint8_t* at, T value) {
  __builtin_memcpy(at, &value, sizeof(T));
}

/// Goes on at `pc`.
#define QUOLL_WASM_GO()                                                      \
  do {                                                                       \
    const auto go_handler = ::quoll::wasm::peek<::quoll::wasm::Handler>(pc); \
    [[clang::musttail]] return go_handler(QUOLL_WASM_PASS);                  \
  } while (false)

/// Goes on behind the current cell, which has that many words.
#define QUOLL_WASM_NEXT(words)                                         \
  do {                                                                 \
    pc += static_cast<std::size_t>(words) * ::quoll::wasm::kWordBytes; \
    QUOLL_WASM_GO();                                                   \
  } while (false)

/// Ends the run with a trap at the current cell.
template <TrapKind Kind>
void trap(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER;

#define QUOLL_WASM_TRAP(kind) \
  [[clang::musttail]] return ::quoll::wasm::trap<::quoll::wasm::TrapKind::kind>(QUOLL_WASM_PASS)

/// What stands on the return stack for each call: where and in which frame to go on, and the
/// caller's pinned locals.
struct ReturnRecord {
  const std::uint8_t* pc;
  std::uint8_t* fp;
  std::uint64_t pin0;
  std::uint64_t pin1;
};

/// Room that a frame leaves above itself for the records of the calls it makes: one for the call,
/// and one more when it goes to another instance.
inline constexpr std::uint64_t kReturnReserve = 2 * sizeof(ReturnRecord);

/// The part of a guest thread's state that is not in registers.
struct Machine {
  enum class Status : std::uint8_t { kRunning, kReturned, kTrapped, kExited, kSuspended };

  /// The return stack grows down towards the frames, which grow up.
  std::uint8_t* return_top = nullptr;
  Instance* instance = nullptr;
  /// Set from outside: the run is to end.
  std::atomic<bool>* interrupted = nullptr;
  /// Parameters of the slow path for calls.
  std::uint8_t* callee_frame = nullptr;

  Status status = Status::kRunning;
  TrapKind trap_kind = TrapKind::kUnreachable;
  std::uint32_t exit_code = 0;
  const std::uint8_t* trap_pc = nullptr;
  /// The host function that a trap came out of; `trap_pc` is in the cell that called it.
  const Func* trap_host = nullptr;
  /// False when a fault left `trap_pc` in the right function, but perhaps not in the right cell.
  bool trap_is_exact = true;
  /// What a run does outside of leaf handlers, for a fault to find out: the cell that works on
  /// ranges or translates, and the host function that was called. Null at all other times.
  const std::uint8_t* busy_cell = nullptr;
  const Func* busy_host = nullptr;
  /// The host function that is being called or has suspended the run.
  Func* host_func = nullptr;
  std::uint8_t* host_frame = nullptr;
  /// First byte above that function's slots.
  std::uint8_t* host_frame_end = nullptr;

  static void define(Func& func, Instance& instance, std::uint32_t index,
                     const CanonicalType* type) {
    func.instance_ = &instance;
    func.index_ = index;
    func.canonical_ = type;
    func.store_ = instance.store_;
  }
  /// Gives a function a first cell that translates it or calls the host.
  static void set_stub(Func& func, Handler handler);
  /// Lets callers reach a function's translation.
  static void set_code(Func& func, std::unique_ptr<Instance::Code> code);
  /// What a function of an instance was translated to; null if it was not yet.
  static const Instance::Code* translation(const Func& func);
  /// Where and why the run was ended by a trap.
  static WasmTrap describe_trap(const Machine& machine, const Store& store);
  /// Which function `pc`, in its code or its stub, belongs to.
  static bool find_function(const Store& store, const std::uint8_t* pc, const Instance*& instance,
                            std::uint32_t& index, const Instance::Code*& code);
  /// Where the code goes on that waits for what runs now.
  static const std::uint8_t* return_place(const Machine& machine);
  /// Whether the machine's `pc` is in the handler of that very cell, which can trap.
  static bool is_at_cell(const Store& store, const std::uint8_t* cell, std::uint64_t pc);

  // What handlers need of objects whose members are private.
  static const std::uint8_t* entry(const Func* f) { return f->entry_; }
  static Instance* instance_of(const Func* f) { return f->instance_; }
  static const CanonicalType* canonical(const Func* f) { return f->canonical_; }
  static const HostFunction& host(const Func* f) { return f->host_; }
  static std::uint64_t* elements(const Table* t) { return t->elements_; }
  static std::uint64_t size(const Table* t) { return t->size_; }
  static std::uint32_t slots(const Func* f) { return f->canonical_->slots; }
  static std::uint8_t* base(const Memory* m) { return m->base_; }
  static std::uint64_t size(const Memory* m) { return m->size_; }
  static std::uint8_t* memory_base(const Instance* i) {
    return i->memory0_ != nullptr ? i->memory0_->base_ : nullptr;
  }
  static std::uint64_t memory_size(const Instance* i) {
    return i->memory0_ != nullptr ? i->memory0_->size_ : 0;
  }
  static Memory* memory(const Instance* i) { return i->memory0_; }
  static containers::Vector<bool>& dropped_data(Instance* i) { return i->dropped_data_; }
  static containers::Vector<bool>& dropped_elements(Instance* i) { return i->dropped_elements_; }
};

}  // namespace quoll::wasm
