# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading values of a stopped machine, however the standard library wraps them.

Loops end by themselves: the memory that is looked at may be what was destroyed."""

import gdb

# More than any list of a machine that works.
MAX_ELEMENTS = 100_000
WORD = 8


def variable(name):
    """A global of the program by its full name."""
    return gdb.parse_and_eval(f"'{name}'")


def number(value):
    """The integer in the first bytes of an object: an atomic, a strong id, an address."""
    kind = value.type.strip_typedefs()
    if kind.code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_PTR):
        return int(value)
    return int.from_bytes(memory(value, min(kind.sizeof, WORD)), "little")


def memory(value, size):
    """The first bytes of an object in memory."""
    if value.address is None:
        raise gdb.error(f"a {value.type} that is not in memory")
    return gdb.selected_inferior().read_memory(int(value.address), size).tobytes() if size else b""


def word_at(address):
    """Eight bytes of memory."""
    return int.from_bytes(gdb.selected_inferior().read_memory(address, WORD).tobytes(), "little")


def object_at(address, kind):
    """The object of a type (or a type's name) at an address."""
    if isinstance(kind, str):
        kind = gdb.lookup_type(kind)
    return gdb.Value(address).cast(kind.pointer()).dereference()


def pointee(value):
    """What a smart pointer owns; None for an empty one."""
    address = number(value)
    return object_at(address, value.type.strip_typedefs().template_argument(0)) if address else None


def elements(array):
    """The elements of a std::array."""
    kind = array.type.strip_typedefs()
    item = kind.template_argument(0)
    start = int(array.address)
    for i in range(int(kind.template_argument(1))):
        yield object_at(start + i * item.sizeof, item)


def base_of(kind, name):
    """The field of a class that is its base class `name`, whatever the template's arguments."""
    for field in kind.fields():
        if field.is_base_class and str(field.type.strip_typedefs()).startswith(name):
            return field
    raise gdb.error(f"{kind} has no base class {name}")


def list_items(items):
    """The elements of an intrusive::List."""
    kind = items.type.strip_typedefs().template_argument(0)
    offset = base_of(kind, "quoll::intrusive::ListNode").bitpos // 8
    head = items["head_"]
    node = head["next_"]
    for _ in range(MAX_ELEMENTS):
        if int(node) in (0, int(head.address)):
            return
        yield object_at(int(node) - offset, kind)
        node = node["next_"]


def tree_items(tree):
    """The elements of an intrusive::WavlTree, in order."""
    kind = tree.type.strip_typedefs().template_argument(0)
    links = base_of(kind, "quoll::intrusive::WavlNode")
    above, node = [], tree["root_"]
    for _ in range(MAX_ELEMENTS):
        while int(node) != 0:
            above.append(node)
            node = node.dereference()[links]["left_"]
        if not above:
            return
        node = above.pop()
        yield node.dereference()
        node = node.dereference()[links]["right_"]


def text(start, size):
    """Characters in memory; what is no UTF-8 is shown as such."""
    data = gdb.selected_inferior().read_memory(start, size).tobytes() if size else b""
    return data.decode(errors="backslashreplace")
