// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The handlers by family: the translator asks here for the one it needs. Null means that no
// handler has these classes; every family has those of slots and the accumulator.
#pragma once

#include <quoll/wasm/opcodes.hpp>

#include "interpret/addressing.hpp"
#include "interpret/operands.hpp"

namespace quoll::wasm {

enum class Width : std::uint8_t { k32, k64 };

/// For instructions on ranges and tables: `kNear` ones have operands of 32 bits, and work on the
/// memory in registers. The cell of a `kFar` one says in the upper half of its second word which
/// operands have 64 bits (the first in bit 0), and names its memories.
enum class Reach : std::uint8_t { kNear, kFar };

namespace handlers {

// Integers. Cells: see BinaryFields; unary: A, result in B.
Handler int_binary(Operation op, Width width, Operand a, Operand b, Operand d);
Handler int_compare(Operation op, Width width, Operand a, Operand b, Operand d);
Handler int_unary(Operation op, Width width, Operand a, Operand d);

// Floating point. As integers; an f64 immediate makes the cell three words long.
Handler float_binary(Operation op, Width width, Operand a, Operand b, Operand d);
Handler float_compare(Operation op, Width width, Operand a, Operand b, Operand d);
Handler float_unary(Operation op, Width width, Operand a, Operand d);
/// `width` is that of the floating-point side.
Handler int_to_float(Operation op, Width width, Operand a, Operand d);
Handler float_to_int(Operation op, Width width, Operand a, Operand d);
Handler float_to_float(Operation op, Operand a, Operand d);

// Branches: the distance in bytes from the cell is in the upper half of the second word, or, when
// a 32-bit immediate is there, in the third word.
Handler branch();
Handler branch_if(bool nonzero, Operand a);
Handler compare_branch(Operation op, Width width, Operand a, Operand b);
Handler float_compare_branch(Operation op, Width width, bool sense, Operand a, Operand b);
/// Second word: A, count in the upper half; then count + 1 distances, each from itself.
Handler branch_table(Operand a);

// Memory: A, B (result or value), and what `Addressing` says. An immediate value is in the last
// word.
Handler int_load(Operation op, Addressing g, Operand a, Operand d);
Handler int_store(Operation op, Addressing g, Operand a, Operand value);
Handler float_load(Width width, Addressing g, Operand a, Operand d);
Handler float_store(Width width, Addressing g, Operand a, Operand value);

// Moves. `store` writes a slot and nothing else; `move` writes a pin or the accumulator.
Handler store(Operand a);
Handler move(Operand a, Operand d);
Handler store_constant();
Handler move_constant(Operand d);
Handler float_store_slot(Width width, Operand a);
Handler float_move(Operand a, Operand d);
Handler float_move_constant(Operand d);
Handler wide_move();
Handler wide_move_vector();
Handler copy_slots();
Handler zero_slots();
/// Fields A, B, C (condition), D.
Handler select(Operand a, Operand b, Operand condition, Operand d);
/// Third word: the variable's address.
Handler global_get(Operand d);
Handler global_set(Operand a);

// Vectors, which lie in slots: two of them, the low half first. Fields A, B, C for operands and the
// next one for the result, unless said otherwise. The opcode says operation and lanes; one operand
// may be no vector and have another class.
Handler vector_arithmetic(Opcode op);
Handler vector_bitwise(Opcode op);
Handler vector_compare(Opcode op);
Handler vector_convert(Opcode op);
Handler vector_swizzle();
/// Of an immediate amount, field B has the number of bits, less than the lane's.
Handler vector_shift(Opcode op, Operand amount);
/// From a vector to an i32.
Handler vector_reduce(Opcode op, Operand d);
/// Third and fourth word: the constant.
Handler vector_const();
Handler vector_splat(Opcode op, Operand a);
/// A is the slot's offset plus that of the lane.
Handler vector_extract(Opcode op, Operand d);
/// Field D: the lane's offset in the vector.
Handler vector_replace(Opcode op, Operand value);
/// Field A: the result. From the third word on, for each lane of the result, 16 bits: the offset in
/// the frame of the lane that it is a copy of.
Handler vector_shuffle(Lanes lanes);
/// As loads of numbers; of one lane, field B is the other lanes' vector and the third word holds
/// the result and the lane's offset.
Handler vector_load(Opcode op, Addressing g, Operand address);
Handler vector_store(Addressing g, Operand address);
/// Fields A, B, C (condition), D.
Handler vector_select(Operand condition);
/// Third word: the variable's address.
Handler vector_global_get();
Handler vector_global_set();

// Calls.
Handler enter(bool zero_locals, unsigned pins);
Handler call();
Handler call_foreign();
Handler call_indirect(Width index_width, Operand index);
// Tail calls. Second word: where the arguments are, and how many bytes they take; third: the
// function. An indirect one has its index in the second word, then the arguments, type and table.
// A foreign function belongs to another instance; an indirect one may, or to the host.
Handler tail_call();
Handler tail_call_foreign();
Handler tail_call_indirect(Width index_width, Operand index);
Handler return_nothing();
Handler return_int(Operand a);
Handler return_float(Width width, Operand a);
Handler return_vector();
Handler look_for_interruption();
Handler halt();
Handler return_home();
Handler call_host();
Handler resume_host();
Handler translate_first();

// Everything else: operands are in consecutive slots, the first of which is in the lower half of
// the second word. Behind it: segment, table or tables, and memories if they are far.
Handler unreachable();
Handler memory_size(Reach reach);
Handler memory_grow(Reach reach);
Handler memory_copy(Reach reach);
Handler memory_fill(Reach reach);
Handler memory_init(Reach reach);
Handler data_drop();
Handler table_get(Reach reach);
Handler table_set(Reach reach);
Handler table_size();
Handler table_grow(Reach reach);
Handler table_fill(Reach reach);
Handler table_copy(Reach reach);
Handler table_init(Reach reach);
Handler elem_drop();

}  // namespace handlers
}  // namespace quoll::wasm
