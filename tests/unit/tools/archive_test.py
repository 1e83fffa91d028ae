# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The boot archive, read back by a reader written for this test."""

import io
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../tools/lib"))

from quoll.archive import Archive, ArchiveError  # noqa: E402


def read(archive):
    """[(name, mode, data, data offset)] of a newc archive."""
    entries, offset = [], 0
    while True:
        assert archive[offset : offset + 6] == b"070701", offset
        fields = [int(archive[offset + 6 + 8 * i : offset + 14 + 8 * i], 16) for i in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        raw_name = archive[offset + 110 : offset + 110 + name_size]
        assert raw_name.endswith(b"\0")
        name = raw_name.split(b"\0")[0].decode()
        data = (offset + 110 + name_size + 3) & ~3
        offset = (data + size + 3) & ~3
        if name == "TRAILER!!!":
            assert offset == len(archive)
            return entries
        entries.append((name, mode, archive[data : data + size], data))


def packed(build, note=lambda line: None):
    out = io.BytesIO()
    archive = Archive(out, note)
    build(archive)
    archive.finish()
    return out.getvalue()


class ArchiveTest(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)

    def make(self, name, content=b""):
        path = os.path.join(self.work.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content)
        return path

    def test_data_starts_at_a_page_for_any_name_length(self):
        def build(archive):
            for length in list(range(1, 40)) + [300, 3985, 3986, 4090]:
                archive.add_bytes("n" * length, b"x" * length)

        entries = read(packed(build))
        self.assertEqual(len(entries), 43)
        for name, mode, data, offset in entries:
            self.assertEqual(offset % 4096, 0)
            self.assertEqual(data, b"x" * len(name))
            self.assertEqual(mode, 0o100644)

    def test_directories_come_before_what_they_hold_and_once(self):
        def build(archive):
            archive.add_bytes("a/b/c", b"1")
            archive.add_bytes("a/b/d", b"2")
            archive.add_directory("a")

        names = [entry[0] for entry in read(packed(build))]
        self.assertEqual(names, ["a", "a/b", "a/b/c", "a/b/d"])

    def test_a_tree_is_packed_in_order_whatever_its_age(self):
        for name in ("z", "a/two", "a/one", "m"):
            path = self.make(f"t/{name}", name.encode())
            os.utime(path, (len(name) * 1000, 5))
        tree = os.path.join(self.work.name, "t")
        first = packed(lambda archive: archive.add_tree("dirs/0", tree))
        os.utime(os.path.join(tree, "z"), (1, 1))
        self.assertEqual(packed(lambda archive: archive.add_tree("dirs/0", tree)), first)
        self.assertEqual(
            [entry[0] for entry in read(first)],
            ["dirs", "dirs/0"]
            + [f"dirs/0/{name}" for name in ("a", "a/one", "a/two", "m", "z")],
        )

    def test_links_are_followed_inside_and_left_out_otherwise(self):
        self.make("t/real", b"content")
        self.make("outside", b"secret")
        tree = os.path.join(self.work.name, "t")
        os.symlink("real", os.path.join(tree, "inside"))
        os.symlink("../outside", os.path.join(tree, "escape"))
        os.symlink(".", os.path.join(tree, "again"))
        os.mkfifo(os.path.join(tree, "pipe"))
        notes = []
        archive = packed(lambda archive: archive.add_tree("d", tree), notes.append)
        found = {entry[0]: entry[2] for entry in read(archive)}
        self.assertEqual(found, {"d": b"", "d/inside": b"content", "d/real": b"content"})
        self.assertEqual(len(notes), 3)

    def test_an_empty_file_takes_no_page(self):
        self.assertLess(len(packed(lambda archive: archive.add_bytes("e", b""))), 300)

    def test_a_file_that_cannot_be_read_is_an_error(self):
        with self.assertRaises(ArchiveError):
            packed(lambda archive: archive.add_file("x", os.path.join(self.work.name, "none")))


if __name__ == "__main__":
    unittest.main()
