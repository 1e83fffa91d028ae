#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every file says its licence in its first lines; those that cannot are listed here."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINE = "SPDX-License-Identifier: Apache-2.0 OR MIT"
# Formats without comments, prose, the licences themselves, and data.
EXEMPT = (".md", ".json", ".wasm", ".bin", ".dtb", ".tsv", "LICENSE-APACHE", "LICENSE-MIT")
EXEMPT_FOLDERS = ("/corpus/", "/corpora/")


def files():
    """What git tracks or would track; without git, all but build directories."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        yield from (name for name in os.fsdecode(listed.stdout).split("\0") if name)
    except (OSError, subprocess.CalledProcessError):
        for folder, folders, names in os.walk(ROOT):
            folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__")]
            yield from (os.path.relpath(os.path.join(folder, name), ROOT) for name in names)


def main():
    """Prints the files that lack the line."""
    checked = lacking = 0
    for name in files():
        path = os.path.join(ROOT, name)
        exempt = name.endswith(EXEMPT) or any(part in f"/{name}" for part in EXEMPT_FOLDERS)
        if exempt or not os.path.isfile(path) or os.path.islink(path):
            continue
        checked += 1
        with open(path, encoding="utf-8", errors="replace") as text:
            if not any(LINE in text.readline() for _ in range(3)):
                lacking += 1
                print(f"{name}: no '{LINE}' in its first lines")
    print(f"{checked} files, {lacking} without a licence line")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
