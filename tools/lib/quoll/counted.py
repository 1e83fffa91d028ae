# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Machines whose time is their instructions: they run the same on every host and in every run.

QEMU then runs the harts in turn, in one thread, and a turn ends with whatever happens next: a timer
of the machine's comes, the hart sleeps, or it sets a timer. Two things are in the way of a machine
with several harts:

- Where nothing is due a turn takes a tenth of a second, and all that time a hart may spin for one
  whose turn is over. So there is a timer that always comes soon, that of a filter on a network
  which nobody is on.
- When a hart's turn ended by a timer, QEMU 7.2 gives the one behind it none: nothing is left of the
  turn, and the next one begins elsewhere. Of two harts the second stands still for as long as the
  first spins, and if it spins for the second, for ever. So behind each hart is one that firmware
  and kernel leave alone, since the device tree says that it does not work, and it takes the turns
  that are none.
"""

import contextlib
import os
import subprocess
import tempfile

from . import flat_tree, machine

EXACT = ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm", "-seed", "1"]
# The longest turn of a hart that has others beside it; a microsecond is a thousand instructions.
# Another figure lets harts meet in other ways.
TURN_US = 20


def leave_out_every_other(tree):
    """Marks the harts with odd numbers as broken, in place; how many these are."""
    left_out = 0
    for path, name, at, size in flat_tree.properties(tree):
        if name != "status" or path[:2] != ("", "cpus") or len(path) != 3:
            continue
        if int(path[2].partition("@")[2], 16) % 2 == 0:
            continue
        if bytes(tree[at : at + size]) != b"okay\0":
            raise flat_tree.TreeError(f"status of {path[2]}")
        # As long as the other word.
        tree[at : at + size] = b"fail\0"
        left_out += 1
    return left_out


@contextlib.contextmanager
def machine_of(smp, memory, extra=(), turn_us=TURN_US):
    """(harts that QEMU is to be asked for, its further arguments): a machine that counts, and on
    which `smp` harts run. `extra` are arguments that its device tree may depend on."""
    if smp == 1:
        yield 1, [*extra, *EXACT]
        return
    with tempfile.TemporaryDirectory(prefix="quoll-") as folder:
        described = os.path.join(folder, "machine.dtb")
        command = machine.base_command(None, smp=2 * smp, memory=memory)
        command += [*extra, "-machine", f"dumpdtb={described}"]
        subprocess.run(command, check=True, capture_output=True)
        with open(described, "r+b") as file:
            tree = bytearray(file.read())
            if leave_out_every_other(tree) != smp:
                raise flat_tree.TreeError("harts that are not as many as were asked for")
            file.seek(0)
            file.write(tree)
        turns = ["-netdev", "hubport,id=turns,hubid=0"]
        turns += ["-object", f"filter-buffer,id=turn,netdev=turns,interval={turn_us}"]
        yield 2 * smp, [*extra, *EXACT, *turns, "-dtb", described]
