#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-039 fm-042 fm-045 fm-046 fm-058 fm-096 fm-097
# timeout: 120
"""CPU profiles against the kernel's own count of the same run, and hosts that stay what they were."""
import glob
import itertools
import math
import os
import re
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import PROG, check, run  # noqa: E402

CPUTIME = PROG + "/cputime"
TICK = 0.010  # the slowest kernel's
SOAK = int(os.environ.get("SOAK_SECONDS") or 0)
CPUS = len(os.sched_getaffinity(0))
runs = 0


def parse(path):
    """[(seconds, function names leaf first, thread)] of a cpu profile."""
    raw = subprocess.run([os.environ["CPROF"], "raw", path], check=True, capture_output=True,
                         text=True).stdout
    names = {m[1]: m[2] for m in re.finditer(r"^\s*(\d+): 0x[0-9a-f]+ (?:M=\d+ )?(\[[^]]*\]|\S+)",
                                             raw[raw.index("\nLocations"):], re.M)}
    rows = []
    for m in re.finditer(r"^ +\d+ +(\d+): ([\d ]+)\n(?: +thread:\[(.*)\])?",
                         raw[:raw.index("\nLocations") + 1], re.M):
        rows.append((int(m[1]) / 1e9, [names[i] for i in m[2].split()], m[3]))
    return rows


def measure(*args, **config):
    """Runs cputime; answers its output, the kernel's seconds, and its profile's rows."""
    global runs
    runs += 1
    where = os.path.abspath(f"run{runs}")
    p = run([CPUTIME, *map(str, args)], CPROF_ATEXIT=1, CPROF_DIR=where, CPROF_ONLY="cputime",
            CPROF_LINES=0, **config)
    check(p.returncode == 0, f"{args}: status {p.returncode}, {p.stderr}")
    used = [int(u) / 1e6 for u in re.findall(r"^used (\d+)$", p.stdout, re.M)]
    files = sorted(glob.glob(where + "/*.cpu.pb.gz"), key=os.path.getmtime)
    return p, used, [parse(f) for f in files]


def total(rows, name=None):
    return sum(s for s, stack, _ in rows if (name is None or name in stack) and
               "[cprof]" not in stack)


def agrees(used, rows, threads, what):
    allowed, ours = max(0.01 * used, TICK * max(threads, 1)), sum(s for s, _, _ in rows) - total(rows)
    said = f"{what}: {total(rows):.4f} s, and {ours:.4f} of ours; the kernel says {used:.4f}"
    print(said)
    check(abs(total(rows) - used) <= allowed, said)


# threads, ms of each, Hz
GRID = [(1, 10, 100), (1, 600, 50), (4, 150, 1000), (32, 20, 250), (0, 300, 1000)]
if SOAK:  # a third of the time at most for any of them; the longest at both ends only
    GRID += [g for g in itertools.product((1, 4, 32), (10, 1000, 10000), (50, 100, 250, 1000))
             if g[0] * g[1] <= SOAK * 1000 / 3 * CPUS and (g[0] * g[1] < 100000 or g[2] in (50, 1000))]

for threads, ms, hz in GRID:
    p, (used,), (rows,) = measure(threads, ms, CPROF_CPU_HZ=hz)
    what = f"{threads} threads of {ms} ms at {hz} Hz"
    agrees(used, rows, threads, what)
    check(total(rows, "work" if threads else "spend") >= 0.9 * threads * ms / 1000, f"{what}: {rows}")
    for i in range(threads):
        mine = sum(s for s, _, name in rows if name == f"worker-{i}")
        check(abs(mine - ms / 1000) <= 0.01 * ms / 1000 + 0.002, f"{what}: worker-{i} has {mine}")

# One to two, within four standard errors of as many samples as there can be ticks.
seconds = 10 if SOAK else 1
p, _, (rows,) = measure(0, 1000 * seconds, CPROF_CPU_HZ=1000)
one, two = (sum(s for s, stack, _ in rows if f in stack) for f in ("one", "two"))
check(abs(two / (one + two) - 2 / 3) <= 4 * math.sqrt(2 / 9 / 100 / seconds), f"1:2 is {one}:{two}")
print(f"1:2 is {one:.4f}:{two:.4f}")

# Threads of a millisecond: all there, under the routine they start in; no timer is left.
times = 10000 if SOAK else 250
p, (used,), (rows,) = measure(4, 1, times, "timers-after")
agrees(used, rows, 4, "short threads")
check(total(rows, "work") >= 0.97 * 4 * times / 1000, f"short threads: {total(rows, 'work')} s")
check(p.stdout.startswith("timers 1\n"), p.stdout)

# One made by a raw clone, one that blocks every signal.
p, (used,), (rows,) = measure(1, 300, "deaf", "raw")
agrees(used, rows, 3, "raw and deaf")
check(0.28 <= total(rows, "[signals blocked]") <= 0.4, f"deaf: {rows}")

# The host's own handler: installed, asked for, and run as often as it was raised.
p, (used,), (rows,) = measure(1, 200, "own", "send", CPROF_CPU_HZ=1000)
check(p.stdout.startswith("was default\nwas default\nis mine\nhits 200\n"), p.stdout)
check(p.stderr.count("takes signal 27") == 1, p.stderr)
agrees(used, rows, 2, "own handler")
check(sum(s > 0 and len(stack) > 2 for s, stack, _ in rows) > 1, f"no samples after: {rows}")

# SIG_DFL for all signals; children that exec while timers tick; a child's own profile.
p, used, profiles = measure(0, 60, "default", "spawn", "child", CPROF_CPU_HZ=1000)
check("is default\nbad children 0\n" in p.stdout, p.stdout)
check(len(profiles) == 2 and len(used) == 2, f"{len(profiles)} profiles, used {used}")
agrees(used[0], profiles[0], 1, "the child")
agrees(used[1], profiles[1], 1, "the parent")

# No timer to be had: one line, and the sum is right all the same.
p = subprocess.run(["sh", "-c", f"ulimit -i 0; exec {CPUTIME} 2 100"], capture_output=True, text=True,
                   env=dict(os.environ, LD_PRELOAD=os.environ["LIB"], CPROF_ATEXIT="1",
                            CPROF_DIR="refused", CPROF_ONLY="cputime"))
check(p.returncode == 0 and p.stderr.count("refuses a timer") <= 1, p.stderr)
agrees(int(p.stdout.split()[1]) / 1e6, parse(glob.glob("refused/*.cpu.pb.gz")[0]), 2, "no timers")

# Off is off.
p, _, profiles = measure(1, 20, CPROF_CPU_HZ=0)
check(not profiles, "a cpu profile at 0 Hz")
