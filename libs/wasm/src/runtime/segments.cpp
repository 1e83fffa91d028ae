// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "runtime/segments.hpp"

#include "decode/constant_expression.hpp"
#include "interpret/handler.hpp"

namespace quoll::wasm {

namespace {

std::uint64_t value_of(Instance& instance, const ConstantExpression& constant) {
  switch (constant.kind()) {
    case ConstantExpression::Kind::kNumber:
      return constant.bits();
    case ConstantExpression::Kind::kNull:
      return 0;
    case ConstantExpression::Kind::kFunction:
      return std::bit_cast<std::uint64_t>(&instance.function(constant.function()));
    case ConstantExpression::Kind::kGlobal:
      return Machine::cell(instance.global(constant.global()));
  }
  return 0;
}

}  // namespace

std::uint64_t evaluate_constant(Instance& instance, ByteRange range, ValueType type) {
  const Module& module = instance.module();
  Reader reader(module.bytes(range), range.offset);
  ConstantExpression constant;
  const bool valid = constant.read(reader, module, type);
  QUOLL_ASSERT(valid);  // validated when the module was decoded
  return value_of(instance, constant);
}

std::span<const std::uint8_t> data_bytes(Instance& instance, std::uint32_t segment) {
  if (Machine::dropped_data(&instance)[segment]) return {};
  return instance.module().bytes(instance.module().data_segments()[segment].bytes);
}

bool initialise_table(Instance& instance, Table& table, std::uint32_t segment,
                      std::uint64_t destination, std::uint64_t source, std::uint64_t count) {
  const Module& module = instance.module();
  const ElementSegment& elements = module.element_segments()[segment];
  const std::uint64_t available =
      Machine::dropped_elements(&instance)[segment] ? 0 : elements.count;
  if (source + count > available || destination + count > table.size()) return false;
  if (count == 0) return true;
  // Elements have different lengths: those in front of the range are read over.
  Reader reader(module.bytes(elements.elements), elements.elements.offset);
  for (std::uint64_t i = 0; i < source + count; ++i) {
    std::uint64_t value;
    if (elements.has_expressions) {
      ConstantExpression constant;
      const bool valid = constant.read(reader, module, elements.type);
      QUOLL_ASSERT(valid);
      value = value_of(instance, constant);
    } else {
      std::uint32_t function;
      const bool valid = reader.read_u32(function);
      QUOLL_ASSERT(valid);
      value = std::bit_cast<std::uint64_t>(&instance.function(function));
    }
    if (i >= source) Machine::elements(&table)[destination + (i - source)] = value;
  }
  return true;
}

}  // namespace quoll::wasm
