// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// ModuleDecoder: from bytes to a valid Module, section by section.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <quoll/containers/vector.hpp>
#include <quoll/wasm/module.hpp>

#include "decode/reader.hpp"

namespace quoll::wasm {

/// Reads one module. Each section's content is checked as it is read: what it may refer to stands
/// in front of it.
class ModuleDecoder {
 public:
  ModuleDecoder(Module& module, std::span<const std::uint8_t> bytes)
      : module_(module), reader_(bytes, 0) {}

  /// Returns false when the module breaks a rule; `error` says which.
  bool decode();
  const ModuleError& error() const { return error_; }

 private:
  enum class SectionId : std::uint8_t {
    kCustom = 0,
    kType,
    kImport,
    kFunction,
    kTable,
    kMemory,
    kGlobal,
    kExport,
    kStart,
    kElement,
    kCode,
    kData,
    kDataCount,
  };

  /// What limits must not be beyond, and the rule that says so.
  struct LimitsBound {
    std::uint64_t most;
    Rule rule;
  };

  bool fail(Rule rule, std::uint64_t at) {
    error_ = {rule, at};
    return false;
  }
  bool fail(const ModuleError& error) {
    error_ = error;
    return false;
  }
  /// Reads how many elements a section has, each of at least so many bytes; with the `already` that
  /// are imported they must not be more than `most`.
  struct CountBound {
    std::size_t least_bytes;
    std::uint32_t most;
    Rule rule;
    std::size_t already = 0;
  };
  bool read_count(Reader& reader, std::uint32_t& out, const CountBound& bound);

  bool check_header();
  bool decode_sections();
  bool decode_section(SectionId id, Reader& reader);
  bool finish();

  // types_and_imports.cpp
  bool decode_types(Reader& reader);
  bool decode_imports(Reader& reader);
  bool decode_functions(Reader& reader);
  bool decode_tables(Reader& reader);
  bool decode_memories(Reader& reader);
  bool read_value_type(Reader& reader, ValueType& out);
  bool read_reference_type(Reader& reader, ValueType& out);
  bool read_limits_flags(Reader& reader, Limits& out, AddressType& address);
  bool read_limits(Reader& reader, Limits& out, LimitsBound bound, std::uint64_t at);
  bool read_limit(Reader& reader, std::uint64_t& out);
  bool read_table_type(Reader& reader, TableType& out);
  bool read_memory_type(Reader& reader, MemoryType& out);
  bool read_global_type(Reader& reader, GlobalType& out);
  bool read_type_index(Reader& reader, std::uint32_t& out);
  bool add_memory(Reader& reader, const MemoryType& type, std::uint64_t at);

  // globals_and_exports.cpp
  bool decode_globals(Reader& reader);
  bool decode_exports(Reader& reader);
  bool check_exported(Reader& reader, const Export& entry, std::uint64_t at);
  bool check_export_names(Reader& reader);
  bool decode_start(Reader& reader);
  bool decode_custom(Reader& reader);

  // segments.cpp
  bool decode_elements(Reader& reader);
  bool decode_element_segment(Reader& reader, ElementSegment& out);
  bool decode_data(Reader& reader);
  bool decode_data_count(Reader& reader);

  // code.cpp
  bool decode_code(Reader& reader);

  /// Validates a constant expression and says which bytes it takes.
  bool read_constant(Reader& reader, ValueType expected, ByteRange& out);
  bool declare_function(Reader& reader, std::uint32_t function, std::uint64_t at);
  ByteRange range_from(std::uint64_t start, const Reader& reader) const {
    return {static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(reader.offset() - start)};
  }

  Module& module_;
  Reader reader_;
  ModuleError error_;
  /// One bit for each function that may be taken by `ref.func`.
  containers::Vector<std::uint64_t> declared_;
  /// Where a data segment is named though there is no data count.
  std::optional<std::uint64_t> uncounted_data_;
  bool have_code_ = false;
  bool have_data_ = false;
};

}  // namespace quoll::wasm
