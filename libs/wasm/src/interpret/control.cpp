// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Branches, calls, returns and traps.
//
// A frame lies where the caller put the arguments, and receives the results in the same place.
// Frames grow up and return records grow down in one stack: a function checks once, on entry,
// that its frame and the records of its own calls fit between them.
#include "interpret/control.hpp"

#include "interpret/handlers.hpp"

namespace quoll::wasm {

template <TrapKind Kind>
void trap(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  static_cast<void>((QUOLL_WASM_PASS));
  machine->status = Machine::Status::kTrapped;
  machine->trap_kind = Kind;
  machine->trap_pc = pc;
  machine->trap_host = nullptr;
}

#define QUOLL_WASM_INSTANTIATE(kind) \
  template void trap<TrapKind::kind>(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER;
QUOLL_WASM_INSTANTIATE(kUnreachable)
QUOLL_WASM_INSTANTIATE(kIntegerDivideByZero)
QUOLL_WASM_INSTANTIATE(kIntegerOverflow)
QUOLL_WASM_INSTANTIATE(kInvalidConversionToInteger)
QUOLL_WASM_INSTANTIATE(kOutOfBoundsMemoryAccess)
QUOLL_WASM_INSTANTIATE(kOutOfBoundsTableAccess)
QUOLL_WASM_INSTANTIATE(kUndefinedElement)
QUOLL_WASM_INSTANTIATE(kUninitializedElement)
QUOLL_WASM_INSTANTIATE(kIndirectCallTypeMismatch)
QUOLL_WASM_INSTANTIATE(kCallStackExhausted)
QUOLL_WASM_INSTANTIATE(kOutOfMemory)
QUOLL_WASM_INSTANTIATE(kInterrupted)
#undef QUOLL_WASM_INSTANTIATE

namespace {

/// A turn of a loop, or the begin of a function, where somebody may have asked for the end.
void look_for_interruption(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  if (machine->interrupted->load(std::memory_order_relaxed)) [[unlikely]] {
    machine->interrupted->store(false, std::memory_order_relaxed);
    QUOLL_WASM_TRAP(kInterrupted);
  }
  QUOLL_WASM_NEXT(2);
}

void branch(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  pc += peek<std::int32_t>(pc + kFieldImmediate);
  QUOLL_WASM_GO();
}

template <bool Nonzero, Operand A>
void branch_if(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  if ((QUOLL_WASM_GET_WIDE(std::uint32_t, A, kFieldA) != 0) == Nonzero) {
    pc += peek<std::int32_t>(pc + kFieldImmediate);
    QUOLL_WASM_GO();
  }
  QUOLL_WASM_NEXT(2);
}

template <Operand A>
void branch_table(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint64_t last = peek<std::uint32_t>(pc + kFieldImmediate);
  std::uint64_t index = QUOLL_WASM_GET(std::uint32_t, A, kFieldA);
  if (index > last) index = last;
  pc += kFieldExtra + index * sizeof(std::int32_t);
  pc += peek<std::int32_t>(pc);
  QUOLL_WASM_GO();
}

void unreachable(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_TRAP(kUnreachable);
}

/// Cell: first and count of the slots to clear (16 bits each), size of the frame, slots of pins.
template <bool Zero, unsigned Pins>
void enter(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint64_t frame_bytes = peek<std::uint32_t>(pc + kFieldImmediate);
  if (fp + frame_bytes > machine->return_top) [[unlikely]] {
    QUOLL_WASM_TRAP(kCallStackExhausted);
  }
  if constexpr (Zero) {
    std::uint8_t* slot = fp + peek<std::uint16_t>(pc + kFieldA);
    const std::uint8_t* end = fp + peek<std::uint16_t>(pc + kFieldB);
    do {
      poke(slot, std::uint64_t{0});
      slot += sizeof(std::uint64_t);
    } while (slot != end);
  }
  if constexpr (Pins > 0) pin0 = peek<std::uint64_t>(fp + peek<std::uint16_t>(pc + kFieldExtra));
  if constexpr (Pins > 1) {
    pin1 = peek<std::uint64_t>(fp + peek<std::uint16_t>(pc + kFieldExtra + 2));
  }
  QUOLL_WASM_NEXT(3);
}

[[gnu::always_inline]] inline void push_record(Machine* machine, const std::uint8_t* pc,
                                               std::uint8_t* fp, std::uint64_t pin0,
                                               std::uint64_t pin1) {
  std::uint8_t* top = machine->return_top - sizeof(ReturnRecord);
  poke(top, ReturnRecord{pc, fp, pin0, pin1});
  machine->return_top = top;
}

#define QUOLL_WASM_RETURN()                                              \
  do {                                                                   \
    const ReturnRecord record = peek<ReturnRecord>(machine->return_top); \
    machine->return_top += sizeof(ReturnRecord);                         \
    pc = record.pc;                                                      \
    fp = record.fp;                                                      \
    pin0 = record.pin0;                                                  \
    pin1 = record.pin1;                                                  \
    QUOLL_WASM_GO();                                                     \
  } while (false)

/// Cell: offset of the callee's frame, the function.
void call(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  push_record(machine, pc + 3 * kWordBytes, fp, pin0, pin1);
  fp += peek<std::uint32_t>(pc + kFieldA);
  pc = Machine::entry(peek<const Func*>(pc + kFieldExtra));
  QUOLL_WASM_GO();
}

/// Comes back into the calling instance: a record of its own under that of the call.
void return_home(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  machine->instance = std::bit_cast<Instance*>(pin0);
  mem = Machine::memory_base(machine->instance);
  mem_size = Machine::memory_size(machine->instance);
  QUOLL_WASM_RETURN();
}

struct Cell {
  Handler handler;
  std::uint64_t unused = 0;
};
constinit const Cell kReturnHomeCell{&return_home};

const std::uint8_t* address_of(const Cell& cell) {
  // SAFETY: code is read through bytes.
  return reinterpret_cast<const std::uint8_t*>(&cell);
}

/// Calls the function in `acc`, which may belong to another instance or to the host. The caller's
/// record has been pushed, and the frame is in `machine->callee_frame`.
void enter_foreign(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const auto* func = std::bit_cast<const Func*>(acc);
  Instance* target = Machine::instance_of(func);
  if (target != nullptr && target != machine->instance) {
    push_record(machine, address_of(kReturnHomeCell), fp,
                std::bit_cast<std::uint64_t>(machine->instance), 0);
    machine->instance = target;
    mem = Machine::memory_base(target);
    mem_size = Machine::memory_size(target);
  }
  fp = machine->callee_frame;
  pc = Machine::entry(func);
  QUOLL_WASM_GO();
}

void call_foreign(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  push_record(machine, pc + 3 * kWordBytes, fp, pin0, pin1);
  machine->callee_frame = fp + peek<std::uint32_t>(pc + kFieldA);
  acc = peek<std::uint64_t>(pc + kFieldExtra);
  [[clang::musttail]] return enter_foreign(QUOLL_WASM_PASS);
}

/// Cell: index, offset of the callee's frame, type, table.
template <typename Index, Operand A>
void call_indirect(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint64_t index = QUOLL_WASM_GET(Index, A, kFieldA);
  const auto* table = peek<const Table*>(pc + kFieldExtra + kWordBytes);
  if (index >= Machine::size(table)) [[unlikely]]
    QUOLL_WASM_TRAP(kUndefinedElement);
  const auto* func = std::bit_cast<const Func*>(Machine::elements(table)[index]);
  if (func == nullptr) [[unlikely]]
    QUOLL_WASM_TRAP(kUninitializedElement);
  if (Machine::canonical(func) != peek<const CanonicalType*>(pc + kFieldExtra)) [[unlikely]] {
    QUOLL_WASM_TRAP(kIndirectCallTypeMismatch);
  }
  push_record(machine, pc + 4 * kWordBytes, fp, pin0, pin1);
  std::uint8_t* callee = fp + peek<std::uint32_t>(pc + kFieldImmediate);
  if (Machine::instance_of(func) != machine->instance) [[unlikely]] {
    machine->callee_frame = callee;
    acc = std::bit_cast<std::uint64_t>(func);
    [[clang::musttail]] return enter_foreign(QUOLL_WASM_PASS);
  }
  fp = callee;
  pc = Machine::entry(func);
  QUOLL_WASM_GO();
}

// A tail call moves the arguments to where its own frame begins, and jumps. The record of the call
// that its function was entered by stays, so that the callee returns to there.

/// Word: the offset of the arguments from the frame, and how many bytes they take.
[[gnu::always_inline]] inline void move_arguments(std::uint64_t word, std::uint8_t* fp) {
  const std::uint8_t* from = fp + static_cast<std::uint32_t>(word);
  // They move down: none is overwritten before it has been read.
  for (const std::uint8_t* end = from + (word >> 32); from != end; from += sizeof(std::uint64_t)) {
    poke(fp, peek<std::uint64_t>(from));
    fp += sizeof(std::uint64_t);
  }
}

/// Cell: arguments, the function.
void tail_call(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  move_arguments(peek<std::uint64_t>(pc + kFieldA), fp);
  pc = Machine::entry(peek<const Func*>(pc + kFieldExtra));
  QUOLL_WASM_GO();
}

/// Goes to the function in `acc`, whose arguments have been moved, and which may belong to another
/// instance or to the host. What returns comes home by one record, however many instances were
/// gone through.
void go_foreign(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const auto* func = std::bit_cast<const Func*>(acc);
  Instance* target = Machine::instance_of(func);
  if (target != nullptr && target != machine->instance) {
    const std::uint8_t* home = address_of(kReturnHomeCell);
    if (peek<ReturnRecord>(machine->return_top).pc != home) {
      push_record(machine, home, fp, std::bit_cast<std::uint64_t>(machine->instance), 0);
    }
    machine->instance = target;
    mem = Machine::memory_base(target);
    mem_size = Machine::memory_size(target);
  }
  pc = Machine::entry(func);
  QUOLL_WASM_GO();
}

void tail_call_foreign(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  move_arguments(peek<std::uint64_t>(pc + kFieldA), fp);
  acc = peek<std::uint64_t>(pc + kFieldExtra);
  [[clang::musttail]] return go_foreign(QUOLL_WASM_PASS);
}

/// Cell: index, arguments, type, table.
template <typename Index, Operand A>
void tail_call_indirect(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint64_t index = QUOLL_WASM_GET(Index, A, kFieldA);
  const auto* table = peek<const Table*>(pc + kFieldExtra + 2 * kWordBytes);
  if (index >= Machine::size(table)) [[unlikely]]
    QUOLL_WASM_TRAP(kUndefinedElement);
  const auto* func = std::bit_cast<const Func*>(Machine::elements(table)[index]);
  if (func == nullptr) [[unlikely]]
    QUOLL_WASM_TRAP(kUninitializedElement);
  if (Machine::canonical(func) != peek<const CanonicalType*>(pc + kFieldExtra + kWordBytes))
      [[unlikely]] {
    QUOLL_WASM_TRAP(kIndirectCallTypeMismatch);
  }
  move_arguments(peek<std::uint64_t>(pc + kFieldExtra), fp);
  acc = std::bit_cast<std::uint64_t>(func);
  [[clang::musttail]] return go_foreign(QUOLL_WASM_PASS);
}

void return_nothing(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_RETURN();
}

// A single result is in the slot and in the accumulator of its kind.

template <Operand A>
void return_int(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  acc = QUOLL_WASM_GET_WIDE(std::uint64_t, A, kFieldA);
  poke(fp, acc);
  QUOLL_WASM_RETURN();
}

template <typename F, Operand A>
void return_float(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const F result = QUOLL_WASM_GET_FLOAT(F, A, kFieldA);
  if constexpr (sizeof(F) == 8) {
    dacc = result;
  } else {
    facc = result;
  }
  poke(fp, result);
  QUOLL_WASM_RETURN();
}

void return_vector(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint8_t* slot = fp + peek<std::uint16_t>(pc + kFieldA);
  poke(fp, peek<VectorBits>(slot));
  QUOLL_WASM_RETURN();
}

void halt(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  static_cast<void>((QUOLL_WASM_PASS));
  machine->status = Machine::Status::kReturned;
}

void resume_host(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  fp = machine->host_frame;
  if (!finish_host_call(*machine)) [[unlikely]]
    return;
  mem = Machine::memory_base(machine->instance);
  mem_size = Machine::memory_size(machine->instance);
  acc = peek<std::uint64_t>(fp);
  dacc = peek<double>(fp);
  facc = peek<float>(fp);
  QUOLL_WASM_RETURN();
}

void call_host(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  run_host_call(*machine, peek<Func*>(pc + kWordBytes), fp);
  if (machine->status != Machine::Status::kRunning) [[unlikely]]
    return;
  [[clang::musttail]] return resume_host(QUOLL_WASM_PASS);
}

void translate_first(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  Func* func = peek<Func*>(pc + kWordBytes);
  machine->busy_cell = pc;
  const bool translated = translate_function(*func);
  machine->busy_cell = nullptr;
  if (!translated) [[unlikely]]
    QUOLL_WASM_TRAP(kOutOfMemory);
  pc = Machine::entry(func);
  QUOLL_WASM_GO();
}

template <bool Nonzero>
constexpr auto kBranchIf = make_handlers<kOneOperand>(
    []<std::size_t I>() -> Handler { return &branch_if<Nonzero, operand_digit<I, 0>()>; });
constexpr auto kBranchTable = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  if constexpr (a != Operand::kImmediate) {
    return &branch_table<a>;
  } else {
    return nullptr;
  }
});
template <typename Index>
constexpr auto kCallIndirect = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  if constexpr (a != Operand::kImmediate) {
    return &call_indirect<Index, a>;
  } else {
    return nullptr;
  }
});
template <typename Index>
constexpr auto kTailCallIndirect = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  if constexpr (a != Operand::kImmediate) {
    return &tail_call_indirect<Index, a>;
  } else {
    return nullptr;
  }
});
constexpr auto kReturnInt = make_handlers<kOneOperand>(
    []<std::size_t I>() -> Handler { return &return_int<operand_digit<I, 0>()>; });
constexpr auto kReturnDouble = make_handlers<kOneOperand>(
    []<std::size_t I>() -> Handler { return &return_float<double, operand_digit<I, 0>()>; });
constexpr auto kReturnSingle = make_handlers<kOneOperand>([]<std::size_t I>() -> Handler {
  constexpr Operand a = operand_digit<I, 0>();
  if constexpr (is_single(a)) {
    return &return_float<float, a>;
  } else {
    return nullptr;
  }
});

}  // namespace

namespace handlers {

Handler branch() {
  return &quoll::wasm::branch;
}
Handler branch_if(bool nonzero, Operand a) {
  return nonzero ? kBranchIf<true>[operand_index(a)] : kBranchIf<false>[operand_index(a)];
}
Handler branch_table(Operand a) {
  return kBranchTable[operand_index(a)];
}
Handler unreachable() {
  return &quoll::wasm::unreachable;
}
Handler enter(bool zero_locals, unsigned pins) {
  constexpr Handler kTable[2][3] = {
      {&quoll::wasm::enter<false, 0>, &quoll::wasm::enter<false, 1>, &quoll::wasm::enter<false, 2>},
      {&quoll::wasm::enter<true, 0>, &quoll::wasm::enter<true, 1>, &quoll::wasm::enter<true, 2>}};
  return kTable[zero_locals ? 1 : 0][pins];
}
Handler call() {
  return &quoll::wasm::call;
}
Handler call_foreign() {
  return &quoll::wasm::call_foreign;
}
Handler call_indirect(Width index_width, Operand index) {
  return index_width == Width::k32 ? kCallIndirect<std::uint32_t>[operand_index(index)]
                                   : kCallIndirect<std::uint64_t>[operand_index(index)];
}
Handler tail_call() {
  return &quoll::wasm::tail_call;
}
Handler tail_call_foreign() {
  return &quoll::wasm::tail_call_foreign;
}
Handler tail_call_indirect(Width index_width, Operand index) {
  return index_width == Width::k32 ? kTailCallIndirect<std::uint32_t>[operand_index(index)]
                                   : kTailCallIndirect<std::uint64_t>[operand_index(index)];
}
Handler return_nothing() {
  return &quoll::wasm::return_nothing;
}
Handler return_int(Operand a) {
  return kReturnInt[operand_index(a)];
}
Handler return_float(Width width, Operand a) {
  return width == Width::k32 ? kReturnSingle[operand_index(a)] : kReturnDouble[operand_index(a)];
}
Handler return_vector() {
  return &quoll::wasm::return_vector;
}
Handler look_for_interruption() {
  return &quoll::wasm::look_for_interruption;
}
Handler halt() {
  return &quoll::wasm::halt;
}
Handler return_home() {
  return &quoll::wasm::return_home;
}
Handler call_host() {
  return &quoll::wasm::call_host;
}
Handler resume_host() {
  return &quoll::wasm::resume_host;
}
Handler translate_first() {
  return &quoll::wasm::translate_first;
}

}  // namespace handlers
}  // namespace quoll::wasm
