#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-081
"""Threads that wait for each kind of thing: what the dump says of them, in all its forms."""

import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from dump_kit import Standing  # noqa: E402
from host import PROG, check, fail, have_go, pprof, wait_for  # noqa: E402

# name: state, the function of the victim it is in
STANDS = {
    "standing": (r"syscall \d+", "main_waits"),
    "holder": (r"syscall \d+", "hold_a"),
    "waiter": ("mutex", "want_a"),
    "cond": ("cond", "wait_cond"),
    "sem": ("sem", "wait_sem"),
    "barrier": ("barrier", "wait_barrier"),
    "sleep": ("sleep", "wait_sleep"),
    "poll": ("poll", "wait_poll"),
    "read": ("IO wait", "wait_read"),
    "again": ("IO wait", "wait_again"),
    "flock": (r"syscall 73", "wait_flock"),
    "join": ("join", "wait_join"),
    "spinner": ("running", "spin"),
}
# On a busy machine it may get no processor in time; then that is what must be told.
MAY_BE = dict(STANDS, spinner=("running(, not reached)?", "spin"))


def reached(host):
    """A dump in which the running thread was reached."""
    def look():
        dump = host.dump()
        return dump if dump["spinner"].state == "running" else None
    return wait_for(look, 40) or fail("the spinner is never reached")


def check_dump(host, dump):
    check({t.name for t in dump.threads} == set(STANDS), "threads\n" + dump.text)
    check(not dump.head, "a deadlock is told:\n%s" % dump.head)
    for name, (state, function) in STANDS.items():
        t = dump[name]
        root = "_start" if name == "standing" else "clone3"
        check(re.fullmatch(state, t.state), "%s is %r" % (name, t.state))
        check(function in t.frames and t.frames[-1] == root, "%s: %s" % (name, t.frames))
        check((t.creator is None) == (name == "standing"), "%s made by %s" % (name, t.creator))
    check(dump["standing"].id == host.pid, "the main thread's id")
    waiter, holder = dump["waiter"], dump["holder"]
    check(waiter.frames[:2] == ["pthread_mutex_lock", "want_a"], "leaf: %s" % waiter.frames)
    check(re.fullmatch(r"waits for the mutex 0x[0-9a-f]+ \(lock_a\), held by thread %d \(holder\), "
                       r"for \d+ ms" % holder.id, waiter.notes[0]), "notes: %s" % waiter.notes)
    check(waiter.creator == "make" or waiter.creator == "waits", "made by %s" % waiter.creator)


def check_text(text, n):
    check(text.startswith("goroutine profile: total %d\n" % n), text[:200])
    check("--- Memory map: ---" in text, "no memory map")
    labels = re.findall(r'^# labels: \{(?:"state":"([^"]+)", )?"thread":"([^"]+)"\}$', text, re.M)
    check(sorted(name for _, name in labels) == sorted(STANDS), "labels: %s" % labels)
    for state, name in labels:
        check(re.fullmatch(MAY_BE[name][0], state), "%s is %r" % (name, state))


with Standing("waits") as host:
    check_dump(host, reached(host))
    places = re.findall(r"^\t(\S+) \+0x", host.get("/debug/pprof/goroutine?debug=2").body.decode(), re.M)
    check(not any(p.startswith("/proc/") for p in places), "the program's own file: %s" % places)
    check_text(host.get("/debug/pprof/threads?debug=1").body.decode(), len(STANDS))
    index = host.get("/debug/pprof/").body.decode()
    check("<td>%d</td><td><a href='goroutine?debug=1'>" % len(STANDS) in index, index)
    check("goroutine?debug=2" in index, index)
    check(host.get("/debug/pprof/goroutine?seconds=1&debug=2").status == 400, "seconds and debug")

    plain = host.get("/debug/pprof/threads")
    check('filename="threads"' in plain.headers["Content-Disposition"], str(plain.headers))
    delta = host.get("/debug/pprof/goroutine?seconds=1")
    check('filename="goroutine-delta"' in delta.headers["Content-Disposition"], str(delta.headers))
    for name, answer in ("plain", plain), ("delta", delta):
        with open("%s.goroutine.pb.gz" % name, "wb") as f:
            f.write(answer.body)
    file = host.snapshot(types=["goroutine"])["goroutine"]
    if have_go():
        for path in "plain.goroutine.pb.gz", file:
            raw = pprof("-raw", path)
            rows = re.findall(r"^\s+(\d+): [\d ]+\n +state:\[(.+)\] thread:\[(.+)\]$", raw, re.M)
            check(sorted(r[2] for r in rows) == sorted(STANDS), raw)
            check(all(n == "1" and re.fullmatch(MAY_BE[t][0], s) for n, s, t in rows), raw)
        # Who stands still is not in a difference.
        moved = re.findall(r"thread: +(\S+)", pprof("-traces", "delta.goroutine.pb.gz"))
        check(set(moved) <= {"spinner"}, "in the difference: %s" % moved)
    check(host.ended()[0] == 0, "calls were interrupted")

# A thread that lies in the program's own memory has an address there, and no name.
with Standing("static") as host:
    for _ in range(3):
        notes = host.dump()["join"].notes
        check(notes[0].startswith("waits for the end of thread"), "it says %s" % notes)
    check(host.ended()[0] == 0, "calls were interrupted")

# A program may have the name of a thread of ours, and so its main thread.
for name in "cprof", "cprof-job", "cprof-demo":
    shutil.copy(PROG + "/standing", name)
    with Standing("waits", exe=os.path.abspath(name)) as host:
        dump = reached(host)
        check({t.name for t in dump.threads} == (set(STANDS) - {"standing"}) | {name}, dump.text)

# Alone, and by its other name: then the timers are there for the dump only.
with Standing("waits", CPROF_PROFILES="threads") as host:
    check(set(host.snapshot(types=["goroutine"])) == {"goroutine"}, "files of one profile")
    check("lock_a" in reached(host)["waiter"].notes[0], "waits are followed without mutex and block")
    with open("/proc/%d/timers" % host.pid) as f:
        check(f.read() == "", "timers are left")

# After a change of user the kernel tells a process nothing of itself: what the threads say
# stands alone, and of those that wait unsaid nobody claims more than is known.
if os.geteuid() == 0:
    with Standing("dropped", "waits") as host:
        dump = reached(host)
        waiter = dump["waiter"]
        check(waiter.state == "mutex" and "lock_a" in waiter.notes[0], waiter.notes)
        check("want_a" in waiter.frames and waiter.frames[-1] == "clone3", waiter.frames)
        check(dump["flock"].state == "unknown" and not dump["flock"].frames, dump.text)
        check(dump["read"].state == "IO wait", dump.text)
        check(dump["again"].state in ("IO wait", "unknown"), dump.text)
        check(dump["spinner"].frames[0] == "spin", dump.text)
