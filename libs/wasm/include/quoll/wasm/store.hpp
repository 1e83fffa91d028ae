// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Store: owns every run-time object of one guest.
#pragma once

#include <cstdint>
#include <memory>

#include <quoll/base/result.hpp>
#include <quoll/containers/vector.hpp>
#include <quoll/wasm/engine.hpp>
#include <quoll/wasm/execution.hpp>
#include <quoll/wasm/extern.hpp>
#include <quoll/wasm/instance.hpp>

namespace quoll::wasm {

/// Owns functions, tables, memories, globals and instances; all go when it goes. One thread at a
/// time uses a store.
class Store {
 public:
  explicit Store(const Engine& engine) : engine_(&engine) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  const Engine& engine() const { return *engine_; }
  /// The store's own guest thread, made when first asked for; null when memory is short.
  Execution* execution();

  /// Whether the value can be used here: a function only in the store that it belongs to.
  bool accepts(const Value& value) const {
    return value.type() != ValueType::kFuncRef || value.is_null() ||
           &value.as_funcref()->store() == this;
  }

  /// Each returns null when memory is short, and when a value is of another type or store.
  Func* create_function(const FuncType& type, HostFunction function);
  Memory* create_memory(const MemoryType& type);
  /// Most pages that a memory of this type can have here: by its addresses, its maximum and the
  /// configuration.
  std::uint64_t most_pages(const MemoryType& type) const;
  Table* create_table(const TableType& type, const Value& fill);
  Global* create_global(const GlobalType& type, const Value& value);

 private:
  friend class Instantiation;
  friend class Linker;
  friend class Activations;
  friend class FunctionCompiler;
  friend struct Machine;

  friend class Execution;

  /// The one entry for a function type; null when memory is short.
  const CanonicalType* intern(const FuncType& type);
  bool grow_type_index();
  Instance* create_instance();
  /// The instance that a host function sees when the embedder calls it directly.
  Instance* host_caller();

  const Engine* engine_;
  containers::Vector<std::unique_ptr<CanonicalType>> types_;
  containers::Vector<CanonicalType*> type_index_;  ///< hash table of `types_`
  containers::Vector<std::unique_ptr<Func>> functions_;
  containers::Vector<std::unique_ptr<Table>> tables_;
  containers::Vector<std::unique_ptr<Memory>> memories_;
  containers::Vector<std::unique_ptr<Global>> globals_;
  containers::Vector<std::unique_ptr<Instance>> instances_;
  std::unique_ptr<Execution> execution_;
  Instance* host_caller_ = nullptr;
};

}  // namespace quoll::wasm
