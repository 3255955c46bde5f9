#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-037 fm-038 fm-082
"""The host's signals are the host's; and which programs, profiles and bounds were asked for."""
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from asked import (PROG, check, environment, files, run, start, values, wait_files,  # noqa: E402
                   wait_for)


def ignored_before():
    p = subprocess.run(["sh", "-c", f"trap '' USR1; {PROG}/asked raise 10 exit 5"],
                       env=environment(dir="ignored", only="asked"), capture_output=True, text=True)
    check(p.returncode == 5 and not os.path.exists("ignored"), p)
    check(p.stderr.count("\n") == 1 and "CPROF_SIGNAL" in p.stderr, p.stderr)


def handled_after():
    p = run("handle", 10, "raise", 10, "default", 10, "raise", 10, env=environment(dir="handled"))
    check(p.stdout == "was default\nmine\n" and p.returncode == -10, p)
    check(p.stderr.count("\n") == 1 and "CPROF_SIGNAL" in p.stderr, p.stderr)
    check(not os.path.exists("handled"), "a snapshot nobody asked for")


def reset_to_default():
    p = run("default", 10, "alloc", "raise", 10, "idle", env=environment(dir="reset"))
    check(p.returncode == 0 and len(files("reset")) == 2, p)


def another_signal():
    number = signal.SIGRTMIN + 3
    p = run("alloc", "raise", int(number), "idle", "raise", 10,
            env=environment(dir="another", signal="RTMIN+3"))
    check(p.returncode == -10 and len(files("another")) == 2, p)
    p = run("raise", 10, env=environment(dir="none", signal="none"))
    check(p.returncode == -10 and not os.path.exists("none"), p)


def inert():
    p = run("alloc", "raise", 10, env=environment(dir="inert", only="nginx,redis*"))
    check(p.returncode == -10 and p.stderr == "" and not os.path.exists("inert"), p)


def one_profile():
    p = start("alloc", "raise", 10, "pause", env=environment(dir="one", profiles="allocs"))
    wait_files(1, "one")
    p.communicate("x")
    check([f[3] for f in files("one")] == ["allocs"], files("one"))


def nothing_to_write():
    p = run("alloc", "raise", 10, "idle", env=environment(dir="nothing", heap_rate=0))
    check(p.returncode == 0 and not os.path.exists("nothing"), p)
    check(p.stderr.count("\n") == 1 and "nothing to write" in p.stderr, p.stderr)


def bad_values():
    for memory in ("8M", "64G"):
        p = run("say", "well", env=environment(max_memory=memory))
        check(p.stdout == "well\n" and not p.stderr, p.stderr)
    p = run("say", "well", env=environment(interval="soon", heap_rate="lots", keep=0, nonsense=1))
    check(p.returncode == 0 and p.stdout == "well\n", p)
    check(p.stderr.count("\n") == 4, p.stderr)
    check("CPROF_INTERVAL=soon is not understood; accepted: " in p.stderr, p.stderr)
    p = run("say", "well", env=environment(signal="KILL"))
    check("CPROF_SIGNAL=KILL is not understood; accepted: a signal that can be handled" in p.stderr,
          p.stderr)


def one_for_two():
    p = run("say", "well", env=environment(profiles="cpu", cpu_signal="USR1"))
    check("CPROF_SIGNAL has signal 10: CPU samples come by" in p.stderr, p.stderr)


def bounds():
    p = start("alloc", "pause", "pause", env=environment(dir="bounds", keep=2, signal="USR1"))
    time.sleep(0.1)
    for n in range(1, 6):
        p.send_signal(signal.SIGUSR1)
        wait_for(lambda: os.path.exists("bounds") and [f for f in files("bounds") if f[2] == n],
                 f"snapshot {n}")
    wait_for(lambda: [f[2] for f in files("bounds")] == [4, 4, 5, 5], "the oldest to go")
    p.communicate("xx")


def catches(pid, sig):
    with open(f"/proc/{pid}/status") as f:
        handlers = int(re.search(r"^SigCgt:\t(\w+)", f.read(), re.M)[1], 16)
    return bool(handlers >> sig - 1 & 1)


def first_process():
    """Of a container: the kernel keeps from it what it doesn't handle. Nothing ends by that, ours
    neither."""
    argv = ["unshare", "-pf", PROG + "/asked", "raise", "15", "alloc", "exit", "5"]
    if subprocess.run([*argv[:2], "true"], capture_output=True).returncode:
        print("no namespaces: no first process")
        return
    for _ in range(10):
        p = subprocess.run(argv, env=environment(dir="first", atexit=1, only="asked", heap_rate=1),
                           capture_output=True, text=True)
        check(p.returncode == 5, p)
        if os.path.exists("first"):
            break
    path = next(f[0] for f in files("first") if f[3] == "allocs")
    check(values(path)["alloc_space"] >= 1 << 20, f"nothing after the signal: {values(path)}")
    # Its children die of it.
    for _ in range(10):
        subprocess.run([*argv[:3], "fork", "raise", "15"], capture_output=True,
                       env=environment(dir="children", atexit=1, only="asked", heap_rate=1))
        if os.path.exists("children"):
            break
    check({f[1] for f in files("children")} >= {1, 2}, files("children"))
    # One may be made by a process that is none: nothing breaks its waits off.
    for words, caught in ([], True), (["newpid"], False):
        p = start(*words, "fork", "pause", env=environment(dir="made", atexit=1))
        child = int(p.stdout.readline().split()[1])
        wait_for(lambda: catches(child, signal.SIGTERM) == caught, f"{words}: {child} to begin")
        check(catches(child, signal.SIGSEGV), words)
        p.communicate("x")
        check(p.returncode == 0, p.returncode)


for test in (ignored_before, handled_after, reset_to_default, another_signal, inert, one_profile,
             nothing_to_write, bad_values, one_for_two, bounds, first_process):
    test()
