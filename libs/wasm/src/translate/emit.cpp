// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Writing cells: where operands are found, where results go, and what the accumulators hold.
#include "translate/function_compiler.hpp"

namespace quoll::wasm {

namespace {

constexpr unsigned bit(Operand c) {
  return 1u << static_cast<unsigned>(c);
}

/// Whether a constant can stand in half a word. Where functions lie in memory must not decide that:
/// of references only null can.
constexpr bool fits_immediate(std::uint64_t bits, ValueType type) {
  return is_reference(type) ? bits == 0 : sign_extend(static_cast<std::uint32_t>(bits)) == bits;
}

bool can_trap(const Shape& shape) {
  switch (shape.family) {
    case Family::kIntLoad:
    case Family::kFloatLoad:
    case Family::kVectorLoad:
    case Family::kVectorLoadLane:
      return true;
    case Family::kFloatToInt:
      return shape.operation == Operation::kTruncI32S || shape.operation == Operation::kTruncI32U ||
             shape.operation == Operation::kTruncI64S || shape.operation == Operation::kTruncI64U;
    case Family::kIntBinary:
      return shape.operation == Operation::kDivS || shape.operation == Operation::kDivU ||
             shape.operation == Operation::kRemS || shape.operation == Operation::kRemU;
    default:
      return false;
  }
}

}  // namespace

FunctionCompiler::File FunctionCompiler::file_of(ValueType type) {
  switch (type) {
    case ValueType::kF32:
      return kSingle;
    case ValueType::kF64:
      return kDouble;
    case ValueType::kV128:
      return kVector;
    default:
      return kInteger;
  }
}

Operand FunctionCompiler::pin_of(std::uint32_t local, ValueType type) const {
  const File file = file_of(type);
  if (file == kSingle || file == kVector) return Operand::kSlot;
  const auto& pins = file == kInteger ? body_->integer_pins : body_->float_pins;
  if (pins[0] == local) return Operand::kPin0;
  if (pins[1] == local) return Operand::kPin1;
  return Operand::kSlot;
}

std::uint32_t FunctionCompiler::local_slot(std::uint32_t local) const {
  const std::uint32_t slot = locals_.slot(local);
  return local < parameters_ ? slot : first_own_local_ + (slot - parameter_slots_);
}

std::uint16_t FunctionCompiler::narrow(std::uint32_t slot, unsigned scratch, ValueType type) {
  if (slot <= kMaxNarrowSlot) return static_cast<std::uint16_t>(slot * kWordBytes);
  if (!wide_) {
    needs_wide_ = true;
    return 0;
  }
  const std::uint32_t near = scratch_slot(scratch);
  move_far(slot, near, type);
  return static_cast<std::uint16_t>(near * kWordBytes);
}

/// Moves between slots of which one may be beyond 16 bits.
void FunctionCompiler::move_far(std::uint32_t from, std::uint32_t to, ValueType type) {
  cell(type == ValueType::kV128 ? handlers::wide_move_vector() : handlers::wide_move(),
       std::uint64_t{from} * kWordBytes | std::uint64_t{to} * kWordBytes << 32);
}

void FunctionCompiler::cell(Handler handler, std::uint64_t word) {
  last_cell_ = code_.size();
  code_.append(handler);
  code_.append(word);
}

/// Appends the word of a constant, which may be the address of a function.
void FunctionCompiler::append_constant(const Source& source, ValueType type) {
  if (type == ValueType::kFuncRef && source.bits != 0) {
    code_.note(code_.size(), Named::kFunction, source.slot);
  }
  code_.append(source.bits);
}

void FunctionCompiler::store_at(std::uint32_t slot, const Source& source, ValueType type) {
  const bool far = slot > kMaxNarrowSlot;
  if (far && !wide_) {
    needs_wide_ = true;
    return;
  }
  const File file = file_of(type);
  if (file == kVector ||
      (source.operand == Operand::kSlot && (far || source.slot > kMaxNarrowSlot))) {
    move_far(source.slot, slot, type);
    return;
  }
  const std::uint64_t field = std::uint64_t{far ? scratch_slot(kResultScratch) : slot} * kWordBytes
                              << 16;
  if (source.operand == Operand::kImmediate) {
    if (fits_immediate(source.bits, type)) {
      cell(handlers::store(Operand::kImmediate), field | source.bits << 32);
    } else {
      cell(handlers::store_constant(), field);
      append_constant(source, type);
    }
  } else if (source.operand == Operand::kSlot) {
    cell(handlers::store(Operand::kSlot), field | std::uint64_t{source.slot} * kWordBytes);
  } else if (file == kInteger) {
    cell(handlers::store(source.operand), field);
  } else {
    cell(handlers::float_store_slot(file == kSingle ? Width::k32 : Width::k64, source.operand),
         field);
  }
  if (far) move_far(scratch_slot(kResultScratch), slot, type);
}

void FunctionCompiler::flush(std::uint32_t height) {
  StackEntry& entry = stack_[height];
  if (entry.kind == StackEntry::Kind::kTemporary) {
    commit(height);
    return;
  }
  store_at(home_slot(height), source_of(entry, height), entry.type);
  entry.kind = StackEntry::Kind::kTemporary;
}

void FunctionCompiler::flush_top(std::uint32_t count) {
  const std::uint32_t first = height() > count ? height() - count : 0;
  for (std::uint32_t h = first > settled_ ? first : settled_; h < height(); ++h) flush(h);
  for (std::uint32_t file = 0; file < kFiles; ++file) {
    if (accumulators_[file].index >= first) accumulators_[file].producer = {};
  }
  if (first <= settled_) settled_ = height();
}

void FunctionCompiler::flush_local(std::uint32_t local) {
  for (std::uint32_t h = settled_; h < height(); ++h) {
    if (stack_[h].kind == StackEntry::Kind::kLocal && stack_[h].local == local) flush(h);
  }
}

void FunctionCompiler::commit(std::uint32_t height) {
  for (Accumulator& accumulator : accumulators_) {
    if (accumulator.holds == Accumulator::Holds::kTemporary && accumulator.index == height) {
      accumulator.producer = {};
    }
  }
}

void FunctionCompiler::forget_accumulators() {
  for (Accumulator& accumulator : accumulators_) accumulator = {};
}

void FunctionCompiler::forget_local(std::uint32_t local) {
  for (Accumulator& accumulator : accumulators_) {
    if (accumulator.holds == Accumulator::Holds::kLocal && accumulator.index == local) {
      accumulator = {};
    }
  }
}

void FunctionCompiler::release(std::uint32_t from_height) {
  for (Accumulator& accumulator : accumulators_) {
    if (accumulator.holds == Accumulator::Holds::kTemporary && accumulator.index >= from_height) {
      accumulator = {};
    }
  }
}

Source FunctionCompiler::source_of(const StackEntry& entry, std::uint32_t height) {
  const Accumulator& accumulator = accumulators_[file_of(entry.type)];
  switch (entry.kind) {
    case StackEntry::Kind::kConstant:
      return {Operand::kImmediate, entry.local, entry.bits};
    case StackEntry::Kind::kLocal: {
      const Operand pin = pin_of(entry.local, entry.type);
      if (is_pin(pin)) return {pin};
      if (accumulator.holds == Accumulator::Holds::kLocal && accumulator.index == entry.local &&
          entry.type != ValueType::kV128) {
        return {Operand::kAccumulator, local_slot(entry.local)};
      }
      return {Operand::kSlot, local_slot(entry.local)};
    }
    case StackEntry::Kind::kTemporary:
      break;
  }
  const bool held = accumulator.holds == Accumulator::Holds::kTemporary &&
                    accumulator.index == height && entry.type != ValueType::kV128;
  return {held ? Operand::kAccumulator : Operand::kSlot, home_slot(height)};
}

Source FunctionCompiler::use(const StackEntry& entry, std::uint32_t height, unsigned classes) {
  Source source = source_of(entry, height);
  bool allowed = (classes & bit(source.operand)) != 0;
  if (source.operand == Operand::kImmediate && file_of(entry.type) == kInteger) {
    allowed = allowed && fits_immediate(source.bits, entry.type);
  }
  if (entry.kind == StackEntry::Kind::kTemporary) {
    Accumulator& accumulator = accumulators_[file_of(entry.type)];
    if (source.operand == Operand::kAccumulator) {
      // Nobody else will look for the value in its slot.
      if (allowed && accumulator.producer.exists()) {
        retarget(accumulator.producer, Operand::kAccumulator);
      }
      accumulator = {};
    }
  }
  if (allowed) return source;
  if (source.operand == Operand::kAccumulator) return {Operand::kSlot, source.slot};
  store_at(home_slot(height), source, entry.type);
  return {Operand::kSlot, home_slot(height)};
}

Source FunctionCompiler::use_in_slot(const StackEntry& entry, std::uint32_t height) {
  return use(entry, height, bit(Operand::kSlot));
}

Handler FunctionCompiler::find(const Shape& s) const {
  switch (s.family) {
    case Family::kIntLoad:
      return handlers::int_load(s.operation, s.addressing, s.a, s.d);
    case Family::kFloatLoad:
      return handlers::float_load(s.width, s.addressing, s.a, s.d);
    case Family::kIntCompare:
      return handlers::int_compare(s.operation, s.width, s.a, s.b, s.d);
    case Family::kFloatCompare:
      return handlers::float_compare(s.operation, s.width, s.a, s.b, s.d);
    case Family::kIntUnary:
      return handlers::int_unary(s.operation, s.width, s.a, s.d);
    case Family::kIntBinary:
      return handlers::int_binary(s.operation, s.width, s.a, s.b, s.d);
    case Family::kFloatUnary:
      return handlers::float_unary(s.operation, s.width, s.a, s.d);
    case Family::kFloatBinary:
      return handlers::float_binary(s.operation, s.width, s.a, s.b, s.d);
    case Family::kIntToFloat:
      return handlers::int_to_float(s.operation, s.width, s.a, s.d);
    case Family::kFloatToInt:
      return handlers::float_to_int(s.operation, s.width, s.a, s.d);
    case Family::kFloatToFloat:
      return handlers::float_to_float(s.operation, s.a, s.d);
    case Family::kSelect:
      return handlers::select(s.a, s.b, s.c, s.d);
    case Family::kGlobalGet:
      return handlers::global_get(s.d);
    case Family::kVectorSelect:
      return handlers::vector_select(s.c);
    case Family::kVectorGlobalGet:
      return handlers::vector_global_get();
    case Family::kVectorLoad:
    case Family::kVectorLoadLane:
      return handlers::vector_load(s.opcode, s.addressing, s.a);
    case Family::kVectorConst:
      return handlers::vector_const();
    case Family::kVectorSplat:
      return handlers::vector_splat(s.opcode, s.a);
    case Family::kVectorExtract:
      return handlers::vector_extract(s.opcode, s.d);
    case Family::kVectorReplace:
      return handlers::vector_replace(s.opcode, s.a);
    case Family::kVectorShuffle:
      return handlers::vector_shuffle(s.lanes);
    case Family::kVectorSwizzle:
      return handlers::vector_swizzle();
    case Family::kVectorBitwise:
      return handlers::vector_bitwise(s.opcode);
    case Family::kVectorShift:
      return handlers::vector_shift(s.opcode, s.a);
    case Family::kVectorReduce:
      return handlers::vector_reduce(s.opcode, s.d);
    case Family::kVectorCompare:
      return handlers::vector_compare(s.opcode);
    case Family::kVectorArithmetic:
      return handlers::vector_arithmetic(s.opcode);
    case Family::kVectorConvert:
      return handlers::vector_convert(s.opcode);
    case Family::kIntStore:
    case Family::kFloatStore:
    case Family::kIntTest:
    case Family::kVectorStore:
    case Family::kVectorStoreLane:
    case Family::kSpecial:
      break;
  }
  return nullptr;
}

void FunctionCompiler::emit_result(const Shape& shape, std::uint64_t word,
                                   std::uint8_t result_field, ValueType type,
                                   std::span<const std::uint64_t> extra) {
  const std::uint32_t slot = home_slot(height());
  const bool far = slot > kMaxNarrowSlot;
  if (far && !wide_) needs_wide_ = true;
  const std::uint32_t target = far ? scratch_slot(kResultScratch) : slot;
  if (can_trap(shape)) add_trap_site();
  const std::uint32_t at = code_.size();
  const Handler handler = find(shape);
  QUOLL_ASSERT(handler != nullptr);
  cell(handler, word);
  for (const std::uint64_t more : extra) code_.append(more);
  set_result(at, result_field, target);
  if (far && wide_) move_far(target, slot, type);
  const File file = file_of(type);
  const bool moves_bits = shape.family == Family::kSelect || shape.family == Family::kGlobalGet;
  if (moves_bits && file != kInteger) {
    accumulators_[kInteger] = {};  // it has received the bits
    return;
  }
  Accumulator& accumulator = accumulators_[file];
  accumulator.holds = Accumulator::Holds::kTemporary;
  accumulator.index = height();
  accumulator.producer = {};
  if (!far) accumulator.producer = {at, result_field, shape};
}

/// Lets the cell at `word` leave its result in a slot.
void FunctionCompiler::set_result(std::uint32_t word, std::uint8_t result_field,
                                  std::uint32_t slot) {
  constexpr unsigned kFieldsPerWord = 4;
  const std::uint32_t at = word + 1 + result_field / kFieldsPerWord;
  if (at >= code_.size()) return;  // memory ran out
  const unsigned shift = 16u * (result_field % kFieldsPerWord);
  const std::uint64_t field = std::uint64_t{slot * kWordBytes & 0xffff} << shift;
  code_[at] = (code_[at] & ~(std::uint64_t{0xffff} << shift)) | field;
}

bool FunctionCompiler::retarget(Producer& producer, Operand d) {
  Shape shape = producer.shape;
  shape.d = d;
  const Handler handler = find(shape);
  if (handler == nullptr || producer.word >= code_.size()) return false;
  code_[producer.word] = std::bit_cast<std::uint64_t>(handler);
  producer.shape = shape;
  return true;
}

void FunctionCompiler::move_to_local(const StackEntry& entry, std::uint32_t height,
                                     std::uint32_t local, ValueType type) {
  const File file = file_of(type);
  Accumulator& accumulator = accumulators_[file];
  const Operand pin = pin_of(local, type);
  const std::uint32_t slot = local_slot(local);
  flush_local(local);
  const bool held = entry.kind == StackEntry::Kind::kTemporary &&
                    accumulator.holds == Accumulator::Holds::kTemporary &&
                    accumulator.index == height;
  // The cell just written can put its result into the local itself.
  if (held && accumulator.producer.exists() && accumulator.producer.word == last_cell_) {
    if (is_pin(pin)) {
      if (retarget(accumulator.producer, pin)) {
        accumulator = {};
        return;
      }
    } else if (slot <= kMaxNarrowSlot) {
      set_result(accumulator.producer.word, accumulator.producer.result_field, slot);
      forget_local(local);
      accumulator = {Accumulator::Holds::kLocal, local, {}};
      return;
    }
  }
  const unsigned all = 0x1fu;
  const Source source = file == kInteger && entry.kind == StackEntry::Kind::kConstant
                            ? source_of(entry, height)
                            : use(entry, height, all);
  if (!is_pin(pin)) {
    store_at(slot, source, type);
    forget_local(local);
    if (source.operand == Operand::kAccumulator) {
      accumulator = {Accumulator::Holds::kLocal, local, {}};
    }
    return;
  }
  if (source.operand == Operand::kImmediate) {
    if (file == kInteger && fits_immediate(source.bits, type)) {
      cell(handlers::move(Operand::kImmediate, pin), source.bits << 32);
    } else {
      cell(file == kInteger ? handlers::move_constant(pin) : handlers::float_move_constant(pin), 0);
      append_constant(source, type);
    }
    return;
  }
  const std::uint64_t word = source.operand == Operand::kSlot ? narrow(source.slot, 0) : 0;
  cell(file == kInteger ? handlers::move(source.operand, pin)
                        : handlers::float_move(source.operand, pin),
       word);
}

}  // namespace quoll::wasm
