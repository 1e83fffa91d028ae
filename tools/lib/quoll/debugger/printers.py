# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How gdb's own commands show the kernel's small types."""

import gdb
import gdb.printing

from .kernel import guest_name
from .values import number, object_at, pointee, text


def permissions(value):
    """`rw-` and so on, with a `u` for user mode."""
    bits = number(value)
    letters = "".join(c if bits & bit else "-" for c, bit in (("r", 1), ("w", 2), ("x", 4)))
    return letters + ("u" if bits & 8 else "")


def address_range(value):
    """`start-end`, the end not included."""
    start, size = number(value["start_"]), number(value["size_"])
    return f"{start:#x}-{(start + size) & 0xFFFF_FFFF_FFFF_FFFF:#x}"


def hart_set(value):
    """The members."""
    bits = number(value)
    return "{" + ", ".join(str(i) for i in range(64) if bits >> i & 1) + "}"


def _address(value):
    return f"{number(value):#x}"


def _result(value):
    held = value["value_"] if number(value["has_value_"]) else value["error_"]
    kind = "value" if number(value["has_value_"]) else "error"
    return f"{kind}({held})"


def _void_result(value):
    return "value()" if number(value["has_value_"]) else f"error({value['error_']})"


def _pointer(value):
    target = pointee(value)
    return f"{target.type.name} at {int(target.address):#x}" if target is not None else "null"


def _string_view(value):
    start, size = value["__data_"], int(value["__size_"])
    return '"' + text(int(start), min(size, 4096)) + '"'


def _task(value):
    return f"task {number(value['id_'])} ({value['name_'].string(errors='replace')})"


def _guest(value):
    return f"guest {number(value['id_'])} ({guest_name(value)})"


def _region(value):
    backing = str(value["backing"]).rsplit("::k", 1)[-1].lower()
    return f"{address_range(value['range'])} {permissions(value['permissions'])} {backing}"


def _atomic(value):
    kind = value.type.strip_typedefs().template_argument(0)
    return str(object_at(int(value.address), kind))


_SHOWN = {
    "address": (r"^quoll::mem::Address<.*>$", _address),
    "range": (r"^quoll::mem::AddressRange<.*>$", address_range),
    "permissions": (r"^quoll::mem::Permissions$", permissions),
    "harts": (r"^quoll::sync::(Atomic)?HartSet$", hart_set),
    "result": (r"^quoll::base::Result<(?!void,).*>$", _result),
    "void_result": (r"^quoll::base::Result<void,.*>$", _void_result),
    "reference": (r"^quoll::intrusive::RefPtr<.*>$", _pointer),
    "unique": (r"^std::__1::unique_ptr<.*>$", _pointer),
    "string_view": (r"^std::__1::basic_string_view<.*>$", _string_view),
    "atomic": (r"^std::__1::atomic<.*>$", _atomic),
    "task": (r"^quoll::async::TaskHeader$", _task),
    "guest": (r"^quoll::guest::Guest$", _guest),
    "region": (r"^quoll::vm::Region$", _region),
}


def _printer(show):
    class Printer:
        """One value, as `show` has it."""

        def __init__(self, value):
            self.value = value

        def to_string(self):
            """What gdb prints."""
            return show(self.value)

    return Printer


def register():
    """Makes gdb use them."""
    printers = gdb.printing.RegexpCollectionPrettyPrinter("quoll")
    for name, (pattern, show) in _SHOWN.items():
        printers.add_printer(name, pattern, _printer(show))
    gdb.printing.register_pretty_printer(None, printers, replace=True)
