#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-101
# timeout: 90
"""Known waits for a mutex, whole way through: who waited, who made wait, how often, how long.

`locks` measures itself. At rate 1 each of its functions agrees within 5 %; sampled at fixed
seeds, the mean within 3 standard errors. The two profiles of a mutex agree with each other.
"""
import math
import os
import re
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import PROG, check, run  # noqa: E402

LOCKS = PROG + "/locks"
LEAF = {"block": "pthread_mutex_lock", "mutex": "pthread_mutex_unlock"}


def read_profile(path):
    """{function: [contentions, delay]} over the stacks each function is on, and the leaves."""
    raw = subprocess.run([os.environ["CPROF"], "raw", path], check=True, capture_output=True,
                         text=True).stdout
    names, number = {}, None
    for line in raw[raw.index("\nLocations"):raw.index("\nMappings")].splitlines():
        m = re.match(r"\s*(\d+): 0x[0-9a-f]+ (?:M=\d+ )?(.*)$", line)
        number = m[1] if m else number
        name = (m[2] if m else line).split()
        if number and name:
            names.setdefault(number, name[0])
    sums, leaves = {}, set()
    for line in raw[:raw.index("\nLocations")].splitlines():
        m = re.match(r"\s*(-?\d+)\s+(-?\d+): ([\d ]*)$", line)
        if not m:
            continue
        values = [int(m[1]), int(m[2])]
        check(min(values) >= 0, "negative values: " + line)
        stack = [names[i] for i in m[3].split()]
        leaves.add(stack[0])
        for name in set(stack):
            sums[name] = [a + b for a, b in zip(sums.get(name, [0, 0]), values)]
    return sums, leaves


def measure(schedule, rounds, **config):
    """{(profile, function): (truth, measured)}"""
    directory = os.path.abspath("out")
    done = run([LOCKS, schedule, str(rounds)], CPROF_ATEXIT=1, CPROF_DIR=directory,
               CPROF_LINES=0, CPROF_PROFILES="mutex,block", **config)
    check(done.returncode == 0, done.stderr)
    profile, leaves = {}, {}
    for f in sorted(os.listdir(directory)):
        kind = f.split(".")[-3]
        keep = os.path.abspath(schedule + "." + kind + ".pb.gz")
        os.rename(os.path.join(directory, f), keep)
        profile[kind], leaves[kind] = read_profile(keep)
    check(set(profile) == {"mutex", "block"}, "files of both are expected: " + done.stderr)
    rows = [line.split() for line in done.stdout.splitlines()]
    return {(kind, name): ([int(n), int(ns)], profile[kind].get(name, [0, 0]))
            for name, kind, n, ns in rows}, leaves


for schedule, rounds in (("holder", 25), ("convoy", 40)):
    found, leaves = measure(schedule, rounds, CPROF_BLOCK_RATE=1, CPROF_MUTEX_FRACTION=1)
    for (kind, name), (want, got) in found.items():
        print("%-7s %-5s %-8s truth %s measured %s" % (schedule, kind, name, want, got))
        for w, g in zip(want, got):
            check(abs(g - w) <= 0.05 * w, "%s, %s in %s: %s is not %s"
                  % (schedule, kind, name, got, want))
        check(any(LEAF[kind] in leaf for leaf in leaves[kind]), "leaves: %s" % leaves[kind])

found, _ = measure("alone", 100000, CPROF_BLOCK_RATE=1, CPROF_MUTEX_FRACTION=1)
for (kind, name), (want, got) in found.items():
    check(got == [0, 0], "%s of a mutex nobody waits for: %s" % (kind, got))

# Sampled: 1 wait in 4 is charged to the unlocker; a wait of d ns is recorded with
# probability d/RATE. Each run is off by its own truth, which carries the run's noise.
SEEDS, FRACTION, RATE = 12, 4, 40000000
off, square, total = {}, {}, {}
for seed in range(SEEDS):
    found, _ = measure("convoy", 20, CPROF_SEED=seed + 1, CPROF_BLOCK_RATE=RATE,
                       CPROF_MUTEX_FRACTION=FRACTION)
    for (kind, _name), (want, got) in found.items():
        for i in range(2):
            key = (kind, i)
            off[key] = off.get(key, 0) + got[i] - want[i]
            total[key] = total.get(key, 0) + want[i]
            # Equal waits of d: variance n d^2 (1/p - 1), for counts without the d^2.
            n, ns = want
            p = 1 / FRACTION if kind == "mutex" else min(1, ns / n / RATE)
            square[key] = square.get(key, 0) + n * (1 / p - 1) * ((ns / n) ** 2 if i else 1)
for key in off:
    se = math.sqrt(square[key])
    print("sampled %s column %d: truth %d, off by %.2f standard errors"
          % (key[0], key[1], total[key], off[key] / se))
    check(abs(off[key]) <= 3 * se + 0.02 * total[key], "sampled %s: off by %.0f, standard error %.0f"
          % (key, off[key], se))
