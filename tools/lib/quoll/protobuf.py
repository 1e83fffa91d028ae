# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Writes protocol buffer messages: the wire format's four kinds of fields, and no schema.

A message is a list of `(field number, wire type, value)`; a nested one is given as its bytes.
"""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(value):
    """Seven bits a byte, the lowest first; negative numbers as 64 bits."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Message:
    """A message while it is written. Every method returns the message itself."""

    def __init__(self):
        self._parts = []

    def _tag(self, number, wire_type):
        self._parts.append(varint(number << 3 | wire_type))

    def number(self, field, value):
        """An integer, an enumeration or a boolean."""
        self._tag(field, VARINT)
        self._parts.append(varint(int(value)))
        return self

    def fixed64(self, field, value):
        """A `fixed64`."""
        self._tag(field, FIXED64)
        self._parts.append((value & (1 << 64) - 1).to_bytes(8, "little"))
        return self

    def data(self, field, value):
        """Bytes."""
        self._tag(field, BYTES)
        self._parts.append(varint(len(value)))
        self._parts.append(value)
        return self

    def text(self, field, value):
        """A string."""
        return self.data(field, value.encode())

    def message(self, field, value):
        """A message within this one."""
        return self.data(field, value.encoded())

    def encoded(self):
        """The message's bytes."""
        return b"".join(self._parts)
