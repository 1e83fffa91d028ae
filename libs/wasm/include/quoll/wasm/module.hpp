// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Module: a WebAssembly binary, decoded and validated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/base/result.hpp>
#include <quoll/containers/vector.hpp>
#include <quoll/wasm/error.hpp>
#include <quoll/wasm/features.hpp>
#include <quoll/wasm/types.hpp>

namespace quoll::wasm {

/// A range of the module's bytes.
struct ByteRange {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
};

/// One import. Which of the types holds is said by `kind`.
struct Import {
  std::string_view module;
  std::string_view name;
  ExternKind kind = ExternKind::kFunction;
  std::uint32_t type_index = 0;  ///< of a function
  TableType table;
  MemoryType memory;
  GlobalType global;
};

/// One export: a name for an element of an index space.
struct Export {
  std::string_view name;
  ExternKind kind = ExternKind::kFunction;
  std::uint32_t index = 0;
};

/// A function with a body. `pins` are the locals that its translation keeps in registers.
struct FunctionBody {
  static constexpr std::uint16_t kNoPin = 0xffff;

  ByteRange code;
  std::uint16_t integer_pins[2] = {kNoPin, kNoPin};
  std::uint16_t float_pins[2] = {kNoPin, kNoPin};
};

struct GlobalDefinition {
  GlobalType type;
  ByteRange initializer;
};

enum class SegmentMode : std::uint8_t { kActive, kPassive, kDeclarative };

/// An element segment: function indices, or a constant expression for each element.
struct ElementSegment {
  SegmentMode mode = SegmentMode::kPassive;
  bool has_expressions = false;
  ValueType type = ValueType::kFuncRef;
  std::uint32_t table = 0;
  ByteRange offset;
  std::uint32_t count = 0;
  ByteRange elements;
};

struct DataSegment {
  SegmentMode mode = SegmentMode::kPassive;
  std::uint32_t memory = 0;
  ByteRange offset;
  ByteRange bytes;
};

/// A decoded and validated module.
///
/// It refers to the bytes it was made from, and instances refer to it: the bytes outlive the
/// module, and the module outlives every store that it was instantiated in.
class Module {
 public:
  /// Decodes and validates; what comes back is valid as a whole, with these features.
  /// *Errors*: the first rule that is broken, with its byte offset.
  static base::Result<std::unique_ptr<Module>, ModuleError> decode(
      std::span<const std::uint8_t> bytes, Features features = Features::all());

  Features features() const { return features_; }
  std::span<const std::uint8_t> bytes() const { return bytes_; }
  std::span<const std::uint8_t> bytes(ByteRange range) const {
    return bytes_.subspan(range.offset, range.size);
  }
  std::span<const Import> imports() const { return imports_.span(); }
  std::span<const Export> exports() const { return exports_.span(); }
  /// The export of that name, or null.
  const Export* find_export(std::string_view name) const;
  /// The first name that the function is exported under; empty when it is not.
  std::string_view function_export(std::uint32_t function) const;

  std::size_t type_count() const { return types_.size(); }
  FuncType type(std::uint32_t index) const;
  /// Function indices count imported functions first.
  std::uint32_t function_count() const { return static_cast<std::uint32_t>(functions_.size()); }
  std::uint32_t imported_function_count() const { return imported_functions_; }
  std::uint32_t function_type_index(std::uint32_t function) const { return functions_[function]; }
  FuncType function_type(std::uint32_t function) const { return type(functions_[function]); }
  std::optional<std::uint32_t> start_function() const { return start_; }

  std::span<const FunctionBody> bodies() const { return bodies_.span(); }
  std::span<const TableType> tables() const { return tables_.span(); }
  std::span<const MemoryType> memories() const { return memories_.span(); }
  std::span<const GlobalType> globals() const { return globals_.span(); }
  std::uint32_t imported_table_count() const { return imported_tables_; }
  std::uint32_t imported_memory_count() const { return imported_memories_; }
  std::uint32_t imported_global_count() const { return imported_globals_; }
  std::span<const GlobalDefinition> global_definitions() const { return global_inits_.span(); }
  std::span<const ElementSegment> element_segments() const { return elements_.span(); }
  std::span<const DataSegment> data_segments() const { return data_.span(); }

  /// The import that an imported function is. *Requires*: it is one.
  const Import& function_import(std::uint32_t function) const;
  /// The function's name from the custom section `name`, which may hold anything: these bytes need
  /// not be UTF-8. Empty when there is none, or none in front of where the section is malformed.
  std::string_view function_name(std::uint32_t function) const;

 private:
  friend class ModuleDecoder;
  friend class FunctionCompiler;

  struct TypeEntry {
    std::uint32_t first = 0;  ///< parameters, then results, in `type_values_`
    std::uint16_t parameters = 0;
    std::uint16_t results = 0;
  };

  Features features_;
  std::span<const std::uint8_t> bytes_;
  containers::Vector<ValueType> type_values_;
  containers::Vector<TypeEntry> types_;
  containers::Vector<Import> imports_;
  containers::Vector<std::uint32_t> functions_;
  containers::Vector<FunctionBody> bodies_;
  containers::Vector<TableType> tables_;
  containers::Vector<MemoryType> memories_;
  containers::Vector<GlobalType> globals_;
  containers::Vector<GlobalDefinition> global_inits_;
  containers::Vector<Export> exports_;
  containers::Vector<std::uint32_t> exports_by_name_;
  containers::Vector<ElementSegment> elements_;
  containers::Vector<DataSegment> data_;
  std::optional<std::uint32_t> start_;
  std::optional<std::uint32_t> data_count_;
  std::uint32_t imported_functions_ = 0;
  std::uint32_t imported_tables_ = 0;
  std::uint32_t imported_memories_ = 0;
  std::uint32_t imported_globals_ = 0;
  ByteRange function_names_;
};

}  // namespace quoll::wasm
