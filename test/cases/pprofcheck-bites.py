#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The validator accepts a good profile, and says so of every rule that is broken."""
import copy
import gzip
import sys

import pprofcheck
from pprofgen import data, number, packed

S = ["", "alloc_objects", "count", "alloc_space", "bytes", "inuse_objects", "inuse_space",
     "space", "main", "_Z1fv", "f", "/bin/x", "/lib/y.so", "ab01", "thread", "a.c", "comment",
     "executableInfo=x", "pprof::base", "(deleted)", "/bin/z (deleted)"]
I = {s: i for i, s in enumerate(S)}

GOOD = {
    "types": [("alloc_objects", "count"), ("alloc_space", "bytes"),
              ("inuse_objects", "count"), ("inuse_space", "bytes")],
    "period_type": ("space", "bytes"), "period": 524288, "time": 17 * 10**17, "duration": 0,
    "default": "", "comments": ["comment"], "strings": [s.encode() for s in S],
    # (id, start, limit, file, build id, has_functions)
    "mappings": [(1, 0x1000, 0x9000, "/bin/x", "ab01", 1),
                 (2, 0x10000, 0x90000, "/lib/y.so", "", 1)],
    # (id, name, system name)
    "functions": [(1, "main", "main"), (2, "f", "_Z1fv")],
    # (id, mapping, address, [(function, line)])
    "locations": [(1, 1, 0x1004, [(1, 3)]), (2, 2, 0x10010, [(2, 0), (1, 0)])],
    # (locations, values, [(key, text, number, unit)])
    "samples": [([2, 1], [5, 50, 1, 10], [("bytes", "", 10, "")]),
                ([2, 1], [5, 50, 1, 10], [("bytes", "", 20, ""), ("thread", "main", 0, "")]),
                ([1], [5, 50, 1, 10], [])],
    "extra": b"",
}


def index(s):
    return I[s] if isinstance(s, str) else s


def pair(field, t):
    return data(field, number(1, index(t[0])) + number(2, index(t[1])))


def label(la):
    return data(3, number(1, index(la[0])) + number(2, index(la[1])) + number(3, la[2]) +
                number(4, index(la[3])))


def encode(p):
    out = [pair(1, t) for t in p["types"]]
    for m in p["mappings"]:
        out.append(data(3, number(1, m[0]) + number(2, m[1]) + number(3, m[2]) +
                        number(5, index(m[3])) + number(6, index(m[4])) + number(7, m[5])))
    for lo in p["locations"]:
        lines = b"".join(data(4, number(1, f) + number(2, n)) for f, n in lo[3])
        out.append(data(4, number(1, lo[0]) + number(2, lo[1]) + number(3, lo[2]) + lines))
    for f in p["functions"]:
        out.append(data(5, number(1, f[0]) + number(2, index(f[1])) + number(3, index(f[2]))))
    for ids, values, labels in p["samples"]:
        out.append(data(2, packed(1, ids) + packed(2, values) + b"".join(map(label, labels))))
    out += [data(6, s) for s in p["strings"]]
    out += [number(9, p["time"]), number(10, p["duration"]), pair(11, p["period_type"]),
            number(12, p["period"]), number(14, index(p["default"]))]
    out += [number(13, index(c)) for c in p["comments"]]
    return b"".join(out) + p["extra"]


def put(*path):
    """A breakage: p[path[0]][path[1]]... = path[-1], tuples taken apart on the way."""
    def breakage(p):
        def replaced(x, keys):
            if not keys:
                return path[-1]
            x = list(x) if isinstance(x, tuple) else x
            x[keys[0]] = replaced(x[keys[0]], keys[1:])
            return x
        replaced(p, path[:-1])
    return breakage


def add(key, *items):
    return lambda p: p[key].extend(items)


V = [1, 1, 1, 1]
BREAKAGES = [  # what the validator must say, the breakage, the file's name
    ("sample types are", put("types", 3, ("bytes", "bytes")), "x.1.heap.pb.gz"),
    ("period type is", put("period_type", ("space", "count"))),
    ("period is 0", put("period", 0)),
    ("default_sample_type is", put("default", "alloc_objects")),
    ("none of the types", put("default", "main")),
    ("default_sample_type is ''", lambda p: None, "x.1.allocs.pb.gz"),
    ("cpu: sample types", lambda p: None, "x.1.cpu.pb.gz"),
    ("has a duration", put("duration", 5)),
    ("time_nanos is 0", put("time", 0)),
    ("written 2 times", put("extra", number(9, 17 * 10**17))),
    ("executableInfo", add("comments", "executableInfo=x")),
    ("not UTF-8", put("strings", I["f"], b"f\xff")),
    ("NUL", put("strings", I["f"], b"f\0g")),
    ('string_table[0] is not ""', put("strings", 0, b"x")),
    ("string 99 of", put("functions", 0, 1, 99)),
    ("string 99 of", put("samples", 0, 2, 0, 0, 99)),
    ("mapping number 2 has the id 3", put("mappings", 1, 0, 3)),
    ("location number 1 has the id 2", lambda p: p["locations"].reverse()),
    ("function number 3 has the id 4", add("functions", (4, "f", "f"))),
    ("no function 7", put("locations", 0, 3, [(7, 0)])),
    ("no location 7", put("samples", 2, 0, [7])),
    ("not the main executable", put("mappings", 0, 3, "/lib/y.so")),
    ("not the main executable", put("mappings", 0, 3, "main")),
    ("no file name", put("mappings", 1, 3, "")),
    ("(deleted)", put("mappings", 1, 3, "/bin/z (deleted)")),
    ("[0x9000, 0x9000)", put("mappings", 0, 1, 0x9000)),
    ("not lower-case hex", put("mappings", 0, 4, "main")),
    ("no mapping", put("mappings", [])),
    ("in mapping 0", put("locations", 0, 1, 0)),
    ("outside its mapping", put("locations", 0, 2, 0x9000)),
    ("outside its mapping", put("locations", 0, 2, 0)),
    ("another one at 0x1004", add("locations", (3, 1, 0x1004, [(2, 0)]))),
    ("has no name", put("functions", 0, 1, "")),
    ("flags set, but locations without a line", put("locations", 1, 3, [])),
    ("has_functions is not set", put("mappings", 0, 5, 0)),
    ("has 3 values for 4", put("samples", 2, 1, [1, 2, 3])),
    ("has no stack", put("samples", 2, 0, [])),
    ("negative", put("samples", 2, 1, [1, 1, -1, 1])),
    ("without a key", put("samples", 0, 2, 0, 0, "")),
    ("reserved", put("samples", 0, 2, 0, 0, "pprof::base")),
    ("text and number at once", put("samples", 0, 2, 0, 1, "main")),
    ("0 without a unit", put("samples", 0, 2, 0, 2, 0)),
    ("elsewhere a", put("samples", 0, 2, 0, 3, "bytes")),
    ("two labels of one key", put("samples", 2, 2, [("bytes", "", 1, ""), ("bytes", "", 2, "")])),
    ("same stack and labels", add("samples", ([1], V, []))),
    ("wire type", put("extra", data(9, b"x"))),
    ("longer than its message", put("extra", b"\x12\x7f")),
    ("wire type", put("extra", b"\x13")),
    ("no end", put("extra", b"\x48\xff")),
]


def expect(what, wrong):
    if not any(what in w for w in wrong):
        sys.exit(f"it should say {what!r}, but says {wrong}")


def main():
    good = gzip.compress(encode(GOOD))
    for name in "x.pb.gz", "x.1.heap.pb.gz":
        if pprofcheck.check_bytes(good, name):
            sys.exit(f"the good one: {pprofcheck.check_bytes(good, name)}")
    for what, breakage, *name in BREAKAGES:
        p = copy.deepcopy(GOOD)
        breakage(p)
        expect(what, pprofcheck.check_bytes(gzip.compress(encode(p)), *name))
    for what, bad in (("second gzip member", good + good), ("bytes follow", good + b"x"),
                      ("too early", good[:-4]), ("not gzip", b"hello"),
                      ("damaged", good[:-8] + bytes(4) + good[-4:])):
        expect(what, pprofcheck.check_bytes(bad))
    p = copy.deepcopy(GOOD)
    put("samples", 2, 1, [1, 1, -1, 1])(p)
    for args in ((p, "x.delta.pb.gz", False), (p, "x.pb.gz", True)):
        if pprofcheck.check_bytes(gzip.compress(encode(args[0])), *args[1:]):
            sys.exit("a difference may be negative")


main()
