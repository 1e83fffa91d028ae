# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where instructions begin: as much of WebAssembly 2.0 as walking over a function's body takes. It
shares nothing with the engine's table of instructions, which is under test."""

from binary import VALUE_TYPES, Beyond

NUMBERS = {  # opcodes with so many numbers in LEB128 behind them
    1: [0x0C, 0x0D, 0x10, *range(0x20, 0x27), 0x3F, 0x40, 0x41, 0x42, 0xD2],
    2: [0x11, *range(0x28, 0x3F)],
}
BYTES = {0x43: 4, 0x44: 8, 0xD0: 1}
NOTHING = [0x00, 0x01, 0x05, 0x0B, 0x0F, 0x1A, 0x1B, *range(0x45, 0xC5), 0xD1]
BLOCKS = (0x02, 0x03, 0x04)
BR_TABLE, SELECT_TYPED, BULK, VECTORS = 0x0E, 0x1C, 0xFC, 0xFD

# Behind a prefix: the instruction's number, then (numbers, bytes).
BULK_SHAPES = {n: (0, 0) for n in range(8)}
BULK_SHAPES |= {n: (2, 0) for n in (8, 10, 12, 14)} | {n: (1, 0) for n in (9, 11, 13, 15, 16, 17)}
VECTOR_SHAPES = {n: (0, 0) for n in range(0x100)}
VECTOR_SHAPES |= {n: (2, 0) for n in (*range(12), 92, 93)} | {12: (0, 16), 13: (0, 16)}
VECTOR_SHAPES |= {n: (0, 1) for n in range(21, 35)} | {n: (2, 1) for n in range(84, 92)}

SHAPES = {op: (0, 0) for op in NOTHING}
SHAPES |= {op: (count, 0) for count, ops in NUMBERS.items() for op in ops}
SHAPES |= {op: (0, count) for op, count in BYTES.items()}


def _past_numbers(code, at, count):
    while count:
        if code[at] < 0x80:
            count -= 1
        at += 1
    return at


def _number(code, at):
    number = shift = 0
    while True:
        byte = code[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _past_types(code, at):
    count, at = _number(code, at)
    if not VALUE_TYPES.issuperset(code[at : at + count]):
        raise Beyond("a type of select")
    return at + count


def _past_block_type(code, at):
    if code[at] == 0x40 or code[at] in VALUE_TYPES:
        return at + 1
    if 0x40 < code[at] < 0x80:
        raise Beyond(f"the block type {code[at]:#x}")
    return _past_numbers(code, at, 1)


def _past_labels(code, at):
    count, at = _number(code, at)
    return _past_numbers(code, at, count + 1)


def vector_instructions(code, at):
    """Yields (number, end) of each vector instruction of the body that begins at `at`, and requires
    that the body ends where the bytes do."""
    size, special = len(code), {BR_TABLE: _past_labels, SELECT_TYPED: _past_types}
    special |= {op: _past_block_type for op in BLOCKS}
    while at < size:
        opcode = code[at]
        at += 1
        if opcode in special:
            at = special[opcode](code, at)
            continue
        if opcode in (BULK, VECTORS):
            number, at = _number(code, at)
            shape = (BULK_SHAPES if opcode == BULK else VECTOR_SHAPES).get(number)
        else:
            number, shape = None, SHAPES.get(opcode)
        if shape is None:
            raise Beyond(f"the instruction {opcode:#x} {number}")
        numbers, count = shape
        if opcode == 0xD0 and code[at] not in VALUE_TYPES:
            raise Beyond(f"the null of {code[at]:#x}")
        at = (_past_numbers(code, at, numbers) if numbers else at) + count
        if opcode == VECTORS:
            yield number, at
    if at != size or code[-1] != 0x0B:
        raise ValueError("a body does not end with its last instruction")
