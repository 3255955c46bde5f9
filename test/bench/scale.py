# SPDX-License-Identifier: MIT
"""How cost and memory grow: with threads, heaps and distinct stacks; an idle process."""
import http.client
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

from kit import BENCH, BUILD, LIB, QUICK, ROOM, TOP, environment, interval, machine, middle
from kit import out, row, show_range, side_by_side, title

sys.path.insert(0, str(TOP / "test/lib"))
import pprofcheck  # noqa: E402

SAMPLE = 2  # the field's number
EMPTY = str(BENCH / "libempty.so")


class Grown:
    """A process that has grown and waits."""

    def __init__(self, *words, preload=LIB, **config):
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=ROOM))
        self.process = subprocess.Popen(
            [str(BENCH / "grow"), *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env=environment(preload, CPROF_DIR=str(self.dir), CPROF_LINES="0", **config))
        kib, ns = self.process.stdout.readline().split()
        self.kib, self.ns = int(kib), float(ns)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def snapshot(self):
        """(milliseconds as the log has them, the heap profile's path)"""
        self.process.stdin.write("s")
        self.process.stdin.flush()
        for line in self.process.stderr:  # the governor may have something to say as well
            found = re.search(r"wrote .*, (\d+) ms\)", line)
            if found:
                break
        else:
            raise SystemExit("bench: no snapshot")
        return int(found.group(1)), next(self.dir.glob("*.heap.pb.gz"))

    def private_kib(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return sum(int(v) for v in re.findall(r"^Private_\w+:\s+(\d+)", text, re.M))


def outline(path):
    """(samples, our own memory in KB), without decoding what they are made of."""
    text = pprofcheck.gunzip(path.read_bytes())
    found = re.search(rb"memory=(\d+) used", text)
    samples = sum(number == SAMPLE for number, *_ in pprofcheck.fields(text))
    return samples, int(found.group(1)) // 1024 if found else 0


def bench_threads():
    title("malloc and free in many threads, ns of CPU time per pair")
    row("threads", "ratio", "95 %", "bare", "cprof")
    for n in (1, 4, 64) if QUICK else (1, 2, 4, 8, 16, 32, 64):
        envs = {"bare": environment(), "cprof": environment(LIB, CPROF_LOG="none")}
        runs = [side_by_side([BENCH / "micro", f"threads:{n}", 2000000 // n], envs, 10)
                for _ in range(3 if QUICK else 8)]
        ratio, low, high = interval([middle(c / b for c, b in zip(r["cprof"], r["bare"]))
                                     for r in runs])
        mid = [statistics.median(middle(r[name]) for r in runs) for name in envs]
        row(str(n), f"{ratio:.3f}", show_range(low, high), *(f"{v:.2f}" for v in mid))
        machine(f"threads.{n}.ratio", ratio, "x")


def available_mb():
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(r"MemAvailable:\s+(\d+)", text).group(1)) // 1024


def bench_heaps():
    title("live heaps of blocks of 64 to 2,048 bytes, default rate")
    row("MB", "ns bare", "ns cprof", "RSS added KB", "own KB", "snapshot ms", "file KB")
    for mb in (10, 100) if QUICK else (10, 100, 1000, 10000):
        if mb * 1.3 > available_mb():
            row(str(mb), "does not fit this machine")
            continue
        with Grown("heap", mb, preload=EMPTY) as bare:
            pass
        with Grown("heap", mb) as ours:
            ms, path = ours.snapshot()
            row(str(mb), f"{bare.ns:.0f}", f"{ours.ns:.0f}", ours.kib - bare.kib, outline(path)[1],
                ms, path.stat().st_size // 1024)
            machine(f"heap.{mb}MB.added", ours.kib - bare.kib, "KB")


def bench_stacks():
    title("distinct stacks, every allocation recorded")
    row("stacks", "ns per block", "own KB", "snapshot ms", "file KB", "samples")
    for n in (100, 10000) if QUICK else (100, 1000, 10000, 100000, 1000000):
        with Grown("stacks", n, CPROF_HEAP_RATE="1", CPROF_MAX_MEMORY="4G",
                   CPROF_PROFILES="heap") as g:
            ms, path = g.snapshot()
            samples, kib = outline(path)
            row(str(n), f"{g.ns:.0f}", kib, ms, path.stat().st_size // 1024, samples)
            machine(f"stacks.{n}.snapshot", ms, "ms")
            machine(f"stacks.{n}.memory", kib, "KB")


def bench_churn():
    """A table that removed records clog up would slow down."""
    n = 1000000 if QUICK else 10000000
    title(f"every allocation recorded, {n} blocks come and go: the last tenth to the first")
    argv = [BUILD / "prog/extremes", "churn", n]
    env = environment(LIB, CPROF_HEAP_RATE="1", CPROF_LOG="none")
    ratios = []
    for _ in range(3 if QUICK else 5):
        ns = [float(v) for v in re.findall(r"^part \d+ ns ([\d.]+)", out(argv, env), re.M)]
        ratios.append(ns[-1] / ns[0])
    ratio, low, high = interval(ratios)
    row("churn", f"{ratio:.3f}", show_range(low, high))
    machine("churn.ratio", ratio, "x")


def bench_idle():
    title("an idle process: private memory over an empty library")
    with Grown("idle", preload=EMPTY) as bare, Grown("idle") as ours:
        time.sleep(0.2)
        added = ours.private_kib() - bare.private_kib()
        row("idle", f"{added} KB")
        machine("idle.memory", added, "KB")


def bench_http():
    title("GET /debug/pprof/heap, ms (medians)")
    row("stacks", "first", "later", "bytes")
    for n in (100, 10000):
        with Grown("stacks", n, CPROF_HEAP_RATE="1", CPROF_HTTP="127.0.0.1:0") as g:
            line = g.process.stderr.readline()
            port = int(re.search(r":(\d+)/", line).group(1))
            took, size = [], 0
            for _ in range(5 if QUICK else 20):
                began = time.monotonic()
                c = http.client.HTTPConnection("127.0.0.1", port)
                c.request("GET", "/debug/pprof/heap")
                size = len(c.getresponse().read())
                c.close()
                took.append((time.monotonic() - began) * 1e3)
            row(str(n), f"{took[0]:.1f}", f"{statistics.median(took[1:]):.1f}", size)
            machine(f"http.{n}.heap", statistics.median(took[1:]), "ms")


def bench_massif():
    """How far apart the peers' ways are: every instruction interpreted, for scale."""
    title("valgrind's massif, for scale: the C++ program")
    argv = [BENCH / "words", 2]
    took = {}
    for name, words in (("bare", []), ("massif", ["valgrind", "--tool=massif",
                                                   f"--massif-out-file={ROOM}/massif"])):
        began = time.monotonic()
        out([*words, *argv])
        took[name] = time.monotonic() - began
    row("massif", f"{took['massif'] / took['bare']:.0f} x")
    machine("massif.ratio", took["massif"] / took["bare"], "x")


PARTS = {"threads": bench_threads, "heaps": bench_heaps, "stacks": bench_stacks,
         "churn": bench_churn, "idle": bench_idle, "http": bench_http, "massif": bench_massif}
