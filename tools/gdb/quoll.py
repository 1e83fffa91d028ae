# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What gdb learns about Quoll: `source tools/gdb/quoll.py` once the kernel's symbols are in.

Adds the commands `quoll tasks`, `quoll guests`, `quoll spaces`, `quoll regions` and `quoll frames`
(`help quoll` lists them), and shows addresses, ranges, tasks, results and the like readably.
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(
    0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "lib")
)

# pylint: disable=wrong-import-position
from quoll.debugger import commands, printers

printers.register()
commands.register()
