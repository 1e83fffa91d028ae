# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tools/symbolize: against the linker's own table, and against what the kernel says of itself."""

import os
import re
import subprocess
import sys
import unittest

import support
from support import BUILD, ROOT

sys.path.insert(0, os.path.join(ROOT, "tools/lib"))

# pylint: disable=wrong-import-position
from quoll import batch, machine, symbols
from quoll import symbolize as program

KERNEL = os.path.join(BUILD, "kernel.elf")
BIAS = machine.KERNEL_LOAD_BIAS

# A line of a backtrace that has both: perhaps a number, the address, the text.
_LINE = re.compile(r"^\s+(?:[0-9]+ )?(0x[0-9a-f]{16}) (\S.*)$")


def symbolize(*words, text=None):
    """Runs it; returns its output."""
    done = subprocess.run([os.path.join(ROOT, "tools/symbolize"), "--build", BUILD, *words],
                          input=text, text=True, check=True, stdout=subprocess.PIPE)
    return done.stdout


def functions():
    """Address and readable name of each C++ function that the linker put into the kernel."""
    listed = subprocess.run(["llvm-nm-19", "--defined-only", KERNEL], text=True, check=True,
                            stdout=subprocess.PIPE).stdout
    found = [line.split() for line in listed.splitlines()]
    code = program.Program(KERNEL)  # weak symbols may be data
    found = [(int(a, 16), name) for a, kind, name in found if kind in "tTW" and name[:2] == "_Z"]
    found = [(address, name) for address, name in found if code.holds(address)]
    readable = symbols.readable([name for _, name in found])
    return [(address, name) for (address, _), name in zip(found, readable)]


class Symbolize(unittest.TestCase):
    """Addresses as arguments, and whole reports."""

    def test_functions_have_the_names_of_the_linker(self):
        names = {}
        for address, name in functions():
            names.setdefault(address, set()).add(name)
        self.assertGreater(len(names), 300)
        said = symbolize(*[f"{address + BIAS:#x}" for address in names])
        outermost = {}
        for line in said.splitlines():
            address, _, text = line.partition(" ")
            outermost[int(address, 16) - BIAS] = text
        for address, known in names.items():
            name = outermost[address].partition(" at ")[0]
            self.assertIn(name, known, f"{address:#x}: {outermost[address]}")

    def test_a_return_address_belongs_to_the_call_before_it(self):
        listed = sorted({address for address, _ in functions()})
        first, second = next((a, b) for a, b in zip(listed, listed[1:]) if 8 <= b - a <= 64)
        at = f"{second + BIAS:#x}"
        before = symbolize(f"{second - 1 + BIAS:#x}")
        before = before.replace(f"{second - 1 + BIAS:x}", f"{second + BIAS:x}")
        self.assertEqual(symbolize("--returns", at), before)
        self.assertNotEqual(symbolize(at), before, f"{first:#x}")

    def test_addresses_of_nobody_stay_as_they_are(self):
        self.assertEqual(symbolize("0x1234"), "0x0000000000001234 ?\n")
        self.assertEqual(symbolize(text="no address, 12, 0x10\n"), "no address, 12, 0x10\n")

    def test_the_loader_is_known_too(self):
        said = symbolize(f"{machine.LOADER_LOAD_BIAS + 0x200:x}")
        self.assertRegex(said, r"^0x0000000080200200 \S.* at (loader|libs)/")

    def test_a_missing_build_is_an_error_of_one_line(self):
        done = subprocess.run([os.path.join(ROOT, "tools/symbolize"), "--build", "/nowhere", "1234"],
                              text=True, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"^quoll: /nowhere/kernel\.elf: [^\n]+\n$")

    def check_report(self, test):
        """What the kernel says with names is what this says of the bare addresses."""
        result = batch.run(os.path.join(BUILD, "quoll-test.img"),
                           bootargs=[f"tests={test}", "backtrace=full"])
        self.assertEqual(result.status, 125, result.console)
        report = result.console[result.console.index("KERNEL PANIC"):]
        bare, named = [], []
        for line in report.splitlines():
            match = _LINE.match(line)
            if match is None:
                bare.append(line)
                continue
            named.append((match[1], match[2]))
            if re.match(r"^\s+[0-9]+ 0x", line):
                bare.append(line[: match.start(2) - 1])
        said = symbolize("--elf", os.path.join(BUILD, "kernel-test.elf"),
                         text="\n".join(bare) + "\n")
        # Behind the backtrace's lines only, not behind those of the registers.
        again, inside = [], False
        for line in said.splitlines():
            match = _LINE.match(line)
            if match is None:
                inside = bool(re.match(r"^\s+[0-9]+ 0x[0-9a-f]{16}$", line))
            elif inside:
                again.append((match[1], match[2]))
        self.assertGreater(len(named), 8, report)
        self.assertEqual(len(again), len(named), f"{report}\n\n{said}")
        for kernel, tool in zip(named, again):
            if " at " not in kernel[1]:  # assembly has no lines in the kernel's table
                tool = (tool[0], tool[1].partition(" at ")[0])
            self.assertEqual(tool, kernel, f"{report}\n\n{said}")
        return said

    def test_a_panic_is_read_as_the_kernel_reads_it(self):
        self.check_report("Failures.PanicWithLock")

    def test_a_fault_in_an_interrupt_is_read_as_the_kernel_reads_it(self):
        said = self.check_report("Failures.FaultInInterrupt")
        self.assertRegex(said, r"(?m)^  ra   0x.*\n       0x[0-9a-f]{16} quoll::")


if __name__ == "__main__":
    support.main()
