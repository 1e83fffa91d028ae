// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "runtime/instantiation.hpp"

#include <cstring>

#include <quoll/wasm/limits.hpp>

#include "interpret/control.hpp"
#include "interpret/handlers.hpp"
#include "runtime/code.hpp"
#include "runtime/segments.hpp"
#include "runtime/unknown_import.hpp"

namespace quoll::wasm {

namespace {

/// Whether something of `actual` size and maximum can stand where `wanted` is imported.
bool limits_match(const Limits& wanted, std::uint64_t size, const Limits& actual) {
  if (size < wanted.minimum) return false;
  return !wanted.has_maximum || (actual.has_maximum && actual.maximum <= wanted.maximum);
}

}  // namespace

Instance* Instantiation::run(StartMode start) {
  if (!create() || !initialise_tables() || !initialise_memories()) return nullptr;
  if (store_.engine().config().translation == Translation::kAtInstantiation && !translate_all()) {
    return nullptr;
  }
  if (start == StartMode::kRun && !run_start()) return nullptr;
  return instance_;
}

bool Instantiation::create() {
  instance_ = store_.create_instance();
  if (instance_ == nullptr) return fail(LinkRule::kOutOfMemory);
  instance_->module_ = &module_;
  if (!instance_->types_.try_reserve(module_.type_count()) || !reserve()) {
    return fail(LinkRule::kOutOfMemory);
  }
  for (std::uint32_t i = 0; i < module_.type_count(); ++i) {
    const CanonicalType* type = store_.intern(module_.type(i));
    if (type == nullptr || !instance_->types_.try_push_back(type)) {
      return fail(LinkRule::kOutOfMemory);
    }
  }
  if (!resolve_imports() || !create_functions() || !create_tables() || !create_memories() ||
      !create_globals()) {
    return false;
  }
  instance_->memory0_ = instance_->memory();
  return true;
}

bool Instantiation::reserve() {
  return instance_->functions_.try_reserve(module_.function_count()) &&
         instance_->tables_.try_reserve(module_.tables().size()) &&
         instance_->memories_.try_reserve(module_.memories().size()) &&
         instance_->globals_.try_reserve(module_.globals().size()) &&
         instance_->own_functions_.try_resize(module_.bodies().size()) &&
         instance_->code_.try_resize(module_.bodies().size()) &&
         instance_->dropped_elements_.try_resize(module_.element_segments().size()) &&
         instance_->dropped_data_.try_resize(module_.data_segments().size());
}

bool Instantiation::resolve_imports() {
  for (const Import& import : module_.imports()) {
    const std::optional<Extern> found = linker_.find(import.module, import.name);
    if (found) {
      if (!add_import(import, *found)) return false;
    } else if (import.kind == ExternKind::kFunction) {
      if (!resolve_unknown_function(import)) return false;
    } else {
      return fail(LinkRule::kUnknownImport, import);
    }
  }
  return true;
}

bool Instantiation::resolve_unknown_function(const Import& import) {
  const FuncType type = module_.type(import.type_index);
  HostFunction host;
  const bool resolved = linker_.resolver_ != nullptr &&
                        linker_.resolver_(linker_.resolver_context_, import, type, host);
  if (!resolved) {
    if (linker_.unknown_ == UnknownFunctions::kRefuse) {
      return fail(LinkRule::kUnknownImport, import);
    }
    host = make_unknown_import(import);
  }
  Func* func = store_.create_function(type, host);
  if (func == nullptr || !instance_->functions_.try_push_back(func)) {
    return fail(LinkRule::kOutOfMemory, import);
  }
  return true;
}

bool Instantiation::add_import(const Import& import, const Extern& value) {
  if (value.kind != import.kind) return fail(LinkRule::kIncompatibleImport, import);
  bool matches = false;
  bool stored = false;
  const Store* owner = nullptr;
  switch (import.kind) {
    case ExternKind::kFunction:
      owner = &value.func->store();
      matches = value.func->type() == module_.type(import.type_index);
      stored = instance_->functions_.try_push_back(value.func);
      break;
    case ExternKind::kTable: {
      owner = &value.table->store();
      const TableType type = value.table->type();
      matches = type.element == import.table.element && type.address == import.table.address &&
                limits_match(import.table.limits, type.limits.minimum, type.limits);
      stored = instance_->tables_.try_push_back(value.table);
      break;
    }
    case ExternKind::kMemory:
      owner = &value.memory->store();
      matches =
          value.memory->type().address == import.memory.address &&
          limits_match(import.memory.limits, value.memory->pages(), value.memory->type().limits);
      stored = instance_->memories_.try_push_back(value.memory);
      break;
    case ExternKind::kGlobal:
      owner = &value.global->store();
      matches = value.global->type() == import.global;
      stored = instance_->globals_.try_push_back(value.global);
      break;
  }
  if (owner != &store_) return fail(LinkRule::kForeignStore, import);
  if (!matches) return fail(LinkRule::kIncompatibleImport, import);
  return stored || fail(LinkRule::kOutOfMemory, import);
}

bool Instantiation::create_functions() {
  const std::uint32_t imported = module_.imported_function_count();
  for (std::uint32_t i = 0; i < instance_->own_functions_.size(); ++i) {
    Func& func = instance_->own_functions_[i];
    Machine::define(func, *instance_, imported + i,
                    instance_->types_[module_.function_type_index(imported + i)]);
    Machine::set_stub(func, handlers::translate_first());
    if (!instance_->functions_.try_push_back(&func)) return fail(LinkRule::kOutOfMemory);
  }
  return true;
}

bool Instantiation::create_tables() {
  for (const TableType& type : module_.tables().subspan(module_.imported_table_count())) {
    if (type.limits.minimum > kMaxTableElements) return fail(LinkRule::kTooLarge);
    Table* table = store_.create_table(type, Value::from_bits(type.element, 0));
    if (table == nullptr || !instance_->tables_.try_push_back(table)) {
      return fail(LinkRule::kOutOfMemory);
    }
  }
  return true;
}

bool Instantiation::create_memories() {
  for (const MemoryType& type : module_.memories().subspan(module_.imported_memory_count())) {
    if (type.limits.minimum > store_.most_pages(type)) return fail(LinkRule::kTooLarge);
    Memory* memory = store_.create_memory(type);
    if (memory == nullptr || !instance_->memories_.try_push_back(memory)) {
      return fail(LinkRule::kOutOfMemory);
    }
  }
  return true;
}

bool Instantiation::create_globals() {
  for (const GlobalDefinition& definition : module_.global_definitions()) {
    Value value;
    if (!evaluate_constant(*instance_, definition.initializer, definition.type.value, value)) {
      return fail(LinkRule::kOutOfMemory);
    }
    Global* global = store_.create_global(definition.type, value);
    if (global == nullptr || !instance_->globals_.try_push_back(global)) {
      return fail(LinkRule::kOutOfMemory);
    }
  }
  return true;
}

bool Instantiation::evaluate_offset(ByteRange expression, AddressType type, std::uint64_t& out) {
  Value value;
  if (!evaluate_constant(*instance_, expression, value_type(type), value)) {
    return fail(LinkRule::kOutOfMemory);
  }
  out = value.bits();
  return true;
}

bool Instantiation::fail_with_trap(TrapKind kind) {
  error_.rule = LinkRule::kInitialisation;
  error_.outcome.kind = Outcome::Kind::kTrapped;
  error_.outcome.trap.kind = kind;
  return false;
}

bool Instantiation::initialise_tables() {
  const auto segments = module_.element_segments();
  for (std::uint32_t i = 0; i < segments.size(); ++i) {
    const ElementSegment& segment = segments[i];
    if (segment.mode == SegmentMode::kActive) {
      std::uint64_t offset;
      const AddressType address = module_.tables()[segment.table].address;
      if (!evaluate_offset(segment.offset, address, offset)) return false;
      const std::optional<TrapKind> trap = initialise_table(
          *instance_, instance_->table(segment.table), i, offset, 0, segment.count);
      if (trap) return fail_with_trap(*trap);
    }
    if (segment.mode != SegmentMode::kPassive) instance_->dropped_elements_[i] = true;
  }
  return true;
}

bool Instantiation::initialise_memories() {
  const auto segments = module_.data_segments();
  for (std::uint32_t i = 0; i < segments.size(); ++i) {
    const DataSegment& segment = segments[i];
    if (segment.mode != SegmentMode::kActive) continue;
    std::uint64_t offset;
    const AddressType address = module_.memories()[segment.memory].address;
    if (!evaluate_offset(segment.offset, address, offset)) return false;
    const std::span<const std::uint8_t> bytes = module_.bytes(segment.bytes);
    const Memory& memory = instance_->memory(segment.memory);
    if (!memory.contains(offset, bytes.size())) {
      return fail_with_trap(TrapKind::kOutOfBoundsMemoryAccess);
    }
    if (!bytes.empty()) std::memcpy(memory.data() + offset, bytes.data(), bytes.size());
    instance_->dropped_data_[i] = true;
  }
  return true;
}

bool Instantiation::translate_all() {
  for (Func& func : instance_->own_functions_) {
    if (!translate_function(func)) return fail(LinkRule::kOutOfMemory);
  }
  return true;
}

bool Instantiation::run_start() {
  Func* start = instance_->start_function();
  if (start == nullptr) return true;
  Execution* execution = store_.execution();
  if (execution == nullptr) return fail(LinkRule::kOutOfMemory);
  error_.outcome = execution->call(*start, {}, {}, instance_);
  return error_.outcome.returned() || fail(LinkRule::kInitialisation);
}

}  // namespace quoll::wasm
