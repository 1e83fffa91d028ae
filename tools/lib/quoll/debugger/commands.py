# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The gdb commands `quoll …`."""

import gdb

from .. import symbolize
from . import kernel
from .printers import address_range, hart_set, permissions
from .values import number, pointee, tree_items

_PAGE = 4096


def _size(size):
    """Bytes as people read them."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 10240 or unit == "MiB":
            return f"{size} {unit}"
        size //= 1024
    raise AssertionError


def _say(line):
    gdb.write(line + "\n")


class _Command(gdb.Command):
    """Runs `show` with the words behind the command, on a hart that can see the kernel."""

    def __init__(self, name, show, documentation):
        self.__doc__ = documentation
        self._show = show
        super().__init__(f"quoll {name}", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        """What gdb calls."""
        try:
            with kernel.readable():
                self._show(argument.split())
        except symbolize.SymbolizeError as error:
            raise gdb.GdbError(str(error)) from error


def _tasks(_words):
    names = kernel.program()
    found = kernel.tasks()
    names.look_up([
        address
        for task in found
        for link in task.chain
        for address in (link.function, link.suspended_at)
        if address != 0
    ])
    for task in found:
        _say(f"task {task.id} ({task.name}) {task.state()}")
        for line in kernel.describe_chain(task, names):
            _say(f"    {line}")
    _say(f"{len(found)} tasks")


def _guests(_words):
    found = kernel.guests()
    for guest in found:
        hart = number(guest["running_on_"])
        state = f"runs on hart {hart - 1}" if hart else "in the kernel"
        if number(guest["kill_"]["cancelled_"]):
            state += ", to be ended"
        line = f"guest {number(guest['id_'])} ({kernel.guest_name(guest)}) {state}"
        space = kernel.space_of(guest)
        if space is not None:
            usage = space["usage_"]
            line += (f", {_size(int(usage['resident_pages']) * _PAGE)} resident of"
                     f" {_size(int(usage['committed_pages']) * _PAGE)} committed")
        _say(line)
    _say(f"{len(found)} guests")


def _spaces(_words):
    for guest in kernel.guests():
        space = kernel.space_of(guest)
        if space is None:
            continue
        usage = space["usage_"]
        mechanism = pointee(space["space_"])
        tables = number(mechanism["tables_"]["tree_"]["memory_"]["in_use_"]) + 1
        _say(f"space of guest {number(guest['id_'])} ({kernel.guest_name(guest)}) at"
             f" {int(space.address):#x}")
        _say(f"    bounds {address_range(space['bounds_'])}, root table"
             f" {number(mechanism['root_']['address_']):#x},"
             f" active on harts {hart_set(mechanism['activation_']['active_'])}")
        _say(f"    {int(usage['regions'])} regions, {_size(int(usage['reserved_bytes']))} reserved,"
             f" {int(usage['committed_pages'])} pages committed,"
             f" {int(usage['resident_pages'])} resident, {tables} page tables")


def _regions(words):
    try:
        wanted = int(words[0]) if words else None
    except ValueError as error:
        raise gdb.GdbError(f"'{words[0]}' is not the number of a guest") from error
    shown = False
    for guest in kernel.guests():
        space = kernel.space_of(guest)
        if space is None or wanted not in (None, number(guest["id_"])):
            continue
        shown = True
        _say(f"regions of guest {number(guest['id_'])} ({kernel.guest_name(guest)})")
        for region in tree_items(space["regions_"]):
            backing = str(region["backing"]).rsplit("::k", 1)[-1].lower()
            line = (f"    {address_range(region['range']):35} {permissions(region['permissions'])}"
                    f" {backing:9} mapping {int(region['mapping'])}")
            vmo = number(region["vmo"])
            if vmo != 0:
                line += f", VMO at {vmo:#x} from {int(region['vmo_offset']):#x}"
            _say(line)
    if wanted is not None and not shown:
        raise gdb.GdbError(f"no guest {wanted} has an address space")


def _frames(_words):
    frames = kernel.frames()
    cached = sum(frames.cached.values())
    _say(f"{frames.managed} frames ({_size(frames.managed * _PAGE)}), and {frames.metadata} for"
         " their records")
    _say(f"    free      {frames.free}, the largest block {frames.largest_free_run}")
    harts = ", ".join(f"hart {hart}: {count}" for hart, count in frames.cached.items())
    _say(f"    cached    {cached}" + (f" ({harts})" if harts else ""))
    _say(f"    allocated {frames.allocated}")
    _say(f"    {frames.reserve} kept from guests")


_COMMANDS = {
    "tasks": (_tasks, "Lists all tasks, each with the coroutines that await each other in it."),
    "guests": (_guests, "Lists the guests that run."),
    "spaces": (_spaces, "Lists the guests' address spaces, with what they use."),
    "regions": (_regions, "quoll regions [GUEST]: lists what the parts of a guest's memory are."),
    "frames": (_frames, "Counts the frames of physical memory."),
}


class _Prefix(gdb.Command):
    """What the kernel holds: `quoll tasks`, `quoll guests`, `quoll spaces` and others."""

    def __init__(self):
        super().__init__("quoll", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


def register():
    """Adds them to gdb."""
    _Prefix()
    for name, (show, documentation) in _COMMANDS.items():
        _Command(name, show, documentation)
