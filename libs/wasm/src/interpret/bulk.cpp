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

/// The three operands of a range instruction, zero-extended.
struct RangeOperands {
  std::uint64_t destination;
  std::uint64_t source;
  std::uint64_t count;
};

[[gnu::always_inline]] inline std::uint8_t* first_slot(const std::uint8_t* pc, std::uint8_t* fp) {
  return fp + peek<std::uint32_t>(pc + kFieldA);
}
[[gnu::always_inline]] inline std::uint32_t index_operand(const std::uint8_t* slot, unsigned i) {
  return peek<std::uint32_t>(slot + i * sizeof(std::uint64_t));
}
[[gnu::always_inline]] inline RangeOperands range_operands(const std::uint8_t* pc,
                                                           std::uint8_t* fp) {
  const std::uint8_t* slot = first_slot(pc, fp);
  return {index_operand(slot, 0), index_operand(slot, 1), index_operand(slot, 2)};
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

void memory_size(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  acc = mem_size / kWasmPageSize;
  poke(first_slot(pc, fp), acc);
  QUOLL_WASM_NEXT(2);
}

void memory_grow(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  std::uint8_t* slot = first_slot(pc, fp);
  const std::int64_t old = Machine::memory(machine->instance)->grow(index_operand(slot, 0));
  mem = Machine::memory_base(machine->instance);
  mem_size = Machine::memory_size(machine->instance);
  acc = static_cast<std::uint64_t>(old);
  poke(slot, acc);
  QUOLL_WASM_NEXT(2);
}

void memory_copy(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const RangeOperands r = range_operands(pc, fp);
  if (r.destination + r.count > mem_size || r.source + r.count > mem_size) {
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  }
  if (r.count != 0) {
    const Busy busy(machine, pc);
    std::memmove(mem + r.destination, mem + r.source, r.count);
  }
  QUOLL_WASM_NEXT(2);
}

void memory_fill(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const RangeOperands r = range_operands(pc, fp);
  if (r.destination + r.count > mem_size) QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  if (r.count != 0) {
    const Busy busy(machine, pc);
    std::memset(mem + r.destination, static_cast<int>(r.source & 0xff), r.count);
  }
  QUOLL_WASM_NEXT(2);
}

/// Third word: the segment.
void memory_init(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const RangeOperands r = range_operands(pc, fp);
  const auto bytes = data_bytes(*machine->instance, peek<std::uint32_t>(pc + kFieldExtra));
  if (r.destination + r.count > mem_size || r.source + r.count > bytes.size()) {
    QUOLL_WASM_TRAP(kOutOfBoundsMemoryAccess);
  }
  if (r.count != 0) {
    const Busy busy(machine, pc);
    std::memcpy(mem + r.destination, bytes.data() + r.source, r.count);
  }
  QUOLL_WASM_NEXT(3);
}

void data_drop(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  Machine::dropped_data(machine->instance)[peek<std::uint32_t>(pc + kFieldExtra)] = true;
  QUOLL_WASM_NEXT(3);
}

void elem_drop(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  Machine::dropped_elements(machine->instance)[peek<std::uint32_t>(pc + kFieldExtra)] = true;
  QUOLL_WASM_NEXT(3);
}

[[gnu::always_inline]] inline Table* table_field(const std::uint8_t* pc, unsigned word = 2) {
  return peek<Table*>(pc + word * kWordBytes);
}

void table_get(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  std::uint8_t* slot = first_slot(pc, fp);
  const Table* table = table_field(pc);
  const std::uint32_t index = index_operand(slot, 0);
  if (index >= Machine::size(table)) QUOLL_WASM_TRAP(kOutOfBoundsTableAccess);
  acc = Machine::elements(table)[index];
  poke(slot, acc);
  QUOLL_WASM_NEXT(3);
}

void table_set(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint8_t* slot = first_slot(pc, fp);
  const Table* table = table_field(pc);
  const std::uint32_t index = index_operand(slot, 0);
  if (index >= Machine::size(table)) QUOLL_WASM_TRAP(kOutOfBoundsTableAccess);
  Machine::elements(table)[index] = peek<std::uint64_t>(slot + sizeof(std::uint64_t));
  QUOLL_WASM_NEXT(3);
}

void table_size(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  acc = widen(static_cast<std::uint32_t>(Machine::size(table_field(pc))));
  poke(first_slot(pc, fp), acc);
  QUOLL_WASM_NEXT(3);
}

void table_grow(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  std::uint8_t* slot = first_slot(pc, fp);
  Table* table = table_field(pc);
  const Value fill = Value::from_bits(table->type().element, peek<std::uint64_t>(slot));
  {
    const Busy busy(machine, pc);
    acc = static_cast<std::uint64_t>(table->grow(index_operand(slot, 1), fill));
  }
  poke(slot, acc);
  QUOLL_WASM_NEXT(3);
}

void table_fill(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint8_t* slot = first_slot(pc, fp);
  const Table* table = table_field(pc);
  const std::uint64_t start = index_operand(slot, 0);
  const auto value = peek<std::uint64_t>(slot + sizeof(std::uint64_t));
  const std::uint64_t count = index_operand(slot, 2);
  if (start + count > Machine::size(table)) QUOLL_WASM_TRAP(kOutOfBoundsTableAccess);
  for (std::uint64_t i = 0; i < count; ++i) Machine::elements(table)[start + i] = value;
  QUOLL_WASM_NEXT(3);
}

/// Third word: destination; fourth: source.
void table_copy(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const RangeOperands r = range_operands(pc, fp);
  const Table* to = table_field(pc);
  const Table* from = table_field(pc, 3);
  if (r.destination + r.count > Machine::size(to) || r.source + r.count > Machine::size(from)) {
    QUOLL_WASM_TRAP(kOutOfBoundsTableAccess);
  }
  if (r.count != 0) {
    std::memmove(Machine::elements(to) + r.destination, Machine::elements(from) + r.source,
                 r.count * sizeof(std::uint64_t));
  }
  QUOLL_WASM_NEXT(4);
}

/// Third word: the table; fourth: the segment.
void table_init(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const RangeOperands r = range_operands(pc, fp);
  const auto segment = peek<std::uint32_t>(pc + kFieldExtra + kWordBytes);
  const std::optional<TrapKind> trap = initialise_table(*machine->instance, *table_field(pc),
                                                        segment, r.destination, r.source, r.count);
  if (trap == TrapKind::kOutOfBoundsTableAccess) QUOLL_WASM_TRAP(kOutOfBoundsTableAccess);
  if (trap) QUOLL_WASM_TRAP(kOutOfMemory);
  QUOLL_WASM_NEXT(4);
}

}  // namespace

namespace handlers {

Handler memory_size() {
  return &quoll::wasm::memory_size;
}
Handler memory_grow() {
  return &quoll::wasm::memory_grow;
}
Handler memory_copy() {
  return &quoll::wasm::memory_copy;
}
Handler memory_fill() {
  return &quoll::wasm::memory_fill;
}
Handler memory_init() {
  return &quoll::wasm::memory_init;
}
Handler data_drop() {
  return &quoll::wasm::data_drop;
}
Handler table_get() {
  return &quoll::wasm::table_get;
}
Handler table_set() {
  return &quoll::wasm::table_set;
}
Handler table_size() {
  return &quoll::wasm::table_size;
}
Handler table_grow() {
  return &quoll::wasm::table_grow;
}
Handler table_fill() {
  return &quoll::wasm::table_fill;
}
Handler table_copy() {
  return &quoll::wasm::table_copy;
}
Handler table_init() {
  return &quoll::wasm::table_init;
}
Handler elem_drop() {
  return &quoll::wasm::elem_drop;
}

}  // namespace handlers
}  // namespace quoll::wasm
