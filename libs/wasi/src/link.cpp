// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// From the engine's slots to a call, and back.
#include <algorithm>

#include <quoll/wasi/link.hpp>
#include <quoll/wasm/instance.hpp>

namespace quoll::wasi {
namespace {

wasm::ValueType value_type(char letter) {
  return letter == 'i' ? wasm::ValueType::kI32 : wasm::ValueType::kI64;
}

bool same_type(const Function& function, const wasm::FuncType& type) {
  const auto results = function.returns_errno ? std::size_t{1} : std::size_t{0};
  return std::ranges::equal(type.parameters, function.parameters, {}, {}, value_type) &&
         type.results.size() == results && std::ranges::all_of(type.results, [](wasm::ValueType t) {
           return t == wasm::ValueType::kI32;
         });
}

// The memory that a WASI function works on is the caller's first.
GuestMemory memory_of(const wasm::Instance& caller) {
  const wasm::Memory* memory = caller.memory();
  if (memory == nullptr) return {};
  return GuestMemory(std::as_writable_bytes(memory->bytes()));
}

}  // namespace

Linkage::Linkage(Process& process) {
  const auto table = functions();
  QUOLL_ASSERT(table.size() == kFunctionCount);
  for (std::size_t i = 0; i < kFunctionCount; ++i) {
    bindings_[i] = {&process, &table[i], Dialect::kPreview1};
    bindings_[kFunctionCount + i] = {&process, &table[i], Dialect::kUnstable};
  }
}

void Linkage::attach(wasm::Linker& linker) {
  linker.set_resolver(&Linkage::resolve, this);
  linker.set_unknown_functions(wasm::UnknownFunctions::kTrap);
}

bool Linkage::resolve(void* context, const wasm::Import& import, const wasm::FuncType& type,
                      wasm::HostFunction& out) {
  auto& self = *static_cast<Linkage*>(context);
  const auto dialect = dialect_of(import.module);
  const Function* function = find_function(import.name);
  if (!dialect || function == nullptr || !same_type(*function, type)) return false;
  const auto index = static_cast<std::size_t>(function - functions().data());
  const std::size_t first = *dialect == Dialect::kPreview1 ? 0 : kFunctionCount;
  out = {.call = &Linkage::enter, .context = &self.bindings_[first + index]};
  return true;
}

wasm::HostOutcome Linkage::enter(void* context, wasm::Instance& caller, std::uint64_t* slots) {
  const auto& binding = *static_cast<const Binding*>(context);
  Call call{.process = *binding.process,
            .memory = memory_of(caller),
            .arguments = {slots, binding.function->parameters.size()},
            .dialect = binding.dialect};
  const Errno errno_value = invoke(*binding.function, call);
  if (call.exit_status) return wasm::HostOutcome::exited(*call.exit_status);
  if (binding.function->returns_errno) slots[0] = static_cast<std::uint64_t>(errno_value);
  return wasm::HostOutcome::ok();
}

}  // namespace quoll::wasi
