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


def storm(where):
    # 40 requests a second: the slots for pending ones hold on a machine that stalls for one.
    answered = Answered(where)
    p = subprocess.Popen([f"{PROG}/asking", "200000"],
                         env=environment(dir=where, signal="RTMIN+3", log="none", keep=100000))
    time.sleep(1)
    try:
        wait_for(lambda: answered() >= set(range(1, 201)), "every answer", 30)
    finally:
        p.kill()
        p.wait()
    check(not leftovers(where), leftovers(where))


def pairs(where, rounds):
    """A second request while the first one's job is at work, or about to end."""
    sigqueue = ctypes.CDLL(None).sigqueue
    sigqueue.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
    number = int(signal.SIGRTMIN + 3)
    p = start("alloc", "say", "ready", "pause", env=environment(dir=where, signal=number, log="none"))
    p.stdout.readline()
    answered = Answered(where)
    try:
        for n in range(1, 2 * rounds, 2):
            sigqueue(p.pid, number, 0xC9F0 << 48 | 4 << 40 | n)
            time.sleep(random.random() * 0.004)
            sigqueue(p.pid, number, 0xC9F0 << 48 | 4 << 40 | n + 1)
            wait_for(lambda: {n, n + 1} <= answered(), f"answers {n} and {n + 1}", 10)
    finally:
        p.kill()
        p.communicate()


pairs("pairs", 50)
end = time.monotonic() + float(os.environ.get("SOAK_SECONDS", "0"))
storm("round0")
n = 0
while time.monotonic() < end:
    n += 1
    storm(f"round{n}")
