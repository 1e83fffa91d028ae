# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Machines that nobody talks to: started with a task in their bootargs, they end by themselves
and leave what they said on the console."""

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass

from . import machine
from .archive import Archive


# How long a machine may run without a word: seconds of the host's processors for each of its
# harts. A busy host delays a machine and does not hang it.
HANG_S = 150
# A machine that does nothing at all uses no processor: the last resort.
SILENT_S = 600
POLL_S = 0.05
MEMORY = "128M"


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


def processor_seconds(pid):
    """What a process and its threads have used so far."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        # Behind the name, which may hold anything.
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait(process, console, processors, timeout_s, hang_s):
    """Waits for the machine's end; None when it hung, or when its time was over."""
    begun = heard = time.monotonic()
    used, size = 0.0, 0
    while True:
        try:
            return process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            pass
        now = time.monotonic()
        now_used = processor_seconds(process.pid)
        now_size = os.path.getsize(console) if os.path.exists(console) else 0
        if now_size != size:
            heard, used, size = now, now_used, now_size
        hangs = now_used - used > hang_s * processors or now - heard > max(SILENT_S, 2 * hang_s)
        if hangs or (timeout_s is not None and now - begun > timeout_s):
            process.kill()
            process.wait()
            return None


def run(
    image,
    *,
    smp=1,
    memory=MEMORY,
    bootargs=(),
    initrd=None,
    extra=(),
    timeout_s=300,
    hang_s=HANG_S,
    outputs=None,
):
    """Runs `image` to its end. Its ports are open and lead nowhere, or to the file that `outputs`
    names. `timeout_s`: on the host's clock; None: as long as it has something to say."""
    command = machine.base_command(image, smp=smp, memory=memory, bootargs=bootargs, initrd=initrd)
    command += ["-device", "virtio-serial-device,max_ports=8"]
    for name in machine.PORTS:
        path = (outputs or {}).get(name, os.devnull)
        command += ["-chardev", f"file,id={name},path={path}"]
        command += ["-device", f"virtserialport,chardev={name},name=quoll.{name}"]
    processors = min(smp, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="quoll-") as work, tempfile.TemporaryFile() as errors:
        console = os.path.join(work, "console")
        command += ["-serial", f"file:{console}", *extra]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            preexec_fn=machine.end_with_us,
        ) as process:
            status = _wait(process, console, processors, timeout_s, hang_s)
        errors.seek(0)
        said = errors.read()
        if os.path.exists(console):
            with open(console, "rb") as text:
                said += text.read()
    return Result(status, said.decode(errors="replace"))
