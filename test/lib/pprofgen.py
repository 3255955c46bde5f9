# SPDX-License-Identifier: MIT
"""Makes pprof files for tests, so that what a reader should answer is known.

    p = Profile([("inuse_space", "bytes")])
    p.sample(["leaf", "caller", "main"], [4096])
    p.write("x.pb.gz")

A stack is a list of frames, leaf first. A frame is a function's name; a tuple of
names for one address with inlined calls, innermost first; or ("@", file) for an
address without a name in that file. Written from the format's description alone,
without the code under test.
"""
import gzip
import zlib

MAPPING = 1 << 28


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field, n):
    return varint(field << 3) + varint(n) if n else b""


def data(field, b):
    return varint(field << 3 | 2) + varint(len(b)) + b


def packed(field, numbers):
    return data(field, b"".join(varint(n) for n in numbers))


class Table:
    """Ids in the order of first use, from `first`."""

    def __init__(self, first):
        self.first, self.ids = first, {}

    def __getitem__(self, key):
        return self.ids.setdefault(key, len(self.ids) + self.first)

    def __iter__(self):
        return iter(self.ids)


class Profile:
    def __init__(self, types, period_type=("space", "bytes"), period=524288, default=None,
                 time_ns=1_700_000_000_000_000_000, duration_ns=0, comments=(), drop_frames=None):
        self.types, self.period_type, self.period = types, period_type, period
        self.default, self.time_ns, self.duration_ns = default, time_ns, duration_ns
        self.comments, self.drop_frames = comments, drop_frames
        self.strings, self.mappings = Table(0), Table(1)
        self.functions, self.locations = Table(1), Table(1)
        self.samples, self.build_ids = [], {}  # path -> what it says, if not the made one
        self.strings[""]
        self.mappings["/usr/bin/victim"]

    def location(self, frame):
        if isinstance(frame, str):
            frame = (frame,)
        if frame[0] == "@":
            return self.locations[(), self.mappings[frame[1]]]
        return self.locations[frame, 1]

    def sample(self, stack, values, labels=()):
        """labels: (key, text) or (key, number) or (key, number, unit)."""
        self.samples.append(([self.location(f) for f in stack], values, labels))

    def string(self, field, text):
        return number(field, self.strings[text]) if text else b""

    def value_type(self, field, pair):
        return data(field, self.string(1, pair[0]) + self.string(2, pair[1]))

    def label(self, key, value, unit=None):
        if isinstance(value, str):
            return data(3, self.string(1, key) + self.string(2, value))
        return data(3, self.string(1, key) + number(3, value) + self.string(4, unit))

    def sample_bytes(self):
        for locations, values, labels in self.samples:
            yield data(2, packed(1, locations) + packed(2, values) +
                       b"".join(self.label(*label) for label in labels))

    def mapping_bytes(self):
        nameless = {mapping for names, mapping in self.locations if not names}
        for path, i in self.mappings.ids.items():
            start = i * MAPPING
            build_id = self.build_ids.get(path, f"{zlib.crc32(path.encode()):040x}")
            yield data(3, number(1, i) + number(2, start) + number(3, start + MAPPING) +
                       self.string(5, path) + self.string(6, build_id) +
                       number(7, i not in nameless))

    def address(self, names, mapping):
        """The same code is at the same place in every profile."""
        return mapping * MAPPING + zlib.crc32("/".join(names).encode()) % MAPPING

    def location_bytes(self):
        for (names, mapping), i in self.locations.ids.items():
            yield data(4, number(1, i) + number(2, mapping) +
                       number(3, self.address(names, mapping)) +
                       b"".join(data(4, number(1, self.functions[n]) + number(2, 7)) for n in names))

    def function_bytes(self):
        for name, i in self.functions.ids.items():
            yield data(5, number(1, i) + self.string(2, name) + self.string(3, name) +
                       self.string(4, "victim.c"))

    def encode(self):
        body = b"".join([
            *(self.value_type(1, t) for t in self.types), *self.sample_bytes(),
            *self.location_bytes(), *self.mapping_bytes(), *self.function_bytes(),
            self.string(7, self.drop_frames), number(9, self.time_ns),
            number(10, self.duration_ns), self.value_type(11, self.period_type),
            number(12, self.period), *(self.string(13, c) for c in self.comments),
            self.string(14, self.default)])
        return body + b"".join(data(6, s.encode()) for s in self.strings)

    def write(self, path):
        with gzip.open(path, "wb", compresslevel=1) as f:
            f.write(self.encode())
        return path


HEAP = [("alloc_objects", "count"), ("alloc_space", "bytes"),
        ("inuse_objects", "count"), ("inuse_space", "bytes")]
CONTENTION = [("contentions", "count"), ("delay", "nanoseconds")]
CPU = [("samples", "count"), ("cpu", "nanoseconds")]
