#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-066 fm-069
"""The last snapshot: however a process ends, it is there, and the end is what it was."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from asked import (PROG, check, environment, files, leftovers, run, start,  # noqa: E402
                   values, wait_for)

ENDS = [["exit", 7], ["_exit", 8], ["quick_exit", 9], ["say", "return"], ["abort"], ["fault"],
        *[["raise", int(s)] for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE,
                                      signal.SIGSEGV, signal.SIGALRM, signal.SIGUSR2, signal.SIGTRAP,
                                      signal.SIGXFSZ)]]


def every_end():
    for i, end in enumerate(ENDS):
        plain = subprocess.run([f"{PROG}/asked", "alloc", *map(str, end)], capture_output=True)
        off = run("alloc", *end, env=environment(dir=f"off{i}"))
        check(off.returncode == plain.returncode, f"{end}: {off.returncode}, not {plain.returncode}")
        check(not os.path.exists(f"off{i}"), f"{end}: a file nobody asked for")
        p = run("alloc", *end, env=environment(dir=f"on{i}", atexit=1))
        check(p.returncode == plain.returncode, f"{end}: {p.returncode}, not {plain.returncode}")
        check([f[3] for f in files(f"on{i}")] == ["allocs", "heap"], f"{end}: {p.stderr}")
        check(values(files(f"on{i}")[1][0])["inuse_space"] > 4 << 20, f"{end}: empty")
        check(p.stderr.count("wrote") == 1 and p.stderr.count("\n") == 1, f"{end}: {p.stderr}")


def main_thread_leaves():
    """The last thread ends the process: by pthread_exit of main, with threads of ours or none."""
    for i, more in enumerate(({}, {"interval": "1h", "http": "127.0.0.1:0"})):
        for _ in range(10):
            p = run("alloc", "leave", env=environment(dir=f"leaves{i}", atexit=1, **more))
            check(p.returncode == 0 and p.stdout == "last thread\n", p)
            if os.path.exists(f"leaves{i}") and len(files(f"leaves{i}")) >= 2:
                break
        check([f[3] for f in files(f"leaves{i}")] == ["allocs", "heap"], p)


def last_thread_vanishes():
    """The kernel was asked to end it, not libc: the process ends, and as it would."""
    for more in {}, {"interval": "1h"}, {"http": "127.0.0.1:0"}, {"interval": "1h", "http": "127.0.0.1:0"}:
        p = run("vanish", 7, env=environment(log="none", **more))
        check(p.returncode == 7, p)
        # Where /proc numbers threads by another namespace than they do themselves.
        if os.getuid() == 0:
            p = subprocess.run(["unshare", "-pf", f"{PROG}/asked", "vanish", "7"], timeout=50,
                               env=environment(log="none", only="asked", **more))
            check(p.returncode == 7, p)


def host_decides():
    """What the host reads back, ignores or handles is as without us."""
    env = environment(dir="decides", atexit=1)
    for _ in range(10):
        p = run("handle", 15, "raise", 15, "default", 2, "raise", 2, env=env)
        check(p.stdout == "was default\nmine\n" and p.returncode == -2, p)
        if os.path.exists("decides") and len(files("decides")) >= 2:
            break
    check(len(files("decides")) == 2, p.stderr)
    ignored = subprocess.run(["sh", "-c", f"trap '' TERM; {PROG}/asked raise 15 exit 5"],
                             env=environment(dir="ignored", only="asked", atexit=1))
    check(ignored.returncode == 5, ignored)


def killed_in_the_middle():
    """SIGKILL leaves no half profile; the next snapshot there removes what it left."""
    for _ in range(20):
        p = start("alloc", "burst", 20, "pause", env=environment(dir="killed"))
        wait_for(lambda: os.path.exists("killed") and os.listdir("killed"), "a first file")
        p.kill()
        p.communicate()
    pathlib.Path(f"killed/.asked.{p.pid}.20260101T000000Z.0001.heap.pb.gz.tmp").touch()
    p = run("alloc", "raise", 10, "idle", env=environment(dir="killed"))
    wait_for(lambda: not leftovers("killed"), "stale files to go")


def in_a_hurry():
    """An end while a snapshot or a window is under way waits for nothing."""
    word = f"{0xC9F0 << 48 | 60 << 24:x}"
    for atexit in (0, 1):
        began = time.monotonic()
        p = run("alloc", "queue", word, "burst", 50, "exit", 3,
                env=environment(dir=f"hurry{atexit}", atexit=atexit))
        check(p.returncode == 3, p)
        check(time.monotonic() - began < 20, "it waited for the window")
        check("could not" not in p.stderr, p.stderr)
        if atexit == 0:
            check(not leftovers("hurry0"), leftovers("hurry0"))


def while_files_are_made():
    """Nor does one leave a file that was made while the others were removed."""
    slow = ["strace", "-f", "-qq", "-o", "trace", "-e", "trace=openat,exit_group",
            "-e", "inject=openat:delay_enter=10000", "-e", "inject=exit_group:delay_enter=50000"]
    if not shutil.which("strace"):
        return
    env = environment(dir="making", only="asked", profiles="heap,allocs,mutex,block,threadcreate")
    for ms in range(20, 120, 10):
        p = subprocess.run([*slow, f"{PROG}/asked", "alloc", "raise", "10", "sleep", str(ms),
                            "exit", "3"], env=env, capture_output=True, text=True)
        check(p.returncode in (1, 3), p)  # 1: it may not trace here
        check("could not" not in p.stderr and "can't" not in p.stderr, p.stderr)
        check(not leftovers("making"), leftovers("making"))
        if "exit_group" not in pathlib.Path("trace").read_text():
            return


def nowhere_to_write():
    p = run("alloc", "fsize", 10, "exit", 3, env=environment(dir="nowhere", atexit=1))
    check(p.returncode == 3 and p.stderr.count("\n") == 1, p.stderr)
    check(not files("nowhere") and not leftovers("nowhere"), os.listdir("nowhere"))


def too_slow():
    """Past 100 ms the file is dropped, and that is said: while it is made, and put in place."""
    if not shutil.which("strace"):
        return
    env = environment(dir="slow", atexit=1, only="asked")
    for call in ("flock", "renameat2"):
        p = subprocess.run(["strace", "-f", "-qq", "-o", "trace", "-e", f"trace={call}",
                            "-e", f"inject={call}:delay_enter=400000",
                            f"{PROG}/asked", "alloc", "exit", "3"], env=env,
                           capture_output=True, text=True)
        if call not in pathlib.Path("trace").read_text():
            return  # it may not trace here
        check(p.returncode == 3, p)
        check("the snapshot at exit took more than 100 ms: dropped\n" in p.stderr, p.stderr)
        check(p.stderr.count("cprof[") == 1, p.stderr)
        check(os.listdir("slow") == [], os.listdir("slow"))


for test in (every_end, main_thread_leaves, last_thread_vanishes, host_decides,
             killed_in_the_middle, in_a_hurry, while_files_are_made, nowhere_to_write, too_slow):
    test()
