# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Flattened device trees as QEMU writes them: where the properties' values lie."""

import struct

MAGIC = 0xD00DFEED
BEGIN_NODE, END_NODE, PROPERTY, NOP, END = 1, 2, 3, 4, 9


class TreeError(Exception):
    """Not a device tree."""


def _word(blob, at):
    return struct.unpack_from(">I", blob, at)[0]


def _text(blob, at):
    return bytes(blob[at : blob.index(0, at)]).decode()


def _aligned(at):
    return (at + 3) & ~3


def properties(blob):
    """(path of the node, name, offset of the value, size of the value) of each property, in order.
    A path begins with the root's name, which is empty."""
    if len(blob) < 40 or _word(blob, 0) != MAGIC:
        raise TreeError("no device tree")
    at, strings = _word(blob, 8), _word(blob, 12)
    path = []
    while (token := _word(blob, at)) != END:
        at += 4
        if token == BEGIN_NODE:
            path.append(_text(blob, at))
            at = _aligned(at + len(path[-1]) + 1)
        elif token == END_NODE:
            path.pop()
        elif token == PROPERTY:
            size, name = _word(blob, at), _text(blob, strings + _word(blob, at + 4))
            yield tuple(path), name, at + 8, size
            at = _aligned(at + 8 + size)
        elif token != NOP:
            raise TreeError(f"token {token} at {at - 4}")
