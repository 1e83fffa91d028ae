# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The main program behind tools/run: `launch.py BUILD_DIRECTORY words...`."""

import contextlib
import os
import sys
import tempfile

from . import machine, options, boot, status
from .archive import ArchiveError
from .broker import Broker, Console


# A run that is traced on request keeps more than one that is traced for a panic's sake. What the
# user says comes later, and wins.
TRACE_ARGUMENTS = ["trace=on", "trace.size=65536"]


def _say(line):
    sys.stderr.write(f"quoll: {line}\n")


def _claim_standard_descriptors():
    """Occupies what was closed at our start, so that no file of ours takes its number.

    Each is opened the wrong way round: using it fails, as it does on a closed descriptor.
    """
    for descriptor, mode in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, mode)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)


def colour_arguments(asked, terminal, environment):
    """How the log is to be coloured on a `terminal`: https://no-color.org is honoured. The console
    has colours only when it is shown there."""
    if not terminal or environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return []
    return ["log.colour=on" if asked.console else "log.colour=port"]


def main(build_directory, words):
    """Runs what `words` ask for; returns the exit status."""
    try:
        asked = options.parse(words)
    except options.CommandLineError as error:
        _say(error)
        sys.stderr.write(options.USAGE + "\n")
        return error.exit_status
    if asked.help:
        print(options.USAGE)
        return 0
    with tempfile.TemporaryDirectory(prefix="quoll-") as work:
        initrd = os.path.join(work, "archive.cpio")
        try:
            with open(initrd, "wb") as out:
                boot.pack(out, asked, os.path.join(build_directory, "demos"), _say)
        except ArchiveError as error:
            _say(error)
            return status.USAGE
        command = machine.base_command(
            os.path.join(build_directory, "quoll.img"),
            smp=asked.smp,
            memory=asked.memory,
            bootargs=[
                *(TRACE_ARGUMENTS if asked.trace else []),
                *colour_arguments(asked, os.isatty(2), os.environ),
                *asked.bootargs,
            ],
            initrd=initrd,
            gdb=asked.gdb,
        )
        if asked.gdb:
            _say("waiting for " + machine.gdb_command(build_directory))
        console_log = os.environ.get("QUOLL_CONSOLE_LOG", f"{build_directory}/console.log")
        console = Console(console_log, live=asked.console)
        with contextlib.ExitStack() as files:
            sinks = {}
            if asked.trace is not None:
                sinks["trace"] = files.enter_context(open(asked.trace, "wb", buffering=0)).write
            running = machine.Machine(command, [*machine.PORTS, *sinks])
            return Broker(running, console, asked.program is None, sinks).run()


if __name__ == "__main__":
    _claim_standard_descriptors()
    # Daemon threads may hang in a read of our stdin: leave without waiting for them.
    exit_status = main(sys.argv[1], sys.argv[2:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(exit_status)
