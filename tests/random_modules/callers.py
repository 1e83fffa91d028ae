# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The modules around a generated one, so that the two hosts need to know nothing of types: all that
crosses to a host are 64-bit numbers, with every bit of a float and of a vector's lanes.

`SUPPORT` is what generated modules import. A caller has a function for each exported one: it calls
that with arguments which are in its own code, and reports the results."""

from binary import (
    CODE,
    EXPORTS,
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    FUNCTION,
    FUNCTIONS,
    GLOBAL,
    I32,
    I64,
    IMPORTS,
    TYPES,
    V128,
    function_type,
    name,
    signed,
    sized,
    unsigned,
    vector,
    write_sections,
)

HANG_LIMIT = "hangLimitInitializer"
# Where 32-bit and 64-bit arithmetic, conversions and addresses have their edges.
EDGES = [0, 1, 2, 7, 31, 63, 64, 127, 128, 255, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0xFFFFF, 0x100000]
EDGES += [0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
F32_EDGES = [0, 1 << 31, 0x3F800000, 0xBF800000, 0x4F000000, 0xCF000000, 0x4F800000, 0x5F000000]
F32_EDGES += [0x5F800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7FA00000, 1, 0x007FFFFF, 0x3F000000]
F64_EDGES = [0, 1 << 63, 0x3FF << 52, 0xBFF << 52, 0x41E << 52, 0xC1E << 52, 0x41F << 52]
F64_EDGES += [0x43E << 52, 0x43F << 52, 0x7FF << 52, 0xFFF << 52, 0x7FF8 << 48, 0x7FF4 << 48, 1]
F64_EDGES += [0x41DFFFFFFFC00000, 0xC1E0000000200000, 0x3FE << 52, 0x47EFFFFFF0000000]


def _bits(dice, width):
    """A number of so many bits: an edge, a small one, or any."""
    kind = dice.randrange(3)
    if kind == 0:
        return dice.choice(EDGES) & ((1 << width) - 1)
    return dice.randrange(200) if kind == 1 else dice.getrandbits(width)


def _as_signed(bits, width):
    return bits - (1 << width) if bits >> (width - 1) else bits


def _argument(dice, kind):
    """An instruction that gives an argument of that type."""
    if kind == I32:
        return b"\x41" + signed(_as_signed(_bits(dice, 32), 32))
    if kind == I64:
        return b"\x42" + signed(_as_signed(_bits(dice, 64), 64))
    if kind == F32:
        bits = dice.choice(F32_EDGES) if dice.randrange(2) else dice.getrandbits(32)
        return b"\x43" + bits.to_bytes(4, "little")
    if kind == F64:
        bits = dice.choice(F64_EDGES) if dice.randrange(2) else dice.getrandbits(64)
        return b"\x44" + bits.to_bytes(8, "little")
    if kind == V128:
        halves = [_bits(dice, 64).to_bytes(8, "little") for _ in range(2)]
        return b"\xfd\x0c" + b"".join(halves)
    return b"\xd0" + bytes([kind])


def _report(get, kind, to):
    """Instructions that give what `get` gives to function `to`, as one number or two."""
    call = b"\x10" + unsigned(to)
    if kind == V128:
        lane = b"\xfd" + unsigned(0x1D)
        return get + lane + b"\0" + call + get + lane + b"\1" + call
    into_number = {I32: b"\xad", I64: b"", F32: b"\xbc\xad", F64: b"\xbd"}
    into_number |= {FUNCREF: b"\xd1\xad", EXTERNREF: b"\xd1\xad"}
    return get + into_number[kind] + call


def _function(results, code):
    """A body with locals for these results behind its parameters."""
    declared = vector([b"\1" + bytes([kind]) for kind in results])
    return sized(declared + code + b"\x0b")


def _module(types, imports, functions, exports):
    """A module of encoded parts; `functions` are (type index, body)."""
    return write_sections(
        [
            (TYPES, vector(types)),
            (IMPORTS, vector(imports)),
            (FUNCTIONS, vector([unsigned(index) for index, _ in functions])),
            (EXPORTS, vector(exports)),
            (CODE, vector([body for _, body in functions])),
        ]
    )


def _make_support():
    kinds = {"i32": I32, "i64": I64, "f32": F32, "f64": F64, "v128": V128}
    types = [function_type([kind], []) for kind in (I64, *kinds.values())]
    imports = [name("report") + name("logged") + b"\0\0"]
    functions, exports = [], []
    for number, (text, kind) in enumerate(kinds.items(), 1):
        functions.append((number, _function([], _report(b"\x20\0", kind, 0))))
        exports.append(name(f"log-{text}") + bytes([FUNCTION]) + unsigned(number))
    return _module(types, imports, functions, exports)


SUPPORT = _make_support()


def make_caller(interface, dice):
    """The caller of a module with that interface."""
    types = [function_type([I64], []), function_type([], [])]
    imports = [name("report") + name("result") + bytes([FUNCTION, 0])]
    called = interface.exported_functions()
    places = {}
    for number, (text, parameters, results) in enumerate(called, 1):
        places[text] = number
        types.append(function_type(parameters, results))
        imports.append(name("module") + name(text) + bytes([FUNCTION]) + unsigned(len(types) - 1))
    variables = interface.exported_globals()
    for text, kind, mutable in variables:
        imports.append(name("module") + name(text) + bytes([GLOBAL, kind, mutable]))
    begin = b"\x10" + unsigned(places[HANG_LIMIT]) if HANG_LIMIT in places else b""
    functions, exports = [], []

    def add(text, results, code):
        exports.append(name(text) + bytes([FUNCTION]) + unsigned(1 + len(called) + len(functions)))
        functions.append((1, _function(results, code)))

    for text, parameters, results in called:
        code = begin + b"".join(_argument(dice, kind) for kind in parameters)
        code += b"\x10" + unsigned(places[text])
        order = range(len(results))
        code += b"".join(b"\x21" + unsigned(place) for place in reversed(order))
        code += b"".join(_report(b"\x20" + unsigned(at), results[at], 0) for at in order)
        add(text, results, code)
    code = b""
    for number, (_, kind, _) in enumerate(variables):
        code += _report(b"\x23" + unsigned(number), kind, 0)
    add("(globals)", [], code)
    return _module(types, imports, functions, exports)
