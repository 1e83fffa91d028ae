// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The sections for globals, exports, the start function, and custom content.
#include <algorithm>

#include <quoll/wasm/limits.hpp>

#include "decode/constant_expression.hpp"
#include "decode/module_decoder.hpp"

namespace quoll::wasm {

bool ModuleDecoder::declare_function(Reader& reader, std::uint32_t function, std::uint64_t at) {
  if (function >= module_.functions_.size()) return reader.fail(Rule::kUnknownFunction, at);
  if (declared_.empty() && !declared_.try_resize(module_.functions_.size() / 64 + 1)) {
    return reader.fail(Rule::kOutOfMemory);
  }
  declared_[function / 64] |= std::uint64_t{1} << (function % 64);
  return true;
}

bool ModuleDecoder::read_constant(Reader& reader, ValueType expected, ByteRange& out) {
  const std::uint64_t start = reader.offset();
  ConstantExpression constant(module_);
  if (!constant.read(reader, expected)) return false;
  if (constant.has_function() && !declare_function(reader, constant.function(), start)) {
    return false;
  }
  out = range_from(start, reader);
  return true;
}

bool ModuleDecoder::decode_globals(Reader& reader) {
  std::uint32_t count;
  const std::size_t imported = module_.globals_.size();
  if (!read_count(reader, count, {3, kMaxGlobals, Rule::kTooManyGlobals, imported})) return false;
  if (!module_.globals_.try_reserve(module_.globals_.size() + count) ||
      !module_.global_inits_.try_reserve(count)) {
    return reader.fail(Rule::kOutOfMemory);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    GlobalDefinition global;
    if (!read_global_type(reader, global.type) ||
        !read_constant(reader, global.type.value, global.initializer)) {
      return false;
    }
    // Visible only now: an initialiser refers to what stands in front of it.
    if (!module_.global_inits_.try_push_back(global) ||
        !module_.globals_.try_push_back(global.type)) {
      return reader.fail(Rule::kOutOfMemory);
    }
  }
  return true;
}

bool ModuleDecoder::decode_exports(Reader& reader) {
  std::uint32_t count;
  if (!read_count(reader, count, {3, kMaxExports, Rule::kTooManyExports})) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    Export entry;
    if (!reader.read_name(entry.name)) return false;
    const std::uint64_t at = reader.offset();
    std::uint8_t kind;
    if (!reader.read_byte(kind)) return false;
    if (kind > static_cast<std::uint8_t>(ExternKind::kGlobal)) {
      return reader.fail(Rule::kMalformedExportKind, at);
    }
    entry.kind = static_cast<ExternKind>(kind);
    if (!reader.read_u32(entry.index)) return false;
    if (!check_exported(reader, entry, at)) return false;
    if (!module_.exports_.try_push_back(entry)) return reader.fail(Rule::kOutOfMemory);
  }
  return check_export_names(reader);
}

bool ModuleDecoder::check_exported(Reader& reader, const Export& entry, std::uint64_t at) {
  switch (entry.kind) {
    case ExternKind::kFunction:
      return declare_function(reader, entry.index, at);
    case ExternKind::kTable:
      return entry.index < module_.tables_.size() || reader.fail(Rule::kUnknownTable, at);
    case ExternKind::kMemory:
      return entry.index < module_.memories_.size() || reader.fail(Rule::kUnknownMemory, at);
    case ExternKind::kGlobal:
      return entry.index < module_.globals_.size() || reader.fail(Rule::kUnknownGlobal, at);
  }
  return false;
}

bool ModuleDecoder::check_export_names(Reader& reader) {
  auto& order = module_.exports_by_name_;
  if (!order.try_resize(module_.exports_.size())) return reader.fail(Rule::kOutOfMemory);
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto name_of = [this](std::uint32_t i) { return module_.exports_[i].name; };
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return name_of(a) < name_of(b); });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (name_of(order[i - 1]) == name_of(order[i])) {
      // SAFETY: names are views of the module's bytes.
      const auto* at = reinterpret_cast<const std::uint8_t*>(name_of(order[i]).data());
      return reader.fail(Rule::kDuplicateExport,
                         static_cast<std::uint64_t>(at - module_.bytes_.data()));
    }
  }
  return true;
}

bool ModuleDecoder::decode_start(Reader& reader) {
  const std::uint64_t at = reader.offset();
  std::uint32_t function;
  if (!reader.read_u32(function)) return false;
  if (function >= module_.functions_.size()) return reader.fail(Rule::kUnknownFunction, at);
  const FuncType type = module_.function_type(function);
  if (!type.parameters.empty() || !type.results.empty()) {
    return reader.fail(Rule::kStartFunctionType, at);
  }
  module_.start_ = function;
  return true;
}

bool ModuleDecoder::decode_custom(Reader& reader) {
  std::string_view name;
  if (!reader.read_name(name)) return false;
  const std::uint64_t start = reader.offset();
  std::span<const std::uint8_t> content;
  if (!reader.read_bytes(reader.remaining(), content)) return false;
  // The content of a custom section is never a reason to refuse the module.
  if (name == "name") {
    constexpr std::uint8_t kFunctionNames = 1;
    Reader names(content, start);
    while (!names.at_end()) {
      std::uint8_t id;
      std::uint32_t size;
      std::span<const std::uint8_t> part;
      if (!names.read_byte(id) || !names.read_count(size) || !names.read_bytes(size, part)) break;
      if (id == kFunctionNames) {
        module_.function_names_ = {static_cast<std::uint32_t>(names.offset() - size), size};
      }
    }
  }
  return true;
}

const Export* Module::find_export(std::string_view name) const {
  const auto* found = std::lower_bound(exports_by_name_.begin(), exports_by_name_.end(), name,
                                       [this](std::uint32_t index, std::string_view wanted) {
                                         return exports_[index].name < wanted;
                                       });
  if (found == exports_by_name_.end() || exports_[*found].name != name) return nullptr;
  return &exports_[*found];
}

std::string_view Module::function_export(std::uint32_t function) const {
  for (const Export& entry : exports()) {
    if (entry.kind == ExternKind::kFunction && entry.index == function) return entry.name;
  }
  return {};
}

const Import& Module::function_import(std::uint32_t function) const {
  std::uint32_t index = 0;
  for (const Import& import : imports()) {
    if (import.kind == ExternKind::kFunction && index++ == function) return import;
  }
  QUOLL_ASSERT(false);
  __builtin_unreachable();
}

FuncType Module::type(std::uint32_t index) const {
  const TypeEntry& entry = types_[index];
  const auto values = type_values_.span().subspan(entry.first);
  return {values.first(entry.parameters), values.subspan(entry.parameters, entry.results)};
}

std::string_view Module::function_name(std::uint32_t function) const {
  Reader reader(bytes(function_names_), function_names_.offset);
  // A count that is too large does no harm: names end where the bytes do.
  std::uint32_t count;
  if (reader.at_end() || !reader.read_u32(count)) return {};
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t index;
    std::uint32_t length;
    std::span<const std::uint8_t> name;
    if (!reader.read_u32(index) || !reader.read_u32(length) || !reader.read_bytes(length, name)) {
      break;
    }
    // SAFETY: char may alias any object; the view has the span's bounds.
    if (index == function) return {reinterpret_cast<const char*>(name.data()), name.size()};
  }
  return {};
}

}  // namespace quoll::wasm
