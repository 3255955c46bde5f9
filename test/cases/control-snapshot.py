#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-061 fm-062 fm-082
"""Asking by signal: what is written, what requests carry, and a host that stays what it was."""
import os
import re
import signal
import stat
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from asked import (PROG, check, comments, environment, files, leftovers, run, start, values,  # noqa: E402
                   wait_files, wait_for)

MAGIC = 0xC9F0 << 48


def word(types=0, seconds=0, nonce=0):
    return f"{MAGIC | types << 40 | seconds << 24 | nonce:x}"


def fresh(name):
    os.makedirs(name)
    return environment(dir=name)


def plain():
    p = start("umask", "777", "alloc", "raise", 10, "pause", env=fresh("plain"))
    heap, = [f for f in wait_files(2, "plain") if f[3] == "heap"]
    err = p.stderr.readline()  # it comes after the files
    err += p.communicate("x")[1]
    check(p.returncode == 0, f"status {p.returncode}")
    check(heap[1:3] == (p.pid, 1), f"pid and sequence in {heap}")
    check([f[3] for f in files("plain")] == ["allocs", "heap"], files("plain"))
    check(stat.S_IMODE(os.stat(heap[0]).st_mode) == 0o600, "mode")
    check(not leftovers("plain"), leftovers("plain"))
    line = rf"cprof\[{p.pid}\]: wrote \S+/plain/asked\.{p.pid}\.\d{{8}}T\d{{6}}Z\.0001\.\{{heap,allocs\}}\.pb\.gz \(\d+ bytes, \d+ ms\)\n"
    check(re.fullmatch(line, err), f"log: {err!r}")
    said = comments(heap[0])
    check(any(c.startswith("version=cprof ") for c in said), said)
    check("heap_rate=524288" in said, said)
    both = [values(f[0]) for f in files("plain")]
    check(both[0] == both[1], f"heap and allocs of one snapshot differ: {both}")
    check(4 << 20 < both[0]["inuse_space"] < 64 << 20, both[0])


def single_threaded():
    check(run("unshare", env=environment(signal="none")).stdout != "refused\n", "unshare")
    for before in ([], ["raise", 10, "idle"]):
        p = run("single", *before, "single", "count", "unshare", env=environment(dir="single"))
        check("threaded" not in p.stdout and "threads 1" in p.stdout, p.stdout)
        check("refused" not in p.stdout, f"unshare after {before}: {p.stdout}")
    check(len(files("single")) == 2, files("single"))


def single_threaded_with_ours():
    """Threads that stay make no program of several threads of it, for libc: its handlers may fork
    wherever they come."""
    for more, ours in ({"interval": "200ms"}, 1), ({"http": "127.0.0.1:0"}, 1), (
            {"interval": "200ms", "http": "unix:" + os.path.abspath("%p.ours")}, 2):
        p = run("single", "ring", 500, "single", "count", env=environment(dir="ours", **more))
        check(p.returncode == 0 and "threaded" not in p.stdout, p)
        check(f"threads {1 + ours}\n" in p.stdout, f"{more}: {p.stdout}")


def host_state():
    p = run("errno", "descriptors", "idle", "descriptors",
            env=environment(dir="state"))
    check("errno kept" in p.stdout, p.stdout)
    check(p.stdout.count("descriptors 3\n") == 2, p.stdout)
    check(len(files("state")) == 2, files("state"))


def by_value():
    p = start("alloc", "queue", word(types=1 << 2, nonce=0xABC), "pause", env=fresh("value"))
    found = wait_files(1, "value")
    p.communicate("x")
    check([f[3] for f in found] == ["allocs"], found)
    check("request=000abc" in comments(found[0][0]), comments(found[0][0]))
    # two requests and a plain one at once: one snapshot may answer all, none is lost
    p = start("block", 10, "queue", word(nonce=1), "queue", word(types=2, nonce=2), "raise", 10,
              "fork", env=fresh("merged"))
    p.communicate()
    for n in (1, 2):
        queue = ["queue", word(nonce=n)]
        p = start(*queue, "raise", 10, *queue, "pause", env=environment(dir="merged"))
        wait_for(lambda: any(f"request=00000{n}" in comments(f[0]) for f in files("merged")),
                 f"nonce {n}")
        p.communicate("x")
    # a value that is none of ours asks for everything
    p = start("queue", "1234", "pause", env=fresh("foreign"))
    check(len(wait_files(2, "foreign")) == 2, "foreign value")
    p.communicate("x")


def window():
    p = start("alloc", "queue", word(types=1 << 1, seconds=3, nonce=0xD), "sleep", 50, "alloc",
              "raise", 10, "pause", env=fresh("window"))
    wait_files(2, "window")  # the plain one does not wait for the window
    wait_for(lambda: len(files("window")) == 3, "the window's file")
    p.communicate("x")
    delta, = [f[0] for f in files("window") if "request=00000d" in comments(f[0])]
    total, = [f[0] for f in files("window") if f[3] == "heap" and f[0] != delta]
    check(any(c.startswith("window=3") for c in comments(delta)), comments(delta))
    a, b = values(delta)["alloc_space"], values(total)["alloc_space"]
    check(0 < a < b, f"{a} in the window of {b}")
    check(values(delta)["alloc_objects"] < values(total)["alloc_objects"], "objects")


def too_many_windows():
    asked = [x for n in range(1, 10) for x in ("queue", word(seconds=60, nonce=n), "sleep", 30)]
    p = start("alloc", *asked, "sleep", 200, "exit", 0, env=fresh("windows"))
    _, err = p.communicate()
    check(err.count("\n") == 1 and "no window of 60 seconds: too many at once" in err, err)


def burst():
    p = start("burst", 3000, "pause", env=fresh("burst"))
    wait_files(4, "burst")
    p.communicate("x")
    n = len(files("burst"))
    check(p.returncode == 0, p.returncode)
    check(4 <= n <= 60, f"{n} files of 3000 signals")
    check(not leftovers("burst"), leftovers("burst"))


def no_home():
    """A child made by vfork shares our memory, and is not us."""
    p = run("vfork", 10, "idle", env=fresh("vfork"))
    check(p.returncode == 0 and not files("vfork"), (p, files("vfork")))


def policies(pid):
    """How each thread of a process is scheduled, by name."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm") as f:
            found[f.read().strip()] = os.sched_getscheduler(int(tid))
    return found


def realtime_host():
    """What a realtime thread asks for is not done at its priority, nor on the interval."""
    if subprocess.run(["chrt", "-f", "1", "true"], stderr=subprocess.DEVNULL).returncode:
        print("no realtime priority here: left out")
        return
    env = dict(fresh("realtime"), CPROF_ONLY="asked", CPROF_HTTP="127.0.0.1:0")
    p = subprocess.Popen(["chrt", "-f", "1", f"{PROG}/asked", "queue", word(seconds=60), "pause"],
                         env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: {"asked", "cprof-job", "cprof"} <= set(policies(p.pid)), "our threads")
    found = policies(p.pid)
    p.communicate("x")
    check(found["asked"] == os.SCHED_FIFO, found)
    check(found["cprof-job"] == found["cprof"] == os.SCHED_OTHER, found)


signal.signal(signal.SIGUSR1, signal.SIG_DFL)
for test in (plain, single_threaded, single_threaded_with_ours, host_state, by_value, window,
             too_many_windows, burst, no_home, realtime_host):
    test()
