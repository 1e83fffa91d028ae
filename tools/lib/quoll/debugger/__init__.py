# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Runs inside gdb: how to read the kernel's data, and the commands and printers made of that."""
