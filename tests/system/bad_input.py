# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Modules that do not load, programs that misbehave: only they suffer, and each end says why."""

import os
import tempfile

import support
from support import Run, guest, run

# A header; one type () -> (); one function of it; its body, of which `code` is the content.
HEADER = b"\0asm\1\0\0\0"


def section(kind, content):
    """A section with a one-byte length."""
    return bytes([kind, len(content)]) + content


def module(code):
    """A module that starts by running `code`."""
    body = b"\0" + code + b"\x0b"
    return (
        HEADER
        + section(1, b"\1\x60\0\0")
        + section(3, b"\1\0")
        + section(7, b"\1\6_start\0\0")
        + section(10, b"\1" + bytes([len(body)]) + body)
    )


class BadModules(support.SystemTest):
    def refused(self, content):
        with tempfile.NamedTemporaryFile(suffix=".wasm") as program:
            program.write(content)
            program.flush()
            outcome = run(program.name)
        self.assertEqual(outcome.status, 126, str(outcome))
        self.assertEqual(outcome.out, b"", str(outcome))
        # Where (a byte offset) and what (a rule in words).
        self.assertRegex(outcome.err.decode(), r"(?i)(offset|byte)\D{0,12}(0x[0-9a-f]+|\d+)")
        return outcome.err.decode().lower()

    def test_the_sound_one_runs(self):
        with tempfile.NamedTemporaryFile(suffix=".wasm") as program:
            program.write(module(b"\x01"))
            program.flush()
            self.expect(run(program.name), 0, b"", b"")

    def test_an_empty_file(self):
        self.refused(b"")

    def test_wrong_magic(self):
        self.assertIn("magic", self.refused(b"\x7fELF\2\1\1\0" * 8))

    def test_wrong_version(self):
        self.assertIn("version", self.refused(b"\0asm\2\0\0\0"))

    def test_truncated_anywhere(self):
        whole = module(b"\x01")
        for length in (5, 8 + 1, 8 + 3, len(whole) - 1):
            with self.subTest(length=length):
                self.refused(whole[:length])

    def test_a_published_program_cut_in_half(self):
        with open(guest("hello"), "rb") as source:
            content = source.read()
        self.refused(content[: len(content) // 2])

    def test_an_unknown_opcode(self):
        self.refused(module(b"\xff"))

    def test_a_type_that_does_not_fit(self):
        # i32.const 0, i64.eqz, drop
        message = self.refused(module(b"\x41\0\x50\x1a"))
        self.assertIn("type", message)

    def test_a_branch_to_nowhere(self):
        self.refused(module(b"\x0c\7"))

    def test_a_leb128_that_is_too_long(self):
        self.refused(module(b"\x41\x80\x80\x80\x80\x80\0\x1a"))

    def test_a_section_out_of_order(self):
        self.refused(HEADER + section(3, b"\0") + section(1, b"\0"))

    def test_a_library_loads_and_has_nothing_to_run(self):
        self.expect(run(guest("no_start")), 0, b"", b"")

    def test_no_such_program(self):
        outcome = run(os.path.join(support.BUILD, "nowhere.wasm"))
        self.assertEqual(outcome.status, 127, str(outcome))
        self.assertEqual(len(outcome.err.split(b"usage:")[0].splitlines()), 1, str(outcome))
        self.assertIn(b"usage:", outcome.err)


class Traps(support.SystemTest):
    def trapped(self, name, words):
        outcome = run(guest(name))
        self.assertEqual(outcome.status, 134, str(outcome))
        self.assertIn(words, outcome.err.decode().lower(), str(outcome))

    def test_unreachable(self):
        self.trapped("trap_unreachable", "unreachable")

    def test_load_out_of_bounds(self):
        self.trapped("trap_load_out_of_bounds", "out of bounds")

    def test_store_out_of_bounds(self):
        self.trapped("trap_store_out_of_bounds", "out of bounds")

    def test_divide_by_zero(self):
        self.trapped("trap_divide_by_zero", "divide by zero")

    def test_divide_overflow(self):
        self.trapped("trap_divide_overflow", "overflow")

    def test_bad_conversion(self):
        self.trapped("trap_bad_conversion", "conversion")

    def test_indirect_call_of_another_type(self):
        self.trapped("trap_indirect_mismatch", "indirect call")

    def test_indirect_call_of_nothing(self):
        self.trapped("trap_indirect_null", "uninitialized")


class Misbehaviour(support.SystemTest):
    def test_endless_recursion_is_a_trap(self):
        # With frames in linear memory that runs out first, without them the call stack does.
        outcome = run(guest("recurse"))
        self.expect(outcome, 134, b"recursing\n")
        self.assertIn(b"trap:", outcome.err)
        outcome = run(guest("recurse_plainly"))
        self.expect(outcome, 134)
        self.assertIn(b"call stack exhausted", outcome.err)

    def test_memory_without_end_is_refused_and_the_program_goes_on(self):
        for words in ([], ["--memory", "64M"]):
            with self.subTest(words=words):
                self.expect(run(*words, guest("grow")), 0, b"refused after a while\n", b"")

    def test_wild_pointers_are_answered(self):
        outcome = run(guest("wild_pointers"))
        self.assertEqual(outcome.status, 0, str(outcome))
        self.assertNotIn(b"other", outcome.out)

    def interrupted(self, name, first_line):
        running = Run(guest(name), stdin=-1)
        running.read_until(first_line)
        running.interrupt()
        return running.finish()

    def test_ctrl_c_ends_an_endless_loop(self):
        outcome = self.interrupted("loop", b"looping\n")
        self.assertEqual(outcome.status, 130, str(outcome))

    def test_ctrl_c_ends_a_wait(self):
        outcome = self.interrupted("wait_forever", b"waiting\n")
        self.assertEqual(outcome.status, 130, str(outcome))

    def test_an_unknown_bootarg_is_one_line_and_no_harm(self):
        outcome = run("--append", "frobnicate=7", guest("hello"))
        self.expect(outcome, 0, b"Hello from a WebAssembly program on Quoll.\n")
        said = outcome.console + outcome.err
        self.assertIn(b"frobnicate", said, str(outcome))

    def test_more_directories_than_handles_is_said_as_such(self):
        with tempfile.TemporaryDirectory() as work:
            words = [word for i in range(260) for word in ("--dir", f"{work}::/d{i}")]
            outcome = run(*words, guest("hello"))
            self.assertEqual(outcome.status, 126, str(outcome))
            self.assertIn(b"too many directories", outcome.console + outcome.err, str(outcome))
            self.expect(run(*words[:2 * 200], guest("hello")), 0)

    def test_too_little_memory_is_said_and_stops(self):
        outcome = run("--memory", "18M", guest("hello"))
        if outcome.status == 0:
            self.assertEqual(outcome.out, b"Hello from a WebAssembly program on Quoll.\n")
        else:
            self.assertEqual(outcome.status, 125, str(outcome))
            self.assertIn(b"memory", (outcome.console + outcome.err).lower(), str(outcome))


if __name__ == "__main__":
    support.main()
