# SPDX-License-Identifier: Apache-2.0 OR MIT
"""For how many instructions a hart takes no interrupts, and where it does so.

    python3 -m quoll.interrupts_off BUILD_DIRECTORY [--longest N] [--limit N] [--smp N] [FILTER]

Runs the kernel's tests on a machine that counts, with tools/qemu/interrupts_off.cpp looking at it
from outside, and prints the longest stretches of the kernel's own code: those that tests begin
themselves, and those of a panic's report, are left out. Boot is no part of it, since interrupts go
on at its end. What the firmware does for the kernel meanwhile is counted in, and told. Ends with 1
when there is a stretch of more instructions than `--limit`."""

import glob
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from . import batch, counted, machine, symbolize

DISASSEMBLER = "llvm-objdump-19"
PLUGIN = "interrupts_off.so"
# Storms repeat for minutes what other tests do, `Counts` holds interrupts off to count, and one test
# has a handler of its own write to the log, which handlers of the kernel's do not.
USUAL = "*,-Counts,Watchdog,*Storm,KnownDefects.IrqLocksOfHandlersKeepInterruptsOff"

_FUNCTION = re.compile(r"^([0-9a-f]{16}) <(.+)>:$")
_INSTRUCTION = re.compile(r"^\s+([0-9a-f]+):\s+(\S+)\s*(.*?)\s*$")
# Written in assembly: they change other bits of the register, or return from traps.
_ENTRY, _FROM_USER, _TO_USER = "quoll_trap_entry", "trap_from_user", "quoll_enter_user"
_OTHER_BITS = {
    _ENTRY, _FROM_USER, _TO_USER, "quoll_user_copy", "quoll_save_float", "quoll_load_float",
}
# Stretches that begin in files below these belong to tests, or to a machine that stops.
_TESTS = ("tests/", "kernel/tests/")
_PANICS = ("kernel/panic/",)


class ProbeError(Exception):
    """No stretches can be had."""


def _kind(function, operation, operands):
    """What the instruction does to the hart's interrupts; nothing, for most."""
    if operation == "wfi":
        return "wait"
    if operation == "sret":
        return "return" if function == _ENTRY else "enter"
    if not operation.startswith("csr") or "sstatus" not in operands or operation == "csrr":
        return None
    if (operation, operands) == ("csrci", "sstatus, 0x2"):
        return "off"
    if (operation, operands) == ("csrsi", "sstatus, 0x2"):
        return "on"
    if operation == "csrrci" and operands.endswith("sstatus, 0x2"):
        return "save"
    if function in _OTHER_BITS:
        return None
    if operation == "csrs":
        return "restore"
    if operation == "csrc":  # by a register: bits that do not fit into the instruction
        return None
    raise ProbeError(f"{function}: {operation} {operands} is not understood")


def places(disassembly):
    """(kind, address) of each instruction that the plugin is to know, from a disassembly's lines."""
    function = ""
    for line in disassembly:
        if match := _FUNCTION.match(line):
            function = match[2]
            if function == _ENTRY:
                yield "entry", int(match[1], 16)
            if function == _FROM_USER:
                yield "user", int(match[1], 16)
        elif match := _INSTRUCTION.match(line):
            kind = _kind(function, match[2], match[3])
            if kind is not None:
                yield kind, int(match[1], 16)


@dataclass
class Stretch:
    """What lies between two places; the longest of them counts."""

    off: int
    on: int
    times: int
    instructions: int
    firmware: int


def parse(text):
    """The plugin's findings: (traps while interrupts were thought off, stretches)."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith("faults "):
        raise ProbeError("the plugin says nothing")
    found = [[int(word, 0) for word in line.split()] for line in lines[1:]]
    return int(lines[0].split()[1]), [Stretch(*words) for words in found]


def _begins_in(program, address, folders):
    return any(place.file.startswith(folders) for place in program.places(address))


def of_the_kernel(program, stretches):
    """Those that no test and no panic begins, the longest first."""
    program.look_up([s.off for s in stretches] + [s.on for s in stretches])
    own = [s for s in stretches if not _begins_in(program, s.off, _TESTS + _PANICS)]
    return sorted(own, key=lambda s: s.instructions, reverse=True)


def measure(build, smp=1, tests=USUAL):
    """(program, all stretches) of a run of the kernel's tests, which must go well."""
    elf = os.path.join(build, "kernel-test.elf")
    plugin = os.path.join(build, PLUGIN)
    disassembled = subprocess.run(
        [DISASSEMBLER, "-d", "--no-show-raw-insn", elf], text=True, check=True,
        stdout=subprocess.PIPE,
    ).stdout
    programs = glob.glob(f"{build}/demos/*.wasm") + glob.glob(f"{build}/guests/*.wasm")
    with tempfile.TemporaryDirectory(prefix="quoll-") as work, batch.archive_with(
        programs
    ) as initrd, counted.machine_of(smp, "128M") as (harts, extra):
        known, found = os.path.join(work, "places"), os.path.join(work, "found")
        with open(known, "w", encoding="ascii") as out:
            for kind, address in places(disassembled.splitlines()):
                out.write(f"{kind} {address + machine.KERNEL_LOAD_BIAS:#x}\n")
        result = batch.run(
            os.path.join(build, "quoll-test.img"),
            smp=harts,
            bootargs=["bench=tests", f"tests={tests}"],
            initrd=initrd.name,
            extra=[*extra, "-plugin", f"file={plugin},places={known},out={found}"],
            timeout_s=None,
        )
        if result.status != 0 or not os.path.exists(found):
            tail = "\n".join(result.console.splitlines()[-15:])
            raise ProbeError(f"status {result.status}\n{tail}")
        with open(found, encoding="ascii") as text:
            faults, stretches = parse(text.read())
    print(f"{sum(s.times for s in stretches)} stretches, {faults} faults in them")
    return symbolize.Program(elf, machine.KERNEL_LOAD_BIAS), stretches


def describe(program, stretch):
    """Lines for people."""
    yield (
        f"{stretch.instructions} instructions ({stretch.firmware} of them the firmware's), "
        f"the longest of {stretch.times}"
    )
    for word, address in ("off", stretch.off), ("on", stretch.on):
        lines = symbolize.lines_of(address, program.places(address))
        # What switches, and the guards around it, are known.
        outer = [line for line in lines if "arch/riscv64/include" not in line] or lines
        yield from (f"  {word:3} {line}" for line in outer)


def numbers(build):
    """For `tools/bench`: {name: count}."""
    own = of_the_kernel(*measure(build))
    return {"interrupts.longest_off": own[0].instructions}


def main(words):
    """Prints the longest stretches."""
    build, words = words[0], list(words[1:])
    options = {"--longest": 10, "--limit": None, "--smp": 1}
    tests = USUAL
    while words:
        word = words.pop(0)
        if word in options:
            options[word] = int(words.pop(0))
        else:
            tests = word
    try:
        program, stretches = measure(build, options["--smp"], tests)
    except ProbeError as error:
        print(f"quoll: {error}")
        return 1
    own = of_the_kernel(program, stretches)
    for stretch in own[: options["--longest"]]:
        print("\n".join(describe(program, stretch)))
    limit = options["--limit"]
    return 1 if limit is not None and own[0].instructions > limit else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
