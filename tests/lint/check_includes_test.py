# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The include checker's rules, each with what it allows and what it refuses."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../tools"))

import check_includes  # noqa: E402

ORDER = "base sync mem paging handoff elf fdt async abi wasm wasi".split()


class CheckIncludesTest(unittest.TestCase):
    def complaint(self, path, include, exists=True):
        return check_includes.check_line(path, f"#include {include}\n", ORDER, lambda _: exists)

    def test_a_room_uses_itself_and_rooms_below_it(self):
        path = "libs/mem/src/range.cpp"
        self.assertIsNone(self.complaint(path, "<quoll/mem/range.hpp>"))
        self.assertIsNone(self.complaint(path, "<quoll/base/result.hpp>"))
        self.assertIsNotNone(self.complaint(path, "<quoll/paging/cursor.hpp>"))

    def test_libs_do_not_know_the_machine(self):
        for target in ("arch/current.hpp", "kernel/state.hpp", "loader/boot_info.hpp"):
            self.assertIsNotNone(self.complaint("libs/async/src/a.cpp", f"<quoll/{target}>"))

    def test_loader_and_kernel_meet_in_libs_only(self):
        self.assertIsNone(self.complaint("loader/main.cpp", "<quoll/handoff/boot_info.hpp>"))
        self.assertIsNone(self.complaint("kernel/main.cpp", "<quoll/handoff/boot_info.hpp>"))
        self.assertIsNotNone(self.complaint("loader/main.cpp", "<quoll/kernel/mem/heap.hpp>"))
        self.assertIsNotNone(self.complaint("kernel/main.cpp", '"../loader/mapping.hpp"'))

    def test_the_engine_runs_in_user_mode_only(self):
        self.assertIsNotNone(self.complaint("kernel/guest/guest.cpp", "<quoll/wasm/decode.hpp>"))
        self.assertIsNone(self.complaint("kernel/guest/runtime/main.cpp", "<quoll/wasm/decode.hpp>"))
        self.assertIsNotNone(self.complaint("kernel/guest/runtime/main.cpp", "<quoll/mem/range.hpp>"))
        self.assertIsNotNone(self.complaint("kernel/guest/runtime/main.cpp", '"../guest.hpp"'))

    def test_the_engine_itself_knows_no_memory_management(self):
        self.assertIsNone(self.complaint("libs/wasm/src/decode.cpp", "<quoll/base/result.hpp>"))
        self.assertIsNotNone(self.complaint("libs/wasm/src/decode.cpp", "<quoll/paging/cursor.hpp>"))
        self.assertIsNotNone(self.complaint("libs/wasm/src/decode.cpp", "<quoll/wasi/calls.hpp>"))

    def test_quotes_stay_in_the_room(self):
        self.assertIsNone(self.complaint("libs/elf/src/a.cpp", '"parts.hpp"'))
        self.assertIsNotNone(self.complaint("libs/elf/src/a.cpp", '"parts.hpp"', exists=False))
        self.assertIsNotNone(self.complaint("libs/elf/src/a.cpp", '"../../mem/src/x.hpp"'))

    def test_the_order_is_read_from_the_build(self):
        text = "# x\nset(QUOLL_ROOMS\n  a b\n  c)\n"
        self.assertEqual(check_includes.room_order(text), ["a", "b", "c"])


if __name__ == "__main__":
    unittest.main()
