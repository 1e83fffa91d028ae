// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Func, Table, Memory, Global: what instances are made of and can share. A store owns them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <quoll/containers/vector.hpp>
#include <quoll/wasm/host_function.hpp>
#include <quoll/wasm/memory_provider.hpp>
#include <quoll/wasm/types.hpp>
#include <quoll/wasm/value.hpp>

namespace quoll::wasm {

class Instance;
class Store;

/// A function type as a store knows it: equal types have one entry.
struct CanonicalType {
  FuncType type;
  containers::Vector<ValueType> values;  ///< parameters, then results
  std::uint32_t slots = 0;               ///< of the parameters or the results, whichever take more
  std::size_t hash = 0;
  CanonicalType* next = nullptr;  ///< in the same bucket
};

/// A function: a body in an instance, or a function of the host.
class Func {
 public:
  const FuncType& type() const { return canonical_->type; }
  /// The instance whose body it is; null for a host function.
  Instance* instance() const { return instance_; }
  bool is_host() const { return instance_ == nullptr; }
  std::uint32_t index() const { return index_; }
  Store& store() const { return *store_; }

 private:
  friend class Store;
  friend class Instance;
  friend struct Machine;
  friend class FunctionCompiler;

  // Handlers reach these: entry first.
  const std::uint8_t* entry_ = nullptr;
  Instance* instance_ = nullptr;
  const CanonicalType* canonical_ = nullptr;
  std::uint32_t index_ = 0;
  Store* store_ = nullptr;
  HostFunction host_;
  // The first cell that callers reach: either `translate first` or `call the host`.
  alignas(8) std::uint8_t stub_[16] = {};
};

/// A linear memory.
class Memory {
 public:
  const MemoryType& type() const { return type_; }
  std::uint8_t* data() const { return base_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t pages() const { return size_ / kPage; }
  std::span<std::uint8_t> bytes() const { return {base_, static_cast<std::size_t>(size_)}; }
  /// The bytes `[address, address + length)`, or an empty span with null data when they do not
  /// all lie in the memory.
  std::span<std::uint8_t> slice(std::uint64_t address, std::uint64_t length) const {
    if (address > size_ || length > size_ - address) return {};
    return {base_ + address, static_cast<std::size_t>(length)};
  }
  bool contains(std::uint64_t address, std::uint64_t length) const {
    return address <= size_ && length <= size_ - address;
  }
  /// Grows by `delta` pages. Returns the old size in pages, or -1 if it cannot. No memory has so
  /// many pages that this would be ambiguous.
  std::int64_t grow(std::uint64_t delta);
  Store& store() const { return *store_; }

 private:
  friend class Store;
  friend struct Machine;
  static constexpr std::uint64_t kPage = 65536;

  std::uint8_t* base_ = nullptr;
  std::uint64_t size_ = 0;
  std::uint64_t reserved_ = 0;
  MemoryType type_;
  const MemoryProvider* provider_ = nullptr;
  Store* store_ = nullptr;
};

/// A table of references.
class Table {
 public:
  /// The type with its current size as the minimum.
  TableType type() const;
  std::uint64_t size() const { return size_; }
  /// Reads element `index`; its type is the table's. *Requires*: `index < size()`.
  Value get(std::uint64_t index) const;
  /// Writes element `index`. Returns false when there is none, or the value is of another type or
  /// store.
  [[nodiscard]] bool set(std::uint64_t index, const Value& value);
  /// Grows by `delta` elements of value `fill`. Returns the old size, or -1 if it cannot, or if the
  /// value is of another type or store.
  std::int64_t grow(std::uint64_t delta, const Value& fill);
  Store& store() const { return *store_; }

 private:
  friend class Store;
  friend class Instance;
  friend struct Machine;

  // Handlers reach these two: elements are `Func*` or embedder's numbers, 64 bits each.
  std::uint64_t* elements_ = nullptr;
  std::uint64_t size_ = 0;
  containers::Vector<std::uint64_t> storage_;
  TableType type_;
  Store* store_ = nullptr;
};

/// A global variable.
class Global {
 public:
  const GlobalType& type() const { return type_; }
  Value get() const { return Value::from_bits(type_.value, cell_[0], cell_[1]); }
  /// Writes the variable. Returns false when it is constant or the value of another type or store.
  bool set(const Value& value);
  Store& store() const { return *store_; }

 private:
  friend class Store;
  friend class Instance;
  friend class FunctionCompiler;
  friend struct Machine;

  void put(const Value& value);

  std::uint64_t cell_[2] = {};  ///< as slots hold it; the second half is a vector's
  GlobalType type_;
  Store* store_ = nullptr;
};

/// A reference to one of the four, or to nothing.
struct Extern {
  ExternKind kind = ExternKind::kFunction;
  Func* func = nullptr;
  Table* table = nullptr;
  Memory* memory = nullptr;
  Global* global = nullptr;

  static Extern of(Func* f) { return {ExternKind::kFunction, f, nullptr, nullptr, nullptr}; }
  static Extern of(Table* t) { return {ExternKind::kTable, nullptr, t, nullptr, nullptr}; }
  static Extern of(Memory* m) { return {ExternKind::kMemory, nullptr, nullptr, m, nullptr}; }
  static Extern of(Global* g) { return {ExternKind::kGlobal, nullptr, nullptr, nullptr, g}; }
};

}  // namespace quoll::wasm
