#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cprof merge adds and subtracts; cprof raw shows all that is in the outcome."""
import os
import re
import shutil
import stat
import subprocess
import sys

import pprofgen as gen

CPROF = os.environ["CPROF"]


def cprof(*argv, **more):
    p = subprocess.run([CPROF, *argv], capture_output=True, **more)
    if p.returncode or p.stderr:
        sys.exit(f"cprof {argv}: status {p.returncode}: {p.stderr}")
    return p.stdout


def samples(path):
    """{(stack as names, labels): values}, read from cprof raw."""
    text = cprof("raw", path).decode()
    body, locations = text.split("\nLocations\n")
    names = {}
    for line in locations.partition("Mappings\n")[0].splitlines():
        m = re.match(r" *(\d+): 0x\w+ (?:M=\d+ )?(\S*)", line)
        names[m.group(1)] = m.group(2)
    found = {}
    for line in body.split("\nSamples:\n")[1].split("\n")[1:]:
        if line.startswith(" " * 16):
            found[last[0], line.strip()] = found.pop(last)
            continue
        values, ids = line.split(":")
        last = tuple(names[i] for i in ids.split()), ""
        found[last] = [int(v) for v in values.split()]
    return found


def profile(name, *rows, **more):
    p = gen.Profile(gen.HEAP, **more)
    for stack, n, size in rows:
        p.sample(stack.split(), [n, n * size, n, n * size], [("bytes", size)])
    return p.write(name)


one = profile("one.pb.gz", ("leaf a main", 3, 64), ("leaf b main", 1, 4096))
two = profile("two.pb.gz", ("leaf b main", 2, 4096), ("leaf a main", 5, 128), ("c main", 1, 1))

cprof("merge", "-o", "sum.pb.gz", one, two)
assert samples("sum.pb.gz") == {
    (("leaf", "a", "main"), "bytes:[64]"): [3, 192, 3, 192],
    (("leaf", "a", "main"), "bytes:[128]"): [5, 640, 5, 640],
    (("leaf", "b", "main"), "bytes:[4096]"): [3, 12288, 3, 12288],
    (("c", "main"), "bytes:[1]"): [1, 1, 1, 1],
}, samples("sum.pb.gz")
assert stat.S_IMODE(os.stat("sum.pb.gz").st_mode) == 0o600

# What was added can be taken away again: nothing else is left.
cprof("merge", "-o", "left.pb.gz", "-base", two, "sum.pb.gz")
assert samples("left.pb.gz") == samples(one), samples("left.pb.gz")
cprof("merge", "-o", "zero.pb.gz", "--base=" + one, one)
assert samples("zero.pb.gz") == {}

# To standard output, to a pipe's end, over an existing file.
with open("piped.pb.gz", "wb") as f:
    f.write(cprof("merge", one, two))
assert samples("piped.pb.gz") == samples("sum.pb.gz")
cprof("merge", "-o", "left.pb.gz", one)
assert samples("left.pb.gz") == samples(one)
assert sorted(os.listdir(".")) == ["left.pb.gz", "one.pb.gz", "piped.pb.gz", "sum.pb.gz",
                                   "two.pb.gz", "zero.pb.gz"], os.listdir(".")

# A week of snapshots comes out as their sum.
week = [profile(f"h{i}.pb.gz", ("leaf a main", i, 64), (f"f{i % 5} main", 1, 32))
        for i in range(1, 169)]
cprof("merge", "-o", "week.pb.gz", *week)
got = samples("week.pb.gz")
assert got[("leaf", "a", "main"), "bytes:[64]"][0] == sum(range(1, 169)), got
assert sum(v[0] for v in got.values()) == sum(range(1, 169)) + 168, got


# Totals of one process have each other in them: their sum counts twice, and that is said.
def said(*argv, cut=("cprof: srv.x.7: several files of this one process",)):
    p = subprocess.run([CPROF, "merge", "-o", "sum.pb.gz", *argv], capture_output=True, text=True)
    lines = p.stderr.splitlines()
    if p.returncode or len(lines) != len(cut) or not all(map(str.startswith, lines, cut)):
        sys.exit(f"cprof merge {argv}: {p.returncode}, {p.stderr}, not {cut}")


def snapshot(process, n, kind, **more):
    os.makedirs("snapshots", exist_ok=True)
    return profile(f"snapshots/{process}.20260101T00000{n}Z.000{n}.{kind}.pb.gz",
                   ("leaf main", n, 64), **more)


early, late = snapshot("srv.x.7", 1, "heap"), snapshot("srv.x.7", 2, "heap")
said(early, one, late)
said(late, snapshot("srv.x.7", 2, "allocs"))
said(early, snapshot("srv.x.8", 2, "heap"), snapshot("srv.7", 2, "heap"), cut=())
said(early, snapshot("srv.x.7", 3, "block"), cut=())
said(snapshot("srv.x.7", 1, "cpu"), snapshot("srv.x.7", 2, "cpu"), cut=())
said(late, "--base", early, cut=())
windows = [snapshot("srv.x.7", n, "heap", comments=("window=1000 ms",)) for n in (4, 5)]
said(*windows, cut=())
shutil.rmtree("snapshots")  # made here, and not what the library writes
