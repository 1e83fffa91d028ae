# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The kernel's tasks, guests and frames as a stopped machine has them."""

import contextlib
import os
from dataclasses import dataclass

import gdb

from .. import machine, symbolize
from .values import (MAX_ELEMENTS, WORD, elements, list_items, memory, number, object_at, pointee,
                     variable, word_at)

_EXECUTOR = "quoll::exec::(anonymous namespace)::the_executor"
_REGISTRY = "quoll::guest::(anonymous namespace)::registry"
_FRAMES = "quoll::vm::detail::frame_allocator"

# A promise lies behind its coroutine's two function pointers.
_PROMISE_OFFSET = 16
_HEADER = "quoll::async::TaskHeader"
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
    """One task; `hart` is the one that runs it, or None. `runnable`: it waits only for its turn."""

    address: int
    id: int
    name: str
    hart: int | None
    runnable: bool
    chain: list

    def state(self):
        """In a word or some."""
        if self.hart is not None:
            return f"runs on hart {self.hart}"
        return "is runnable" if self.runnable else "waits"


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


def _linked(address, link):
    """The addresses of tasks that are linked through a field of theirs."""
    seen = set()
    while address != 0 and address not in seen and len(seen) < MAX_ELEMENTS:
        seen.add(address)
        yield address
        address = number(object_at(address, _HEADER)[link])


def _runnable(hart):
    """The addresses of tasks that wait for their turn on a hart, and of none."""
    queue = hart["queue"]
    yield number(queue["slot_"])
    for first in (queue["mailbox_"]["head_"], queue["posted_"]["first_"],
                  queue["overflow_"]["tasks_"]["first_"]):
        yield from _linked(number(first), "next")
    ring = queue["ring_"]
    slots = list(elements(ring["slots_"]))
    begin, end = number(ring["head_"]), number(ring["tail_"])
    for position in range(begin, min(end, begin + len(slots))):
        yield number(slots[position % len(slots)])


def tasks():
    """All tasks, by their ids."""
    executor = _executor()
    harts = [executor["harts_"][i] for i in range(number(executor["count_"]))]
    running = {number(hart["current"]): i for i, hart in enumerate(harts)}
    runnable = {address for hart in harts for address in _runnable(hart)}
    # These have waited before; the others have not run yet, or not waited since.
    listed = {
        address
        for hart in harts
        for address in _linked(number(hart["tasks"]["first_"]), "list_next_")
    }
    found = []
    for address in (listed | runnable | running.keys()) - {0}:
        header = object_at(address, _HEADER)
        found.append(
            Task(address, number(header["id_"]), header["name_"].string(errors="replace"),
                 running.get(address), address in runnable, chain_of(header))
        )
    return sorted(found, key=lambda task: task.id)


def describe_chain(task, names):
    """A line for each coroutine of a task: its function, and where it waits."""
    lines = []
    for i, link in enumerate(task.chain):
        runs = task.hart is not None and i == 0
        function = names.places(link.function)
        name = function[-1].function if function else f"{link.function:#018x}"
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
