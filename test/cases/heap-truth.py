#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-098 fm-099
# timeout: 120
"""Known allocations, whole way through: exact at rate 1, unbiased at the default rate.

Each function of heaptruth says what it allocated and kept. The sum of the samples whose
stack holds that function must agree: exactly at rate 1; within 3 standard errors of the
mean over many fixed seeds at the default rate. Nothing may ever be negative.
"""
import math
import os
import re
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import PROG, check, run  # noqa: E402

RATE = 524288
SEEDS = 40
HEAPTRUTH = PROG + "/heaptruth"

# What each function allocates from one place: [(size, share of its objects)], all columns;
# the part of it that is kept.
SIZES = {
    "fixed_size": [(64, 1)],
    "mixed_sizes": [(64, 0.5), (65536, 0.5)],
    "one_byte": [(1, 1)],
    "churn": [(100 + i, 1 / 400) for i in range(400)],
    "realloc_chain": [(64 << i, 1 / 15) for i in range(15)],
    "zeroed": [(3000, 1)],
    "aligned": [(5000, 1)],
    "huge": [(1 << 30, 1)],
    "fill": [(777, 1)],
    "thread_allocates": [(1500, 1)],
}
KEPT = dict(SIZES, realloc_chain=[(1 << 20, 1)])


def read_truth(text):
    rows = [line.split() for line in text.splitlines()]
    return {row[0]: [int(v) for v in row[1:]] for row in rows}


def read_profile(path):
    """{function: [four sums]} over the stacks each function is on."""
    raw = subprocess.run([os.environ["CPROF"], "raw", path], check=True, capture_output=True,
                         text=True).stdout
    names, number = {}, None
    for line in raw[raw.index("\nLocations"):raw.index("\nMappings")].splitlines():
        m = re.match(r"\s*(\d+): 0x[0-9a-f]+ (?:M=\d+ )?(.*)$", line)
        number = m[1] if m else number
        name = (m[2] if m else line).split()
        if number and name:
            names.setdefault(number, set()).add(name[0])
    sums = {}
    for line in raw[:raw.index("\nLocations")].splitlines():
        m = re.match(r"\s*(-?\d+)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+): ([\d ]*)$", line)
        if not m:
            continue
        values = [int(m[i]) for i in range(1, 5)]
        check(min(values) >= 0, "negative values: " + line)
        for name in set().union(*(names[i] for i in m[5].split())):
            sums[name] = [a + b for a, b in zip(sums.get(name, [0] * 4), values)]
    return sums


def measure(scale, **config):
    directory = os.path.abspath("out")
    done = run([HEAPTRUTH, str(scale)], CPROF_ATEXIT=1, CPROF_DIR=directory, CPROF_LINES=0,
               **config)
    check(done.returncode == 0, done.stderr)
    files = [f for f in os.listdir(directory) if f.endswith(".heap.pb.gz")]
    check(len(files) == 1, "one heap file expected, got %s\n%s" % (files, done.stderr))
    profile = read_profile(os.path.join(directory, files[0]))
    keep = os.path.abspath(files[0])
    os.rename(os.path.join(directory, files[0]), keep)
    for f in os.listdir(directory):
        os.unlink(os.path.join(directory, f))
    return read_truth(done.stdout), profile


def variance(sizes, objects, in_bytes):
    """Of the sum of weights of `objects` blocks: each 0 or 1/p, p = 1 - exp(-size/rate)."""
    total = 0.0
    for size, share in sizes:
        p = -math.expm1(-size / RATE)
        total += objects * share * (1 - p) / p * (size * size if in_bytes else 1)
    return total


truth, profile = measure(1, CPROF_HEAP_RATE=1)
for name, want in truth.items():
    check(profile.get(name) == want, "rate 1, %s: %s is not %s" % (name, profile.get(name), want))

total = {}
for seed in range(SEEDS):
    truth, profile = measure(2, CPROF_SEED=seed + 1)
    for name in truth:
        got = profile.get(name, [0] * 4)
        total[name] = [a + b for a, b in zip(total.get(name, [0] * 4), got)]
for name, want in truth.items():
    for column in range(4):
        sizes = (KEPT if column >= 2 else SIZES)[name]
        se = math.sqrt(variance(sizes, want[column & 2], column & 1) / SEEDS)
        off = total[name][column] / SEEDS - want[column]
        print("%-17s column %d: truth %12d, off by %6.2f standard errors"
              % (name, column, want[column], off / se if se else 0))
        check(abs(off) <= 3 * se + 1, "%s, column %d: off by %.0f, 3 standard errors are %.0f"
              % (name, column, off, 3 * se))
