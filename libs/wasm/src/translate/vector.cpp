// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Instructions on vectors. Vectors go from slots to a slot; the one operand or result that is no
// vector has the classes of numbers.
#include "translate/function_compiler.hpp"
#include "translate/operand_classes.hpp"

namespace quoll::wasm {

namespace {

constexpr std::uint32_t kVectorBytes = 16;

std::uint64_t field(std::uint16_t value, unsigned place) {
  return std::uint64_t{value} << (16 * place);
}

bool is_access(const OpcodeInfo& row) {
  return row.immediates == Immediates::kMemArg || row.immediates == Immediates::kMemArgLane;
}

/// The widest lanes that a shuffle moves as a whole.
Lanes shuffled_lanes(std::span<const std::uint8_t, kVectorBytes> bytes) {
  for (const Lanes lanes : {Lanes::kI64x2, Lanes::kI32x4, Lanes::kI16x8}) {
    const std::uint32_t width = lane_bytes(lanes);
    bool whole = true;
    for (std::uint32_t i = 0; i < kVectorBytes; ++i) {
      const std::uint32_t first = bytes[i - i % width];
      whole = whole && first % width == 0 && bytes[i] == first + i % width;
    }
    if (whole) return lanes;
  }
  return Lanes::kI8x16;
}

/// The store of a number that writes one lane from its slot.
Operation lane_store(Lanes lanes) {
  switch (lanes) {
    case Lanes::kI8x16:
      return Operation::kStore8;
    case Lanes::kI16x8:
      return Operation::kStore16;
    case Lanes::kI32x4:
      return Operation::kStore32;
    default:
      return Operation::kStore64;
  }
}

}  // namespace

bool FunctionCompiler::vector_instruction(Opcode opcode) {
  const OpcodeInfo& row = info(opcode);
  VectorImmediates immediates;
  if (row.number >= kFirstRelaxed && !module_.features().has(Feature::kRelaxedVectors)) {
    return reader_.fail_without(Feature::kRelaxedVectors, Rule::kIllegalOpcode, at_);
  }
  if (!read_vector_immediates(row, immediates)) return false;
  StackEntry operands[3];
  for (std::size_t i = row.operand_count; i-- > 0;) {
    const bool is_address = i == 0 && is_access(row);
    const ValueType type = is_address ? value_type(immediates.memory.address) : row.operands[i];
    if (!pop(type, operands[i])) return false;
  }
  if (emitting()) emit_vector(opcode, std::span(operands, row.operand_count), immediates);
  return row.result_count == 0 || push(row.result);
}

bool FunctionCompiler::read_vector_immediates(const OpcodeInfo& row, VectorImmediates& out) {
  if (is_access(row) && !read_memory_argument(row, out.memory)) return false;
  switch (row.immediates) {
    case Immediates::kLane:
    case Immediates::kMemArgLane:
      if (!reader_.read_byte(out.lane)) return false;
      return out.lane < kVectorBytes / lane_bytes(row.lanes) || fail(Rule::kInvalidLane);
    case Immediates::kLanes16:
      for (std::uint8_t& byte : out.bytes) {
        if (!reader_.read_byte(byte)) return false;
        if (byte >= 2 * kVectorBytes) return fail(Rule::kInvalidLane);
      }
      return true;
    case Immediates::kV128:
      for (std::uint8_t& byte : out.bytes) {
        if (!reader_.read_byte(byte)) return false;
      }
      return true;
    default:
      return true;
  }
}

/// The field of a cell for a vector.
std::uint16_t FunctionCompiler::use_vector(const StackEntry& entry, std::uint32_t height,
                                           unsigned scratch) {
  return narrow(use_in_slot(entry, height).slot, scratch, ValueType::kV128);
}

void FunctionCompiler::emit_vector(Opcode opcode, std::span<const StackEntry> operands,
                                   const VectorImmediates& immediates) {
  const OpcodeInfo& row = info(opcode);
  const Shape shape{.family = row.family, .opcode = opcode};
  switch (row.family) {
    case Family::kVectorLoad:
    case Family::kVectorLoadLane:
      return emit_vector_load(shape, operands, immediates);
    case Family::kVectorStore:
    case Family::kVectorStoreLane:
      return emit_vector_store(opcode, operands, immediates);
    case Family::kVectorConst: {
      std::uint64_t halves[2];
      std::memcpy(halves, immediates.bytes, sizeof(halves));
      return emit_result(shape, 0, 0, row.result, halves);
    }
    case Family::kVectorExtract:
      return emit_extract(shape, operands[0], immediates.lane);
    case Family::kVectorReplace:
      return emit_replace(shape, operands, immediates.lane);
    case Family::kVectorShuffle:
      return emit_shuffle(shape, operands, immediates.bytes);
    case Family::kVectorShift:
      return emit_shift(shape, operands[0], operands[1]);
    default:
      return emit_lanes(shape, operands);
  }
}

/// One to three operands and a result; no immediates.
void FunctionCompiler::emit_lanes(Shape shape, std::span<const StackEntry> operands) {
  const OpcodeInfo& row = info(shape.opcode);
  std::uint64_t word = 0;
  for (unsigned i = 0; i < operands.size(); ++i) {
    if (row.operands[i] == ValueType::kV128) {
      word |= field(use_vector(operands[i], height() + i, i), i);
      continue;
    }
    const unsigned classes = row.operands[i] == ValueType::kF32 ? kBasicClasses : kRegisterClasses;
    const Source source = use(operands[i], height() + i, classes);
    shape.a = source.operand;
    if (source.operand == Operand::kSlot) word |= field(narrow(source.slot, i), i);
  }
  emit_result(shape, word, static_cast<std::uint8_t>(operands.size()), row.result);
}

void FunctionCompiler::emit_shift(Shape shape, const StackEntry& vector, const StackEntry& amount) {
  const std::uint32_t bits = lane_bytes(info(shape.opcode).lanes) * 8;
  const Source source = use(amount, height() + 1, kAnyClass);
  shape.a = source.operand;
  std::uint64_t word = field(use_vector(vector, height(), 0), 0);
  if (source.operand == Operand::kSlot) word |= field(narrow(source.slot, 1), 1);
  if (source.operand == Operand::kImmediate) {
    word |= field(static_cast<std::uint16_t>(source.bits % bits), 1);
  }
  emit_result(shape, word, 2, ValueType::kV128);
}

void FunctionCompiler::emit_extract(const Shape& shape, const StackEntry& vector,
                                    std::uint8_t lane) {
  const OpcodeInfo& row = info(shape.opcode);
  const std::uint32_t slot = use_vector(vector, height(), 0);
  static_assert(kMaxNarrowSlot * kWordBytes + kVectorBytes - 1 <= 0xffff);
  const auto at = static_cast<std::uint16_t>(slot + lane * lane_bytes(row.lanes));
  emit_result(shape, at, 1, row.result);
}

void FunctionCompiler::emit_replace(Shape shape, std::span<const StackEntry> operands,
                                    std::uint8_t lane) {
  const OpcodeInfo& row = info(shape.opcode);
  const unsigned classes = row.operands[1] == ValueType::kF32 ? kBasicClasses : kRegisterClasses;
  const Source value = use(operands[1], height() + 1, classes);
  shape.a = value.operand;
  std::uint64_t word = field(use_vector(operands[0], height(), 0), 0);
  if (value.operand == Operand::kSlot) word |= field(narrow(value.slot, 1), 1);
  word |= field(static_cast<std::uint16_t>(lane * lane_bytes(row.lanes)), 3);
  emit_result(shape, word, 2, ValueType::kV128);
}

/// Which bytes go where is known now: the cell says for each lane from where in the frame it comes.
void FunctionCompiler::emit_shuffle(Shape shape, std::span<const StackEntry> operands,
                                    std::span<const std::uint8_t, 16> bytes) {
  const std::uint32_t b = use_vector(operands[1], height() + 1, 1);
  const std::uint32_t a = use_vector(operands[0], height(), 0);
  shape.lanes = shuffled_lanes(bytes);
  const std::uint32_t width = lane_bytes(shape.lanes);
  std::uint64_t words[4] = {};
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < kVectorBytes; i += width, ++count) {
    const std::uint32_t from = bytes[i] < kVectorBytes ? a + bytes[i] : b + bytes[i] - kVectorBytes;
    words[count / 4] |= field(static_cast<std::uint16_t>(from), count % 4);
  }
  emit_result(shape, 0, 0, ValueType::kV128, std::span(words, (count + 3) / 4));
}

void FunctionCompiler::emit_vector_load(Shape shape, std::span<const StackEntry> operands,
                                        const VectorImmediates& immediates) {
  const bool one_lane = shape.family == Family::kVectorLoadLane;
  std::uint64_t word = 0;
  if (one_lane) word |= field(use_vector(operands[1], height() + 1, 1), 1);
  const AccessOperand access = use_address(operands[0], immediates.memory);
  note_memory(access, immediates.memory.memory);
  shape.a = access.operand;
  shape.addressing = access.addressing;
  word |= access.word;
  if (!one_lane) return emit_result(shape, word, 1, ValueType::kV128, access.words());
  // The lane stands in a word behind what every access has, and the result beside it.
  constexpr std::uint8_t kFieldsPerWord = 4;
  std::uint64_t extra[] = {access.extra[0], access.extra[1], 0};
  const std::uint32_t at = immediates.lane * lane_bytes(info(shape.opcode).lanes);
  extra[access.extra_words] = field(static_cast<std::uint16_t>(at), 1);
  const auto result = static_cast<std::uint8_t>((access.extra_words + 1) * kFieldsPerWord);
  emit_result(shape, word, result, ValueType::kV128, std::span(extra, access.extra_words + 1));
}

void FunctionCompiler::emit_vector_store(Opcode opcode, std::span<const StackEntry> operands,
                                         const VectorImmediates& immediates) {
  const OpcodeInfo& row = info(opcode);
  const std::uint32_t value = use_vector(operands[1], height() + 1, 1);
  const AccessOperand access = use_address(operands[0], immediates.memory);
  const bool one_lane = row.family == Family::kVectorStoreLane;
  const std::uint32_t lane = one_lane ? immediates.lane * lane_bytes(row.lanes) : 0;
  add_trap_site();
  note_memory(access, immediates.memory.memory);
  // One lane is stored as the number that lies in its part of the slot.
  cell(one_lane ? handlers::int_store(lane_store(row.lanes), access.addressing, access.operand,
                                      Operand::kSlot)
                : handlers::vector_store(access.addressing, access.operand),
       access.word | field(static_cast<std::uint16_t>(value + lane), 1));
  for (const std::uint64_t more : access.words()) code_.append(more);
}

}  // namespace quoll::wasm
