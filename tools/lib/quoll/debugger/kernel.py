# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The kernel's tasks, guests and frames as a stopped machine has them."""

import contextlib
import os
from dataclasses import dataclass

import gdb

from .. import machine, symbolize
from .values import (WORD, elements, list_items, memory, number, object_at, pointee, variable,
                     word_at)

_EXECUTOR = "quoll::exec::(anonymous namespace)::the_executor"
_REGISTRY = "quoll::guest::(anonymous namespace)::registry"
_FRAMES = "quoll::vm::detail::frame_allocator"

# A promise lies behind its coroutine's two function pointers.
_PROMISE_OFFSET = 16
# What `spawn` puts around every task.
_ROOT_COROUTINE = "quoll::async::detail::run_root"
_MAX_CHAIN = 256


@contextlib.contextmanager
def readable():
    """Selects a hart that has the kernel mapped: one in the firmware has not."""
    before = gdb.selected_thread()
    try:
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            with contextlib.suppress(gdb.error):
                variable(_EXECUTOR).fetch_lazy()
                break
        else:
            raise gdb.GdbError("the kernel is not mapped on any hart: it has not begun yet")
        yield
    finally:
        if before is not None:
            before.switch()


def program():
    """The kernel's ELF file, as its symbols were loaded."""
    for objfile in gdb.objfiles():
        name = os.path.basename(objfile.filename or "")
        if name.startswith("kernel") and name.endswith(".elf"):
            return symbolize.Program(objfile.filename, machine.KERNEL_LOAD_BIAS)
    raise gdb.GdbError("the kernel's symbols are not loaded")


@dataclass
class Link:
    """One coroutine of a chain: addresses in its function and of the place where it waits."""

    function: int
    suspended_at: int


@dataclass
class Task:
    """One task; `hart` is the one that runs it, or None."""

    address: int
    id: int
    name: str
    hart: int | None
    chain: list


def chain_of(header):
    """The coroutines of a task, from the innermost outwards."""
    links = []
    address = number(header["innermost_"])
    while address != 0 and len(links) < _MAX_CHAIN:
        link = object_at(address, "quoll::async::PromiseLink")
        links.append(Link(word_at(address - _PROMISE_OFFSET), number(link["suspended_at_"])))
        awaiting = number(link["continuation_"])
        address = awaiting + _PROMISE_OFFSET if awaiting else 0
    return links


def _executor():
    pointer = variable(_EXECUTOR)
    if int(pointer) == 0:
        raise gdb.GdbError("there are no tasks yet")
    return pointer.dereference()


def tasks():
    """All tasks, by their ids."""
    found = []
    executor = _executor()
    harts = [executor["harts_"][i] for i in range(number(executor["count_"]))]
    running = {number(hart["current"]): i for i, hart in enumerate(harts)}
    for hart in harts:
        address = number(hart["tasks"]["first_"])
        seen = set()
        while address != 0 and address not in seen:
            seen.add(address)
            header = object_at(address, "quoll::async::TaskHeader")
            found.append(
                Task(address, number(header["id_"]), header["name_"].string(errors="replace"),
                     running.get(address), chain_of(header))
            )
            address = number(header["list_next_"])
    return sorted(found, key=lambda task: task.id)


def describe_chain(task, names):
    """A line for each coroutine of a task: its function, and where it waits."""
    lines = []
    for i, link in enumerate(task.chain):
        runs = task.hart is not None and i == 0
        function = names.places(link.function)
        name = function[-1].function if function else f"{link.function:#018x}"
        if name.startswith(_ROOT_COROUTINE) and len(task.chain) > 1:
            continue
        place = ""
        if runs:
            place = " (running)"
        elif link.suspended_at == 0:
            place = " (not begun)"
        else:
            # The coroutine itself may be inlined into another one.
            places = names.places(link.suspended_at)
            here = next((p for p in places if p.function == name), places[-1] if places else None)
            place = f" at {here.file}:{here.line}" if here else f" at {link.suspended_at:#018x}"
        lines.append(name + place)
    return lines


def guests():
    """The guests that run, the oldest first."""
    registry = variable(_REGISTRY)
    return list(list_items(registry["value_"]["guests"]))


def guest_name(guest):
    """As `ps` shows it."""
    size = min(int(guest["name_size_"]), guest["name_"].type.sizeof)
    return memory(guest["name_"], size).decode(errors="backslashreplace")


def space_of(guest):
    """A guest's address space; None once it has been given back."""
    return pointee(guest["space_"])


@dataclass
class Frames:
    """Counts of frames; `cached` has those of each hart that has any."""

    managed: int
    free: int
    cached: dict
    metadata: int
    reserve: int
    largest_free_run: int

    @property
    def allocated(self):
        """What has an owner."""
        return self.managed - self.free - sum(self.cached.values())


def _cached_in(cache):
    """How many frames lie on a cache's stack; its lowest slot is none. While somebody is at it,
    the stack cannot be seen."""
    top = number(cache["gate_"])
    slots = cache["slots_"]
    return (top - int(slots.address)) // WORD - 1 if top else 0


def frames():
    """The frame allocator's figures, without asking it."""
    allocator = variable(_FRAMES)
    cached = {
        hart: _cached_in(cache)
        for hart, cache in enumerate(elements(allocator["caches_"]))
    }
    orders = int(allocator["buddies_"]["orders_with_blocks_"])
    return Frames(
        managed=int(allocator["managed_"]),
        free=number(allocator["free_frames_"]),
        cached={hart: count for hart, count in cached.items() if count},
        metadata=int(allocator["metadata_"]),
        reserve=int(allocator["reserve_"]),
        largest_free_run=1 << (orders.bit_length() - 1) if orders else 0,
    )
