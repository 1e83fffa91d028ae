# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A module with a function for each instruction that computes, loads or stores: what the generator
begins with for some numbers, since by itself it seldom makes vector instructions. It calls these
functions, changes them, and uses parts of them elsewhere. Written from the specification alone."""

from binary import (
    CODE,
    EXPORTS,
    F32,
    F64,
    FUNCTION,
    FUNCTIONS,
    I32,
    I64,
    TYPES,
    V128,
    function_type,
    name,
    sized,
    unsigned,
    vector,
    write_sections,
)

KINDS = {"i": I32, "I": I64, "f": F32, "F": F64, "v": V128}
MEMORIES = 5
TO_16, LANE, NO_OFFSET = bytes(range(3, 19)), b"\1", b"\0\0"

# (first opcode, last, operands : results)
NUMBERS = [
    (0x45, 0x45, "i:i"), (0x46, 0x4F, "ii:i"), (0x50, 0x50, "I:i"), (0x51, 0x5A, "II:i"),
    (0x5B, 0x60, "ff:i"), (0x61, 0x66, "FF:i"), (0x67, 0x69, "i:i"), (0x6A, 0x78, "ii:i"),
    (0x79, 0x7B, "I:I"), (0x7C, 0x8A, "II:I"), (0x8B, 0x91, "f:f"), (0x92, 0x98, "ff:f"),
    (0x99, 0x9F, "F:F"), (0xA0, 0xA6, "FF:F"), (0xA7, 0xA7, "I:i"), (0xA8, 0xA9, "f:i"),
    (0xAA, 0xAB, "F:i"), (0xAC, 0xAD, "i:I"), (0xAE, 0xAF, "f:I"), (0xB0, 0xB1, "F:I"),
    (0xB2, 0xB3, "i:f"), (0xB4, 0xB5, "I:f"), (0xB6, 0xB6, "F:f"), (0xB7, 0xB8, "i:F"),
    (0xB9, 0xBA, "I:F"), (0xBB, 0xBB, "f:F"), (0xBC, 0xBC, "f:i"), (0xBD, 0xBD, "F:I"),
    (0xBE, 0xBE, "i:f"), (0xBF, 0xBF, "I:F"), (0xC0, 0xC1, "i:i"), (0xC2, 0xC4, "I:I"),
]  # fmt: skip
SATURATING = [(0, 1, "f:i"), (2, 3, "F:i"), (4, 5, "f:I"), (6, 7, "F:I")]
VECTORS = [
    (14, 14, "vv:v"), (15, 17, "i:v"), (18, 18, "I:v"), (19, 19, "f:v"), (20, 20, "F:v"),
    (35, 76, "vv:v"), (77, 77, "v:v"), (78, 81, "vv:v"), (82, 82, "vvv:v"), (83, 83, "v:i"),
    (94, 98, "v:v"), (99, 100, "v:i"), (101, 102, "vv:v"), (103, 106, "v:v"), (107, 109, "vi:v"),
    (110, 115, "vv:v"), (116, 117, "v:v"), (118, 121, "vv:v"), (122, 122, "v:v"),
    (123, 123, "vv:v"), (124, 129, "v:v"), (130, 130, "vv:v"), (131, 132, "v:i"),
    (133, 134, "vv:v"), (135, 138, "v:v"), (139, 141, "vi:v"), (142, 147, "vv:v"),
    (148, 148, "v:v"), (149, 153, "vv:v"), (155, 159, "vv:v"), (160, 161, "v:v"),
    (163, 164, "v:i"), (167, 170, "v:v"), (171, 173, "vi:v"), (174, 174, "vv:v"),
    (177, 177, "vv:v"), (181, 186, "vv:v"), (188, 191, "vv:v"), (192, 193, "v:v"),
    (195, 196, "v:i"), (199, 202, "v:v"), (203, 205, "vi:v"), (206, 206, "vv:v"),
    (209, 209, "vv:v"), (213, 223, "vv:v"), (224, 225, "v:v"), (227, 227, "v:v"),
    (228, 235, "vv:v"), (236, 237, "v:v"), (239, 239, "v:v"), (240, 247, "vv:v"),
    (248, 255, "v:v"),
]  # fmt: skip
LANES = [
    (21, 22, "v:i"), (23, 23, "vi:v"), (24, 25, "v:i"), (26, 26, "vi:v"), (27, 27, "v:i"),
    (28, 28, "vi:v"), (29, 29, "v:I"), (30, 30, "vI:v"), (31, 31, "v:f"), (32, 32, "vf:v"),
    (33, 33, "v:F"), (34, 34, "vF:v"),
]  # fmt: skip
LOADS = [(0, 10, "i:v"), (11, 11, "iv:"), (92, 93, "i:v")]
LANE_ACCESSES = [(84, 87, "iv:v"), (88, 91, "iv:")]


def _rows():
    """(instruction, operands : results) of all of them."""
    tables = [
        (b"", NUMBERS, b""),
        (b"\xfc", SATURATING, b""),
        (b"\xfd", VECTORS, b""),
        (b"\xfd", LANES, LANE),
        (b"\xfd", LOADS, NO_OFFSET),
        (b"\xfd", LANE_ACCESSES, NO_OFFSET + LANE),
        (b"\xfd", [(13, 13, "vv:v")], TO_16),
    ]
    for prefix, table, behind in tables:
        for first, last, signature in table:
            for opcode in range(first, last + 1):
                number = unsigned(opcode) if prefix else bytes([opcode])
                yield prefix + number + behind, signature


def _make():
    rows = list(_rows())
    signatures = sorted({signature for _, signature in rows})
    types, functions, bodies, exports = [], [], [], []
    for signature in signatures:
        sides = ([KINDS[letter] for letter in side] for side in signature.split(":"))
        types.append(function_type(*sides))
    for number, (instruction, signature) in enumerate(rows):
        functions.append(unsigned(signatures.index(signature)))
        places = range(len(signature.split(":")[0]))
        gets = b"".join(b"\x20" + unsigned(place) for place in places)
        bodies.append(sized(b"\0" + gets + instruction + b"\x0b"))
        exports.append(name(f"alone {number}") + bytes([FUNCTION]) + unsigned(number))
    return write_sections(
        [
            (TYPES, vector(types)),
            (FUNCTIONS, vector(functions)),
            (MEMORIES, b"\1\1\1\2"),
            (EXPORTS, vector(exports)),
            (CODE, vector(bodies)),
        ]
    )


INITIAL = _make()
INSTRUCTIONS = len(list(_rows()))
