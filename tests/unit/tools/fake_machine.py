#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Stands in for QEMU in the broker's tests: it has the same sockets and behaves as it is told.

FAKE_GUEST names what the guest does; see the functions below.
"""

import os
import re
import signal
import socket
import sys
import time


def connected_sockets():
    """The sockets of the command line, by chardev name."""
    found = {}
    for word in sys.argv:
        match = re.fullmatch(r"socket,id=(\w+),fd=(\d+)", word)
        if match:
            found[match[1]] = socket.socket(fileno=int(match[2]))
    return found


def cat(ports):
    """Copies stdin to stdout; ends with 0."""
    while data := ports["stdin"].recv(5000):
        ports["stdout"].sendall(data)
    return 0


def speak(ports):
    """Something on each stream; ends with 7."""
    ports["stdout"].sendall(b"out\0\xff")
    ports["stderr"].sendall(b"err")
    ports["log"].sendall(b"[warn] log\n")
    return 7


def loop(ports):
    """Never ends, but for the interrupt key on the UART."""
    ports["stdout"].sendall(b"ready\n")
    return 130 if ports["uart"].recv(1) == b"\x03" else 1


def prompt(ports):
    """Says of the first four interrupt keys that they came; ends with 9."""
    ports["stdout"].sendall(b"ready\n")
    for i in range(4):
        if ports["uart"].recv(1) != b"\x03":
            return 1
        ports["stdout"].sendall(f"interrupted {i}\n".encode())
    return 9


def deaf(ports):
    """Never ends, whatever is sent."""
    ports["stdout"].sendall(b"ready\n")
    time.sleep(60)
    return 1


def tell_pid(ports):
    """Says who it is, and never ends."""
    ports["stdout"].sendall(f"{os.getpid()}\n".encode())
    time.sleep(60)
    return 1


def yes(ports):
    """Writes until it is told that nobody reads."""
    try:
        while True:
            ports["stdout"].sendall(b"y\n" * 1000)
    except OSError:
        return 3


def stubborn(ports):
    """Writes for ever, even though nobody reads."""
    while True:
        try:
            ports["stdout"].sendall(b"y\n" * 1000)
        except OSError:
            time.sleep(0.05)


def stop(ports):
    """The kernel gives up."""
    ports["uart"].sendall(b"panic: all is lost\n")
    return 125


def die(ports):
    """QEMU itself is killed."""
    ports["uart"].sendall(b"last words\n")
    os.kill(os.getpid(), signal.SIGKILL)


def arguments(ports):
    """Shows the command line, without the sockets."""
    words = [w for w in sys.argv[1:] if "fd=" not in w]
    ports["stdout"].sendall("\n".join(words).encode() + b"\n")
    return 0


def archive(ports):
    """Sends the boot archive."""
    with open(sys.argv[sys.argv.index("-initrd") + 1], "rb") as source:
        ports["stdout"].sendall(source.read())
    return 0


def counts():
    """Prints numbers as the kernel does; FAKE_COUNT is one of them."""
    path = sys.argv[sys.argv.index("-serial") + 1].removeprefix("file:")
    with open(path, "wb") as console:
        count = os.environ["FAKE_COUNT"].encode()
        console.write(b"OpenSBI\r\nbench: boot.first " + count + b"\r\n[info] bench: done\r\n")
        console.write(b"bench: boot.second_step 20\r\nbench: fault.other 1\r\n")
    return 0


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    guest = os.environ["FAKE_GUEST"]
    if guest == "counts":
        return counts()
    if guest == "refuse":
        sys.stderr.write("qemu: cannot set up guest memory\n")
        return 1
    ports = connected_sockets()
    ports["uart"].sendall(b"OpenSBI\n")
    return globals()[guest](ports)


if __name__ == "__main__":
    sys.exit(main())
