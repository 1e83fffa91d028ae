# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What suite_qemu.py says of scripts that do not come out as they say: suite_qemu_test.py BUILD.

The scripts are written here, the machines are real ones."""

import contextlib
import io
import json
import os
import sys
import tempfile
import types
import unittest
from unittest import mock

import suite_qemu

HEAD = bytes.fromhex("0061736d01000000")
EXPORT = bytes.fromhex("07050101660000")  # the first function, as "f"


def section(number, content):
    """A section of a module; there are no large ones here."""
    assert len(content) < 128
    return bytes([number, len(content)]) + content


def function(code, results=b""):
    """A module that exports one function without parameters as "f"."""
    kind = b"\x01\x60\x00" + bytes([len(results)]) + results
    body = b"\x00" + code + b"\x0b"
    return (HEAD + section(1, kind) + section(3, b"\x01\x00") + EXPORT
            + section(10, b"\x01" + bytes([len(body)]) + body))


SEVEN = function(b"\x41\x07", b"\x7f")
UNREACHABLE = function(b"\x00")
LOOP = function(b"\x03\x40\x0c\x00\x0b")
# The function has a result that is not there.
INVALID = function(b"", b"\x7f")
MALFORMED = HEAD[:7]
# Imports "m" "f", a function.
UNLINKABLE = HEAD + section(1, b"\x01\x60\x00\x00") + section(2, b"\x01\x01m\x01f\x00\x00")
# Of ten million elements each.
TWO_TABLES = HEAD + section(4, b"\x02" + b"\x70\x00\x80\xad\xe2\x04" * 2)

CALL = {"type": "invoke", "field": "f", "args": []}
COUNTS = ["file", "commands", "module", "assert_return", "assert_trap", "assert_invalid",
          "assert_malformed(bin)", "assert_unlinkable"]


def returns(value):
    """Asserts that "f" returns this number."""
    return {"type": "assert_return", "action": CALL,
            "expected": [{"type": "i32", "value": str(value)}]}


def traps(text):
    """Asserts that "f" ends so."""
    return {"type": "assert_trap", "action": CALL, "text": text, "expected": []}


class SuiteTest(unittest.TestCase):
    """Each test writes a suite of its own."""

    build = None

    def setUp(self):
        work = tempfile.TemporaryDirectory(prefix="quoll-")
        self.addCleanup(work.cleanup)
        self.folder = work.name
        self.counts = [COUNTS]

    def write(self, name, *commands, counts=None):
        """Writes a script. Modules are given as (command, bytes), and numbered by their lines."""
        os.makedirs(os.path.join(self.folder, name))
        written = []
        for line, command in enumerate(commands, 1):
            if isinstance(command, tuple):
                command, module = dict(command[0], filename=f"{name}.{line}.wasm"), command[1]
                with open(os.path.join(self.folder, name, command["filename"]), "wb") as out:
                    out.write(module)
            written.append(dict(command, line=line))
        with open(os.path.join(self.folder, name, f"{name}.json"), "w", encoding="utf-8") as out:
            json.dump({"source_filename": f"{name}.wast", "commands": written}, out)
        kinds = [command["type"].replace("malformed", "malformed(bin)") for command in written]
        counted = [str(kinds.count(kind)) for kind in COUNTS[2:]]
        self.counts.append([name, str(len(kinds)), *(counts or counted)])

    def run_suite(self):
        """Runs all that was written as one batch; what it said, and its faults."""
        options = types.SimpleNamespace(build=self.build, set="2.0", smp=1, plain=False,
                                        append=[])
        suite = suite_qemu.Suite(options, self.folder, self.counts)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            suite.run_batch(suite.scripts)
        return said.getvalue(), suite.faults

    def test_what_is_as_it_should_be_is_said_in_a_line_for_each_script(self):
        self.write("good", ({"type": "module"}, SEVEN), returns(7))
        self.write("trap", ({"type": "module"}, UNREACHABLE), traps("unreachable"))
        said, faults = self.run_suite()
        self.assertEqual(faults, [])
        self.assertEqual(said, "good: 1 of 1 assertions, 1 modules\n"
                               "trap: 1 of 1 assertions, 1 modules\n")

    def test_whatever_does_not_come_out_is_named_by_its_line(self):
        self.write("value", ({"type": "module"}, SEVEN), returns(8), returns(7))
        self.write("trap", ({"type": "module"}, UNREACHABLE), traps("integer overflow"))
        self.write("kinds",
                   ({"type": "assert_invalid", "text": "type mismatch"}, MALFORMED),
                   ({"type": "assert_malformed", "text": "length out of bounds"}, INVALID),
                   ({"type": "assert_unlinkable", "text": "incompatible import type"}, UNLINKABLE),
                   ({"type": "assert_invalid", "text": "type mismatch"}, INVALID),
                   ({"type": "assert_malformed", "text": "unexpected end"}, MALFORMED),
                   ({"type": "assert_unlinkable", "text": "unknown import"}, UNLINKABLE))
        _, faults = self.run_suite()
        wanted = [
            r"value:2: assert_return: got i32 7, expected i32 8",
            r"trap:2: assert_trap: got trap 'unreachable', expected trap 'integer overflow'",
            r"kinds:1: assert_invalid: got malformed '.*' at \d+, expected 'type mismatch'",
            r"kinds:2: assert_malformed: got invalid '.*' at \d+, expected 'length out of bounds'",
            r"kinds:3: assert_unlinkable: .*unknown.*, expected 'incompatible import type'",
            r"value: 1 of 2 assertions, 1 modules, 1 FAULTS, which should be 2 of 2.*",
            r"trap: 0 of 1 assertions, 1 modules, 1 FAULTS, which should be 1 of 1.*",
            r"kinds: 3 of 6 assertions, 3 FAULTS, which should be 6 of 6.*",
            r"the machine ended with status 1\n(.*\n?)*",
        ]
        self.assertEqual(len(faults), len(wanted), faults)
        for fault, pattern in zip(faults, wanted):
            self.assertRegex(fault, f"^{pattern}$")

    def test_commands_that_the_table_does_not_count_are_missed(self):
        self.write("few", ({"type": "module"}, SEVEN), counts="110000")
        _, faults = self.run_suite()
        self.assertEqual(faults[0], "few: the suite's table has other counts: 1 assertions")

    def test_memory_that_runs_out_is_an_error_of_the_engine(self):
        self.write("table", ({"type": "module"}, TWO_TABLES), ({"type": "module"}, SEVEN),
                   returns(7))
        _, faults = self.run_suite()
        self.assertRegex(faults[0], "^table:1: module: not instantiated: .*memory")
        # What follows had what it needed.
        self.assertRegex(faults[1], "^table: 1 of 1 assertions, 1 modules, 1 FAULTS, which should")

    def test_memory_that_runs_out_where_it_is_judged_ends_the_run_in_words(self):
        self.write("long", {"type": "x" * (40 << 20)})
        _, faults = self.run_suite()
        self.assertEqual(faults[0], "long: not run")
        self.assertRegex(faults[1], "^the machine ended with status 2\nspec: out of memory\n")

    def test_a_script_that_loops_is_ended_by_its_instructions(self):
        self.write("loop", ({"type": "module"}, LOOP), {"type": "action", "action": CALL})
        with mock.patch.object(suite_qemu, "BATCH_INSTRUCTIONS", 1_000_000_000):
            _, faults = self.run_suite()
        self.assertEqual(faults[0], "loop: not run")
        self.assertRegex(faults[1], "user_instructions: more than 1000000000, the limit")


if __name__ == "__main__":
    SuiteTest.build = sys.argv.pop(1)
    unittest.main(verbosity=2)
