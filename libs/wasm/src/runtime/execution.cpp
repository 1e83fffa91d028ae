// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <atomic>
#include <new>
#include <utility>

#include <quoll/base/bits.hpp>
#include <quoll/base/scope_exit.hpp>
#include <quoll/wasm/execution.hpp>
#include <quoll/wasm/limits.hpp>
#include <quoll/wasm/store.hpp>

#include "interpret/control.hpp"
#include "interpret/handlers.hpp"

namespace quoll::wasm {

namespace {

/// The cell that a run's first call returns to.
struct HaltCell {
  Handler handler = nullptr;
  std::uint64_t unused = 0;
};

/// Puts arguments into the frame of the function that takes them.
void write_arguments(std::uint8_t* frame, std::span<const Value> arguments) {
  for (const Value& value : arguments) {
    poke(frame, slot_value(value));
    if (value.type() == ValueType::kV128) poke(frame + sizeof(std::uint64_t), value.high_bits());
    frame += slot_count(value.type()) * sizeof(std::uint64_t);
  }
}

void read_results(const std::uint8_t* frame, std::span<const ValueType> types,
                  std::span<Value> results) {
  for (std::size_t i = 0; i < types.size(); ++i) {
    const std::uint64_t high =
        types[i] == ValueType::kV128 ? peek<std::uint64_t>(frame + sizeof(std::uint64_t)) : 0;
    results[i] = Value::from_bits(types[i], peek<std::uint64_t>(frame), high);
    frame += slot_count(types[i]) * sizeof(std::uint64_t);
  }
}

bool arguments_fit(const FuncType& type, std::span<const Value> arguments, const Store& store) {
  return std::ranges::equal(type.parameters, arguments, {}, {}, &Value::type) &&
         std::ranges::all_of(arguments, [&](const Value& value) { return store.accepts(value); });
}

Outcome trapped(TrapKind kind) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kTrapped;
  outcome.trap.kind = kind;
  return outcome;
}

}  // namespace

struct Execution::State {
  std::atomic<bool> interrupted{false};
  Machine machine;
  HaltCell halt;
  std::unique_ptr<std::uint64_t[]> stack;
  std::uint8_t* bottom = nullptr;
  std::uint8_t* top = nullptr;
  const Func* func = nullptr;  ///< that the current run was started with
  std::uint8_t* frame = nullptr;
  std::uint32_t runs = 0;  ///< nested in each other

  void enter(const std::uint8_t* pc, std::uint8_t* fp) {
    machine.interrupted = &interrupted;
    machine.status = Machine::Status::kRunning;
    machine.trap_host = nullptr;
    machine.busy_cell = nullptr;
    machine.busy_host = nullptr;
    peek<Handler>(pc)(pc, fp, Machine::memory_base(machine.instance), &machine, 0, 0, 0,
                      Machine::memory_size(machine.instance), 0.0, 0.0, 0.0, 0.0f);
  }
};

Execution::Execution(Store& store) : store_(&store) {}
Execution::~Execution() = default;

std::unique_ptr<Execution> Execution::create(Store& store, std::uint64_t stack_bytes) {
  const std::uint64_t bytes = base::align_down(std::max(stack_bytes, kMinStackBytes), 16);
  std::unique_ptr<Execution> made(new (std::nothrow) Execution(store));
  if (!made) return nullptr;
  made->state_.reset(new (std::nothrow) State());
  if (!made->state_) return nullptr;
  State& state = *made->state_;
  state.stack.reset(new (std::nothrow) std::uint64_t[bytes / sizeof(std::uint64_t)]);
  if (!state.stack) return nullptr;
  // SAFETY: the stack is used as bytes; slots in it are copied in and out.
  state.bottom = reinterpret_cast<std::uint8_t*>(state.stack.get());
  state.top = state.bottom + bytes;
  state.halt.handler = handlers::halt();
  return made;
}

Outcome Execution::call(Func& func, std::span<const Value> arguments, std::span<Value> results,
                        Instance* caller) {
  State& state = *state_;
  Machine& machine = state.machine;
  const FuncType& type = func.type();
  Outcome refused;
  refused.kind = Outcome::Kind::kRefused;
  if (suspended_ || &func.store() != store_ || (caller != nullptr && &caller->store() != store_) ||
      !arguments_fit(type, arguments, *store_) || results.size() < type.results.size()) {
    return refused;
  }
  if (state.runs == kMaxNestedRuns) return trapped(TrapKind::kCallStackExhausted);
  const bool nested = state.runs != 0;
  const Machine outer = machine;
  const Func* outer_func = state.func;
  std::uint8_t* outer_frame = state.frame;
  std::uint8_t* frame = nested ? machine.host_frame_end : state.bottom;
  if (!nested) {
    machine.return_top = state.top;
    machine.status = Machine::Status::kReturned;
  }

  const std::size_t slots = Machine::slots(&func);
  const std::size_t room = static_cast<std::size_t>(machine.return_top - frame);
  if (room < slots * sizeof(std::uint64_t) + sizeof(ReturnRecord) + kReturnReserve) {
    return trapped(TrapKind::kCallStackExhausted);
  }
  machine.instance = !func.is_host()     ? func.instance()
                     : caller != nullptr ? caller
                     : nested            ? outer.instance
                                         : store_->host_caller();
  if (machine.instance == nullptr) return trapped(TrapKind::kOutOfMemory);
  write_arguments(frame, arguments);
  // SAFETY: code is read through bytes.
  const auto* halt = reinterpret_cast<const std::uint8_t*>(&state.halt);
  machine.return_top -= sizeof(ReturnRecord);
  // Who looks at the activations finds the host function there that started an inner run.
  const Func* starter = nested ? outer.busy_host : nullptr;
  poke(machine.return_top, ReturnRecord{halt, frame, std::bit_cast<std::uint64_t>(starter), 0});
  state.func = &func;
  state.frame = frame;
  ++state.runs;
  state.enter(Machine::entry(&func), frame);
  --state.runs;
  Outcome outcome = finish(results);
  if (nested) {
    machine = outer;
    state.func = outer_func;
    state.frame = outer_frame;
    if (outcome.kind == Outcome::Kind::kSuspended) {
      suspended_ = false;
      outcome = trapped(TrapKind::kHostError);
    }
  }
  return outcome;
}

Outcome Execution::resume(std::span<Value> results) {
  Outcome refused;
  refused.kind = Outcome::Kind::kRefused;
  State& state = *state_;
  if (!suspended_ || results.size() < state.func->type().results.size()) return refused;
  suspended_ = false;
  const HaltCell cell{handlers::resume_host()};
  ++state.runs;
  // SAFETY: code is read through bytes.
  state.enter(reinterpret_cast<const std::uint8_t*>(&cell), state.machine.host_frame);
  --state.runs;
  return finish(results);
}

void Execution::interrupt() noexcept {
  state_->interrupted.store(true, std::memory_order_relaxed);
}

Activations Execution::activations() const {
  const State& state = *state_;
  const Machine& machine = state.machine;
  Activations out;
  switch (machine.status) {
    case Machine::Status::kTrapped:
      out.first_ = machine.trap_host != nullptr
                       ? Activations::Place{nullptr, machine.trap_host, true}
                       : Activations::Place{machine.trap_pc, nullptr, machine.trap_is_exact};
      break;
    case Machine::Status::kSuspended:
      if (!suspended_) return out;
      out.first_.host = machine.host_func;
      break;
    case Machine::Status::kRunning:
      if (machine.busy_host == nullptr) return out;
      out.first_.host = machine.busy_host;
      break;
    case Machine::Status::kReturned:
    case Machine::Status::kExited:
      return out;
  }
  out.store_ = store_;
  out.record_ = machine.return_top;
  out.end_ = state.top;
  return out;
}

WasmTrap Execution::trap_at_fault(TrapKind kind, const Interruption& at) {
  Machine& machine = state_->machine;
  if (state_->runs == 0) {
    machine.status = Machine::Status::kReturned;
    WasmTrap trap;
    trap.kind = kind;
    return trap;
  }
  machine.status = Machine::Status::kTrapped;
  machine.trap_kind = kind;
  machine.trap_host = machine.busy_host;
  // SAFETY: a register that may hold anything; it is compared with addresses of code only.
  const auto* cell = reinterpret_cast<const std::uint8_t*>(at.cell);
  if (machine.busy_host != nullptr) {
    machine.trap_pc = Machine::return_place(machine) - 1;
  } else if (machine.busy_cell != nullptr) {
    machine.trap_pc = machine.busy_cell;
  } else {
    machine.trap_pc = cell;
    machine.trap_is_exact = Machine::is_at_cell(*store_, cell, at.pc);
  }
  return Machine::describe_trap(machine, *store_);
}

void Execution::abandon() {
  suspended_ = false;
  pending_slots_ = nullptr;
}

Outcome Execution::finish(std::span<Value> results) {
  const State& state = *state_;
  const Machine& machine = state.machine;
  Outcome outcome;
  switch (machine.status) {
    case Machine::Status::kRunning:
    case Machine::Status::kReturned:
      read_results(state.frame, state.func->type().results, results);
      break;
    case Machine::Status::kTrapped:
      outcome.kind = Outcome::Kind::kTrapped;
      outcome.trap = Machine::describe_trap(machine, *store_);
      break;
    case Machine::Status::kExited:
      outcome.kind = Outcome::Kind::kExited;
      outcome.exit_code = machine.exit_code;
      break;
    case Machine::Status::kSuspended:
      outcome.kind = Outcome::Kind::kSuspended;
      suspended_ = true;
      // SAFETY: frames are made of aligned 64-bit slots.
      pending_slots_ = reinterpret_cast<std::uint64_t*>(machine.host_frame);
      break;
  }
  return outcome;
}

}  // namespace quoll::wasm
