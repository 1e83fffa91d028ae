# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Backtraces of programs that are drawn now: backtraces.py RUNNER [SEED].

Each program is a chain of functions in random surroundings, the last of which traps. Functions and
offsets are compared with what wabt says of the same bytes: wat2wasm has written the names, and
wasm-objdump tells where the one call of each function stands, and the one instruction that traps.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

SKIPPED = 77
PROGRAMS = 60

# Instructions that trap, what they are called in a listing, and the words for the trap.
TRAPS = (
    ("(drop (i32.div_u (local.get $x) (local.get $zero)))", "i32.div_u", "integer divide by zero"),
    ("(drop (i64.rem_s (i64.const 3) (i64.const 0)))", "i64.rem_s", "integer divide by zero"),
    ("(local.set $x (i32.div_s (i32.const 0x80000000) (i32.const -1)))", "i32.div_s",
     "integer overflow"),
    ("(local.set $x (i32.trunc_f64_s (f64.const nan)))", "i32.trunc_f64_s",
     "invalid conversion to integer"),
    ("(if (i32.lt_s (i32.load16_s (i32.const -1)) (local.get $x)) (then (nop)))", "i32.load16_s",
     "out of bounds memory access"),
    ("(i64.store8 offset=70000 (local.get $zero) (i64.const 1))", "i64.store8",
     "out of bounds memory access"),
    ("(memory.fill (i32.const -1) (local.get $x) (i32.const 2))", "memory.fill",
     "out of bounds memory access"),
    ("(local.set $x (i32.add (i32.trunc_f32_u (f32.const 1e20)) (i32.const 1)))",
     "i32.trunc_f32_u", "integer overflow"),
    ("(call_indirect (type $none) (i32.const 77))", "call_indirect", "undefined element"),
    ("(unreachable)", "unreachable", "unreachable"),
)

# What stands around calls and traps: instructions that the translator merges with each other.
FILLERS = (
    "(local.set $x (i32.add (local.get $x) (i32.const {k})))",
    "(local.set $x (i32.xor (i32.mul (local.get $x) (i32.const {k})) (local.get $y)))",
    "(if (i32.lt_s (local.get $x) (i32.const {k})) (then (local.set $y (i32.const {k}))))",
    "(if (i32.eqz (i32.eq (local.get $x) (local.get $y))) (then (nop)) (else (nop)))",
    "(local.set $y (select (local.get $x) (i32.const {k}) (i32.gt_u (local.get $x) (i32.const 2))))",
    "(i32.store (i32.const 64) (local.get $x))",
    "(local.set $y (i32.load offset=4 (i32.const 60)))",
    "(local.set $d (f64.add (local.get $d) (f64.convert_i32_s (local.get $x))))",
    "(if (f64.gt (local.get $d) (f64.const {k})) (then (local.set $d (f64.const 0))))",
    "(local.set $l (i64.add (local.get $l) (i64.extend_i32_u (local.get $x))))",
    "(drop (local.tee $y (i32.const {k})))",
    "(block (br_if 0 (local.get $x)) (local.set $x (i32.const 1)))",
    "(local.set $n (i32.const 3)) (loop (br_if 0 (local.tee $n (i32.sub (local.get $n) "
    "(i32.const 1)))))",
    "(block (block (block (br_table 0 1 2 (local.get $x)))))",
    "(block (br 0) (call $never))",
    "(drop (call $leaf (local.get $x) (f64.const {k})))",
    "(global.set $g (i64.or (global.get $g) (local.get $l)))",
    "(drop (memory.size))",
)
LOCALS = "(local $x i32) (local $y i32) (local $n i32) (local $zero i32) (local $l i64) (local $d f64)"


def fill(draw, most):
    """Some random instructions."""
    rows = (draw.choice(FILLERS) for _ in range(draw.randrange(most)))
    return "\n    ".join(row.format(k=draw.choice((0, 1, 7, 300, 70000, -5))) for row in rows)


def program(draw):
    """The text of a program, the calls that it makes, and how it ends."""
    depth = draw.randrange(1, 7)
    code, mnemonic, words = draw.choice(TRAPS)
    chain = [f"{draw.choice(('alpha', 'beta', 'f.g', 'ns::h'))}_{i}" for i in range(depth)]
    functions, how = [], {}
    for i, name in enumerate(chain):
        if i + 1 == depth:
            middle = code
            how[name] = mnemonic
        elif draw.random() < 0.3:
            middle = f"(call_indirect (type $none) (i32.const {i + 1}))"
            how[name] = "call_indirect"
        else:
            middle = f"(call ${chain[i + 1]})"
            how[name] = f"call <{chain[i + 1]}>"
        functions.append(f"(func ${name} (type $none) {LOCALS}\n    {fill(draw, 12)}\n"
                         f"    {middle}\n    {fill(draw, 6)})")
    draw.shuffle(functions)
    elements = " ".join(f"${name}" for name in chain)
    newline = "\n  "
    text = f"""(module
  (type $none (func))
  (memory 1)
  (table 10 funcref)
  (global $g (mut i64) (i64.const 0))
  (elem (i32.const 0) func {elements})
  (func $never)
  (func $leaf (param i32 f64) (result i32) (local.get 0))
  {newline.join(functions)}
  (func $begin (call ${chain[0]}))
  (export "_start" (func $begin)))
"""
    how["begin"] = f"call <{chain[0]}>"
    return text, list(reversed(["begin", *chain])), how, words


def listed_offsets(wasm, how):
    """Function -> the offset of its instruction, as wasm-objdump lists them."""
    listing = subprocess.run(["wasm-objdump", "-d", wasm], capture_output=True, check=True)
    offsets, function = {}, None
    for line in listing.stdout.decode().splitlines():
        head = re.match(r"[0-9a-f]+ func\[\d+\] <(.*)>:", line)
        if head:
            function = head.group(1)
            continue
        row = re.match(r"\s*([0-9a-f]+): [^|]*\|\s*(.*)", line)
        if not row or function not in how:
            continue
        wanted, words = how[function], row.group(2)
        is_it = (words.startswith("call ") and words.endswith(wanted.removeprefix("call "))
                 if wanted.startswith("call <") else words.split()[0] == wanted)
        if is_it:
            assert function not in offsets, f"{function}: {wanted} is there twice"
            offsets[function] = int(row.group(1), 16)
    return offsets


def check(runner, work, seed, number):
    """What is wrong with one program's backtrace, or ""."""
    text, chain, how, words = program(random.Random(f"{seed}/{number}"))
    path = os.path.join(work, f"p{number}")
    with open(path + ".wat", "w", encoding="utf-8") as out:
        out.write(text)
    subprocess.run(["wat2wasm", "--debug-names", path + ".wat", "-o", path + ".wasm"], check=True)
    done = subprocess.run([runner, path + ".wasm"], capture_output=True, check=False)
    said = done.stderr.decode().splitlines()
    offsets = listed_offsets(path + ".wasm", how)
    wanted = [f"{i:3}: {offsets[name]:#x} in {name}" for i, name in enumerate(chain)]
    seen = [line.rpartition(" (function ")[0] for line in said[1:]]
    if done.returncode != 134 or not said or f"trap: {words} (" not in said[0] or seen != wanted:
        return f"program {number}: status {done.returncode}\n{text}\nwanted: {wanted}\nsaid: {said}"
    return ""


def main():
    runner = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    for tool in ("wat2wasm", "wasm-objdump"):
        if not shutil.which(tool):
            print(f"skipped: no {tool}")
            return SKIPPED
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = pool.map(lambda number: check(runner, work, seed, number), range(PROGRAMS))
        wrong = [row for row in rows if row]
    print("\n".join(wrong[:3]))
    print(f"{PROGRAMS - len(wrong)} of {PROGRAMS} backtraces are as wabt lists the programs")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
