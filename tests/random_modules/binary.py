# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The binary format, as far as modules are taken apart and put together here."""

from dataclasses import dataclass, field

I32, I64, F32, F64, V128, FUNCREF, EXTERNREF = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70, 0x6F
VALUE_TYPES = frozenset((I32, I64, F32, F64, V128, FUNCREF, EXTERNREF))
MAGIC = b"\0asm\x01\0\0\0"
TYPES, IMPORTS, FUNCTIONS, GLOBALS, EXPORTS, CODE = 1, 2, 3, 6, 7, 10
FUNCTION, TABLE, MEMORY, GLOBAL = 0, 1, 2, 3


class Beyond(Exception):
    """The module uses what WebAssembly 2.0 does not have."""


def unsigned(number):
    """A number as LEB128."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def signed(number):
    """A number as signed LEB128."""
    out = bytearray()
    while not -64 <= number < 64:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number & 0x7F)
    return bytes(out)


def sized(content):
    """Bytes behind their number."""
    return unsigned(len(content)) + content


def vector(items):
    """Encoded items behind their number."""
    return unsigned(len(items)) + b"".join(items)


def name(text):
    """A name."""
    return sized(text.encode())


def function_type(parameters, results):
    """A function type."""
    return b"\x60" + sized(bytes(parameters)) + sized(bytes(results))


class Reader:
    """Reads bytes from front to back."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def byte(self):
        """One byte."""
        self.at += 1
        return self.data[self.at - 1]

    def unsigned(self):
        """A number in LEB128."""
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def take(self, count):
        """So many bytes."""
        self.at += count
        return self.data[self.at - count : self.at]

    def value_type(self):
        """A value type of 2.0."""
        byte = self.byte()
        if byte not in VALUE_TYPES:
            raise Beyond(f"the type {byte:#x}")
        return byte

    def value_types(self):
        """A vector of them."""
        return [self.value_type() for _ in range(self.unsigned())]

    def limits(self):
        """Skips limits."""
        if self.byte() & 1:
            self.unsigned()
        self.unsigned()


@dataclass
class Interface:
    """What a module has, as far as others can see it, and how its functions are counted."""

    types: list = field(default_factory=list)  # (parameters, results)
    functions: list = field(default_factory=list)  # types by index, imports first
    globals: list = field(default_factory=list)  # (type, mutable), imports first
    exports: list = field(default_factory=list)  # (name, kind, index)

    def exported_functions(self):
        """(name, parameters, results) of each exported function."""
        return [
            (what, *self.types[self.functions[index]])
            for what, kind, index in self.exports
            if kind == FUNCTION
        ]

    def exported_globals(self):
        """(name, type, mutable) of each exported global."""
        return [
            (what, *self.globals[index]) for what, kind, index in self.exports if kind == GLOBAL
        ]


def read_sections(module):
    """[(number, content)] of a module."""
    reader, sections = Reader(module, len(MAGIC)), []
    while reader.at < len(module):
        number = reader.byte()
        sections.append((number, reader.take(reader.unsigned())))
    return sections


def write_sections(sections):
    """The module that is made of these."""
    return MAGIC + b"".join(bytes([number]) + sized(content) for number, content in sections)


def _read_imports(reader, interface):
    for _ in range(reader.unsigned()):
        reader.take(reader.unsigned())
        reader.take(reader.unsigned())
        kind = reader.byte()
        if kind == FUNCTION:
            interface.functions.append(reader.unsigned())
        elif kind == GLOBAL:
            interface.globals.append((reader.value_type(), reader.byte()))
        else:
            if kind == TABLE:
                reader.value_type()
            reader.limits()


def _skip_constant(reader):
    """Skips a constant expression of 2.0."""
    while (opcode := reader.byte()) != 0x0B:
        if opcode == 0xFD and reader.unsigned() == 12:
            reader.take(16)
        elif opcode in (0x43, 0x44):
            reader.take(4 if opcode == 0x43 else 8)
        elif opcode in (0x23, 0x41, 0x42, 0xD2):
            reader.unsigned()
        elif opcode == 0xD0:
            reader.value_type()
        else:
            raise Beyond(f"the constant instruction {opcode:#x}")


def _read_types(reader, interface):
    for _ in range(reader.unsigned()):
        if reader.byte() != 0x60:
            raise Beyond("a type that is no function's")
        interface.types.append((reader.value_types(), reader.value_types()))


def _read_functions(reader, interface):
    interface.functions += [reader.unsigned() for _ in range(reader.unsigned())]


def _read_globals(reader, interface):
    for _ in range(reader.unsigned()):
        interface.globals.append((reader.value_type(), reader.byte()))
        _skip_constant(reader)


def _read_exports(reader, interface):
    for _ in range(reader.unsigned()):
        what = reader.take(reader.unsigned()).decode()
        interface.exports.append((what, reader.byte(), reader.unsigned()))


_PARTS = {
    TYPES: _read_types,
    IMPORTS: _read_imports,
    FUNCTIONS: _read_functions,
    GLOBALS: _read_globals,
    EXPORTS: _read_exports,
}


def read_interface(sections):
    """The Interface of a module."""
    interface = Interface()
    for number, content in sections:
        if number in _PARTS:
            _PARTS[number](Reader(content), interface)
    return interface
