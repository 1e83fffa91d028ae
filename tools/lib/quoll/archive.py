# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The boot archive: a newc cpio whose files' data start at page boundaries.

The same files give the same bytes: entries are sorted, times and owners are zero.
Data is aligned by padding the name field with NULs, so that any reader of newc
finds the files and the kernel can map their pages where they lie.
"""

import os
import stat

PAGE_SIZE = 4096
HEADER_SIZE = 110
MAX_FILE_SIZE = 0xFFFFFFFF


class ArchiveError(Exception):
    """Something that was to be packed cannot be."""


class Archive:
    """Writes entries to `out`, a binary file; `note` takes one line on what was left out."""

    def __init__(self, out, note=lambda line: None):
        self._out = out
        self._note = note
        self._offset = 0
        self._inode = 0
        self._directories = set()

    def add_bytes(self, name, data):
        """Adds a file; the directories on its way are added first."""
        self._add_parents(name)
        self._entry(os.fsencode(name), stat.S_IFREG | 0o644, [data], len(data))

    def add_file(self, name, path):
        """Adds a copy of the workstation's file `path`."""
        self._add_parents(name)
        try:
            with open(path, "rb") as source:
                size = os.fstat(source.fileno()).st_size
                if size > MAX_FILE_SIZE:
                    raise ArchiveError(f"{path}: larger than a boot archive can hold")
                self._entry(os.fsencode(name), stat.S_IFREG | 0o644, _chunks(source, size), size)
        except OSError as error:
            raise ArchiveError(f"{path}: {error.strerror}") from error

    def add_directory(self, name):
        """Adds a directory, empty so far."""
        self._add_parents(name)
        if name not in self._directories:
            self._directories.add(name)
            self._entry(os.fsencode(name), stat.S_IFDIR | 0o755, [], 0)

    def add_tree(self, name, root):
        """Adds the directory `root` and all below it; links are followed as long as they stay
        inside."""
        top = os.path.realpath(root)
        self._add_tree(name, root, top, (top,))

    def _add_tree(self, name, directory, top, ancestors):
        self.add_directory(name)
        try:
            entries = sorted(os.listdir(directory), key=os.fsencode)
        except OSError as error:
            raise ArchiveError(f"{directory}: {error.strerror}") from error
        for entry in entries:
            path = os.path.join(directory, entry)
            inner = f"{name}/{entry}"
            real = os.path.realpath(path)
            if os.path.islink(path) and os.path.commonpath((top, real)) != top:
                self._note(f"left out {path}: the link leads out of {top}")
            elif os.path.isdir(path):
                if real in ancestors:
                    self._note(f"left out {path}: the link leads back to a folder around it")
                else:
                    self._add_tree(inner, path, top, ancestors + (real,))
            elif os.path.isfile(path):
                self.add_file(inner, path)
            else:
                self._note(f"left out {path}: neither a file nor a directory")

    def finish(self):
        """Writes the trailer; nothing may be added after it."""
        self._entry(b"TRAILER!!!", 0, [], 0)

    def _add_parents(self, name):
        parent = os.path.dirname(name)
        if parent and parent not in self._directories:
            self.add_directory(parent)

    def _entry(self, name, mode, chunks, size):
        self._inode += 1
        data_start = self._offset + HEADER_SIZE + len(name) + 1
        alignment = PAGE_SIZE if size else 4
        padding = -data_start % alignment
        name_size = len(name) + 1 + padding
        # newc pads header and name to four bytes by itself; here nothing is left to pad.
        fields = (self._inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0)
        self._write(b"070701" + b"".join(b"%08X" % value for value in fields))
        self._write(name + b"\0" * (1 + padding))
        before = self._offset
        for chunk in chunks:
            self._write(chunk)
        if self._offset - before != size:
            raise ArchiveError(f"{os.fsdecode(name)}: changed while it was read")
        self._write(b"\0" * (-self._offset % 4))

    def _write(self, data):
        self._out.write(data)
        self._offset += len(data)


def _chunks(source, size):
    """Yields exactly `size` bytes, or fewer when the file is shorter."""
    while size > 0:
        chunk = source.read(min(size, 1 << 20))
        if not chunk:
            return
        size -= len(chunk)
        yield chunk
