# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The QEMU machine: its command line, and the sockets that end in its ports."""

import ctypes
import os
import signal
import socket
import subprocess
import tempfile

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_us():
    """For a child before it becomes QEMU: whatever ends the thread that waits for it ends it too,
    so that no machine is left behind by a caller that was killed."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


QEMU = os.environ.get("QUOLL_QEMU", "qemu-system-riscv64")
# Where QEMU waits for the debugger.
GDB_PORT = int(os.environ.get("QUOLL_GDB_PORT", "1234"))

# The guest's streams and the kernel's log. The kernel finds them by these names.
PORTS = ("stdin", "stdout", "stderr", "log")


# What the loader adds to the kernel's linked addresses: its segments begin one page into the ELF
# file's address space, and at the first byte of the top GiB in every paging mode (docs/boot.md).
KERNEL_LOAD_BIAS = 0xFFFF_FFFF_C000_0000 - 0x1000


# Where OpenSBI enters the image on this machine; the loader is linked at 0.
LOADER_LOAD_BIAS = 0x8020_0000


def gdb_command(build_directory):
    """The debugger's command line for a machine that waits, symbols and sources included."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
    steps = [
        f"target remote :{GDB_PORT}",
        f"add-symbol-file {build_directory}/kernel.elf -o {KERNEL_LOAD_BIAS:#x}",
        f"set substitute-path quoll {root}",
        f"source {root}/tools/gdb/quoll.py",
    ]
    return "gdb-multiarch " + " ".join(f"-ex '{step}'" for step in steps)


def base_command(image, *, smp, memory, bootargs=(), initrd=None, gdb=False):
    """The machine without anything connected to it; without `image` it is only described."""
    command = [QEMU, "-machine", "virt", "-cpu", "rv64", "-smp", str(smp), "-m", memory]
    command += ["-nodefaults", "-display", "none", "-no-reboot", "-monitor", "none"]
    command += ["-global", "virtio-mmio.force-legacy=false"]
    if image is not None:
        command += ["-kernel", image]
    if initrd is not None:
        command += ["-initrd", initrd]
    if bootargs:
        command += ["-append", " ".join(bootargs)]
    if gdb:
        command += ["-gdb", f"tcp:127.0.0.1:{GDB_PORT}", "-S"]
    return command


class Machine:
    """A running QEMU; `uart` and `ports[name]` are connected stream sockets."""

    def __init__(self, command, ports=PORTS):
        theirs = []
        self.ports = {}
        command = list(command)
        self.uart = self._connect(command, theirs, "uart")
        command += ["-serial", "chardev:uart"]
        if ports:
            command += ["-device", "virtio-serial-device,max_ports=8"]
        for name in ports:
            self.ports[name] = self._connect(command, theirs, name)
            command += ["-device", f"virtserialport,chardev={name},name=quoll.{name}"]
        self._errors = tempfile.TemporaryFile()
        try:
            # A session of its own: the terminal's Ctrl-C is ours to pass on, not QEMU's to die of.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=[end.fileno() for end in theirs],
                start_new_session=True,
                preexec_fn=end_with_us,
            )
        finally:
            for end in theirs:
                end.close()

    @staticmethod
    def _connect(command, theirs, name):
        ours, end = socket.socketpair()
        theirs.append(end)
        command += ["-chardev", f"socket,id={name},fd={end.fileno()}"]
        return ours

    def errors(self):
        """What QEMU itself had to say."""
        self._errors.seek(0)
        return self._errors.read()
