#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-030 fm-032..035
# soak
"""Handlers in handlers, and in our own work, with everything recorded and often written."""
import glob
import os
import re
import subprocess

from host import LIB, PROG, check

SECONDS = os.environ.get("SOAK_SECONDS") or "3"
ALL = {"LD_PRELOAD": LIB, "CPROF_HEAP_RATE": "1", "CPROF_CPU_HZ": "4000",
       "CPROF_MUTEX_FRACTION": "1", "CPROF_BLOCK_RATE": "1", "CPROF_INTERVAL": "200ms",
       "CPROF_DIR": "out", "CPROF_LOG": "log", "CPROF_KEEP": "20", "CPROF_LINES": "0"}


def outcome(**more):
    p = subprocess.run([PROG + "/reentry", SECONDS], env=dict(os.environ, **more),
                       capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


p = subprocess.run([PROG + "/forkedwalk", "400"], capture_output=True, text=True,
                   env=dict(os.environ, LD_PRELOAD=LIB, CPROF_HEAP_RATE="1", CPROF_LOG="none"))
check((p.returncode, p.stdout) == (0, "0 ended otherwise\n"), p)

want = outcome()
check("complaints 0\n" in want[1], want)
got = outcome(**ALL)
check(got == want, f"{got}, not {want}")

# It was at work all the time, and no work of its own is in what it writes.
for kind in ("heap", "mutex", "block", "threadcreate"):
    last = sorted(glob.glob(f"out/reentry.*.{kind}.pb.gz"), key=os.path.getmtime)[-1]
    raw = subprocess.run([os.environ["CPROF"], "raw", last], capture_output=True, text=True,
                         check=True).stdout
    check(raw.count("\n") > 20, f"{kind} is empty")
    ours = re.findall(r"\bcp_\w+|cprof-job|\bmalloc_slow\b", raw[raw.index("\nLocations"):])
    check(not ours, f"{kind} has {ours}")
