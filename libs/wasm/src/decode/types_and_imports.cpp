// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The sections that say what there is: types, imports, functions, tables, memories.
#include <algorithm>

#include <quoll/wasm/limits.hpp>

#include "decode/module_decoder.hpp"

namespace quoll::wasm {

bool ModuleDecoder::read_value_type(Reader& reader, ValueType& out) {
  const std::uint64_t start = reader.offset();
  std::uint8_t byte;
  if (!reader.read_byte(byte)) return false;
  switch (static_cast<ValueType>(byte)) {
    case ValueType::kI32:
    case ValueType::kI64:
    case ValueType::kF32:
    case ValueType::kF64:
    case ValueType::kV128:
    case ValueType::kFuncRef:
    case ValueType::kExternRef:
      out = static_cast<ValueType>(byte);
      return true;
  }
  return reader.fail(Rule::kMalformedValueType, start);
}

bool ModuleDecoder::read_reference_type(Reader& reader, ValueType& out) {
  const std::uint64_t start = reader.offset();
  std::uint8_t byte;
  if (!reader.read_byte(byte)) return false;
  out = static_cast<ValueType>(byte);
  if (!is_reference(out)) return reader.fail(Rule::kMalformedReferenceType, start);
  return true;
}

bool ModuleDecoder::read_limits_flags(Reader& reader, Limits& out, AddressType& address) {
  constexpr std::uint8_t kHasMaximum = 1;
  constexpr std::uint8_t kIs64 = 4;
  const std::uint64_t start = reader.offset();
  std::uint8_t flags;
  if (!reader.read_byte(flags)) return false;
  if ((flags & ~(kHasMaximum | kIs64)) != 0) {
    return reader.fail(Rule::kMalformedLimitsFlags, start);
  }
  if ((flags & kIs64) != 0 && !module_.features_.has(Feature::kMemory64)) {
    return reader.fail_without(Feature::kMemory64, Rule::kMalformedLimitsFlags, start);
  }
  out.has_maximum = (flags & kHasMaximum) != 0;
  address = (flags & kIs64) != 0 ? AddressType::k64 : AddressType::k32;
  return true;
}

/// With 64-bit memories, limits of 32-bit ones are written in as many bytes too.
bool ModuleDecoder::read_limit(Reader& reader, std::uint64_t& out) {
  if (module_.features_.has(Feature::kMemory64)) return reader.read_u64(out);
  std::uint32_t number;
  if (!reader.read_u32(number)) return false;
  out = number;
  return true;
}

/// Reads the numbers whose flags have been read. `at` is where the flags are.
bool ModuleDecoder::read_limits(Reader& reader, Limits& out, LimitsBound bound, std::uint64_t at) {
  if (!read_limit(reader, out.minimum)) return false;
  if (out.minimum > bound.most) return reader.fail(bound.rule, at);
  if (!out.has_maximum) return true;
  if (!read_limit(reader, out.maximum)) return false;
  if (out.maximum > bound.most) return reader.fail(bound.rule, at);
  if (out.maximum < out.minimum) return reader.fail(Rule::kLimitsOrder, at);
  return true;
}

bool ModuleDecoder::read_table_type(Reader& reader, TableType& out) {
  if (!read_reference_type(reader, out.element)) return false;
  const std::uint64_t at = reader.offset();
  if (!read_limits_flags(reader, out.limits, out.address)) return false;
  const bool is64 = out.address == AddressType::k64;
  const LimitsBound bound{is64 ? ~std::uint64_t{0} : kMaxTable32Limit, Rule::kTableTooLarge};
  return read_limits(reader, out.limits, bound, at);
}

bool ModuleDecoder::read_memory_type(Reader& reader, MemoryType& out) {
  const std::uint64_t at = reader.offset();
  if (!read_limits_flags(reader, out.limits, out.address)) return false;
  const LimitsBound bound = out.address == AddressType::k64
                                ? LimitsBound{kMaxMemory64Pages, Rule::kMemory64TooLarge}
                                : LimitsBound{kMaxMemoryPages, Rule::kMemoryTooLarge};
  return read_limits(reader, out.limits, bound, at);
}

bool ModuleDecoder::read_global_type(Reader& reader, GlobalType& out) {
  if (!read_value_type(reader, out.value)) return false;
  const std::uint64_t start = reader.offset();
  std::uint8_t byte;
  if (!reader.read_byte(byte)) return false;
  if (byte > 1) return reader.fail(Rule::kMalformedMutability, start);
  out.mutability = static_cast<Mutability>(byte);
  return true;
}

bool ModuleDecoder::read_type_index(Reader& reader, std::uint32_t& out) {
  const std::uint64_t start = reader.offset();
  if (!reader.read_u32(out)) return false;
  if (out >= module_.types_.size()) return reader.fail(Rule::kUnknownType, start);
  return true;
}

bool ModuleDecoder::decode_types(Reader& reader) {
  constexpr std::uint8_t kFunctionForm = 0x60;
  std::uint32_t count;
  if (!read_count(reader, count, {3, kMaxTypes, Rule::kTooManyTypes})) return false;
  if (!module_.types_.try_reserve(count)) return reader.fail(Rule::kOutOfMemory);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t start = reader.offset();
    std::uint8_t form;
    if (!reader.read_byte(form)) return false;
    if (form != kFunctionForm) return reader.fail(Rule::kMalformedFunctionType, start);
    Module::TypeEntry entry{.first = static_cast<std::uint32_t>(module_.type_values_.size())};
    for (const bool is_result : {false, true}) {
      const std::uint64_t at = reader.offset();
      std::uint32_t values;
      if (!reader.read_count(values)) return false;
      if (values > (is_result ? kMaxResults : kMaxParameters)) {
        return reader.fail(is_result ? Rule::kTooManyResults : Rule::kTooManyParameters, at);
      }
      (is_result ? entry.results : entry.parameters) = static_cast<std::uint16_t>(values);
      for (std::uint32_t k = 0; k < values; ++k) {
        ValueType type;
        if (!read_value_type(reader, type)) return false;
        if (!module_.type_values_.try_push_back(type)) return reader.fail(Rule::kOutOfMemory);
      }
    }
    if (!module_.types_.try_push_back(entry)) return reader.fail(Rule::kOutOfMemory);
  }
  return true;
}

bool ModuleDecoder::add_memory(Reader& reader, const MemoryType& type, std::uint64_t at) {
  if (!module_.memories_.empty() && !module_.features_.has(Feature::kMultiMemory)) {
    return reader.fail_without(Feature::kMultiMemory, Rule::kMultipleMemories, at);
  }
  if (module_.memories_.size() == kMaxMemories) return reader.fail(Rule::kTooManyMemories, at);
  return module_.memories_.try_push_back(type) || reader.fail(Rule::kOutOfMemory);
}

bool ModuleDecoder::decode_imports(Reader& reader) {
  std::uint32_t count;
  if (!read_count(reader, count, {4, kMaxImports, Rule::kTooManyImports})) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    Import import;
    if (!reader.read_name(import.module) || !reader.read_name(import.name)) return false;
    const std::uint64_t at = reader.offset();
    std::uint8_t kind;
    if (!reader.read_byte(kind)) return false;
    if (kind > static_cast<std::uint8_t>(ExternKind::kGlobal)) {
      return reader.fail(Rule::kMalformedImportKind, at);
    }
    import.kind = static_cast<ExternKind>(kind);
    bool stored = true;
    switch (import.kind) {
      case ExternKind::kFunction:
        if (!read_type_index(reader, import.type_index)) return false;
        stored = module_.functions_.try_push_back(import.type_index);
        ++module_.imported_functions_;
        break;
      case ExternKind::kTable:
        if (!read_table_type(reader, import.table)) return false;
        if (module_.tables_.size() == kMaxTables) return reader.fail(Rule::kTooManyTables, at);
        stored = module_.tables_.try_push_back(import.table);
        ++module_.imported_tables_;
        break;
      case ExternKind::kMemory:
        if (!read_memory_type(reader, import.memory)) return false;
        if (!add_memory(reader, import.memory, at)) return false;
        ++module_.imported_memories_;
        break;
      case ExternKind::kGlobal:
        if (!read_global_type(reader, import.global)) return false;
        stored = module_.globals_.try_push_back(import.global);
        ++module_.imported_globals_;
        break;
    }
    if (!stored || !module_.imports_.try_push_back(import)) {
      return reader.fail(Rule::kOutOfMemory);
    }
  }
  return true;
}

bool ModuleDecoder::decode_functions(Reader& reader) {
  std::uint32_t count;
  const std::size_t imported = module_.functions_.size();
  if (!read_count(reader, count, {1, kMaxFunctions, Rule::kTooManyFunctions, imported})) {
    return false;
  }
  if (!module_.functions_.try_reserve(module_.functions_.size() + count)) {
    return reader.fail(Rule::kOutOfMemory);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t type;
    if (!read_type_index(reader, type)) return false;
    if (!module_.functions_.try_push_back(type)) return reader.fail(Rule::kOutOfMemory);
  }
  return true;
}

bool ModuleDecoder::decode_tables(Reader& reader) {
  std::uint32_t count;
  const std::size_t imported = module_.tables_.size();
  if (!read_count(reader, count, {3, kMaxTables, Rule::kTooManyTables, imported})) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    TableType type;
    if (!read_table_type(reader, type)) return false;
    if (!module_.tables_.try_push_back(type)) return reader.fail(Rule::kOutOfMemory);
  }
  return true;
}

bool ModuleDecoder::decode_memories(Reader& reader) {
  std::uint32_t count;
  if (!reader.read_count(count, 2)) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t at = reader.offset();
    MemoryType type;
    if (!read_memory_type(reader, type) || !add_memory(reader, type, at)) return false;
  }
  return true;
}

}  // namespace quoll::wasm
