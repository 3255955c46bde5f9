#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Deadlocks are named, with locks, holders and stacks; and nothing else is taken for one."""

import gzip
import os
import re
import resource
import sys
import time

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from dump_kit import Standing  # noqa: E402
from host import check, have_go, pprof, wait_for  # noqa: E402
from http_kit import ask  # noqa: E402

SOAK = int(os.environ.get("SOAK_SECONDS", "0"))
WAITS = re.compile(r"thread (\d+) \((.+?)\) (waits (?:.+, held by|for the end of)) "
                   r"thread (\d+) \((.+)\)(?:, for \d+ ms)?")


def circle(lines):
    """[(who, what it waits for, who holds that)] of lines that each tell of one thread."""
    told = [WAITS.fullmatch(line) for line in lines]
    check(all(told), "lines of a deadlock: %s" % lines)
    check([m[4] for m in told] == [m[1] for m in told[1:] + told[:1]], "no circle: %s" % lines)
    return [(m[2], re.sub("0x[0-9a-f]+ |, held by$", "", m[3]), m[5]) for m in told]


def expect(mode, functions, *edges):
    """The deadlock is in the dump, the log and the file; its threads come first."""
    with Standing(mode) as host:
        dump = host.dump()
        check(len(dump.head) == 1 and dump.head[0].startswith("deadlock: "), dump.text)
        told = circle([line[2:] for line in dump.head[0].split("\n")[1:]])
        check(told == list(edges), "told: %s" % told)
        first = dump.threads[:len(edges)]
        check([t.name for t in first] == [e[0] for e in edges], "first: %s" % dump.text)
        for t, function in zip(first, functions):
            check(function in t.frames and t.frames[-1] == "clone3", "%s: %s" % (t.name, t.frames))
        file = host.snapshot(types=["goroutine"])["goroutine"]
        told = re.findall(r"^cprof\[%d\]: deadlock: (.+)$" % host.pid, host.log_text(), re.M)
        check(len(told) == 1 and circle(told[0].split("; ")) == list(edges), "log: %s" % told)
        if have_go():
            comments = [c for c in pprof("-comments", file).split("\n") if c.startswith("deadlock=")]
            told = [re.fullmatch(r"deadlock=1 (.+?\)): (.+)", c) for c in comments]
            check(all(told) and circle([m[1] for m in told]) == list(edges), "comments: %s" % comments)
            check(all(f in m[2].split(" < ") for m, f in zip(told, functions)), "stacks: %s" % comments)


def expect_none(mode, seconds=0):
    """No deadlock is told of, however often one asks."""
    with Standing(mode) as host:
        end = time.monotonic() + seconds
        while True:
            dump = host.dump()
            check(not dump.head, "%s: told of\n%s" % (mode, dump.text))
            if time.monotonic() >= end:
                break
        with gzip.open(host.snapshot(types=["goroutine"])["goroutine"]) as f:
            check(b"deadlock=" not in f.read(), "%s: in the comments" % mode)
        check("[%d]: deadlock" % host.pid not in host.log_text(), "%s: in the log" % mode)
        return dump


expect("two", ["lock_two", "lock_two"],
       ("two-a", "waits for the mutex (lock_b)", "two-b"),
       ("two-b", "waits for the mutex (lock_a)", "two-a"))
expect("three", ["write_next"] * 3,
       ("three-0", "waits to write under the lock (table+0x40)", "three-1"),
       ("three-1", "waits to read under the lock (table+0x78)", "three-2"),
       ("three-2", "waits to write under the lock (table+0x8)", "three-0"))
expect("join", ["joiner", "want_a"],
       ("joiner", "waits for the end of", "joined"),
       ("joined", "waits for the mutex (lock_a)", "joiner"))
expect("inherit", ["lock_two", "lock_two"],
       ("inherit-a", "waits for the mutex (lent_b)", "inherit-b"),
       ("inherit-b", "waits for the mutex (lent_a)", "inherit-a"))
expect("relock", ["woken", "waker"],
       ("woken", "waits for the mutex (lock_a)", "waker"),
       ("waker", "waits for the mutex (lock_b)", "woken"))
expect("self", ["want_a"], ("self", "waits for the mutex (lock_a)", "self"))



def answers(host):
    """Is there a profile to be had? Short of memory the connection may be all there is."""
    try:
        with host.connect(3) as s:
            return ask(s, "/debug/pprof/goroutine").status == 200
    except OSError:
        return False


# Whatever it is short of memory for: there may be no dump, but the program goes on.
with Standing("two") as host:
    check(host.dump().head and answers(host), "no deadlock")
    for more in range(4000, 0, -200):
        with open("/proc/%d/statm" % host.pid) as f:
            size = int(f.read().split()[0]) * resource.getpagesize()
        resource.prlimit(host.pid, resource.RLIMIT_AS, (size + more * 1024, -1))
        answers(host)
    resource.prlimit(host.pid, resource.RLIMIT_AS, (-1, -1))
    check(wait_for(lambda: answers(host)) and host.dump().head, "it has not recovered")

lost = expect_none("lost")["cond"]
check(lost.state == "cond" and "wait_cond" in lost.frames, "lost: %s" % lost.frames)
check(re.fullmatch(r"waits on the condition variable 0x[0-9a-f]+ \(cond_a\), with the mutex "
                   r"0x[0-9a-f]+ \(lock_b\), for \d+ ms", lost.notes[0]), "lost: %s" % lost.notes)
for t in expect_none("timed").threads[1:]:
    check(t.state == "mutex" and "lock_timed" in t.frames, "timed: %s" % t.frames)
# What it said of lock_a is not so any more.
jumped = expect_none("jumped")
check(jumped["flock"].state == "syscall 73" and "wait_flock" in jumped["flock"].frames,
      jumped.text)
check("lock_b" in jumped["a-then-b"].notes[0] and "(flock)" in jumped["a-then-b"].notes[0],
      jumped.text)
expect_none("traffic", SOAK or 4)

# After a change of user the kernel tells nothing: what threads say of themselves must do, and
# does.
if os.geteuid() == 0:
    with Standing("dropped", "two") as host:
        head = host.dump().head
        check(len(head) == 1 and len(circle([x[2:] for x in head[0].split("\n")[1:]])) == 2, head)
    for mode in "timed", "lost":
        with Standing("dropped", mode) as host:
            check(not host.dump().head, "%s, dropped: told of" % mode)
