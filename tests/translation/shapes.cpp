// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "shapes.hpp"

#include <string>

namespace quoll::translation {
namespace {

using wasm::ExternKind;
using wasm::Opcode;
using wasm::ValueType;
using wasm::test::Bytes;
using wasm::test::Code;
using wasm::test::Locals;
using wasm::test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI64 = ValueType::kI64;
constexpr ValueType kF64 = ValueType::kF64;

Code get(std::uint32_t local) {
  return Code(Opcode::kLocalGet, local);
}
Code set(std::uint32_t local) {
  return Code(Opcode::kLocalSet, local);
}
Code times(std::uint32_t count, const Code& piece) {
  Code code;
  for (std::uint32_t i = 0; i < count; ++i) code += piece;
  return code;
}

/// What compilers write, over and over: arithmetic, accesses, a loop, an `if`, a call.
Bytes body(std::uint32_t units) {
  ModuleBuilder m;
  const auto unary = m.type({kI32}, {kI32});
  m.memory(1);
  const auto callee = m.function(unary, get(0));
  const Code piece = get(0) + Code::i32(1) + Opcode::kI32Add + set(0) + get(0) + get(0) +
                     Code(Opcode::kI32Load, 2, 8) + get(1) + Opcode::kI32Xor +
                     Code(Opcode::kI32Store, 2, 4) + Code::block(Opcode::kLoop) + get(1) +
                     Code::i32(-1) + Opcode::kI32Add + Code(Opcode::kLocalTee, 1) +
                     Code(Opcode::kBrIf, 0) + Opcode::kEnd + get(0) + Code::i32(100000) +
                     Opcode::kI32LtS + Code::block(Opcode::kIf) + get(2) + get(2) +
                     Opcode::kF64Mul + set(2) + Opcode::kElse + get(0) +
                     Code(Opcode::kCall, callee) + set(0) + Opcode::kEnd;
  m.function(unary, times(units, piece) + get(0), {{1, kI32}, {1, kF64}});
  return m.build();
}

/// As many locals, no two neighbours of one type, each written and read.
Bytes locals(std::uint32_t units) {
  ModuleBuilder m;
  std::vector<Locals> groups;
  Code code;
  for (std::uint32_t i = 0; i < units; ++i) {
    const bool is_int = i % 2 == 0;
    groups.push_back({1, is_int ? kI32 : kI64});
    code += get(units - 1 - i) + Opcode::kDrop;
    code += Code::constant(is_int ? kI32 : kI64, i) + set(i);
  }
  m.function(m.type({}, {}), code, groups);
  return m.build();
}

/// One table of branches, to sixteen labels in turn; of these every other one takes a value along.
Bytes branch_table(std::uint32_t units) {
  constexpr std::uint32_t kLabels = 16;
  ModuleBuilder m;
  const auto unary = m.type({kI32}, {});
  Code code = times(kLabels, Code::block(Opcode::kBlock));
  code += get(0) + Code(Opcode::kBrTable, units - 1);
  for (std::uint32_t i = 0; i < units; ++i) code.append({static_cast<std::uint8_t>(i % kLabels)});
  code += times(kLabels, Opcode::kEnd);
  m.function(unary, code);
  return m.build();
}

/// Blocks inside of each other, each of which is left by a branch from the innermost.
Bytes blocks(std::uint32_t units) {
  ModuleBuilder m;
  Code code = times(units, Code::block(Opcode::kBlock));
  for (std::uint32_t i = 0; i < units; ++i) code += get(0) + Code(Opcode::kBrIf, i);
  m.function(m.type({kI32}, {}), code + times(units, Opcode::kEnd));
  return m.build();
}

/// A table of branches to as many labels, each of which needs its value moved.
Bytes labels(std::uint32_t units) {
  ModuleBuilder m;
  Code code;
  for (std::uint32_t i = 0; i < units; ++i) {
    code += Code::block(Opcode::kBlock, kI32) + Code::i64(0) + Opcode::kDrop;
  }
  code += Code::i64(1) + get(0) + get(0) + Code(Opcode::kBrTable, units - 1);
  for (std::uint32_t i = 0; i < units; ++i) code.append(wasm::test::unsigned_leb(i));
  code += times(units, Opcode::kEnd);
  m.function(m.type({kI32}, {kI32}), code);
  return m.build();
}

/// Branches out of one block, all pending until its end.
Bytes branches(std::uint32_t units) {
  ModuleBuilder m;
  m.function(m.type({kI32}, {}), Code::block(Opcode::kBlock) +
                                     times(units, get(0) + Code(Opcode::kBrIf, 0)) + Opcode::kEnd);
  return m.build();
}

/// Values on the operand stack at once, of which each vector takes two slots.
Bytes operands(std::uint32_t units) {
  ModuleBuilder m;
  Code code;
  for (std::uint32_t i = 0; i < units; ++i) {
    code += i % 2 == 0 ? get(0) : Code::i64(i) + Opcode::kI64x2Splat;
  }
  m.function(m.type({kI32}, {}), code + times(units, Opcode::kDrop));
  return m.build();
}

/// Loops inside of each other, with values that wait below each.
Bytes loops(std::uint32_t units) {
  ModuleBuilder m;
  Code code = times(units, get(0) + Code::block(Opcode::kLoop));
  for (std::uint32_t i = 0; i < units; ++i) {
    code += get(0) + Code(Opcode::kBrIf, 0) + Opcode::kEnd + set(0);
  }
  m.function(m.type({kI32}, {}), code);
  return m.build();
}

/// A frame that needs moves for its far slots: it is translated twice.
Bytes far(std::uint32_t units) {
  constexpr std::uint32_t kFar = 9000;
  ModuleBuilder m;
  m.function(m.type({}, {}),
             times(units, get(kFar) + get(kFar + 1) + Opcode::kI32Add + set(kFar + 2)),
             {{kFar + 3, kI32}});
  return m.build();
}

/// Functions with next to nothing in them.
Bytes functions(std::uint32_t units) {
  ModuleBuilder m;
  const auto none = m.type({}, {});
  for (std::uint32_t i = 0; i < units; ++i) m.function(none, {});
  return m.build();
}

/// Types that all differ, each with a function that is imported.
Bytes types(std::uint32_t units) {
  constexpr ValueType kDigits[] = {kI32, kI64, ValueType::kF32, kF64};
  ModuleBuilder m;
  for (std::uint32_t i = 0; i < units; ++i) {
    ModuleBuilder::Types parameters;
    for (std::uint32_t rest = i; rest != 0; rest /= 4) parameters.push_back(kDigits[rest % 4]);
    m.type(parameters, {kI32});
    m.import_function("m", "f", i);
  }
  return m.build();
}

/// Exports, with names that have a long beginning in common.
Bytes exports(std::uint32_t units) {
  ModuleBuilder m;
  m.memory(1);
  for (std::uint32_t i = 0; i < units; ++i) {
    m.export_as("a_rather_long_beginning_" + std::to_string(i), ExternKind::kMemory, 0);
  }
  return m.build();
}

constexpr Shape kShapes[] = {
    {"body", "pieces of 56 bytes", 187500, &body},
    {"locals", "locals", 50000, &locals},
    {"branch_table", "entries", 1000000, &branch_table},
    {"blocks", "nested blocks", 50000, &blocks},
    {"labels", "labels of one table", 40000, &labels},
    {"branches", "branches to one label", 400000, &branches},
    {"operands", "values", 60000, &operands},
    {"loops", "nested loops", 50000, &loops},
    {"far", "additions", 200000, &far},
    {"functions", "functions", 200000, &functions},
    {"types", "types", 100000, &types},
    {"exports", "exports", 50000, &exports},
};

}  // namespace

std::span<const Shape> shapes() {
  return kShapes;
}

const Shape* find_shape(std::string_view name) {
  for (const Shape& shape : kShapes) {
    if (shape.name == name) return &shape;
  }
  return nullptr;
}

}  // namespace quoll::translation
