#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-101
# timeout: 90
"""Waits that are not over are in the block profile with their time so far, and each counts
once with all its time when it is: in snapshots, windows, and differences of the two."""
import os
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import PROG, check, have_go, pprof, wait_for  # noqa: E402
from http_kit import Server  # noqa: E402

STUCK = ("stuck_in_mutex", "stuck_in_cond", "stuck_in_sem")
SECOND = 1000000000


def read(path):
    """{(function of the victim, state): [contentions, delay]}"""
    raw = subprocess.run([os.environ["CPROF"], "raw", path], check=True, capture_output=True,
                         text=True).stdout
    names = dict(re.findall(r"^\s*(\d+): 0x[0-9a-f]+ (?:M=\d+ )?(\S+)", raw, re.M))
    found = {}
    for n, ns, ids, labels in re.findall(r"^ *(-?\d+) +(-?\d+): ([\d ]+)\n((?: {16}.*\n)*)",
                                         raw[:raw.index("\nLocations")] + "\n", re.M):
        check(int(n) >= 0 and int(ns) >= 0, "negative values:\n" + raw)
        state = (re.search(r"state:\[(.*?)\]", labels) or [None, None])[1]
        # From the leaf: a handler that waits is found before what it interrupted.
        for name in (names[i] for i in ids.split()):
            if name in STUCK + ("interrupted", "handles", "jumped", "waits_in_crowd"):
                row = found.setdefault((name, state), [0, 0])
                row[0] += int(n)
                row[1] += int(ns)
                break
    return found


def total(found, name):
    return [sum(row[i] for (who, _), row in found.items() if who == name) for i in range(2)]


class Stuck(Server):
    def __init__(self, *args, **config):
        self.log_from = os.path.getsize("host.log") if os.path.exists("host.log") else 0
        self.began = time.monotonic()
        super().__init__([PROG + "/stuck", *args], CPROF_LINES=0, CPROF_ATEXIT=1, **config)
        check(wait_for(lambda: "there\n" in self.said()), self.log_text())
        self.there = time.monotonic()

    def said(self):
        return self.log_text()[self.log_from:]

    def at_most(self):
        """How long a wait can be under way, in ns."""
        return (time.monotonic() - self.began) * SECOND

    def block(self, name, query=""):
        path = os.path.abspath(name + ".block.pb.gz")
        with open(path, "wb") as f:
            f.write(self.get("/debug/pprof/block" + query).body)
        return path

    def lets_go(self):
        """{function: ns it waited}"""
        os.kill(self.pid, signal.SIGUSR2)
        check(wait_for(lambda: "gone\n" in self.said()), self.log_text())
        rows = re.findall(r"^(\w+) block 1 (\d+)$", self.said(), re.M)
        check(len(rows) == 5, self.log_text())
        return {name: int(ns) for name, ns in rows}


def all_wait(found, contentions, at_least, at_most):
    for name in STUCK:
        check(total(found, name) == found.get((name, "waiting")), "%s: %s" % (name, found))
        n, ns = found[name, "waiting"]
        check(n == contentions and at_least <= ns <= at_most, "%s: %d contentions, %d not in %d..%d"
              % (name, n, ns, at_least, at_most))
    check(not any(name in ("interrupted", "jumped") for name, _ in found), str(found))


def in_the_background(fn, *args):
    """What fn answers is in the list when the thread has ended."""
    answer = []
    t = threading.Thread(target=lambda: answer.append(fn(*args)))
    t.start()
    return t, answer


with Stuck() as host:
    time.sleep(0.3)
    least = (time.monotonic() - host.there) * SECOND
    first = host.snapshot(types=("block",))["block"]
    all_wait(read(first), 1, least, host.at_most())

    # Counted before it began; of its time, what lies within.
    asked = time.monotonic()
    inside = read(host.block("inside", "?seconds=1"))
    all_wait(inside, 0, 0.99 * SECOND, (time.monotonic() - asked) * SECOND)

    # Under way at its start, over at its end.
    t, answer = in_the_background(host.block, "across", "?seconds=2")
    time.sleep(0.5)
    truth = host.lets_go()
    t.join()
    across = read(answer[0])
    for name in STUCK:
        n, ns = total(across, name)
        check(n == 0 and 0 < ns < min(2.5 * SECOND, truth[name]), "%s: %s" % (name, across))
        check((name, None) in across, "its end is not in the window: %s" % across)

    last = host.snapshot(types=("block",))["block"]
    all_over = read(last)
    for name, want in truth.items():
        n, ns = total(all_over, name)
        check(n == 1 and abs(ns - want) <= 0.05 * want, "%s: %d times %d, not %d"
              % (name, n, ns, want))
    after = read(host.block("after", "?seconds=1"))
    check(not after, "waits that are over go on: %s" % after)

    # As files, whole and as a difference.
    if have_go():
        raw = pprof("-raw", "-base", first, last)
        check(not re.search(r"^ *(-\d+ +-?\d+|\d+ +-\d+):", raw, re.M), raw)
        for name in STUCK:
            check(name in pprof("-top", "-tagfocus", "state=waiting", first), name)
            check(name not in pprof("-top", "-tagignore", "state=waiting", first), name)
            for mode in "-contentions", "-mean_delay":
                pprof("-top", mode, "-base", first, last)

# Never over: the file of the end has it.
with Stuck(CPROF_PROFILES="block") as host:
    least = (time.monotonic() - host.there) * SECOND
    host.process.terminate()
    host.process.wait(20)
    for files in host.files().values():
        all_wait(read(files["block"]), 1, least, host.at_most())
    check(host.files() or "dropped" in host.said(), host.log_text())

# Two readers at once, over and over: nothing twice.
with Stuck("50", CPROF_PROFILES="block") as host:
    time.sleep(0.3)  # a wait counts after a tenth of a second
    readers = [in_the_background(lambda: [host.get("/debug/pprof/block") for _ in range(40)])
               for _ in range(2)]
    for t, _ in readers:
        t.join()
    least = (time.monotonic() - host.there) * SECOND
    n, ns = read(host.block("crowd"))["waits_in_crowd", "waiting"]
    check(n == 50 and 50 * least <= ns <= 50 * host.at_most(), "%d times %d" % (n, ns))
