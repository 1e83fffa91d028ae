// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Memory and table instructions that work on ranges, and those on table elements. They call into
// the objects: none is frequent enough to be a leaf.
#include <optional>

#include <quoll/wasm/limits.hpp>

#include "interpret/handlers.hpp"
#include "runtime/segments.hpp"

namespace quoll::wasm {
namespace {

[[gnu::always_inline]] inline std::uint8_t* first_slot(const std::uint8_t* pc, std::uint8_t* fp) {
  return fp + peek<std::uint32_t>(pc + kFieldA);
}

/// An operand that is an address, an index or a count, zero-extended.
template <Reach R>
[[gnu::always_inline]] inline std::uint64_t number(const std::uint8_t* pc, const std::uint8_t* slot,
                                                   unsigned i) {
  const std::uint8_t* at = slot + i * sizeof(std::uint64_t);
  if (R == Reach::kFar && (peek<std::uint32_t>(pc + kFieldImmediate) >> i & 1) != 0) {
    return peek<std::uint64_t>(at);
  }
  return peek<std::uint32_t>(at);
}

/// The three operands of a range instruction.
struct RangeOperands {
  std::uint64_t destination;
  std::uint64_t source;
  std::uint64_t count;
};

template <Reach R>
[[gnu::always_inline]] inline RangeOperands range_operands(const std::uint8_t* pc,
                                                           std::uint8_t* fp) {
  const std::uint8_t* slot = first_slot(pc, fp);
  return {number<R>(pc, slot, 0), number<R>(pc, slot, 1), number<R>(pc, slot, 2)};
}

/// Whether `[start, start + count)` is not all below `size`.
template <Reach R>
[[gnu::always_inline]] inline bool is_outside(std::uint64_t start, std::uint64_t count,
                                              std::uint64_t size) {
  if constexpr (R == Reach::kNear) {
    return start + count > size;
  } else {
    return start > size || count > size - start;
  }
}

/// The word of a cell behind the first two that has this number.
template <typename T>
[[gnu::always_inline]] inline T extra(const std::uint8_t* pc, unsigned i) {
  return peek<T>(pc + kFieldExtra + std::size_t{i} * kWordBytes);
}

/// A memory as range instructions need it.
struct Bytes {
  std::uint8_t* base;
  std::uint64_t size;
};

/// The memory in registers, or the one in the cell's extra word of that number.
template <Reach R>
[[gnu::always_inline]] inline Bytes bytes_of(const std::uint8_t* pc, unsigned i, std::uint8_t* mem,
                                             std::uint64_t mem_size) {
  if constexpr (R == Reach::kNear) {
    return {mem, mem_size};
  } else {
    const auto* memory = extra<const Memory*>(pc, i);
    return {Machine::base(memory), Machine::size(memory)};
  }
}

/// Words of a cell with so many words of its own behind the first two, and so many memories.
template <Reach R>
constexpr std::uint32_t cell_words(std::uint32_t own, std::uint32_t memories) {
  return 2 + own + (R == Reach::kFar ? memories : 0);
}

/// Work that may touch a page for the first time: who looks into a fault finds the cell here.
class Busy {
 public:
  Busy(Machine* machine, const std::uint8_t* pc) : machine_(machine) { machine_->busy_cell = pc; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { machine_->busy_cell = nullptr; }

 private:
  Machine* machine_;
};

template <Reach R>
void memory_size(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  acc = bytes_of<R>(pc, 0, mem, mem_size).size / kWasmPageSize;
  poke(first_slot(pc, fp), acc);
  QUOLL_WASM_NEXT(cell_words<R>(0, 1));
}

template <Reach R>
void memory_grow(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  std::uint8_t* slot = first_slot(pc, fp);
  Memory* memory = R == Reach::kNear ? Machine::memory(machine->instance) : extra<Memory*>(pc, 0);
  const std::int64_t old = memory->grow(number<R>(pc, slot, 0));
  // A far memory can be the one in registers: a module may import it twice.
  mem = Machine::memory_base(machine->instance);
  mem_size = Machine::memory_size(machine->instance);
  acc = static_cast<std::uint64_t>(old);
  poke(slot, acc);
  QUOLL_WASM_NEXT(cell_words<R>(0, 1));
}

/// Far: destination, then source.
template <Reach R>
void memory_copy(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const RangeOperands r = range_operands<R>(pc, fp);
  const Bytes to = bytes_of<R>(pc, 0, mem, mem_size);
  const Bytes from = bytes_of<R>(pc, 1, mem, mem_size);
  if (is_outside<R>(r.destination, r.count, to.size) ||
      is_outside<R>(r.source, r.count, from.size)) {
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  }
  if (r.count != 0) {
    const Busy busy(machine, pc);
    std::memmove(to.base + r.destination, from.base + r.source, r.count);
  }
  QUOLL_WASM_NEXT(cell_words<R>(0, 2));
}

template <Reach R>
void memory_fill(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const RangeOperands r = range_operands<R>(pc, fp);
  const Bytes to = bytes_of<R>(pc, 0, mem, mem_size);
  if (is_outside<R>(r.destination, r.count, to.size)) QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  if (r.count != 0) {
    const Busy busy(machine, pc);
    std::memset(to.base + r.destination, static_cast<int>(r.source & 0xff), r.count);
  }
  QUOLL_WASM_NEXT(cell_words<R>(0, 1));
}

/// Third word: the segment; far: fourth: the memory.
template <Reach R>
void memory_init(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const RangeOperands r = range_operands<R>(pc, fp);
  const Bytes to = bytes_of<R>(pc, 1, mem, mem_size);
  const auto bytes = data_bytes(*machine->instance, extra<std::uint32_t>(pc, 0));
  if (is_outside<R>(r.destination, r.count, to.size) || r.source + r.count > bytes.size()) {
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  }
  if (r.count != 0) {
    const Busy busy(machine, pc);
    std::memcpy(to.base + r.destination, bytes.data() + r.source, r.count);
  }
  QUOLL_WASM_NEXT(cell_words<R>(1, 1));
}

void data_drop(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  Machine::dropped_data(machine->instance)[extra<std::uint32_t>(pc, 0)] = true;
  QUOLL_WASM_NEXT(3);
}

void elem_drop(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  Machine::dropped_elements(machine->instance)[extra<std::uint32_t>(pc, 0)] = true;
  QUOLL_WASM_NEXT(3);
}

template <Reach R>
void table_get(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  std::uint8_t* slot = first_slot(pc, fp);
  const auto* table = extra<const Table*>(pc, 0);
  const std::uint64_t index = number<R>(pc, slot, 0);
  if (index >= Machine::size(table)) QUOLL_WASM_TRAP(kOutOfBoundsTableAccess);
  acc = Machine::elements(table)[index];
  poke(slot, acc);
  QUOLL_WASM_NEXT(3);
}

template <Reach R>
void table_set(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint8_t* slot = first_slot(pc, fp);
  const auto* table = extra<const Table*>(pc, 0);
  const std::uint64_t index = number<R>(pc, slot, 0);
  if (index >= Machine::size(table)) QUOLL_WASM_TRAP(kOutOfBoundsTableAccess);
  Machine::elements(table)[index] = peek<std::uint64_t>(slot + sizeof(std::uint64_t));
  QUOLL_WASM_NEXT(3);
}

/// No table has so many elements that an i32 of it would be negative: one handler does for both.
void table_size(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  static_assert(kMaxTableElements <= 0x7fffffff);
  acc = Machine::size(extra<const Table*>(pc, 0));
  poke(first_slot(pc, fp), acc);
  QUOLL_WASM_NEXT(3);
}

template <Reach R>
void table_grow(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  std::uint8_t* slot = first_slot(pc, fp);
  auto* table = extra<Table*>(pc, 0);
  const Value fill = Value::from_bits(table->type().element, peek<std::uint64_t>(slot));
  {
    const Busy busy(machine, pc);
    acc = static_cast<std::uint64_t>(table->grow(number<R>(pc, slot, 1), fill));
  }
  poke(slot, acc);
  QUOLL_WASM_NEXT(3);
}

template <Reach R>
void table_fill(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint8_t* slot = first_slot(pc, fp);
  const auto* table = extra<const Table*>(pc, 0);
  const std::uint64_t start = number<R>(pc, slot, 0);
  const auto value = peek<std::uint64_t>(slot + sizeof(std::uint64_t));
  const std::uint64_t count = number<R>(pc, slot, 2);
  if (is_outside<R>(start, count, Machine::size(table))) QUOLL_WASM_TRAP(kOutOfBoundsTableAccess);
  for (std::uint64_t i = 0; i < count; ++i) Machine::elements(table)[start + i] = value;
  QUOLL_WASM_NEXT(3);
}

/// Third word: destination; fourth: source.
template <Reach R>
void table_copy(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const RangeOperands r = range_operands<R>(pc, fp);
  const auto* to = extra<const Table*>(pc, 0);
  const auto* from = extra<const Table*>(pc, 1);
  if (is_outside<R>(r.destination, r.count, Machine::size(to)) ||
      is_outside<R>(r.source, r.count, Machine::size(from))) {
    QUOLL_WASM_TRAP(kOutOfBoundsTableAccess);
  }
  if (r.count != 0) {
    std::memmove(Machine::elements(to) + r.destination, Machine::elements(from) + r.source,
                 r.count * sizeof(std::uint64_t));
  }
  QUOLL_WASM_NEXT(4);
}

/// Third word: the table; fourth: the segment.
template <Reach R>
void table_init(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const RangeOperands r = range_operands<R>(pc, fp);
  const std::optional<TrapKind> trap =
      initialise_table(*machine->instance, *extra<Table*>(pc, 0), extra<std::uint32_t>(pc, 1),
                       r.destination, r.source, r.count);
  if (trap == TrapKind::kOutOfBoundsTableAccess) QUOLL_WASM_TRAP(kOutOfBoundsTableAccess);
  if (trap) QUOLL_WASM_TRAP(kOutOfMemory);
  QUOLL_WASM_NEXT(4);
}

}  // namespace

namespace handlers {

Handler memory_size(Reach reach) {
  return reach == Reach::kNear ? &quoll::wasm::memory_size<Reach::kNear>
                               : &quoll::wasm::memory_size<Reach::kFar>;
}
Handler memory_grow(Reach reach) {
  return reach == Reach::kNear ? &quoll::wasm::memory_grow<Reach::kNear>
                               : &quoll::wasm::memory_grow<Reach::kFar>;
}
Handler memory_copy(Reach reach) {
  return reach == Reach::kNear ? &quoll::wasm::memory_copy<Reach::kNear>
                               : &quoll::wasm::memory_copy<Reach::kFar>;
}
Handler memory_fill(Reach reach) {
  return reach == Reach::kNear ? &quoll::wasm::memory_fill<Reach::kNear>
                               : &quoll::wasm::memory_fill<Reach::kFar>;
}
Handler memory_init(Reach reach) {
  return reach == Reach::kNear ? &quoll::wasm::memory_init<Reach::kNear>
                               : &quoll::wasm::memory_init<Reach::kFar>;
}
Handler data_drop() {
  return &quoll::wasm::data_drop;
}
Handler table_get(Reach reach) {
  return reach == Reach::kNear ? &quoll::wasm::table_get<Reach::kNear>
                               : &quoll::wasm::table_get<Reach::kFar>;
}
Handler table_set(Reach reach) {
  return reach == Reach::kNear ? &quoll::wasm::table_set<Reach::kNear>
                               : &quoll::wasm::table_set<Reach::kFar>;
}
Handler table_size() {
  return &quoll::wasm::table_size;
}
Handler table_grow(Reach reach) {
  return reach == Reach::kNear ? &quoll::wasm::table_grow<Reach::kNear>
                               : &quoll::wasm::table_grow<Reach::kFar>;
}
Handler table_fill(Reach reach) {
  return reach == Reach::kNear ? &quoll::wasm::table_fill<Reach::kNear>
                               : &quoll::wasm::table_fill<Reach::kFar>;
}
Handler table_copy(Reach reach) {
  return reach == Reach::kNear ? &quoll::wasm::table_copy<Reach::kNear>
                               : &quoll::wasm::table_copy<Reach::kFar>;
}
Handler table_init(Reach reach) {
  return reach == Reach::kNear ? &quoll::wasm::table_init<Reach::kNear>
                               : &quoll::wasm::table_init<Reach::kFar>;
}
Handler elem_drop() {
  return &quoll::wasm::elem_drop;
}

}  // namespace handlers
}  // namespace quoll::wasm
