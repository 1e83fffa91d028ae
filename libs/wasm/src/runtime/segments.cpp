// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "runtime/segments.hpp"

#include "decode/constant_expression.hpp"
#include "interpret/handler.hpp"

namespace quoll::wasm {

bool evaluate_constant(const Instance& instance, ByteRange range, ValueType type, Value& out) {
  Reader reader(instance.module().bytes(range), range.offset);
  ConstantExpression constant(instance);
  if (!constant.read(reader, type)) return false;
  out = constant.value();
  return true;
}

std::span<const std::uint8_t> data_bytes(Instance& instance, std::uint32_t segment) {
  if (Machine::dropped_data(&instance)[segment]) return {};
  return instance.module().bytes(instance.module().data_segments()[segment].bytes);
}

std::optional<TrapKind> initialise_table(Instance& instance, Table& table, std::uint32_t segment,
                                         std::uint64_t destination, std::uint64_t source,
                                         std::uint64_t count) {
  const Module& module = instance.module();
  const ElementSegment& elements = module.element_segments()[segment];
  const std::uint64_t available =
      Machine::dropped_elements(&instance)[segment] ? 0 : elements.count;
  const auto fits = [count](std::uint64_t start, std::uint64_t size) {
    return start <= size && count <= size - start;
  };
  if (!fits(source, available) || !fits(destination, table.size())) {
    return TrapKind::kOutOfBoundsTableAccess;
  }
  if (count == 0) return std::nullopt;
  // Elements have different lengths: those in front of the range are read over.
  Reader reader(module.bytes(elements.elements), elements.elements.offset);
  ConstantExpression constant(instance);
  for (std::uint64_t i = 0; i < source + count; ++i) {
    std::uint64_t value;
    if (elements.has_expressions) {
      if (!constant.read(reader, elements.type)) return TrapKind::kOutOfMemory;
      value = constant.value().bits();
    } else {
      std::uint32_t function;
      const bool valid = reader.read_u32(function);
      QUOLL_ASSERT(valid);  // validated when the module was decoded
      value = std::bit_cast<std::uint64_t>(&instance.function(function));
    }
    if (i >= source) Machine::elements(&table)[destination + (i - source)] = value;
  }
  return std::nullopt;
}

}  // namespace quoll::wasm
