#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-038 fm-092
"""A handler for SIGPROF that libc or the program installs past sigaction gets no sample of ours."""
import os
import struct
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import PROG, check, run  # noqa: E402


def counted():
    """The ticks in the histogram of gmon.out."""
    with open("gmon.out", "rb") as f:
        data = f.read()
    at, ticks = 20, 0
    while at < len(data) and data[at] in (0, 1):
        if data[at] == 1:  # a call: two addresses and a count
            at += 21
            continue
        size = struct.unpack_from("<QQII", data, at + 1)[2]
        at += 41
        ticks += sum(struct.unpack_from(f"<{size}H", data, at))
        at += 2 * size
    os.unlink("gmon.out")
    return ticks


def is_right(preload):
    """100 in each second of CPU time, and the kernel's tick. And what was seen."""
    p = run([f"{PROG}/gprof"], preload=preload, CPROF_CPU_HZ=1000)
    ms = int(p.stdout.split()[0])
    ticks = counted()
    return (p.returncode == 0 and 0.5 * ms / 10 <= ticks <= 1.2 * ms / 10 + 2,
            f"{ticks} ticks in {ms} ms with {preload!r}: {p.stderr}")


# On a busy machine the kernel miscounts without us, too: such a round says nothing.
for _ in range(5):
    alone, what = is_right("")
    if alone:
        ours, what = is_right(os.environ["LIB"])
        check(ours, what)
        break
check(alone, what)
