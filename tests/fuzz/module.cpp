// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "module.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <quoll/wasm/memory_provider.hpp>

namespace quoll::fuzz {
namespace {

constexpr std::uint64_t kMostMemoryPages = 64;
constexpr std::uint64_t kMostTableElements = 10'000;

bool is_small(const wasm::MemoryType& type) {
  return type.limits.minimum <= kMostMemoryPages;
}
bool is_small(const wasm::TableType& type) {
  return type.limits.minimum <= kMostTableElements;
}

/// `context` is the number of slots that the results take.
wasm::HostOutcome return_zeros(void* context, wasm::Instance&, std::uint64_t* slots) {
  const auto count = std::bit_cast<std::uintptr_t>(context);
  std::fill_n(slots, count, 0);
  return wasm::HostOutcome::ok();
}

}  // namespace

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "required: %s\n", what);
  std::abort();
}

std::unique_ptr<wasm::Module> decode(Bytes bytes, wasm::Features features) {
  auto first = wasm::Module::decode(bytes, features);
  auto second = wasm::Module::decode(bytes, features);
  require(first.has_value() == second.has_value(), "the same bytes give the same answer");
  if (first) return std::move(*first);
  const wasm::ModuleError& error = first.error();
  require(error.offset <= bytes.size(), "an error lies in the module");
  require(error.rule == second.error().rule && error.offset == second.error().offset,
          "the same bytes give the same error");
  require(error.rule != wasm::Rule::kOutOfMemory, "memory is bounded by the module's size");
  return nullptr;
}

Sandbox::Sandbox(const wasm::EngineConfig& config)
    : engine_(config), store_(engine_), linker_(store_) {}

bool Sandbox::define(const wasm::Import& import) {
  switch (import.kind) {
    case wasm::ExternKind::kFunction:
      return true;
    case wasm::ExternKind::kTable: {
      if (!is_small(import.table)) return false;
      wasm::Table* const table =
          store_.create_table(import.table, wasm::Value::from_bits(import.table.element, 0));
      return table != nullptr &&
             linker_.define(import.module, import.name, wasm::Extern::of(table));
    }
    case wasm::ExternKind::kMemory: {
      if (!is_small(import.memory)) return false;
      wasm::Memory* const memory = store_.create_memory(import.memory);
      return memory != nullptr &&
             linker_.define(import.module, import.name, wasm::Extern::of(memory));
    }
    case wasm::ExternKind::kGlobal: {
      wasm::Global* const global =
          store_.create_global(import.global, wasm::Value::from_bits(import.global.value, 0));
      return global != nullptr &&
             linker_.define(import.module, import.name, wasm::Extern::of(global));
    }
  }
  return false;
}

wasm::Instance* Sandbox::instantiate(const wasm::Module& module, wasm::StartMode start) {
  for (const wasm::TableType& table : module.tables()) {
    if (!is_small(table)) return nullptr;
  }
  for (const wasm::MemoryType& memory : module.memories()) {
    if (!is_small(memory)) return nullptr;
  }
  for (const wasm::Import& import : module.imports()) {
    if (!define(import)) return nullptr;
  }
  linker_.set_resolver(
      [](void*, const wasm::Import&, const wasm::FuncType& type, wasm::HostFunction& out) {
        std::size_t slots = 0;
        for (const wasm::ValueType result : type.results) {
          slots += result == wasm::ValueType::kV128 ? 2 : 1;
        }
        out = {&return_zeros, std::bit_cast<void*>(slots)};
        return true;
      },
      nullptr);
  const auto instance = linker_.instantiate(module, start);
  return instance ? *instance : nullptr;
}

wasm::EngineConfig small_config() {
  wasm::EngineConfig config;
  config.memory = wasm::host_memory_provider();
  config.stack_bytes = 1 << 16;
  config.max_memory_bytes = kMostMemoryPages * wasm::kWasmPageSize;
  config.interruptible = true;
  return config;
}

}  // namespace quoll::fuzz
