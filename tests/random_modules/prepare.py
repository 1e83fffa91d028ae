# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is done to a generated module before it runs: NaNs of vectors become zeros, as --denan does
it for numbers, and every global is exported."""

from binary import (
    CODE,
    EXPORTS,
    FUNCTIONS,
    GLOBAL,
    TYPES,
    V128,
    Reader,
    function_type,
    name,
    read_interface,
    read_sections,
    sized,
    unsigned,
    write_sections,
)
from instructions import vector_instructions

# Instructions whose NaNs the specification leaves open. What takes or negates a lane's bits, or
# chooses one of two lanes, is exact and stays as it is.
F32_LANES = frozenset((94, 103, 104, 105, 106, 0xE3, *range(0xE4, 0xEA)))
F64_LANES = frozenset((95, 116, 117, 122, 148, 0xEF, *range(0xF0, 0xF6)))
F32_EQUAL, F64_EQUAL, AND = 0x41, 0x47, 0x4E


def _zero_nans(equal):
    """The body of a function that makes lanes zero which do not equal themselves."""
    get = b"\x20\x00"
    compare, both = b"\xfd" + unsigned(equal), b"\xfd" + unsigned(AND)
    return sized(b"\0" + get + get + get + compare + both + b"\x0b")


def _cleaned(body, first):
    """The body with calls of the functions `first` (32 bits) and `first` + 1 (64 bits) put in."""
    reader = Reader(body)
    for _ in range(reader.unsigned()):
        reader.unsigned()
        reader.value_type()
    parts, begin = [], 0
    for number, end in vector_instructions(body, reader.at):
        if number in F32_LANES or number in F64_LANES:
            call = b"\x10" + unsigned(first + (number in F64_LANES))
            parts += [body[begin:end], call]
            begin = end
    return b"".join(parts) + body[begin:]


def _appended(content, items):
    """A section's content with more items."""
    reader = Reader(content)
    count = reader.unsigned()
    return unsigned(count + len(items)) + content[reader.at :] + b"".join(items)


def prepare(module):
    """Returns the module that runs, and its interface. Raises Beyond where it is not 2.0's."""
    sections = read_sections(module)
    interface = read_interface(sections)
    first, cleaner = len(interface.functions), unsigned(len(interface.types))
    variables = [
        name(f"global {index}") + bytes([GLOBAL]) + unsigned(index)
        for index in range(len(interface.globals))
    ]
    changed = []
    for number, content in sections:
        if number == CODE:
            reader = Reader(content)
            bodies = [reader.take(reader.unsigned()) for _ in range(reader.unsigned())]
            bodies = [sized(_cleaned(body, first)) for body in bodies]
            bodies += [_zero_nans(F32_EQUAL), _zero_nans(F64_EQUAL)]
            content = unsigned(len(bodies)) + b"".join(bodies)
        elif number == TYPES:
            content = _appended(content, [function_type([V128], [V128])])
        elif number == FUNCTIONS:
            content = _appended(content, [cleaner, cleaner])
        elif number == EXPORTS:
            content = _appended(content, variables)
        changed.append((number, content))
    return write_sections(changed), read_interface(changed)
