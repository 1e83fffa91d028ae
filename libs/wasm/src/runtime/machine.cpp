// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The machine's dealings with functions: entry points, host calls, and where a trap happened.
#include <bit>
#include <utility>

#include <quoll/wasm/store.hpp>

#include "interpret/control.hpp"
#include "interpret/handlers.hpp"
#include "runtime/code.hpp"
#include "runtime/unknown_import.hpp"

namespace quoll::wasm {

void Machine::set_stub(Func& func, Handler handler) {
  poke(func.stub_, handler);
  poke(func.stub_ + kWordBytes, &func);
  func.entry_ = func.stub_;
}

void Machine::set_code(Func& func, std::unique_ptr<Instance::Code> code) {
  Instance& instance = *func.instance_;
  func.entry_ = code->begin();
  instance.code_[func.index_ - instance.module_->imported_function_count()] = std::move(code);
}

const Instance::Code* Machine::translation(const Func& func) {
  const Instance& instance = *func.instance_;
  return instance.code_[func.index_ - instance.module_->imported_function_count()].get();
}

WasmTrap Machine::describe_trap(const Machine& machine, const Store& store) {
  WasmTrap trap;
  trap.kind = machine.trap_kind;
  if (machine.trap_host != nullptr) {
    const Import* import = unknown_import(machine.trap_host->host_);
    if (import != nullptr) {
      trap.import_module = import->module;
      trap.import_name = import->name;
    }
  }
  const Instance* instance = nullptr;
  const Instance::Code* code = nullptr;
  if (!find_function(store, machine.trap_pc, instance, trap.function_index, code)) return trap;
  const Module& module = instance->module();
  const ByteRange body =
      module.bodies()[trap.function_index - module.imported_function_count()].code;
  trap.byte_offset = body.offset;
  if (code != nullptr && machine.trap_is_exact) {
    trap.byte_offset = code->offset_of(machine.trap_pc, body.offset);
  }
  return trap;
}

bool Machine::find_function(const Store& store, const std::uint8_t* pc, const Instance*& instance,
                            std::uint32_t& index, const Instance::Code*& code) {
  for (const auto& candidate : store.instances_) {
    for (std::uint32_t i = 0; i < candidate->code_.size(); ++i) {
      const Instance::Code* body = candidate->code_[i].get();
      const std::uint8_t* stub = candidate->own_functions_[i].stub_;
      const bool is_stub = pc >= stub && pc < stub + sizeof(Func::stub_);
      if (!is_stub && (body == nullptr || !body->contains(pc))) continue;
      instance = candidate.get();
      index = candidate->module_->imported_function_count() + i;
      code = is_stub ? nullptr : body;
      return true;
    }
  }
  return false;
}

const std::uint8_t* Machine::return_place(const Machine& machine) {
  const std::uint8_t* record = machine.return_top;
  // After a tail call to another instance, and from there to the host, the way home comes first.
  while (peek<Handler>(peek<ReturnRecord>(record).pc) == handlers::return_home()) {
    record += sizeof(ReturnRecord);
  }
  return peek<ReturnRecord>(record).pc;
}

bool Machine::is_at_cell(const Store& store, const std::uint8_t* cell, std::uint64_t pc) {
  // No leaf handler is longer.
  constexpr std::uint64_t kMostHandlerBytes = 1024;
  const Instance* instance = nullptr;
  std::uint32_t index = 0;
  const Instance::Code* code = nullptr;
  if (!find_function(store, cell, instance, index, code) || code == nullptr) return false;
  if (!code->is_site(cell)) return false;
  const auto handler = std::bit_cast<std::uint64_t>(peek<Handler>(cell));
  return pc >= handler && pc - handler < kMostHandlerBytes;
}

namespace {

/// Ends the run with a trap that comes out of the host function.
void stop_in_host(Machine& machine, TrapKind kind) {
  machine.status = Machine::Status::kTrapped;
  machine.trap_kind = kind;
  // The call's own cell lies in front of the place to return to.
  machine.trap_pc = Machine::return_place(machine) - 1;
  machine.trap_host = machine.host_func;
}

}  // namespace

void run_host_call(Machine& machine, Func* func, std::uint8_t* frame) {
  machine.host_func = func;
  machine.host_frame = frame;
  machine.host_frame_end = frame + std::size_t{Machine::slots(func)} * sizeof(std::uint64_t);
  if (machine.host_frame_end + kReturnReserve > machine.return_top) {
    stop_in_host(machine, TrapKind::kCallStackExhausted);
    return;
  }
  const HostFunction& host = Machine::host(func);
  // SAFETY: frames are made of aligned 64-bit slots.
  auto* arguments = reinterpret_cast<std::uint64_t*>(frame);
  machine.busy_host = func;
  const HostOutcome outcome = host.call(host.context, *machine.instance, arguments);
  machine.busy_host = nullptr;
  switch (outcome.kind) {
    case HostOutcome::Kind::kOk:
      return;
    case HostOutcome::Kind::kTrap:
      stop_in_host(machine, outcome.trap);
      return;
    case HostOutcome::Kind::kExit:
      machine.status = Machine::Status::kExited;
      machine.exit_code = outcome.exit_code;
      return;
    case HostOutcome::Kind::kSuspend:
      machine.status = Machine::Status::kSuspended;
      return;
  }
}

bool finish_host_call(Machine& machine) {
  const Func& func = *machine.host_func;
  std::uint8_t* slot = machine.host_frame;
  for (const ValueType result : func.type().results) {
    if (result == ValueType::kI32) poke(slot, sign_extend(peek<std::uint32_t>(slot)));
    if (result == ValueType::kFuncRef &&
        !func.store().accepts(Value::from_bits(result, peek<std::uint64_t>(slot)))) [[unlikely]] {
      stop_in_host(machine, TrapKind::kHostError);
      return false;
    }
    slot += slot_count(result) * sizeof(std::uint64_t);
  }
  return true;
}

}  // namespace quoll::wasm
