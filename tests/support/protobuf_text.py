# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reads what `protoc --decode` prints: a decoder that is not ours, driven by tests/support's
own list of the fields."""

import os
import subprocess

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "perfetto.proto")


def decode(data):
    """The `Trace` message of a file as nested dictionaries: name -> list of values."""
    done = subprocess.run(
        ["protoc", "--decode=quoll.test.Trace", f"-I{os.path.dirname(SCHEMA)}", SCHEMA],
        input=data,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"protoc refuses the file: {done.stderr.decode()}")
    stack = [{}]
    for line in done.stdout.decode().splitlines():
        line = line.strip()
        if line == "}":
            stack.pop()
        elif line.endswith("{"):
            inner = {}
            stack[-1].setdefault(line[:-2], []).append(inner)
            stack.append(inner)
        else:
            name, value = line.split(": ", 1)
            # protoc shows a field that the schema does not have by its number.
            if name.isdigit():
                raise AssertionError(f"a field that the format does not have: {line}")
            read = value[1:-1] if value.startswith('"') else value
            read = int(read) if read.lstrip("-").isdigit() and read is value else read
            stack[-1].setdefault(name, []).append(read)
    return stack[0]


class Tracks:
    """A decoded file by its tracks, checked while it is read: slices nest, times do not run
    backwards, every event has its track, every arrow both its ends."""

    def __init__(self, data):
        packets = decode(data)["packet"]
        self.names = {}
        self.parents = {}
        self.slices = {}  # track -> [(begin, end, name, arguments)]
        self.instants = {}
        self.counters = {}
        open_slices = {}
        flows, arrivals = set(), set()
        last = 0
        for packet in packets:
            assert packet["trusted_packet_sequence_id"] == [1]
            if "track_descriptor" in packet:
                (track,) = packet["track_descriptor"]
                (uuid,) = track["uuid"]
                assert uuid not in self.names, f"track {uuid} twice"
                self.names[uuid] = track["name"][0]
                self.parents[uuid] = track.get("parent_uuid", [0])[0]
                continue
            (time,), (event,) = packet["timestamp"], packet["track_event"]
            assert time >= last, "times run backwards"
            last = time
            (track,) = event["track_uuid"]
            assert track in self.names, f"an event on the unknown track {track}"
            arguments = {
                note["name"][0]: (note.get("uint_value") or note.get("string_value"))[0]
                for note in event.get("debug_annotations", [])
            }
            flows |= set(event.get("flow_ids", []))
            arrivals |= set(event.get("terminating_flow_ids", []))
            kind = event["type"][0]
            if kind == "TYPE_SLICE_BEGIN":
                open_slices.setdefault(track, []).append((time, event["name"][0], arguments))
            elif kind == "TYPE_SLICE_END":
                begin, name, known = open_slices[track].pop()
                self.slices.setdefault(track, []).append((begin, time, name, known))
            elif kind == "TYPE_INSTANT":
                self.instants.setdefault(track, []).append((time, event["name"][0], arguments))
            elif kind == "TYPE_COUNTER":
                self.counters.setdefault(track, []).append((time, event["counter_value"][0]))
            else:
                raise AssertionError(f"an event of no kind: {event}")
        assert not any(open_slices.values()), "a slice without an end"
        assert flows == arrivals, "an arrow with one end"
        self.flows = flows
        for parent in self.parents.values():
            assert parent == 0 or parent in self.names, "a track under one that does not exist"

    def under(self, name):
        """The tracks whose parent has that name."""
        return [uuid for uuid, parent in self.parents.items() if self.names.get(parent) == name]

    def under_any(self, tracks):
        """The tracks whose parent is one of those."""
        wanted = set(tracks)
        return [uuid for uuid, parent in self.parents.items() if parent in wanted]

    def events(self, tracks):
        """How many slices and instants there are on some tracks, by the first word of their
        names."""
        found = {}
        for track in tracks:
            for entry in self.slices.get(track, []):
                word = entry[2].split(" ")[0]
                found[word] = found.get(word, 0) + 1
            for entry in self.instants.get(track, []):
                word = entry[1].split(" ")[0]
                found[word] = found.get(word, 0) + 1
        return found
