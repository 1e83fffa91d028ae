# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Copying between a descriptor and a socket, byte for byte.

Each pump is a thread with plain blocking calls: it reads only what it has been able to pass
on, which is all the flow control there is to do, and it works for terminals, pipes and files.
"""

import os
import select
import socket
import threading

CHUNK = 1 << 16


def write_all(descriptor, data):
    """Writes everything, to a descriptor that somebody may have made non-blocking."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            select.select([], [descriptor], [])


def _read(descriptor):
    while True:
        try:
            return os.read(descriptor, CHUNK)
        except BlockingIOError:
            select.select([descriptor], [], [])
        except OSError:
            return b""  # closed, or a terminal that is no longer ours to read


def _receive(sock):
    try:
        return sock.recv(CHUNK)
    except OSError:
        return b""


class InputPump(threading.Thread):
    """A descriptor's bytes into a socket; end of file becomes a half-close.

    Only a half: closing the whole socket would let QEMU drop what the guest has not read yet.
    """

    def __init__(self, descriptor, sock):
        super().__init__(daemon=True)
        self._descriptor = descriptor
        self._socket = sock

    def run(self):
        try:
            while data := _read(self._descriptor):
                self._socket.sendall(data)
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # The machine has closed its end: nobody is left to read.


class OutputPump(threading.Thread):
    """A socket's bytes, until its end, to a sink: a function that takes bytes.

    When the sink raises BrokenPipeError the socket is closed, so that the guest learns of it,
    and `on_broken` is called.
    """

    def __init__(self, sock, sink, on_broken=lambda: None):
        super().__init__(daemon=True)
        self._socket = sock
        self._sink = sink
        self._on_broken = on_broken
        self.received = 0

    def run(self):
        while data := _receive(self._socket):
            self.received += len(data)
            try:
                self._sink(data)
            except OSError:
                self._socket.close()
                self._on_broken()
                return
