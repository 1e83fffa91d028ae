// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <new>

#include <quoll/wasm/store.hpp>

#include "interpret/handlers.hpp"
#include "runtime/code.hpp"

namespace quoll::wasm {

namespace {

std::size_t hash_of(const FuncType& type) {
  constexpr std::size_t kPrime = 1099511628211u;
  std::size_t hash = type.parameters.size();
  for (const ValueType value : type.parameters) {
    hash = (hash ^ static_cast<std::size_t>(value)) * kPrime;
  }
  for (const ValueType value : type.results) {
    hash = (hash ^ (static_cast<std::size_t>(value) << 8)) * kPrime;
  }
  return hash ^ hash >> 29;
}

/// Adds an owned object to a list; null when memory is short.
template <typename T>
T* keep(containers::Vector<std::unique_ptr<T>>& list, std::unique_ptr<T> object) {
  T* kept = object.get();
  if (kept == nullptr || !list.try_push_back(std::move(object))) return nullptr;
  return kept;
}

}  // namespace

Store::~Store() {
  const MemoryProvider& provider = engine_->config().memory;
  for (const auto& memory : memories_) {
    if (memory->reserved_ != 0) {
      provider.release(provider.context, memory->base_, memory->reserved_);
    }
  }
}

Execution* Store::execution() {
  if (!execution_) execution_ = Execution::create(*this, engine_->config().stack_bytes);
  return execution_.get();
}

bool Store::grow_type_index() {
  constexpr std::size_t kFirstBuckets = 64;
  containers::Vector<CanonicalType*> index;
  if (!index.try_resize(std::max(kFirstBuckets, type_index_.size() * 2))) return false;
  for (const auto& type : types_) {
    CanonicalType*& bucket = index[type->hash & (index.size() - 1)];
    type->next = bucket;
    bucket = type.get();
  }
  type_index_ = std::move(index);
  return true;
}

const CanonicalType* Store::intern(const FuncType& type) {
  const std::size_t hash = hash_of(type);
  if (!type_index_.empty()) {
    const CanonicalType* entry = type_index_[hash & (type_index_.size() - 1)];
    for (; entry != nullptr; entry = entry->next) {
      if (entry->hash == hash && entry->type == type) return entry;
    }
  }
  if (types_.size() >= type_index_.size() && !grow_type_index()) return nullptr;
  std::unique_ptr<CanonicalType> fresh(new (std::nothrow) CanonicalType());
  if (!fresh || !fresh->values.try_append(type.parameters) ||
      !fresh->values.try_append(type.results)) {
    return nullptr;
  }
  const auto values = std::span<const ValueType>(fresh->values.data(), fresh->values.size());
  fresh->type = {values.first(type.parameters.size()), values.subspan(type.parameters.size())};
  fresh->slots = std::max(slot_count(type.parameters), slot_count(type.results));
  fresh->hash = hash;
  CanonicalType* kept = keep(types_, std::move(fresh));
  if (kept == nullptr) return nullptr;
  CanonicalType*& bucket = type_index_[hash & (type_index_.size() - 1)];
  kept->next = bucket;
  bucket = kept;
  return kept;
}

Func* Store::create_function(const FuncType& type, HostFunction function) {
  const CanonicalType* canonical = intern(type);
  if (canonical == nullptr) return nullptr;
  Func* func = keep(functions_, std::unique_ptr<Func>(new (std::nothrow) Func()));
  if (func == nullptr) return nullptr;
  func->canonical_ = canonical;
  func->store_ = this;
  func->host_ = function;
  Machine::set_stub(*func, handlers::call_host());
  return func;
}

std::uint64_t Store::most_pages(const MemoryType& type) const {
  std::uint64_t most = engine_->config().max_memory_bytes / kWasmPageSize;
  if (type.limits.has_maximum) most = std::min(most, type.limits.maximum);
  return std::min(most, type.address == AddressType::k32 ? kMaxMemoryPages : kMaxMemory64Pages);
}

Memory* Store::create_memory(const MemoryType& type) {
  const MemoryProvider& provider = engine_->config().memory;
  std::uint64_t most = most_pages(type);
  if (type.limits.minimum > most) return nullptr;
  most *= kWasmPageSize;
  const std::uint64_t least = type.limits.minimum * kWasmPageSize;
  std::unique_ptr<Memory> memory(new (std::nothrow) Memory());
  if (!memory) return nullptr;
  memory->type_ = type;
  memory->provider_ = &provider;
  memory->store_ = this;
  Memory* kept = keep(memories_, std::move(memory));
  if (kept == nullptr || most == 0) return kept;
  // Less address space is better than none: growing stops earlier then.
  while ((kept->base_ = provider.reserve(provider.context, most)) == nullptr) {
    if (most == least || most == kWasmPageSize) return nullptr;
    most = std::max(least, most / kWasmPageSize / 2 * kWasmPageSize);
    if (most == 0) return nullptr;
  }
  kept->reserved_ = most;
  if (least != 0 && !provider.commit(provider.context, kept->base_, 0, least)) return nullptr;
  kept->size_ = least;
  return kept;
}

Table* Store::create_table(const TableType& type, const Value& fill) {
  if (type.limits.minimum > kMaxTableElements || fill.type() != type.element) return nullptr;
  if (!accepts(fill)) return nullptr;
  Table* table = keep(tables_, std::unique_ptr<Table>(new (std::nothrow) Table()));
  if (table == nullptr) return nullptr;
  table->type_ = type;
  table->store_ = this;
  if (table->grow(type.limits.minimum, fill) < 0) return nullptr;
  return table;
}

Global* Store::create_global(const GlobalType& type, const Value& value) {
  if (value.type() != type.value || !accepts(value)) return nullptr;
  Global* global = keep(globals_, std::unique_ptr<Global>(new (std::nothrow) Global()));
  if (global == nullptr) return nullptr;
  global->type_ = type;
  global->store_ = this;
  global->put(value);
  return global;
}

Instance* Store::create_instance() {
  Instance* instance = keep(instances_, std::unique_ptr<Instance>(new (std::nothrow) Instance()));
  if (instance != nullptr) instance->store_ = this;
  return instance;
}

Instance* Store::host_caller() {
  if (host_caller_ == nullptr) host_caller_ = create_instance();
  return host_caller_;
}

std::int64_t Memory::grow(std::uint64_t delta) {
  const std::uint64_t old = size_;
  if (delta > (reserved_ - old) / kPage) return -1;
  const std::uint64_t wanted = old + delta * kPage;
  if (delta != 0 && !provider_->commit(provider_->context, base_, old, wanted)) return -1;
  size_ = wanted;
  return static_cast<std::int64_t>(old / kPage);
}

TableType Table::type() const {
  TableType current = type_;
  current.limits.minimum = size_;
  return current;
}

Value Table::get(std::uint64_t index) const {
  QUOLL_ASSERT(index < size_);
  return Value::from_bits(type_.element, elements_[index]);
}

bool Table::set(std::uint64_t index, const Value& value) {
  if (index >= size_ || value.type() != type_.element || !store_->accepts(value)) return false;
  elements_[index] = value.bits();
  return true;
}

std::int64_t Table::grow(std::uint64_t delta, const Value& fill) {
  if (fill.type() != type_.element || !store_->accepts(fill)) return -1;
  const std::uint64_t old = size_;
  const std::uint64_t most = type_.limits.has_maximum
                                 ? std::min<std::uint64_t>(type_.limits.maximum, kMaxTableElements)
                                 : kMaxTableElements;
  if (old > most || delta > most - old || !storage_.try_resize(old + delta)) return -1;
  elements_ = storage_.data();
  size_ = old + delta;
  for (std::uint64_t i = old; i < size_; ++i) elements_[i] = fill.bits();
  return static_cast<std::int64_t>(old);
}

bool Global::set(const Value& value) {
  if (type_.mutability != Mutability::kVar || value.type() != type_.value) return false;
  if (!store_->accepts(value)) return false;
  put(value);
  return true;
}

void Global::put(const Value& value) {
  cell_[0] = slot_value(value);
  cell_[1] = value.high_bits();
}

}  // namespace quoll::wasm
