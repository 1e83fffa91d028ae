# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The table of symbols that goes into images, over a small program made here."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools/lib"))
from quoll import symbols  # noqa: E402

PROGRAM = """\
namespace quoll::inner {
template <typename T>
[[gnu::always_inline]] inline int read(const T* from) {
  return *(const volatile int*)from;
}
[[gnu::noinline]] int outer(const int* from, long) {
  return read(from) + 1;
}
}
extern "C" int _start(const int* from) {
  return quoll::inner::outer(from, 2) + 1;
}
"""

class TableTest(unittest.TestCase):
    """`outer`, which has `read` inlined, and `_start`, which calls it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        base = Path(cls.folder.name)
        source = base / "quoll/kernel/program.cpp"
        source.parent.mkdir(parents=True)
        source.write_text(PROGRAM)
        cls.elf = base / "program.elf"
        subprocess.run(["clang++-19", "--target=riscv64-unknown-elf", "-march=rv64imac", "-O1",
                        "-g", "-nostdlib", "-ffreestanding", "-fuse-ld=lld", "-Wl,-e,_start",
                        str(source), "-o", str(cls.elf)], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_table_has_readable_names_and_paths(self):
        table = symbols.Table(symbols.Table(symbols.convert(self.elf)).write())
        names = {table.text(table._u32(at)) for at in table.names}
        self.assertIn("quoll::inner::outer", names)
        self.assertIn("quoll::inner::read<int>", names)
        directories = {table.text(table._u32(at)) for at in table.directories}
        self.assertIn("kernel", directories)
        self.assertFalse([path for path in directories if self.folder.name in path])


class TidyTest(unittest.TestCase):
    """Names as people read them."""

    def test_names(self):
        for demangled, wanted in (
                ("quoll::vm::FrameAllocator::allocate", "quoll::vm::FrameAllocator::allocate"),
                ("quoll::(anonymous namespace)::run", "quoll::run"),
                ("std::__1::span<char>::size[abi:nn190107]", "std::span<char>::size"),
                ("a::b(int) const::C::d", "a::b::C::d"),
                ("x::Result<std::basic_string_view<char>, y::Error>::value",
                 "x::Result<...>::value"),
                ("a::operator<<", "a::operator<<"),
                ("a::operator<=><int>", "a::operator<=><int>"),
                ("a::operator-><int>", "a::operator-><int>")):
            self.assertEqual(symbols.tidy(demangled), wanted)

    def test_parts_of_coroutines(self):
        self.assertEqual(symbols.readable(["_ZN1a1bEv.resume", "_ZN1a1bEv.destroy", "plain"]),
                         ["a::b", "a::b (destroyed)", "plain"])

    def test_paths(self):
        for path, wanted in (
                ("/work/build/x/quoll/libs/base/include/quoll/base", "libs/base/include/quoll/base"),
                ("/home/me/quoll/build/riscv64/quoll/kernel/mem/src", "kernel/mem/src"),
                ("/usr/lib/llvm-19/include/c++/v1/__memory", "libc++/__memory"),
                ("/b/.cache/quoll/sources/llvm-ae498f3bc58a-e3a9439d/libunwind",
                 "llvm/libunwind"),
                ("/build/quoll_libfdt", "libfdt")):
            self.assertEqual(symbols.source_path(path), wanted)


if __name__ == "__main__":
    unittest.main()
