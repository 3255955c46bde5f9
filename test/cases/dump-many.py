#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""Many threads: those that wait are not woken for a dump, those that run are all told of; and
threads that come and go meanwhile leave nothing behind."""

import os
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from dump_kit import Standing  # noqa: E402
from host import check, wait_for  # noqa: E402

SOAK = bool(os.environ.get("SOAK_SECONDS"))
BLOCKED = 2000 if SOAK else 500
BUSY = 2000 if SOAK else 400
CHURN = 100000 if SOAK else 2000


def status(pid, field, tid=None):
    with open("/proc/%d/task/%d/status" % (pid, tid or pid)) as f:
        return re.search(r"^%s:\s*(\S+)" % field, f.read(), re.M)[1]


def switches(pid, tids):
    """How often each of these threads has been taken from a processor."""
    return [(t, status(pid, "voluntary_ctxt_switches", t),
             status(pid, "nonvoluntary_ctxt_switches", t)) for t in tids]


with Standing("blocked", BLOCKED) as host:
    dump = host.dump()
    stand = [t for t in dump.threads if t.name != "standing"]
    check(len(stand) == BLOCKED and not dump.head, "%d blocked threads" % len(stand))
    check(all("one_of_many" in t.frames and t.frames[-1] == "clone3" for t in stand), dump.text)
    check(not any(t.state.startswith("running") for t in stand), dump.text)
    before = switches(host.pid, [t.id for t in stand])
    for _ in range(3):
        check(len(host.dump().threads) == BLOCKED + 1, "threads are missing")
    host.snapshot(types=["goroutine"])
    after = switches(host.pid, [t.id for t in stand])
    check(before == after, "woken: %s" % [a for a, b in zip(before, after) if a != b])
    check(host.ended()[0] == 0, "calls were interrupted")

# More than there is room for: those without it are counted. Too many to make each time.
if SOAK:
    with Standing("crowd", 8300) as host:
        text = host.get("/debug/pprof/goroutine?debug=2").body.decode()
        listed = text.count("\n\ngoroutine ") + text.startswith("goroutine ")
        more = re.search(r"^\.\.\.(\d+) more threads elided", text, re.M)
        check(more and listed + int(more[1]) == 8301, "%d threads, and %s" % (listed, more))
        text = host.get("/debug/pprof/goroutine?debug=1").body.decode()
        check("total 8301\n" in text and "[table full]" in text, text[:80])



def own(pid):
    """{thread: (name, nice)} of the agent's threads."""
    found = {}
    for tid in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/stat" % (pid, tid)) as f:
                name, rest = re.fullmatch(r"\d+ \((.*)\) (.*)\n", f.read()).groups()
        except OSError:
            continue
        if name.startswith("cprof"):
            found[tid] = name, int(rest.split()[16])
    return found


def lowest_nice(host, what):
    """What the agent's threads come to while something is done, as often as it may take: the
    processors may just be there."""
    seen = [0]
    for _ in range(10):
        work = threading.Thread(target=what)
        work.start()
        while work.is_alive():
            seen += [nice for _, nice in own(host.pid).values()]
        if min(seen) < 0:
            break
    return min(seen)


with Standing("busy", BUSY) as host:
    def reached():
        dump = host.dump()
        stand = [t for t in dump.threads if t.name != "standing"]
        check(len(stand) == BUSY, "%d busy threads" % len(stand))
        for t in stand:
            check(t.state in ("running", "running, not reached"), t.state)
            check((t.state == "running") == ("busy" in t.frames), "%s: %s" % (t.state, t.frames))
        return any(t.state == "running" for t in stand)

    # Who asks is not to be what is waited for; and who may do that may do it in the host.
    may = os.geteuid() == 0
    if may:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        check(lowest_nice(host, host.dump) < 0, "a dump is made by an ordinary thread")
    check(wait_for(reached, 60), "none is ever reached")
    # A job that a window keeps there gives back what it took.
    window = subprocess.Popen([os.environ["CPROF"], "snap", "--profiles", "cpu", "--seconds", "300",
                               str(host.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    check(wait_for(lambda: ("cprof-job", 0) in own(host.pid).values()), "there is no job")
    lowest = lowest_nice(host, lambda: host.snapshot(types=["goroutine"]))
    check(not may or lowest < 0, "a snapshot is made by an ordinary thread")
    left = sorted(own(host.pid).values())
    check(left == [("cprof", 0), ("cprof-job", 0)], "left are %s" % left)
    window.kill()
    window.wait()
    if may:
        os.setpriority(os.PRIO_PROCESS, 0, 0)

# One thread makes the next and is gone before it has answered: somebody is there all the same.
with Standing("relay") as host:
    for _ in range(300):
        host.dump()

with Standing("churn", CHURN, wait=False, CPROF_MAX_MEMORY="32M") as host:
    dumps = 0
    while not host.stands():
        host.snapshot(types=["goroutine"])
        host.dump()
        dumps += 1

    def left():
        return [t.frames for t in host.dump().threads]

    # The main thread may be on its way out yet.
    check(wait_for(lambda: [("stay" in frames) for frames in left()] == [True]),
          "left are %s" % left())
    host.snapshot(types=["goroutine"])
    with open("/proc/%d/timers" % host.pid) as f:
        timers = len(re.findall(r"^ID:", f.read(), re.M))
    # the thread that stayed, the server's, and the main one, which is there until all end
    check(timers <= 3, "%d timers after %d dumps" % (timers, dumps))
    check(wait_for(lambda: len(os.listdir("/proc/%d/task" % host.pid)) <= 3), "threads are left")
    check(len(os.listdir("/proc/%d/fd" % host.last_thread())) <= 4, "descriptors are left")
    size = int(status(host.pid, "VmSize", host.last_thread()))
    check(size < 400000, "%d KB of memory" % size)
    check("inert" not in host.said() and "thread table full" not in host.said(), host.said())
    print("%d dumps while %d threads came and went" % (dumps, CHURN))
