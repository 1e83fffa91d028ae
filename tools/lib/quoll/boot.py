# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What goes into the boot archive: a program and its directories, or the demonstrations."""

import os

from .archive import Archive


def run_description(program, arguments, environment, directories):
    """`quoll/run`: NUL-terminated key=value records, in the order in which they count."""
    records = [("program", f"bin/{os.path.basename(program)}"), ("arg", program)]
    records += [("arg", argument) for argument in arguments]
    records += [("env", pair) for pair in environment]
    records += [("dir", f"dirs/{i}::{guest}") for i, (_, guest) in enumerate(directories)]
    return b"".join(os.fsencode(f"{key}={value}") + b"\0" for key, value in records)


def pack(out, options, demonstrations, note):
    """Writes the archive that `options` ask for. `demonstrations` is a folder of .wasm files
    that a machine without a program offers at its prompt."""
    archive = Archive(out, note)
    archive.add_directory("bin")
    if options.program is not None:
        archive.add_file(f"bin/{os.path.basename(options.program)}", options.program)
    elif os.path.isdir(demonstrations):
        for name in sorted(os.listdir(demonstrations)):
            archive.add_file(f"bin/{name}", os.path.join(demonstrations, name))
    for i, (host, _) in enumerate(options.directories):
        archive.add_tree(f"dirs/{i}", host)
    if options.program is not None:
        archive.add_bytes(
            "quoll/run",
            run_description(
                options.program, options.arguments, options.environment, options.directories
            ),
        )
    archive.finish()
