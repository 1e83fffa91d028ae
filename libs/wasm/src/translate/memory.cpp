// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Memory instructions.
#include <bit>

#include "translate/function_compiler.hpp"
#include "translate/operand_classes.hpp"

namespace quoll::wasm {

namespace {

/// Log2 of the number of bytes that an access touches.
std::uint32_t natural_alignment(const OpcodeInfo& info) {
  switch (info.operation) {
    case Operation::kLoad128:
    case Operation::kStore128:
      return 4;
    case Operation::kLoadExtendS:
    case Operation::kLoadExtendU:
      return 3;
    case Operation::kLoadSplat:
    case Operation::kLoadZero:
    case Operation::kLoadLane:
    case Operation::kStoreLane:
      return static_cast<std::uint32_t>(std::countr_zero(lane_bytes(info.lanes)));
    case Operation::kLoad8S:
    case Operation::kLoad8U:
    case Operation::kStore8:
      return 0;
    case Operation::kLoad16S:
    case Operation::kLoad16U:
    case Operation::kStore16:
      return 1;
    case Operation::kLoad64:
    case Operation::kStore64:
    case Operation::kF64:
      return 3;
    default:
      return 2;
  }
}

}  // namespace

bool fold_address(const StackEntry& address, std::uint32_t& offset) {
  if (address.kind != StackEntry::Kind::kConstant) return false;
  const std::uint64_t sum = std::uint64_t{static_cast<std::uint32_t>(address.bits)} + offset;
  if (sum > 0xffffffffu) return false;
  offset = static_cast<std::uint32_t>(sum);
  return true;
}

bool FunctionCompiler::read_memory_argument(const OpcodeInfo& info, std::uint32_t& offset) {
  constexpr std::uint32_t kAlignmentBits = 32;
  std::uint32_t alignment;
  if (!reader_.read_u32(alignment)) return false;
  if (alignment >= kAlignmentBits) return fail(Rule::kMalformedAlignment);
  if (!reader_.read_u32(offset)) return false;
  if (module_.memories().empty()) return fail(Rule::kUnknownMemory);
  return alignment <= natural_alignment(info) || fail(Rule::kAlignmentTooLarge);
}

bool FunctionCompiler::memory_access(const OpcodeInfo& info) {
  std::uint32_t offset;
  if (!read_memory_argument(info, offset)) return false;
  StackEntry value;
  StackEntry address;
  const bool is_load = info.result_count == 1;
  if (!is_load && !pop(info.operands[1], value)) return false;
  if (!pop(ValueType::kI32, address)) return false;
  if (emitting()) {
    if (is_load) {
      emit_load(info, address, offset);
    } else {
      emit_store(info, address, value, offset);
    }
  }
  return !is_load || push(info.result);
}

void FunctionCompiler::emit_load(const OpcodeInfo& info, const StackEntry& address,
                                 std::uint32_t offset) {
  Shape shape{.family = info.family,
              .operation = info.operation,
              .width = info.result == ValueType::kF32 ? Width::k32 : Width::k64};
  std::uint64_t word = 0;
  if (fold_address(address, offset)) {
    shape.a = Operand::kImmediate;
  } else {
    const Source source = use(address, height(), kRegisterClasses);
    shape.a = source.operand;
    if (source.operand == Operand::kSlot) word = narrow(source.slot, 0);
  }
  emit_result(shape, word | std::uint64_t{offset} << 32, 1, info.result);
}

void FunctionCompiler::emit_store(const OpcodeInfo& info, const StackEntry& address,
                                  const StackEntry& value, std::uint32_t offset) {
  const bool is_int = info.family == Family::kIntStore;
  const Source stored = use(value, height() + 1, is_int ? kAnyClass : kRegisterClasses);
  Operand base = Operand::kImmediate;
  std::uint64_t word = 0;
  if (!fold_address(address, offset)) {
    const Source source = use(address, height(), kRegisterClasses);
    base = source.operand;
    if (source.operand == Operand::kSlot) word = narrow(source.slot, 0);
  }
  if (stored.operand == Operand::kSlot) word |= std::uint64_t{narrow(stored.slot, 1)} << 16;
  word |= std::uint64_t{offset} << 32;
  add_trap_site();
  const Width width = info.operands[1] == ValueType::kF32 ? Width::k32 : Width::k64;
  cell(is_int ? handlers::int_store(info.operation, base, stored.operand)
              : handlers::float_store(width, base, stored.operand),
       word);
  if (stored.operand == Operand::kImmediate) code_.append(stored.bits);
}

bool FunctionCompiler::read_memory_index() {
  const std::uint64_t start = reader_.offset();
  std::uint8_t byte;
  if (!reader_.read_byte(byte)) return false;
  if (byte != 0) return reader_.fail(Rule::kZeroByteExpected, start);
  if (module_.memories().empty()) return fail(Rule::kUnknownMemory);
  return true;
}

bool FunctionCompiler::read_data_index(std::uint32_t& out) {
  if (!reader_.read_u32(out)) return false;
  if (!module_.data_count_) {
    // Which rule this breaks depends on whether a data section follows.
    if (!uncounted_data_.exists) uncounted_data_ = {true, at_};
    return true;
  }
  if (out >= *module_.data_count_) return fail(Rule::kUnknownDataSegment);
  return true;
}

bool FunctionCompiler::memory_special(Opcode opcode) {
  constexpr ValueType kRange[] = {ValueType::kI32, ValueType::kI32, ValueType::kI32};
  const std::span<const ValueType> range = kRange;
  std::uint32_t segment = 0;
  switch (opcode) {
    case Opcode::kMemorySize:
      if (!read_memory_index()) return false;
      emit_slots(handlers::memory_size(), 0, {});
      accumulators_[kInteger] = {};
      return push(ValueType::kI32);
    case Opcode::kMemoryGrow:
      if (!read_memory_index() || !check_top(range.first(1))) return false;
      emit_slots(handlers::memory_grow(), 1, {});
      accumulators_[kInteger] = {};
      return pop_all(range.first(1)) && push(ValueType::kI32);
    case Opcode::kMemoryInit:
      if (!read_data_index(segment) || !read_memory_index() || !check_top(range)) return false;
      emit_slots(handlers::memory_init(), 3, {segment});
      return pop_all(range);
    case Opcode::kMemoryCopy:
      if (!read_memory_index() || !read_memory_index() || !check_top(range)) return false;
      emit_slots(handlers::memory_copy(), 3, {});
      return pop_all(range);
    case Opcode::kMemoryFill:
      if (!read_memory_index() || !check_top(range)) return false;
      emit_slots(handlers::memory_fill(), 3, {});
      return pop_all(range);
    default:
      if (!read_data_index(segment)) return false;
      emit_slots(handlers::data_drop(), 0, {segment});
      return true;
  }
}

}  // namespace quoll::wasm
