#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-082
# soak
"""No request is lost between jobs that end and jobs that begin, whoever asks at once."""
import ctypes
import os
import random
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from asked import CPROF, PROG, check, environment, files, leftovers, start, wait_for  # noqa: E402


SIGNAL, LAST = int(signal.SIGRTMIN + 3), 201
SIGQUEUE = ctypes.CDLL(None).sigqueue
SIGQUEUE.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p)


def answers(path):
    raw = subprocess.run([CPROF, "raw", str(path)], capture_output=True, text=True).stdout
    return {int(n, 16) for n in re.findall(r"request=(\w{6})", raw)}


class Answered:
    """The requests answered so far; each file is read once."""

    def __init__(self, where):
        self.where, self.known, self.seen = where, set(), set()

    def __call__(self):
        for path in [f[0] for f in files(self.where) if f[0] not in self.known]:
            self.known.add(path)
            self.seen |= answers(path)
        return self.seen


def ask(pid, number):
    SIGQUEUE(pid, SIGNAL, 0xC9F0 << 48 | 4 << 40 | number)


def plain(where):
    """Is there a snapshot that nobody asked for by value? Those ask for allocs alone."""
    return any(f[3] == "heap" for f in files(where))


def storm(where, pause):
    """200 requests, each answered: at 40 a second the slots for pending ones hold on a machine
    that stalls for one. When they come too fast, what is left of those without room is a plain
    snapshot; and who misses an answer asks again."""
    answered, every = Answered(where), set(range(1, 201))
    p = subprocess.Popen([f"{PROG}/asking", str(pause)], stdout=subprocess.PIPE,
                         env=environment(dir=where, signal=SIGNAL, log="none", keep=100000))
    try:
        check(p.stdout.readline() == b"asked\n", "not all are asked")
        if pause >= 200000:
            wait_for(lambda: answered() >= every, "every answer", 30)
        ask(p.pid, LAST)  # answered with those before it, or later
        wait_for(lambda: LAST in answered() or plain(where), "the last answer", 30)
        time.sleep(0.5)
        missing = every - answered()
        check(not missing or plain(where), f"lost: {sorted(missing)}")
        for some in (sorted(missing)[i:i + 16] for i in range(0, len(missing), 16)):
            for number in some:
                ask(p.pid, number)
            wait_for(lambda: answered() >= set(some), f"answers {some} at last", 30)
    finally:
        p.kill()
        p.wait()
    check(not leftovers(where), leftovers(where))
    return len(missing)


def pairs(where, rounds):
    """A second request while the first one's job is at work, or about to end."""
    p = start("alloc", "say", "ready", "pause", env=environment(dir=where, signal=SIGNAL, log="none"))
    p.stdout.readline()
    answered = Answered(where)
    try:
        for n in range(1, 2 * rounds, 2):
            ask(p.pid, n)
            time.sleep(random.random() * 0.004)
            ask(p.pid, n + 1)
            wait_for(lambda: {n, n + 1} <= answered(), f"answers {n} and {n + 1}", 10)
    finally:
        p.kill()
        p.communicate()


pairs("pairs", 50)
check(storm("flood", 1000), "there is room for any number of requests")
end = time.monotonic() + float(os.environ.get("SOAK_SECONDS", "0"))
n = 0
while not n or time.monotonic() < end:
    n += 1
    storm(f"round{n}", 200000)  # 40 a second
