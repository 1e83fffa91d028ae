// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Builds modules byte by byte for tests.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <quoll/wasm/opcodes.hpp>
#include <quoll/wasm/wasm.hpp>

namespace quoll::wasm::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes unsigned_leb(std::uint64_t value) {
  Bytes out;
  do {
    const auto low = static_cast<std::uint8_t>(value & 0x7f);
    value >>= 7;
    out.push_back(static_cast<std::uint8_t>(value != 0 ? low | 0x80 : low));
  } while (value != 0);
  return out;
}

inline Bytes signed_leb(std::int64_t value) {
  Bytes out;
  for (bool more = true; more;) {
    const auto low = static_cast<std::uint8_t>(value & 0x7f);
    value >>= 7;
    more = !((value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0));
    out.push_back(static_cast<std::uint8_t>(more ? low | 0x80 : low));
  }
  return out;
}

/// A piece of code; pieces are joined with `+`.
class Code {
 public:
  Code() = default;
  Code(Opcode opcode) {  // NOLINT(google-explicit-constructor): reads as an instruction
    const OpcodeInfo& row = info(opcode);
    if (row.prefix != 0) {
      bytes_.push_back(row.prefix);
      append(unsigned_leb(row.number));
    } else {
      bytes_.push_back(static_cast<std::uint8_t>(row.number));
    }
  }
  Code(Opcode opcode, std::uint64_t immediate) : Code(opcode) { append(unsigned_leb(immediate)); }
  Code(Opcode opcode, std::uint64_t first, std::uint64_t second) : Code(opcode, first) {
    append(unsigned_leb(second));
  }
  static Code raw(std::initializer_list<int> bytes) {
    Code code;
    for (const int byte : bytes) code.bytes_.push_back(static_cast<std::uint8_t>(byte));
    return code;
  }
  static Code block(Opcode opcode, ValueType type) {
    Code code(opcode);
    code.bytes_.push_back(static_cast<std::uint8_t>(type));
    return code;
  }
  static Code block(Opcode opcode) { return Code(opcode) + raw({0x40}); }
  /// A load or store of a memory that has that index.
  static Code access(Opcode opcode, std::uint32_t memory, std::uint64_t offset) {
    constexpr std::uint32_t kHasIndex = 64;
    return Code(opcode, kHasIndex, memory).append(unsigned_leb(offset));
  }
  static Code i32(std::int32_t value) { return Code(Opcode::kI32Const).append(signed_leb(value)); }
  static Code i64(std::int64_t value) { return Code(Opcode::kI64Const).append(signed_leb(value)); }
  /// A constant of any numeric type from its bits, of a vector from its low half's.
  static Code constant(ValueType type, std::uint64_t bits) {
    if (type == ValueType::kI32) {
      return i32(static_cast<std::int32_t>(static_cast<std::uint32_t>(bits)));
    }
    if (type == ValueType::kI64) return i64(static_cast<std::int64_t>(bits));
    if (type == ValueType::kV128) return v128(bits, 0);
    Code code(type == ValueType::kF32 ? Opcode::kF32Const : Opcode::kF64Const);
    for (int i = 0; i < (type == ValueType::kF32 ? 4 : 8); ++i) {
      code.bytes_.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
    }
    return code;
  }

  /// A constant vector from its halves.
  static Code v128(std::uint64_t low, std::uint64_t high) {
    Code code(Opcode::kV128Const);
    for (const std::uint64_t half : {low, high}) {
      for (int i = 0; i < 8; ++i) {
        code.bytes_.push_back(static_cast<std::uint8_t>(half >> (8 * i)));
      }
    }
    return code;
  }

  Code& append(const Bytes& more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  friend Code operator+(Code a, const Code& b) { return a.append(b.bytes_); }
  Code& operator+=(const Code& more) { return append(more.bytes_); }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

/// Local variables of one type.
struct Locals {
  std::uint32_t count;
  ValueType type;
};

/// Collects the sections of a module.
class ModuleBuilder {
 public:
  using Types = std::vector<ValueType>;

  std::uint32_t type(const Types& parameters, const Types& results) {
    Bytes entry = {0x60};
    for (const Types* list : {&parameters, &results}) {
      append(entry, unsigned_leb(list->size()));
      for (const ValueType t : *list) entry.push_back(static_cast<std::uint8_t>(t));
    }
    return add(1, entry);
  }
  /// Imports come before functions of the module's own.
  std::uint32_t import_function(std::string_view module, std::string_view name,
                                std::uint32_t type_index) {
    Bytes entry = import(module, name, 0);
    append(entry, unsigned_leb(type_index));
    add(2, entry);
    return functions_++;
  }
  void import_memory(std::string_view module, std::string_view name, std::uint64_t minimum) {
    Bytes entry = import(module, name, 2);
    append(entry, {0});
    append(entry, unsigned_leb(minimum));
    add(2, entry);
  }
  void import_table(std::string_view module, std::string_view name, std::uint64_t minimum) {
    Bytes entry = import(module, name, 1);
    append(entry, {0x70, 0});
    append(entry, unsigned_leb(minimum));
    add(2, entry);
  }
  void import_global(std::string_view module, std::string_view name, ValueType value,
                     Mutability mutability) {
    Bytes entry = import(module, name, 3);
    append(entry, {static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(mutability)});
    add(2, entry);
  }
  std::uint32_t function(std::uint32_t type_index, const Code& code,
                         std::initializer_list<Locals> locals = {}) {
    return function(type_index, code, std::vector<Locals>(locals));
  }
  std::uint32_t function(std::uint32_t type_index, const Code& code,
                         const std::vector<Locals>& locals) {
    add(3, unsigned_leb(type_index));
    Bytes body = unsigned_leb(locals.size());
    for (const Locals& group : locals) {
      append(body, unsigned_leb(group.count));
      body.push_back(static_cast<std::uint8_t>(group.type));
    }
    append(body, code.bytes());
    body.push_back(0x0b);
    Bytes entry = unsigned_leb(body.size());
    append(entry, body);
    add(10, entry);
    return functions_++;
  }
  void table(std::uint64_t minimum, AddressType address = AddressType::k32) {
    Bytes entry = {0x70, limits_flags(address)};
    append(entry, unsigned_leb(minimum));
    add(4, entry);
  }
  void memory(std::uint64_t minimum, AddressType address = AddressType::k32) {
    Bytes entry = {limits_flags(address)};
    append(entry, unsigned_leb(minimum));
    add(5, entry);
  }
  void memory(std::uint64_t minimum, AddressType address, std::uint64_t maximum) {
    Bytes entry = {static_cast<std::uint8_t>(limits_flags(address) | 1)};
    append(entry, unsigned_leb(minimum));
    append(entry, unsigned_leb(maximum));
    add(5, entry);
  }
  void global(ValueType value, const Code& initializer, Mutability mutability = Mutability::kVar) {
    Bytes entry = {static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(mutability)};
    append(entry, initializer.bytes());
    entry.push_back(0x0b);
    add(6, entry);
  }
  void export_as(std::string_view name, ExternKind kind, std::uint32_t index) {
    Bytes entry = text(name);
    entry.push_back(static_cast<std::uint8_t>(kind));
    append(entry, unsigned_leb(index));
    add(7, entry);
  }
  void elements(std::int32_t offset, const std::vector<std::uint32_t>& functions) {
    elements(Code::i32(offset), functions);
  }
  void elements(const Code& offset, const std::vector<std::uint32_t>& functions) {
    Bytes entry = {0};
    append(entry, offset.bytes());
    entry.push_back(0x0b);
    append(entry, unsigned_leb(functions.size()));
    for (const std::uint32_t f : functions) append(entry, unsigned_leb(f));
    add(9, entry);
  }
  void data(std::int32_t offset, std::string_view bytes) { data(Code::i32(offset), bytes); }
  void data(const Code& offset, std::string_view bytes) {
    Bytes entry = {0};
    append(entry, offset.bytes());
    entry.push_back(0x0b);
    append(entry, text(bytes));
    add(11, entry);
  }
  void passive_data(std::string_view bytes) {
    Bytes entry = {1};
    append(entry, text(bytes));
    add(11, entry);
  }
  void start(std::uint32_t function) { start_ = unsigned_leb(function); }

  Bytes build() const {
    Bytes out = {0, 'a', 's', 'm', 1, 0, 0, 0};
    for (std::uint8_t id = 1; id <= 11; ++id) {
      Bytes content;
      if (id == 8) {
        content = start_;
      } else if (counts_[id] != 0) {
        content = unsigned_leb(counts_[id]);
        append(content, sections_[id]);
      }
      if (id == 10 && counts_[11] != 0) {
        // Instructions may name segments: their count comes first.
        const Bytes count = unsigned_leb(counts_[11]);
        out.push_back(12);
        append(out, unsigned_leb(count.size()));
        append(out, count);
      }
      if (content.empty()) continue;
      out.push_back(id);
      append(out, unsigned_leb(content.size()));
      append(out, content);
    }
    return out;
  }

 private:
  static std::uint8_t limits_flags(AddressType address) {
    return address == AddressType::k64 ? 4 : 0;
  }
  static void append(Bytes& to, const Bytes& more) {
    to.insert(to.end(), more.begin(), more.end());
  }
  static Bytes text(std::string_view s) {
    Bytes out = unsigned_leb(s.size());
    out.insert(out.end(), s.begin(), s.end());
    return out;
  }
  static Bytes import(std::string_view module, std::string_view name, std::uint8_t kind) {
    Bytes entry = text(module);
    append(entry, text(name));
    entry.push_back(kind);
    return entry;
  }
  std::uint32_t add(std::size_t section, const Bytes& entry) {
    append(sections_[section], entry);
    return counts_[section]++;
  }

  Bytes sections_[12];
  std::uint32_t counts_[12] = {};
  std::uint32_t functions_ = 0;
  Bytes start_;
};

}  // namespace quoll::wasm::test
