#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`new` links in its nothrow forms, and in no other: `new_forms.py ARCHIVE NOTHROW THROWING`.

Both objects are linked with the archive that has the kernel's operator new. What that archive
itself wants of the rest of the kernel is undefined in both links and of no interest here."""

import os
import re
import subprocess
import sys

LINKER = "ld.lld-19"
UNDEFINED = re.compile(r"undefined symbol: (.*)$", re.MULTILINE)
THROWING = {
    "operator new(unsigned long)",
    "operator new[](unsigned long)",
    "operator new(unsigned long, std::align_val_t)",
    "operator new[](unsigned long, std::align_val_t)",
}


def undefined_operators(archive, program, entry):
    """The status of a link, and which operators it misses."""
    done = subprocess.run(
        [LINKER, "--error-limit=0", "-e", entry, "-o", os.devnull]
        + [program, archive],
        capture_output=True,
        text=True,
        check=False,
    )
    names = {name.strip() for name in UNDEFINED.findall(done.stderr)}
    return done.returncode, {name for name in names if name.startswith("operator ")}


def main():
    """0 when each form does what it must."""
    archive, nothrow, throwing = sys.argv[1:]
    wrong = []
    _, missed = undefined_operators(archive, nothrow, "use_nothrow_forms")
    if missed:
        wrong.append(f"nothrow forms do not link: {sorted(missed)}")
    status, missed = undefined_operators(archive, throwing, "use_throwing_forms")
    if status == 0 or missed != THROWING:
        wrong.append(f"throwing forms, status {status}: undefined are {sorted(missed)}")
    print("\n".join(wrong) or "the throwing forms of new do not link, the others do")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
