# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Ten programs whose constants are drawn now, compiled for WebAssembly and for this machine:
both must print the same. RANDOM_SEED repeats a run."""

import os
import random
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import support

COUNT = 10
INTEGER = ("+", "-", "*", "^", "|", "&")
TEMPLATE = """
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static uint64_t rotate(uint64_t x, unsigned n) {{ n &= 63; return n ? x << n | x >> (64 - n) : x; }}
static uint64_t bits(double x) {{ uint64_t b; memcpy(&b, &x, 8); return x == x ? b : 0x7ff8; }}
static uint32_t table[{table_size}];
static uint32_t f0(uint32_t a, uint32_t b) {{ return a {op0} b * {k0}u; }}
static uint32_t f1(uint32_t a, uint32_t b) {{ return (a {op1} b) + (a >> {s0}); }}
static uint32_t f2(uint32_t a, uint32_t b) {{ return a / (b | 1) + b % (a | {k1}u); }}
static uint32_t (*volatile calls[])(uint32_t, uint32_t) = {{f0, f1, f2}};

int main(void) {{
  uint64_t h = {seed64}ull;
  for (uint32_t i = 0; i < {table_size}; i++) {{
    table[i] = (uint32_t)(h >> 32) {op2} i;
    h = rotate(h * {mul64}ull + i, {s1});
  }}
  for (uint32_t i = 0; i < {rounds}; i++) {{
    uint32_t *cell = &table[(h >> 7) % {table_size}];
    *cell = calls[i % 3](*cell, (uint32_t)h {op3} {k2}u);
    h ^= rotate(*cell, (unsigned)i) + (uint64_t)((int64_t)h >> {s2});
    if ((h & {mask}) == 0) h += (uint64_t)((int32_t)*cell / {divisor});
    switch (*cell % 5) {{
      case 0: h = h * 3 + (uint8_t)*cell; break;
      case 1: h -= (uint64_t)(int8_t)*cell; break;
      case 2: h ^= (uint64_t)(int16_t)*cell << 13; break;
      case 3: h += (uint64_t)__builtin_popcountll(h) + (uint64_t)__builtin_clzll(h | 1); break;
      default: h = rotate(h, *cell);
    }}
  }}
  volatile double x = {double0}, y = {double1};
  volatile float z = {float0}f;
  for (int i = 0; i < 50; i++) {{
    x = x * y - floor(x * {double2}) + sqrt(fabs(y) + 1);
    y = y / (1.5 + fabs(x)) + trunc(x) * {double3};
    z = (float)(z * 1.25f - (float)x) + ceilf(z / 7);
    if (fabs(x) > 1e12) x = copysign(1, x);
    if (fabsf(z) > 1e6f) z = z / 1e6f;
    h ^= bits(x) + rotate(bits(y), (unsigned)i) + (uint64_t)(int64_t)(z * 16);
  }}
  printf("%016" PRIx64 " %.17g %.17g %.9g\\n", h, x, y, (double)z);
  for (uint32_t i = 0; i < {table_size}; i += {stride}) printf("%" PRIu32 " ", table[i]);
  printf("\\n");
  return (int)(h % 120);
}}
"""


def program(draw):
    """The source of one program."""
    constants = {f"op{i}": draw.choice(INTEGER) for i in range(4)}
    constants |= {f"k{i}": draw.getrandbits(32) for i in range(3)}
    constants |= {"s0": draw.randrange(1, 31), "s1": draw.randrange(1, 63)}
    constants |= {"s2": draw.randrange(1, 63)}
    constants |= {"seed64": draw.getrandbits(64), "mul64": draw.getrandbits(64) | 1}
    constants |= {"table_size": draw.randrange(16, 300), "rounds": draw.randrange(2000, 20000)}
    constants |= {"mask": (1 << draw.randrange(1, 6)) - 1, "divisor": draw.randrange(3, 1 << 30)}
    constants |= {f"double{i}": repr(draw.uniform(-100, 100)) for i in range(2)}
    constants |= {f"double{i}": repr(draw.uniform(0.01, 0.99)) for i in range(2, 4)}
    constants |= {"float0": repr(draw.uniform(-100, 100)), "stride": draw.randrange(3, 9)}
    return TEMPLATE.format(**constants)


class RandomConstants(support.SystemTest):
    def compare(self, work, number, seed):
        source = os.path.join(work, f"p{number}.c")
        with open(source, "w", encoding="ascii") as out:
            out.write(program(random.Random(f"{seed}/{number}")))
        # No contraction: WebAssembly has no fused operations.
        flags = ["-O2", "-ffp-contract=off", "-std=gnu17", source, "-lm", "-o"]
        native, wasm = os.path.join(work, f"p{number}"), os.path.join(work, f"p{number}.wasm")
        subprocess.run(["clang-19", *flags, native], check=True)
        subprocess.run(["clang-19", "--target=wasm32-wasi", *flags, wasm], check=True)
        answer = subprocess.run([native], capture_output=True, check=False)
        return answer, support.run(wasm)

    def test_ten_programs_agree_with_this_machine(self):
        seed = int(os.environ.get("RANDOM_SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"RANDOM_SEED={seed}", flush=True)
        with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(2) as pool:
            rows = pool.map(lambda number: self.compare(work, number, seed), range(COUNT))
            for number, (answer, outcome) in enumerate(rows):
                with self.subTest(number=number, seed=seed):
                    self.assertNotEqual(answer.stdout, b"")
                    self.expect(outcome, answer.returncode, answer.stdout, b"")


if __name__ == "__main__":
    support.main()
