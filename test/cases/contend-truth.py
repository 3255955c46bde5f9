#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-101
# timeout: 90
"""Known waits, whole way through: who waited, who made wait, how often, how long.

`locks` and `waits` measure themselves. At rate 1 each of their functions agrees within 5 %;
sampled at fixed seeds, the mean within 3 standard errors. The two profiles of a mutex agree
with each other.
"""
import math
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import PROG, check, run  # noqa: E402

# program, schedule, rounds, what all leaves of block and mutex are; None: nothing is there
ANY = "(?!syscall).*"  # the lock's own function, not how it asks the kernel
RELEASED = "pthread_cond_.*wait|pthread_mutex_unlock"
SCHEDULES = [
    ("locks", "holder", 25, "pthread_mutex_lock", "pthread_mutex_unlock"),
    ("locks", "convoy", 40, "pthread_mutex_lock", "pthread_mutex_unlock"),
    ("waits", "rwlock", 12, "pthread_rwlock_.*lock", "pthread_rwlock_unlock"),
    ("waits", "rwlock-writers", 12, "pthread_rwlock_.*lock", "pthread_rwlock_unlock"),
    ("waits", "cond", 12, "pthread_cond_.*wait|pthread_mutex_lock", RELEASED),
    ("waits", "cond-timeout", 12, "pthread_cond_.*wait", None),
    ("waits", "cond-mutex", 12, "pthread_cond_wait|pthread_mutex_lock", RELEASED),
    ("waitsmore", "once", 12, "pthread_once|call_once", "pthread_once|call_once"),
    ("waitsmore", "join", 24, "thrd_join", None),
    ("waitsmore", "barrier", 12, "pthread_barrier_wait", None),
    ("waitsmore", "semaphore", 24, "sem_.*wait", None),
    ("waits", "c11", 12, "mtx_lock|mtx_timedlock|cnd_.*wait", "mtx_unlock|cnd_.*wait"),
    ("waitsmore", "futex", 12, "futex_wait", "futex_wake"),
    ("waitsmore", "sleep", 24, ".*sleep", None),
    ("waitsmore", "poll", 28, ".*poll|p?select|epoll_p?wait2?", None),
    ("waitsmore", "read", 36, "readv?|recv|recvfrom|recvmm?sg|.*nanosleep", None),
    ("waitscxx", "mutex", 5, "pthread_.*lock", "pthread_.*unlock"),
    ("waitscxx", "shared", 10, "pthread_.*lock", "pthread_.*unlock"),
    ("waitscxx", "condition", 10, "pthread_.*(lock|wait)", "pthread_.*(lock|wait)"),
    ("waitscxx", "semaphore", 10, ANY, ANY),
    ("waitscxx", "latch", 10, ANY, ANY),
    ("waitscxx", "atomic", 10, ANY, ANY),
    ("waitsrust", "mutex", 10, ANY, ANY),
    ("waitsrust", "rwlock", 10, ANY, ANY),
    ("waitsrust", "condvar", 10, ANY, ANY),
    ("waitsrust", "channel", 10, ANY, ANY),
]
ALWAYS = "pthread_join|.*join_np|pthread_barrier_wait"


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


def measure(program, schedule, rounds, where="out", **config):
    """{(profile, function): (truth, measured)}"""
    directory = os.path.abspath(where)
    argv = [os.path.join(PROG, program), schedule, str(rounds)]
    for _ in range(5):  # a busy machine may not leave the 100 ms that a program's end may take
        done = run(argv, CPROF_ATEXIT=1, CPROF_DIR=directory, CPROF_LINES=0,
                   CPROF_PROFILES="mutex,block", **config)
        if "dropped" not in done.stderr:
            break
    if done.returncode == 77:
        return {}, {"block": (), "mutex": ()}
    check(done.returncode == 0, done.stderr)
    profile, leaves = {}, {}
    for f in sorted(os.listdir(directory)):
        kind = f.split(".")[-3]
        keep = os.path.abspath("%s.%s.%s.%s.pb.gz" % (program, schedule, where, kind))
        os.rename(os.path.join(directory, f), keep)
        profile[kind], leaves[kind] = read_profile(keep)
    check(set(profile) == {"mutex", "block"}, "files of both are expected: " + done.stderr)
    rows = [line.split() for line in done.stdout.splitlines()]
    return {(kind, name): ([int(n), int(ns)], profile[kind].get(name, [0, 0]))
            for name, kind, n, ns in rows}, leaves


def strays(schedule, found):
    """What isn't as it should be in one run, or nothing."""
    for (kind, name), (want, got) in found.items():
        print("%-7s %-5s %-8s truth %s measured %s" % (schedule, kind, name, want, got))
        check(want[0] > 0, "%s: nobody waited in %s" % (schedule, name))
        if schedule == "channel":  # which may park for a message more than once, or not at all
            got[0] = want[0]
        if any(abs(g - w) > 0.05 * w for w, g in zip(want, got)):
            return "%s, %s in %s: %s is not %s" % (schedule, kind, name, got, want)
    return ""


def holds_at_rate_1(program, schedule, rounds, *leaf):
    idle = int(schedule in ("sleep", "poll", "read"))
    for _ in range(3):  # a thread that gets no processor in time takes what it need not wait for
        found, leaves = measure(program, schedule, rounds, CPROF_BLOCK_RATE=1,
                                CPROF_MUTEX_FRACTION=1, CPROF_BLOCK_IO=idle)
        wrong = strays(schedule, found)
        if not wrong:
            break
    check(not wrong, wrong)
    for kind, allowed in zip(("block", "mutex"), leaf):
        strange = [name for name in leaves[kind]
                   if not re.fullmatch(allowed or "", name) and
                   (kind == "mutex" or not re.fullmatch(ALWAYS, name))]
        check(not strange, "%s: leaves of %s: %s" % (schedule, kind, strange))


for row in SCHEDULES:
    holds_at_rate_1(*row)

found, _ = measure("locks", "alone", 100000, CPROF_BLOCK_RATE=1, CPROF_MUTEX_FRACTION=1)
for (kind, name), (want, got) in found.items():
    check(got == [0, 0], "%s of a mutex nobody waits for: %s" % (kind, got))

# Sampled: 1 wait in 4 is charged to the unlocker; a wait of d ns is recorded with
# probability d/RATE. Each run is off by its own truth, which carries the run's noise. The
# waits of a function are about equal. Runs sleep most of the time: some at once.
SEEDS, FRACTION, RATE = 12, 4, 40000000
SAMPLED = [("locks", "convoy", 20), ("waits", "cond", 12), ("waits", "rwlock", 12),
           ("waitsmore", "semaphore", 20), ("waitscxx", "condition", 10), ("waitsrust", "mutex", 10)]


def sampled_run(program, schedule, rounds, seed):
    found, _ = measure(program, schedule, rounds, "seed%d" % seed, CPROF_SEED=seed,
                       CPROF_BLOCK_RATE=RATE, CPROF_MUTEX_FRACTION=FRACTION)
    return found


def errors(runs):
    """{(profile, column): [how far off in all, its variance, truth]}"""
    sums = {}
    for (kind, _name), (want, got) in (row for found in runs for row in found.items()):
        n, ns = want
        # Equal waits of d: variance n d^2 (1/p - 1), for counts without the d^2.
        p = 1 / FRACTION if kind == "mutex" else min(1, ns / n / RATE)
        for i, weight in enumerate((1, (ns / n) ** 2)):
            off, square, total = sums.get((kind, i), (0, 0, 0))
            sums[kind, i] = (off + got[i] - want[i], square + n * (1 / p - 1) * weight,
                             total + want[i])
    return sums


def unbiased(program, schedule, rounds, first_seed):
    """What is off by more than chance allows, or nothing."""
    seeds = range(first_seed, first_seed + SEEDS)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda seed: sampled_run(program, schedule, rounds, seed), seeds))
    wrong = ""
    for (kind, column), (off, square, total) in errors(runs).items():
        se = math.sqrt(square)
        line = "sampled %s, %s column %d: truth %d, off by %.2f standard errors of %d" % (
            schedule, kind, column, total, off / se, se)
        print(line)
        if abs(off) > 3 * se + 0.02 * total:
            wrong = line
    return wrong


for row in SAMPLED:
    # One in some hundred is off by so much without being wrong, and never three times.
    for attempt in range(3):
        strange = unbiased(*row, 1 + attempt * SEEDS)
        if not strange:
            break
    check(not strange, strange)
