# SPDX-License-Identifier: MIT
"""Single operations: malloc, locks, threads, the start of a process; a snapshot's parts."""
import ctypes.util
import operator
import os
import re
import shutil
import statistics
import subprocess

from kit import (BENCH, LIB, QUICK, environment, interval, machine, middle, on_last_processor, out,
                 row, show_range, side_by_side, title)

JUMP = ("jump", str(BENCH / "libjump.so"))
MUTRACE = os.environ.get("MUTRACE")  # its library: Debian has no package of it
ALLOCATORS = [("glibc", None), ("jemalloc", "libjemalloc.so.2"),
              ("tcmalloc", "libtcmalloc_minimal.so.4")]
SIZES = (64, 0) if QUICK else (16, 64, 1024, 1 << 20, 0)
PROCESSES, ROUNDS = (3, 20) if QUICK else (10, 40)


def have(so):
    return not so or ctypes.util.find_library(re.sub(r"^lib|\.so.*", "", so))


def compare(name, argv, allocator=None, peer=None, processes=PROCESSES, rounds=ROUNDS):
    """Processes side by side, in rounds of some milliseconds; the interval is over these. peer:
    the name and the library of another one."""
    libs = {"bare": (allocator,), "cprof": (LIB, allocator)}
    if peer:
        libs[peer[0]] = (peer[1], allocator)
    envs = {n: environment(*so, CPROF_LOG="none") for n, so in libs.items()}
    runs = [side_by_side(argv, envs, rounds) for _ in range(processes)]
    ns = {n: statistics.median(middle(r[n]) for r in runs) for n in libs}
    ratio, low, high = interval([middle(map(operator.truediv, r["cprof"], r["bare"]))
                                 for r in runs])
    added = statistics.median(middle(map(operator.sub, r["cprof"], r["bare"])) for r in runs)
    row(name, f"{ratio:.3f}", show_range(low, high), f"{added:+.2f}",
        f"{ns['bare']:.2f}", f"{ns[peer[0]]:.2f}" if peer else "", f"{ns['cprof']:.2f}")
    machine(f"micro.{name}.ratio", ratio, "x")
    machine(f"micro.{name}.to", high, "x")
    machine(f"micro.{name}.added", added, "ns")
    if peer:
        theirs = interval([middle(map(operator.truediv, r[peer[0]], r["bare"])) for r in runs])
        added = statistics.median(middle(map(operator.sub, r[peer[0]], r["bare"])) for r in runs)
        machine(f"micro.{name}.{peer[0]}", theirs[0], "x")
        machine(f"micro.{name}.{peer[0]}.added", added, "ns")


def head(text, peer):
    title(text)
    row("", "ratio", "95 %", "added ns", "bare", peer, "cprof")


def bench_pair():
    """Added by the library to one malloc and one free, at default rate."""
    head("malloc and free, ns per pair (jump: an interposer that does nothing)", "jump")
    for allocator, so in ALLOCATORS:
        if not have(so):
            row(allocator, "not installed")
            continue
        for size in SIZES:
            count = 100000 if size < 65536 else 10000
            compare(f"{allocator} {size or 'mixed'}", [BENCH / "micro", f"pair:{size}", count],
                    so, JUMP, rounds=ROUNDS if size == 64 else ROUNDS // 2)
        for what in ("batch", "cross"):
            compare(f"{allocator} {what}", [BENCH / "micro", what, 100000], so, rounds=ROUNDS // 2)


def compare_ring(n, peer):
    """Where a thread is woken is the scheduler's choice: over to another processor, which costs
    thrice as much, if one is idle by then. So the time of a turn depends on chance more than on
    who takes how long, and many processes are needed. Where all of them go over, or none does,
    nothing is left to choose; and a measurement is of hundreds of turns, since the first ones find
    what others left in the caches."""
    argv = [BENCH / "micro", f"ring:{n}"]
    compare(f"ring:{n}", [*argv, 1000], None, peer, 5 * PROCESSES, ROUNDS // 5)
    compare(f"apart:{n}", [BENCH / "micro", f"apart:{n}", 800], None, peer, 8 * PROCESSES,
            ROUNDS // 5)
    with on_last_processor():
        compare(f"ring:{n}, one processor", [*argv, 4000], peer=peer)


def bench_locks():
    peer = ("mutrace", MUTRACE) if MUTRACE else None
    head("pthread, ns each (lock, read, write, thread: CPU time; the others: wall time)",
         (peer or JUMP)[0])
    for what, count, rounds in (("lock", 200000, ROUNDS), ("read", 200000, ROUNDS),
                                ("write", 200000, ROUNDS), ("held:2", 20000, ROUNDS // 4),
                                ("held:16", 3000, ROUNDS // 4), ("contended", 1000000, 4),
                                ("crowd", 60000, 4), ("thread", 50, ROUNDS)):
        compare(what, [BENCH / "micro", what, count], rounds=rounds,
                peer=peer or (JUMP if what == "lock" else None))
    for n in (2, 16):
        compare_ring(n, peer)


def instructions(argv, *preload):
    """Instructions valgrind counts in one run."""
    text = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"] +
                          [str(a) for a in argv], text=True, check=True,
                          env=environment(*preload, CPROF_LOG="none", CPROF_SEED="1"),
                          input="\n", capture_output=True).stderr
    return int(re.search(r"Collected : (\d+)", text).group(1))


def bench_instructions():
    """The difference of two lengths leaves start and end of the process out."""
    title("instructions, by callgrind (added to the bare call)")
    few, many = (20000, 60000) if QUICK else (100000, 300000)
    row("", "bare", "jump", "cprof", "added")
    for name, what in (("malloc and free, 64 B", "pair:64"),
                       ("malloc and free, mixed", "pair:0"),
                       ("lock and unlock", "lock"),
                       ("read lock and unlock", "read"),
                       ("write lock and unlock", "write")):
        counted = []
        for lib in (None, JUMP[1], LIB):
            ends = [instructions([BENCH / "micro", what, n], lib) for n in (few, many)]
            counted.append((ends[1] - ends[0]) / (many - few))
        row(name, *(f"{c:.1f}" for c in counted), f"{counted[2] - counted[0]:+.1f}")
        machine(f"instructions.{name}", counted[2] - counted[0], "instructions")


def bench_start():
    title("start and end of /bin/true, microseconds (medians)")
    count = 100 if QUICK else 1000
    names = ["no library", "an empty library", "cprof"]
    values = out([BENCH / "start", count, shutil.which("true"), "-", BENCH / "libempty.so", LIB])
    values = list(map(float, values.split()))
    row("", "us", "over empty")
    for name, value in zip(names, values):
        row(name, f"{value:.0f}", f"{value - values[1]:+.0f}")
    machine("start.added", values[2] - values[1], "us")
    machine("start.ratio", values[2] / values[1], "x")


def bench_parts():
    """The micro benchmarks of single parts print their own tables."""
    for program in sorted(BENCH.glob("bench_*")):
        if program.suffix == "" and os.access(program, os.X_OK):
            title(program.name)
            print(out([program] + (["quick"] if QUICK else []), cwd=BENCH), end="", flush=True)


PARTS = {"pair": bench_pair, "locks": bench_locks, "instructions": bench_instructions,
         "start": bench_start, "parts": bench_parts}
