# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Machines that nobody talks to: started with a task in their bootargs, they end by themselves
and leave what they said on the console."""

import os
import subprocess
import tempfile
from dataclasses import dataclass

from . import machine
from .archive import Archive


@dataclass
class Result:
    """`status` is None for a machine that had to be ended after its time."""

    status: int | None
    console: str


def archive_with(programs):
    """An archive whose bin/ holds the workstation's files `programs`, in a temporary file."""
    out = tempfile.NamedTemporaryFile(prefix="quoll-", suffix=".cpio")
    archive = Archive(out)
    archive.add_directory("bin")
    for path in sorted(programs):
        archive.add_file(f"bin/{os.path.basename(path)}", path)
    archive.finish()
    out.flush()
    return out


def run(image, *, smp=1, memory="128M", bootargs=(), initrd=None, extra=(), timeout_s=300):
    """Runs `image` to its end. Its ports lead nowhere, but they are open."""
    command = machine.base_command(image, smp=smp, memory=memory, bootargs=bootargs, initrd=initrd)
    command += ["-device", "virtio-serial-device,max_ports=8"]
    for name in machine.PORTS:
        command += ["-chardev", f"file,id={name},path=/dev/null"]
        command += ["-device", f"virtserialport,chardev={name},name=quoll.{name}"]
    with tempfile.TemporaryDirectory(prefix="quoll-") as work:
        console = os.path.join(work, "console")
        command += ["-serial", f"file:{console}", *extra]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
            status, errors = done.returncode, done.stderr
        except subprocess.TimeoutExpired as expired:
            status, errors = None, expired.stderr or b""
        said = errors
        if os.path.exists(console):
            with open(console, "rb") as text:
                said += text.read()
    return Result(status, said.decode(errors="replace"))
