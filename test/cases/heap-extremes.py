#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-027 fm-028 fm-102
# timeout: 300
"""Memory at the edges: a huge calloc, rate 1, and sampled churn that never ends."""

import glob
import os
import re
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
import pprofcheck  # noqa: E402
from host import PROG, check, run  # noqa: E402

SOAK = int(os.environ.get("SOAK_SECONDS", "0"))
MIB = 1024


def rss(done):
    check(done.returncode == 0, done.stderr)
    return int(re.search(r"^rss (\d+)$", done.stdout, re.M)[1])


extremes = PROG + "/extremes"

# A calloc of 1 GiB is always sampled, and must not become resident.
done = run([extremes, "calloc"], CPROF_ATEXIT=1)
check(rss(done) < 32 * MIB, "calloc of 1 GiB: %d KiB resident" % rss(done))

# Every one of 70 MB of small blocks recorded: at most twice the memory.
plain = rss(run([extremes, "small"], preload=None))
full = rss(run([extremes, "small"], CPROF_HEAP_RATE=1))
check(full <= 2 * plain, "rate 1: %d KiB became %d" % (plain, full))

# What doesn't fit the memory bound is counted, and said in the profile.
done = run([extremes, "small"], CPROF_HEAP_RATE=1, CPROF_MAX_MEMORY="8M", CPROF_ATEXIT=1,
           CPROF_DIR=os.path.abspath("small"))
bound = rss(done)
check(bound <= plain + 12 * MIB, "CPROF_MAX_MEMORY=8M: %d KiB became %d" % (plain, bound))
heap = glob.glob("small/*.heap.pb.gz")
comments = pprofcheck.read(heap[0]).comments
check(any(c.startswith("lost=") and "live-block table full" in c for c in comments), comments)

# Churn at rate 1: every operation sampled, a thousand blocks live.
n = 100_000_000 if SOAK else 10_000_000
done = run([extremes, "churn", str(n)], CPROF_HEAP_RATE=1, CPROF_ATEXIT=1)
rss(done)
parts = [(float(ns), int(kib)) for ns, kib in
         re.findall(r"^part \d+ ns ([\d.]+) rss (\d+)$", done.stdout, re.M)]
check(len(parts) == 10, done.stdout)
for ns, kib in parts:
    print("%6.1f ns a pair, %d KiB resident" % (ns, kib))
check(parts[-1][1] <= parts[0][1] + 4 * MIB, "memory grew under churn")
