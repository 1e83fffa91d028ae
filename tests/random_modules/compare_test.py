# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What counts as a difference, and that what is done to modules before they run is what it says."""

import random
import re
import subprocess
import tempfile
import unittest

import binary
import callers
import initial
from compare import count, first_difference, split
from prepare import prepare

WAT = """
(module
  (global (mut v128) (v128.const i64x2 1 2))
  (memory (export "memory") 1)
  (table 2 funcref)
  (func (export "vectors") (param f32 v128) (result v128)
    (block $out (result v128)
      (br_table $out $out (local.get 1) (i32.const 1))
      (drop)
      (f32x4.add (local.get 1) (f64x2.sqrt (local.get 1)))
      (select (result v128) (v128.const i64x2 7 8) (i32.const 3))
      (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
      (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (local.get 1))
      (v128.load8_lane offset=300 1 (i32.const 5) (local.get 1))
      (drop)))
  (func (export "hangLimitInitializer")))
"""


def balanced(line):
    """The line without what it closes of lines above."""
    inner = line.rstrip(")")
    return inner + ")" * (inner.count("(") - inner.count(")"))


class Compare(unittest.TestCase):
    def test_equal_lines_do_not_differ(self):
        lines = ["call f", "  = 00", "memory m 1 2"]
        self.assertIsNone(first_difference(lines, list(lines)))

    def test_another_line_differs(self):
        self.assertEqual(first_difference(["call f", "  = 00"], ["call f", "  = 01"]), 1)

    def test_a_missing_line_differs(self):
        self.assertEqual(first_difference(["call f", "  = 00"], ["call f"]), 1)
        self.assertEqual(first_difference(["call f"], ["call f", "  = 00"]), 1)
        self.assertEqual(first_difference(["refused"], ["call f"]), 0)

    def test_nothing_counts_behind_exhaustion(self):
        ours = ["call f", "  trap exhausted, 1:2", "call g"]
        self.assertIsNone(first_difference(ours, ["call f", "  = 00"]))
        self.assertIsNone(first_difference(["call f", "  = 00"], ours))
        self.assertIsNone(first_difference(ours, ["call f"]))
        self.assertEqual(first_difference(ours, ["call h", "  = 00"]), 0)
        self.assertEqual(count(ours, ["call f", "  = 00"])["cut short by exhaustion"], 1)

    def test_a_player_that_died_differs(self):
        whole = split("module 3\ncall f\nend\n")
        self.assertEqual(whole, {3: ["call f"]})
        self.assertEqual(split("module 3\ncall f\n"), {3: ["call f", "died"]})
        self.assertEqual(first_difference(whole[3], ["call f", "died"]), 1)


class Prepare(unittest.TestCase):
    def assemble(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".wat") as source:
            source.write(text)
            source.flush()
            made = subprocess.run(
                ["wat2wasm", source.name, "--output=-"], capture_output=True, check=True
            )
        return made.stdout

    def disassemble(self, module):
        """The text of a module that is valid."""
        with tempfile.NamedTemporaryFile(suffix=".wasm") as source:
            source.write(module)
            source.flush()
            subprocess.run(["wasm-validate", source.name], check=True)
            made = subprocess.run(["wasm2wat", source.name], capture_output=True, check=True)
        return [balanced(line.strip()) for line in made.stdout.decode().splitlines()]

    def test_nans_of_vectors_are_taken_out_behind_what_makes_them(self):
        lines = self.disassemble(prepare(self.assemble(WAT))[0])
        self.assertEqual(lines[lines.index("f64x2.sqrt") + 1], "call 3")
        self.assertEqual(lines[lines.index("f32x4.add") + 1], "call 2")
        self.assertEqual(sum(line.startswith("call ") for line in lines), 2)
        self.assertIn('(export "global 0" (global 0))', lines)

    def test_a_caller_calls_everything_and_reports_all_parts(self):
        interface = prepare(self.assemble(WAT))[1]
        caller = callers.make_caller(interface, random.Random(1))
        lines = self.disassemble(caller)
        self.assertIn('(export "vectors" (func 3))', lines)
        # Of the vector that is returned two halves, of the variable too; each call begins anew.
        self.assertEqual(sum(line == "call 0" for line in lines), 4)
        self.assertEqual(sum(line == "call 2" for line in lines), 3)

    def test_support_is_valid(self):
        self.assertIn('(export "log-v128" (func 5))', self.disassemble(callers.SUPPORT))

    def test_the_initial_module_has_an_instruction_in_each_function(self):
        lines = self.disassemble(initial.INITIAL)
        computing = [line for line in lines if re.match(r"[a-z0-9]+\.[a-z]", line)]
        computing = [line.split()[0] for line in computing if not line.startswith("local.get")]
        self.assertEqual(len(set(computing)), initial.INSTRUCTIONS)
        self.assertEqual(len(computing), initial.INSTRUCTIONS)

    def test_what_is_not_of_2_0_is_said(self):
        module = self.assemble('(module (func (export "f")))')
        self.assertEqual(module.count(b"\x02\0\x0b"), 1)
        for body in (b"\x03\0\xd3\x0b", b"\x04\0\xfe\x03\x0b"):
            strange = module.replace(b"\x04\x01\x02\0\x0b", bytes([len(body) + 1, 1]) + body)
            with self.assertRaises(binary.Beyond):
                prepare(strange)


if __name__ == "__main__":
    unittest.main()
