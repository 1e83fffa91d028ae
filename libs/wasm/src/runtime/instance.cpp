// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/wasm/instance.hpp>
#include <quoll/wasm/store.hpp>

#include "runtime/code.hpp"

namespace quoll::wasm {

Instance::Instance() = default;
Instance::~Instance() = default;

std::optional<Extern> Instance::find_export(std::string_view name) const {
  const Export* found = module_->find_export(name);
  if (found == nullptr) return std::nullopt;
  switch (found->kind) {
    case ExternKind::kFunction:
      return Extern::of(functions_[found->index]);
    case ExternKind::kTable:
      return Extern::of(tables_[found->index]);
    case ExternKind::kMemory:
      return Extern::of(memories_[found->index]);
    case ExternKind::kGlobal:
      return Extern::of(globals_[found->index]);
  }
  return std::nullopt;
}

Func* Instance::find_function(std::string_view name) const {
  const auto found = find_export(name);
  return found ? found->func : nullptr;
}
Memory* Instance::find_memory(std::string_view name) const {
  const auto found = find_export(name);
  return found ? found->memory : nullptr;
}
Global* Instance::find_global(std::string_view name) const {
  const auto found = find_export(name);
  return found ? found->global : nullptr;
}
Table* Instance::find_table(std::string_view name) const {
  const auto found = find_export(name);
  return found ? found->table : nullptr;
}

Func* Instance::start_function() const {
  const auto start = module_->start_function();
  return start ? functions_[*start] : nullptr;
}

Outcome Instance::invoke(std::string_view name, std::span<const Value> arguments,
                         std::span<Value> results) {
  Func* func = find_function(name);
  Execution* execution = store_->execution();
  if (func == nullptr || execution == nullptr) {
    Outcome refused;
    refused.kind = Outcome::Kind::kRefused;
    return refused;
  }
  return execution->call(*func, arguments, results, this);
}

Outcome Instance::invoke(std::uint32_t index, std::span<const Value> arguments,
                         std::span<Value> results) {
  Execution* execution = store_->execution();
  if (index >= functions_.size() || execution == nullptr) {
    Outcome refused;
    refused.kind = Outcome::Kind::kRefused;
    return refused;
  }
  return execution->call(*functions_[index], arguments, results, this);
}

}  // namespace quoll::wasm
