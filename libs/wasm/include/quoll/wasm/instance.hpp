// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Instance: a module with its functions, tables, memories and globals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/containers/vector.hpp>
#include <quoll/wasm/execution.hpp>
#include <quoll/wasm/extern.hpp>
#include <quoll/wasm/module.hpp>

namespace quoll::wasm {

/// An instantiated module. The store owns it for as long as the store lives.
class Instance {
 public:
  struct Code;

  Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();

  const Module& module() const { return *module_; }
  Store& store() const { return *store_; }

  /// What the module exports under that name.
  std::optional<Extern> find_export(std::string_view name) const;
  Func* find_function(std::string_view name) const;
  Memory* find_memory(std::string_view name) const;
  Global* find_global(std::string_view name) const;
  Table* find_table(std::string_view name) const;

  Func& function(std::uint32_t index) const { return *functions_[index]; }
  /// The memory of index 0, or null.
  Memory* memory() const { return memories_.empty() ? nullptr : memories_[0]; }
  Memory& memory(std::uint32_t index) const { return *memories_[index]; }
  Table& table(std::uint32_t index) const { return *tables_[index]; }
  Global& global(std::uint32_t index) const { return *globals_[index]; }
  /// The start function, or null. It has been run unless the instantiation deferred it.
  Func* start_function() const;

  /// Calls an export or a function by index on the store's own thread.
  Outcome invoke(std::string_view name, std::span<const Value> arguments = {},
                 std::span<Value> results = {});
  Outcome invoke(std::uint32_t index, std::span<const Value> arguments = {},
                 std::span<Value> results = {});

 private:
  friend class Store;
  friend class Instantiation;
  friend class Activations;
  friend struct Machine;
  friend class FunctionCompiler;

  // Handlers reach these.
  Memory* memory0_ = nullptr;
  Store* store_ = nullptr;
  const Module* module_ = nullptr;

  containers::Vector<const CanonicalType*> types_;
  containers::Vector<Func*> functions_;
  containers::Vector<Func> own_functions_;
  containers::Vector<Table*> tables_;
  containers::Vector<Memory*> memories_;
  containers::Vector<Global*> globals_;
  containers::Vector<bool> dropped_elements_;
  containers::Vector<bool> dropped_data_;
  containers::Vector<std::unique_ptr<Code>> code_;  ///< of the own functions that were called
};

}  // namespace quoll::wasm
