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

/// Whether a constant address and the offset can be one number in a cell.
bool fold_address(const StackEntry& address, AddressType type, std::uint64_t& offset) {
  constexpr std::uint64_t kMost = 0xffffffffu;
  if (address.kind != StackEntry::Kind::kConstant) return false;
  const std::uint64_t base =
      type == AddressType::k32 ? static_cast<std::uint32_t>(address.bits) : address.bits;
  if (base > kMost || base + offset > kMost) return false;
  offset += base;
  return true;
}

}  // namespace

/// Reads the memory, the alignment and the offset of an access.
bool FunctionCompiler::read_memory_argument(const OpcodeInfo& info, MemoryArgument& out) {
  constexpr std::uint32_t kHasIndex = 64;  // bit 6, above the alignment
  const Features features = module_.features();
  const bool has_multi = features.has(Feature::kMultiMemory);
  std::uint32_t alignment;
  if (!reader_.read_u32(alignment)) return false;
  const bool has_index = has_multi && (alignment & kHasIndex) != 0;
  if (has_index) alignment -= kHasIndex;
  // What an edition without these features calls malformed, the next one may call too large.
  const std::uint32_t most = has_multi || features.has(Feature::kMemory64) ? 64 : 32;
  if (alignment >= most) {
    return alignment < 2 * kHasIndex && alignment >= kHasIndex && !has_multi
               ? reader_.fail_without(Feature::kMultiMemory, Rule::kMalformedAlignment, at_)
               : fail(Rule::kMalformedAlignment);
  }
  if (has_index && !reader_.read_u32(out.memory)) return false;
  if (!read_offset(out.offset)) return false;
  if (out.memory >= module_.memories().size()) return fail(Rule::kUnknownMemory);
  out.address = module_.memories()[out.memory].address;
  if (out.address == AddressType::k32 && out.offset > 0xffffffffu) {
    return fail(Rule::kOffsetOutOfRange);
  }
  return alignment <= natural_alignment(info) || fail(Rule::kAlignmentTooLarge);
}

/// With 64-bit memories, offsets into 32-bit ones are written in as many bytes too.
bool FunctionCompiler::read_offset(std::uint64_t& out) {
  if (module_.features().has(Feature::kMemory64)) return reader_.read_u64(out);
  std::uint32_t offset;
  if (!reader_.read_u32(offset)) return false;
  out = offset;
  return true;
}

bool FunctionCompiler::memory_access(const OpcodeInfo& info) {
  MemoryArgument argument;
  if (!read_memory_argument(info, argument)) return false;
  StackEntry value;
  StackEntry address;
  const bool is_load = info.result_count == 1;
  if (!is_load && !pop(info.operands[1], value)) return false;
  if (!pop(value_type(argument.address), address)) return false;
  if (emitting()) {
    if (is_load) {
      emit_load(info, address, argument);
    } else {
      emit_store(info, address, value, argument);
    }
  }
  return !is_load || push(info.result);
}

/// Finds the address operand of an access, and fills in the fields and words that say where the
/// memory is.
AccessOperand FunctionCompiler::use_address(const StackEntry& address,
                                            const MemoryArgument& argument) {
  const bool is64 = argument.address == AddressType::k64;
  std::uint64_t offset = argument.offset;
  AccessOperand out;
  if (argument.memory == 0 && offset <= 0xffffffffu) {
    out.addressing = is64 ? Addressing::kFirst64 : Addressing::kFirst32;
    if (fold_address(address, argument.address, offset)) {
      out.operand = Operand::kImmediate;
    } else {
      const Source source = use(address, height(), kRegisterClasses);
      out.operand = source.operand;
      if (source.operand == Operand::kSlot) out.word = narrow(source.slot, 0);
    }
    out.word |= offset << 32;
    return out;
  }
  out.addressing = is64 ? Addressing::kAny64 : Addressing::kAny32;
  out.word = narrow(use_in_slot(address, height()).slot, 0);
  out.extra[0] = std::bit_cast<std::uint64_t>(instance_->memories_[argument.memory]);
  out.extra[1] = offset;
  out.extra_words = 2;
  return out;
}

/// The cell of the access comes next: if it names its memory, that is in the third word.
void FunctionCompiler::note_memory(const AccessOperand& access, std::uint32_t memory) {
  if (access.extra_words != 0) code_.note(code_.size() + 2, Named::kMemory, memory);
}

void FunctionCompiler::emit_load(const OpcodeInfo& info, const StackEntry& address,
                                 const MemoryArgument& argument) {
  const AccessOperand access = use_address(address, argument);
  note_memory(access, argument.memory);
  const Shape shape{.family = info.family,
                    .operation = info.operation,
                    .width = info.result == ValueType::kF32 ? Width::k32 : Width::k64,
                    .a = access.operand,
                    .addressing = access.addressing};
  emit_result(shape, access.word, 1, info.result, access.words());
}

void FunctionCompiler::emit_store(const OpcodeInfo& info, const StackEntry& address,
                                  const StackEntry& value, const MemoryArgument& argument) {
  const bool is_int = info.family == Family::kIntStore;
  const bool is_near = argument.memory == 0 && argument.offset <= 0xffffffffu;
  const Source stored = !is_near ? use_in_slot(value, height() + 1)
                                 : use(value, height() + 1, is_int ? kAnyClass : kRegisterClasses);
  const AccessOperand access = use_address(address, argument);
  std::uint64_t word = access.word;
  if (stored.operand == Operand::kSlot) word |= std::uint64_t{narrow(stored.slot, 1)} << 16;
  add_trap_site();
  note_memory(access, argument.memory);
  const Width width = info.operands[1] == ValueType::kF32 ? Width::k32 : Width::k64;
  cell(is_int
           ? handlers::int_store(info.operation, access.addressing, access.operand, stored.operand)
           : handlers::float_store(width, access.addressing, access.operand, stored.operand),
       word);
  for (const std::uint64_t more : access.words()) code_.append(more);
  if (stored.operand == Operand::kImmediate) code_.append(stored.bits);
}

bool FunctionCompiler::read_memory_index(std::uint32_t& out) {
  const std::uint64_t start = reader_.offset();
  if (module_.features().has(Feature::kMultiMemory)) {
    if (!reader_.read_u32(out)) return false;
  } else {
    std::uint8_t byte;
    if (!reader_.read_byte(byte)) return false;
    if (byte != 0)
      return reader_.fail_without(Feature::kMultiMemory, Rule::kZeroByteExpected, start);
    out = 0;
  }
  return out < module_.memories().size() || fail(Rule::kUnknownMemory);
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

/// Puts the operands of an instruction on memories into their slots and writes its cell, near if
/// they are all the first memory and that has 32 bits. The result has the type of the address.
bool FunctionCompiler::emit_on_memories(Handler (*find)(Reach), std::span<const ValueType> operands,
                                        std::span<const std::uint32_t> memories,
                                        const std::uint32_t* segment) {
  if (!check_top(operands)) return false;
  bool near = true;
  for (const std::uint32_t memory : memories) {
    near = near && memory == 0 && module_.memories()[memory].address == AddressType::k32;
  }
  emit_slots(find(near ? Reach::kNear : Reach::kFar), operands);
  if (emitting()) {
    if (segment != nullptr) code_.append(std::uint64_t{*segment});
    for (const std::uint32_t memory : memories) {
      if (!near) code_.append(Named::kMemory, memory, instance_->memories_[memory]);
    }
  }
  accumulators_[kInteger] = {};
  return pop_all(operands);
}

bool FunctionCompiler::memory_special(Opcode opcode) {
  constexpr ValueType kI32 = ValueType::kI32;
  std::uint32_t segment = 0;
  std::uint32_t memories[2] = {};
  if (opcode == Opcode::kMemoryInit || opcode == Opcode::kDataDrop) {
    if (!read_data_index(segment)) return false;
    if (opcode == Opcode::kDataDrop) {
      emit_slots(handlers::data_drop(), {});
      if (emitting()) code_.append(std::uint64_t{segment});
      return true;
    }
  }
  if (!read_memory_index(memories[0])) return false;
  const AddressType address = module_.memories()[memories[0]].address;
  const ValueType type = value_type(address);
  const std::span<const std::uint32_t> one(memories, 1);
  switch (opcode) {
    case Opcode::kMemorySize:
      return emit_on_memories(&handlers::memory_size, {}, one) && push(type);
    case Opcode::kMemoryGrow: {
      const ValueType operands[] = {type};
      return emit_on_memories(&handlers::memory_grow, operands, one) && push(type);
    }
    case Opcode::kMemoryInit: {
      const ValueType operands[] = {type, kI32, kI32};
      return emit_on_memories(&handlers::memory_init, operands, one, &segment);
    }
    case Opcode::kMemoryFill: {
      const ValueType operands[] = {type, kI32, type};
      return emit_on_memories(&handlers::memory_fill, operands, one);
    }
    default: {
      if (!read_memory_index(memories[1])) return false;
      const AddressType source = module_.memories()[memories[1]].address;
      const ValueType operands[] = {type, value_type(source),
                                    value_type(narrower(address, source))};
      return emit_on_memories(&handlers::memory_copy, operands, memories);
    }
  }
}

}  // namespace quoll::wasm
