# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Traps of each kind: what the program is told, which functions the backtrace names, and where.

Rows of `docs/panic.md` that begin with `Failures.Wasm` are tested here, each under its own name.
Offsets are compared with wasm-objdump's listing of the same file.
"""

import os
import re
import shutil
import subprocess
import tempfile
import threading

import support
from support import Run, guest, run

PANIC_TABLE = os.path.join(support.ROOT, "docs/panic.md")
TRAPPED = 134

# Function of trap_kinds.wat -> row of docs/panic.md or "", the instruction, the words of the trap.
# The number of arguments is the row's place, from 1.
KINDS = (
    ("unreachable", "WasmUnreachable", "unreachable", "unreachable"),
    ("divide_by_zero", "WasmDivideByZero", "i32.div_s", "integer divide by zero"),
    ("integer_overflow", "WasmIntegerOverflow", "i32.div_s", "integer overflow"),
    ("invalid_conversion", "WasmInvalidConversion", "i32.trunc_f32_s",
     "invalid conversion to integer"),
    ("conversion_overflow", "", "i64.trunc_f64_u", "integer overflow"),
    ("load_out_of_bounds", "WasmOutOfBoundsMemory", "i32.load", "out of bounds memory access"),
    ("store_out_of_bounds", "", "i64.store", "out of bounds memory access"),
    ("fill_out_of_bounds", "", "memory.fill", "out of bounds memory access"),
    ("copy_out_of_bounds", "", "memory.copy", "out of bounds memory access"),
    ("init_out_of_bounds", "", "memory.init", "out of bounds memory access"),
    ("table_get_out_of_bounds", "WasmOutOfBoundsTable", "table.get",
     "out of bounds table access"),
    ("table_init_out_of_bounds", "", "table.init", "out of bounds table access"),
    ("undefined_element", "WasmUndefinedElement", "call_indirect", "undefined element"),
    ("uninitialized_element", "WasmUninitializedElement", "call_indirect",
     "uninitialized element"),
    ("type_mismatch", "WasmTypeMismatch", "call_indirect", "indirect call type mismatch"),
    ("stack_exhausted", "WasmStackExhausted", None, "call stack exhausted"),
    ("unknown_import", "WasmUnknownImport", "call", "unknown import called"),
)
LINE = re.compile(r" +(\d+): (?:(0x[0-9a-f]+) )?in (.*) \((?:function \d+|host)\)")
OMITTED = re.compile(r" +\.\.\. (\d+) more \.\.\.")


def listing(name):
    """Function -> list of (offset, instruction), from wasm-objdump; its own offset comes first."""
    done = subprocess.run(["wasm-objdump", "-d", guest(name)], capture_output=True, check=True)
    functions = {}
    rows = []
    for line in done.stdout.decode().splitlines():
        head = re.match(r"([0-9a-f]+) func\[\d+\] <(.*)>:", line)
        row = re.match(r"\s*([0-9a-f]+): [^|]*\|\s*(.*)", line)
        if head:
            rows = functions[head.group(2)] = []
        elif row:
            rows.append((int(row.group(1), 16), row.group(2)))
    return functions


def offset_of(rows, instruction):
    """Where the one instruction of that name stands."""
    found = [offset for offset, words in rows if words.split()[0] == instruction]
    assert len(found) == 1, (instruction, rows)
    return found[0]


class Failures(support.SystemTest):
    def backtrace(self, outcome, words):
        """Checks the trap; returns (function, offset) of each line, and how many were left out."""
        self.assertEqual(outcome.status, TRAPPED, str(outcome))
        lines = outcome.err.decode().splitlines()
        first = next(i for i, line in enumerate(lines) if line.startswith("quoll: "))
        self.assertRegex(lines[first], rf": trap: {words}( |:|$)")
        calls, omitted, expected = [], 0, 0
        for line in lines[first + 1:]:
            gap = OMITTED.fullmatch(line)
            if gap:
                omitted += int(gap.group(1))
                expected += int(gap.group(1))
                continue
            row = LINE.fullmatch(line)
            self.assertTrue(row, f"{line!r}\n{outcome}")
            self.assertEqual(int(row.group(1)), expected, str(outcome))
            expected += 1
            calls.append((row.group(3), int(row.group(2), 16) if row.group(2) else None))
        return calls, omitted

    def kind(self, place, name, instruction, words, harts):
        outcome = run("--smp", harts, guest("trap_kinds"), *["x"] * place)
        functions = listing("trap_kinds")
        calls, omitted = self.backtrace(outcome, words)
        callers = [(caller, offset_of(functions[caller], how)) for caller, how in
                   (("middle", "call_indirect"), ("outer", "call"))]
        callers.append(("_start", [offset for offset, row in functions["_start"]
                                   if row.startswith("call ")][-1]))
        self.assertEqual(calls[-3:], callers, str(outcome))
        inner = calls[:-3]
        if instruction is None:
            self.assertGreater(omitted, 10000)
            call = (name, offset_of(functions[name], "call"))
            self.assertEqual(inner[1:], [call] * (len(inner) - 1))
            # Where the body begins, which is where the declaration of locals does.
            self.assertEqual(inner[0], (name, functions[name][0][0] - 1))
            return
        wanted = [(name, offset_of(functions[name], instruction))]
        if name == "unknown_import":
            wanted.insert(0, ("somewhere.nobody_knows_this", None))
        self.assertEqual((inner, omitted), (wanted, 0), str(outcome))

    def test_a_trap_three_calls_deep_in_c(self):
        functions = listing("trap_deep")
        for harts in ("1", "4"):
            outcome = run("--smp", harts, guest("trap_deep"))
            calls, omitted = self.backtrace(outcome, "integer divide by zero")
            self.assertEqual(outcome.out, b"deep\n")
            self.assertEqual(omitted, 0)
            names = [name for name, _ in calls]
            self.assertEqual(names[:3], ["divide", "middle", "outer"], str(outcome))
            self.assertIn(names[3], ("main", "__main_argc_argv", "__main_void"))
            self.assertTrue(names[-1].startswith("_start"), str(outcome))
            self.assertEqual(calls[0][1], offset_of(functions["divide"], "i32.div_s"))
            for caller, callee in zip(calls[1:], names):
                row = dict(functions[caller[0]]).get(caller[1], "")
                self.assertTrue(row.startswith("call "), f"{caller}: {row}")
                if callee != "main":
                    self.assertTrue(row.endswith(f"<{callee}>"), f"{caller}: {row}")

    def test_ten_thousand_calls_deep(self):
        for style, innermost, outermost in (("short", 24, 8), ("full", 200, 50)):
            with self.subTest(style):
                outcome = run("--append", f"backtrace={style}", guest("trap_deep"), "10000")
                calls, omitted = self.backtrace(outcome, "integer divide by zero")
                self.assertEqual(len(calls), innermost + outermost)
                names = [name for name, _ in calls]
                self.assertEqual(names[:4], ["divide", "middle", "outer", "deeper"])
                self.assertTrue(names[-1].startswith("_start"), str(outcome))
                other = sum(name != "deeper" for name in names)
                self.assertEqual(len(calls) + omitted - other, 10001)
                deeper = [offset for name, offset in calls if name == "deeper"]
                rows = {words: offset for offset, words in listing("trap_deep")["deeper"]
                        if words.startswith("call ")}
                wanted = [next(rows[row] for row in rows if row.endswith(f"<{callee}>"))
                          for callee in ("outer", "deeper")]
                self.assertEqual(deeper, wanted[:1] + wanted[1:] * (len(deeper) - 1))

    def test_no_backtrace_when_none_is_wanted(self):
        outcome = run("--append", "backtrace=off", guest("trap_deep"))
        self.expect(outcome, TRAPPED, b"deep\n")
        self.assertEqual(len(outcome.err.splitlines()), 1, str(outcome))

    def test_the_start_function_traps(self):
        functions = listing("trap_start")
        calls, _ = self.backtrace(run(guest("trap_start")), "unreachable")
        self.assertEqual(calls, [("initialise", offset_of(functions["initialise"], "unreachable")),
                                 ("begin", offset_of(functions["begin"], "call"))])

    def out_of_memory(self, argument, function, instruction):
        """Two programs that are promised more than there is: each touches all that it has."""
        name = "take_memory"
        for harts in ("1", "4"):
            running = Run("--memory", "64M", "--smp", harts, "--dir", os.path.dirname(guest(name)),
                          stdin=-1, stderr=subprocess.STDOUT)
            watchdog = threading.Timer(support.TIMEOUT_S, running.process.kill)
            watchdog.start()
            running.process.stdin.write(f"run dirs/0/{name}.wasm {argument} &\n".encode() * 2)
            running.process.stdin.flush()
            seen = running.read_until(b"trap: out of memory at address 0x")
            seen += running.read_until(b"in _start")
            outcome = running.finish(b"shutdown 7\n")
            watchdog.cancel()
            self.assertEqual(outcome.status, 7, str(outcome))
            lines = seen.decode(errors="replace").splitlines()
            first = next(i for i, line in enumerate(lines) if "trap: out of memory" in line)
            rows = [LINE.match(line) for line in lines[first + 1:]]
            calls = [(row.group(3), int(row.group(2) or "0", 16)) for row in rows if row]
            self.assertEqual(calls[0], (function, offset_of(listing(name)[function], instruction)),
                             "\n".join(lines))

    def test_WasmOutOfMemory_for_a_store(self):
        self.out_of_memory("", "touch", "i32.store")

    def test_WasmOutOfMemory_for_a_range(self):
        self.out_of_memory("all", "fill", "memory.fill")

    def test_names_are_printed_safely(self):
        # A name with control characters of both sets, one that is no UTF-8, one that is too long.
        text = '(module (func $f (unreachable)) (func (export "_start") (call $f)))'
        for name, shown in ((b"\x1b[31m\x07", r"\x1b[31m\x07"), (b"\xc2\x9b1m", r"\xc2\x9b1m"),
                            (b"\x9b\xff", r"\x9b\xff"), ("größe".encode(), "größe"),
                            (b"n" * 5000, "n" * 160 + "...")):
            with self.subTest(shown=shown[:20]), tempfile.TemporaryDirectory() as work:
                path = os.path.join(work, "t.wasm")
                subprocess.run(["wat2wasm", "-", "-o", path], input=text.encode(), check=True)
                entry = b"\1\0" + leb(len(name)) + name
                content = b"\4name\1" + leb(len(entry)) + entry
                with open(path, "ab") as program:
                    program.write(b"\0" + leb(len(content)) + content)
                calls, _ = self.backtrace(run(path), "unreachable")
                self.assertEqual([call[0] for call in calls], [shown, "_start"])

    def test_every_row_of_the_table_is_here(self):
        with open(PANIC_TABLE, encoding="utf-8") as table:
            rows = set(re.findall(r"`Failures\.(Wasm\w+)`", table.read()))
        self.assertEqual(rows, {row for _, row, _, _ in KINDS if row} | {"WasmOutOfMemory"})


def leb(number):
    """An unsigned number as modules have it."""
    out = b""
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def _test(place, name, instruction, words, harts):
    return lambda self: self.kind(place, name, instruction, words, harts)


for _place, (_name, _row, _instruction, _words) in enumerate(KINDS, 1):
    for _harts in ("1", "4"):
        setattr(Failures, f"test_{_row or _name}_on_{_harts}",
                _test(_place, _name, _instruction, _words, _harts))

if __name__ == "__main__":
    if not shutil.which("wasm-objdump"):
        support.skip("no wasm-objdump")
    support.main()
