#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-054 fm-061 fm-083 fm-086 fm-087 fm-090 fm-094 fm-095 fm-100
# timeout: 120
"""Edges of the address space, of memory, of processors and of clocks."""
import glob
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

import pprofcheck
from host import LIB, PROG, Host, check, wait_for

ALL = {"CPROF_HEAP_RATE": "1", "CPROF_CPU_HZ": "1000", "CPROF_ATEXIT": "1", "CPROF_LINES": "0",
       "LIMITS_LIB": PROG + "/libctor.so"}


def outcome(argv, **more):
    return subprocess.run(argv, env=dict(os.environ, **more), capture_output=True, text=True,
                          timeout=100)


def same(where, argv, **more):
    """As without us; the profile of the last of at most ten runs that wrote one."""
    want = outcome(argv, **ALL)
    for _ in range(10):
        got = outcome(argv, LD_PRELOAD=LIB, CPROF_DIR=os.path.abspath(where), **{**ALL, **more})
        check((got.returncode, got.stdout) == (want.returncode, want.stdout),
              f"{argv}: {got}, not {want}")
        found = glob.glob(where + "/*.heap.pb.gz")
        if found:
            return pprofcheck.read(found[0])
    check(False, f"{argv} wrote no profile: {got.stderr}")


def memory():
    for word, function in (("locked", "locked"), ("high", "high"), ("moved", "moved"),
                           ("memory", "ctor_call"), ("stack", "deep"), ("guarded", "allocate")):
        profile = same(word, [PROG + "/limits", word])
        check(profile.total("alloc_objects", function) >= 100, f"{word}: {function} is nowhere")
    same("little", [PROG + "/limits", "locked"], CPROF_MAX_MEMORY="8M")


def promised_once():
    """What a program sees of vm.overcommit_memory=2, which is the whole machine's."""
    pathlib.Path("two").write_text("2\n", encoding="ascii")
    mount = "mount --bind two /proc/sys/vm/overcommit_memory && exec env LD_PRELOAD=%s \"$@\"" % LIB
    argv = ["unshare", "-m", "sh", "-c", mount, "sh", PROG + "/limits", "memory"]
    if os.getuid() != 0 or outcome(argv[:4] + ["mount --bind two /proc/version"]).returncode:
        print("no mounts: not told of vm.overcommit_memory")
        return
    for where, more, limit in (("modest", {}, 8), ("asked", {"CPROF_MAX_MEMORY": "32M"}, 32)):
        for _ in range(10):
            got = outcome(argv, CPROF_DIR=os.path.abspath(where), **ALL, **more)
            check(got.returncode == 0, got)
            if glob.glob(where + "/*.heap.pb.gz"):
                break
        raw = outcome([os.environ["CPROF"], "raw", glob.glob(where + "/*.heap.pb.gz")[0]]).stdout
        mapped, most = map(int, re.search(r"used, (\d+) mapped of (\d+)", raw).groups())
        check(most == limit << 20 and mapped < most * 2, f"{mapped} bytes of {most}")


def layouts():
    """The addresses that debuggers and old programs have, and code marked for shadow stacks."""
    for how in ("-R", "-L", "-RL"):
        if subprocess.run(["setarch", how, "true"], capture_output=True).returncode == 0:
            same("layout" + how, ["setarch", how, PROG + "/limits", "stack", "cpus"])
    subprocess.run(["gcc", "-O1", "-pthread", "-D_GNU_SOURCE", "-fcf-protection=full",
                    "-Wl,-z,shstk,-z,ibt", "-o", "marked",
                    os.environ["TOP"] + "/test/prog/limits.c"], check=True)
    same("marked.out", ["./marked", "stack", "cpus"])


def processors():
    same("cpus", ["taskset", "-c", "0", PROG + "/limits", "cpus"])
    same("all", [PROG + "/limits", "cpus", "realtime"])
    # Nothing in the library is kept per processor, and nothing asks which one it runs on.
    wants = outcome(["nm", "-D", "--undefined-only", LIB]).stdout
    check("malloc" not in wants.split() and "getauxval" in wants, wants)
    check(not re.search(r"getcpu|nprocs|sysconf|rseq", wants), wants)


def rates():
    """Changing its environment changes nothing: the variables are read once."""
    profile = same("rates", [PROG + "/limits", "rates"])
    check(profile.total("alloc_objects", "rates") >= 1000, "it went on recording all")


def at_work():
    """The program works on while a snapshot of many stacks is written."""
    where = os.path.abspath("many")
    os.makedirs(where)
    got = outcome([PROG + "/manystacks", "16", where], LD_PRELOAD=LIB, CPROF_DIR=where,
                  CPROF_HEAP_RATE="1", CPROF_LINES="0")
    check(got.returncode == 0 and got.stdout == "worked on\n", got)
    heap = pprofcheck.read(glob.glob(where + "/*.heap.pb.gz")[0])
    check(len(heap.samples) > 60000, f"{len(heap.samples)} stacks")


def clocks():
    """Set back, the wall clock makes no negative duration and no name twice; the other, an
    hour ahead at once, makes no snapshots up for."""
    preload = f"{PROG}/libclocks.so {LIB}"
    ahead, back = pathlib.Path("ahead").absolute(), pathlib.Path("back").absolute()
    with Host([PROG + "/httphost"], preload=preload, CPROF_INTERVAL="100ms", CPROF_DIR="clocks",
              CLOCKS_BACK=back, CPROF_LINES=0) as h:
        check(wait_for(lambda: len(h.files()) >= 2), h.log_text())
        back.touch()
        n = len(h.files())
        check(wait_for(lambda: len(h.files()) >= n + 3), h.log_text())
    for path in glob.glob("clocks/*.cpu.pb.gz"):
        duration = pprofcheck.read(path).duration
        check(0 <= duration < 100e9, f"{path} lasts {duration} ns")
    with Host([PROG + "/httphost"], preload=preload, CPROF_INTERVAL="2s", CPROF_DIR="ahead.out",
              CLOCKS_AHEAD=ahead, CPROF_LINES=0) as h:
        check(wait_for(lambda: h.catches(h.pid)), h.log_text())
        ahead.touch()
        began = time.monotonic()
        check(wait_for(lambda: len(h.files()) >= 2), h.log_text())
        time.sleep(1.5)
        allowed = (time.monotonic() - began) / 2 + 3
        check(len(h.files()) <= allowed, f"made up for: {len(h.files())}")


def anothers_clock():
    """It has thread-local variables, which threads of ours haven't."""
    theirs = f"{PROG}/libthreadclock.so"
    for i, preload in enumerate((f"{theirs} {LIB}", f"{LIB} {theirs}")):
        with Host([PROG + "/httphost"], preload=preload, CPROF_INTERVAL="100ms", CPROF_ATEXIT=1,
                  CPROF_HTTP="127.0.0.1:0", CPROF_DIR=f"anothers{i}", CPROF_LINES=0) as h:
            check(wait_for(lambda: len(h.files()) >= 2), h.process.poll())
            check(h.process.poll() is None, h.process.returncode)


def small_stacks():
    """A signal's frame has no place there, and what lies below is the host's. The time counts."""
    same("small", [PROG + "/smallstack"], CPROF_HEAP_RATE="524288")
    raw = outcome([os.environ["CPROF"], "top", *glob.glob("small/*.cpu.pb.gz")[:1]]).stdout
    took = re.search(r"([0-9.]+)(m?s).* computes$", raw, re.M)
    check(took and float(took[1]) * (1000 if took[2] == "s" else 1) > 400, raw)


def stack_used_up():
    """The kernel's own frame fits, no more does. What lies above the stack's frames counts too."""
    for left in (4096, 6144):
        for words in ("", "x" * 100000):
            same(f"used{left}{len(words)}", [PROG + "/smallstack", str(left)],
                 CPROF_HEAP_RATE="524288", CPROF_CPU_HZ="1000", WORDS=words)


def shared_signal_stack():
    """Threads with one signal stack for all of them: no two handlers of ours meet on it."""
    for _ in range(2):
        same("shared", [f"{PROG}/sharedstack", "8", "120"], CPROF_PROFILES="cpu,heap")
    cpu = pprofcheck.read(glob.glob("shared/*.cpu.pb.gz")[0])
    check(cpu.total("samples", "count_to") > 30, "no samples")


def thread_locals():
    """They are taken out of each thread's stack: ours suffices for what they leave."""
    for size in (100, *range(117000, 132001, 2500), 1 << 20):
        subprocess.run(["gcc", "-O1", f"-DBYTES={size}", "-o", "biglocal",
                        os.environ["TOP"] + "/test/prog/biglocal.c"], check=True)
        with Host(["./biglocal"], CPROF_HTTP="127.0.0.1:0", CPROF_INTERVAL="100ms",
                  CPROF_DIR=f"local{size}") as h:
            check(wait_for(lambda: len(h.files()) >= 2), f"{size}: {h.log_text()}")
            url = re.findall(r"http://[^/]*/debug/pprof/", h.log_text())[-1]
            with urllib.request.urlopen(url + "goroutine?debug=2", timeout=10) as answer:
                check(b"pause" in answer.read(), size)


def astray():
    """Nothing of a thread's own can be reached with another thread pointer."""
    for sig in (0, signal.SIGUSR1, signal.SIGTERM):
        argv = [PROG + "/astray", str(int(sig))]
        want = outcome(argv) if sig != signal.SIGUSR1 else outcome(argv[:1])
        got = outcome(argv, LD_PRELOAD=LIB, CPROF_DIR=os.path.abspath("astray"), **ALL)
        check((got.returncode, got.stdout) == (want.returncode, want.stdout), f"{argv}: {got}")


def forgotten():
    """What a thread was given is nowhere of ours when it has ended: who collects garbage looks there."""
    got = subprocess.run([f"{PROG}/forgets", "libcprof.so"], check=False,
                         env=dict(os.environ, LD_PRELOAD=LIB))
    check(got.returncode == 0, got)


for test in (memory, small_stacks, stack_used_up, shared_signal_stack, promised_once, layouts,
             processors, rates, at_work, clocks, anothers_clock, thread_locals, astray, forgotten):
    test()
