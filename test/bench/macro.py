# SPDX-License-Identifier: MIT
"""Programs with nothing, with the library, and with each of its peers.

Throughput and 99th percentile are ratios to the run without anything in the same round,
more being better for the first and less for the second; so is CPU time per request. A program
that does its work and ends runs beside itself without anything, the two taking turns on one
processor as the scheduler has it, so that whatever slows that one slows both: its throughput is
what it does in a second of CPU time, its start, and who works for it, counted. Peers
that bring an allocator of their own are held against that allocator alone. The column
"cprof/peer" says how the profile of ours that does the same job fares beside them: its
throughput's ratio divided by theirs, above 1 when ours is the cheaper.
"""
import contextlib
import itertools
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from kit import (LIB, QUICK, ROOM, environment, interval, machine, on_last_processor, row,
                 show_range, title, turns)
from servers import WORKLOADS

ROUNDS = 2 if QUICK else 15
LIBS = "/usr/lib/" + os.uname().machine + "-linux-gnu/"


class Variant:
    """An environment, or a program beside; job: which of ours does the same; breaks: workloads that
    don't bear it, or of which it sees nothing."""

    def __init__(self, name, preload=None, base="none", job=None, beside=None, breaks=(), **env):
        self.name, self.preload, self.base, self.job = name, preload, base, job
        self.breaks = breaks
        self.program, self.env = beside, env

    def is_there(self):
        return ((not self.preload or os.path.exists(self.preload)) and
                (not self.program or shutil.which(self.program[0])))

    @contextlib.contextmanager
    def ready(self):
        """The environment, and what runs beside, with a directory to write to."""
        scratch = tempfile.mkdtemp(dir=ROOM)
        os.chmod(scratch, 0o777)
        env = {k: v.replace("@", scratch) for k, v in self.env.items()}
        try:
            yield (environment(self.preload, CPROF_LOG="none", CPROF_DIR=scratch, **env),
                   Beside([a.replace("@", scratch) for a in self.program or ()]))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def against(self, base, workload, first):
        """What the two come to in one processor's time; first: this one is started first."""
        with self.ready() as one, base.ready() as other, on_last_processor():
            order = [one, other] if first else [other, one]
            ran = [workload.ended(p) for p in [workload.start(*how) for how in order]]
        return ratio(*(ran if first else ran[::-1]))


class Beside:
    """A profiler that is a program: it is given a process, or starts one."""

    def __init__(self, argv):
        self.argv = argv

    def words(self, last):
        return [*self.argv, last] if self.argv else []

    def start(self, find):
        """find: answers the processes. It is there when it has events to read: what is forked
        before goes by unseen; and it ends at once where one of them has."""
        self.process = None
        for _ in range(100 if self.argv else 0):
            if not self.process or self.process.poll() is not None:
                self.process = subprocess.Popen(
                    [*self.words("-p"), ",".join(map(str, find()))], stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if self.has_events():
                return
            time.sleep(0.02)
        if self.argv:
            raise SystemExit(f"bench: {self.argv[0]} does not start")

    def has_events(self):
        with contextlib.suppress(OSError):
            return any("perf_event" in os.readlink(fd) for fd in
                       pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir())
        return False

    def end(self):
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()


OURS = [
    Variant("cprof, all", LIB),
    Variant("cprof, cpu", LIB, CPROF_PROFILES="cpu"),
    Variant("cprof, heap", LIB, CPROF_PROFILES="heap,allocs"),
    Variant("cprof, mutex block", LIB, CPROF_PROFILES="mutex,block"),
]
PEERS = [
    # It doesn't sample a forked child.
    Variant("gperftools cpu", LIBS + "libprofiler.so.0", job="cprof, cpu", breaks=["postgresql"],
            CPUPROFILE="@/cpu", CPUPROFILE_FREQUENCY="100"),
    # By frame pointers it would see no caller: Debian's programs have none.
    Variant("perf record", job="cprof, cpu",
            beside=["perf", "record", "-F", "100", "--call-graph", "dwarf", "-o", "@/perf"]),
    Variant("tcmalloc", LIBS + "libtcmalloc.so.4"),
    Variant("tcmalloc sampling", LIBS + "libtcmalloc.so.4", base="tcmalloc", job="cprof, heap",
            TCMALLOC_SAMPLE_PARAMETER="524288"),
    Variant("gperftools heap", LIBS + "libtcmalloc.so.4", base="tcmalloc", job="cprof, heap",
            HEAPPROFILE="@/heap"),
    Variant("jemalloc", LIBS + "libjemalloc.so.2"),
    Variant("jemalloc prof", LIBS + "libjemalloc.so.2", base="jemalloc", job="cprof, heap",
            MALLOC_CONF="prof:true,lg_prof_sample:19"),
    # A forked child waits for ever for its lock; of gcc it sees the driver, not the compiler.
    Variant("heaptrack", "/usr/lib/heaptrack/libheaptrack_preload.so", job="cprof, heap",
            breaks=["postgresql", "gcc"], DUMP_HEAPTRACK_OUTPUT="@/heaptrack"),
]


def show(workload, v, ratios, ours):
    """ratios: v's, of each round, and ours of the profile that does its job."""
    rate, cpu, p99 = ([r[what] for r in ratios] for what in ("rate", "cpu", "p99"))
    rate, cpu, kib = interval(rate), interval(cpu), statistics.median(r["kib"] for r in ratios)
    p99 = statistics.median(p99)
    beside = interval([a["rate"] / b["rate"] for a, b in zip(ours, ratios)]) if ours else None
    row(v.name, f"{rate[0]:.4f}", show_range(*rate[1:]), f"{p99:.3f}" if p99 else "",
        f"{cpu[0]:.4f}", show_range(*cpu[1:]), f"{kib / 1024:+.1f}",
        f"{beside[0]:.3f}" if beside else "", show_range(*beside[1:]) if beside else "")
    name = f"{workload}.{v.name}"
    machine(f"{name}.throughput", rate[0], "x")
    machine(f"{name}.from", rate[1], "x")
    machine(f"{name}.to", rate[2], "x")
    machine(f"{name}.cpu", cpu[0], "x")
    if p99:
        machine(f"{name}.p99", p99, "x")
    if beside:
        for what, value in zip(("", ".from", ".to"), beside):
            machine(f"{name}.cprof-to-it{what}", value, "x")


def show_all(workload, variants, ratios):
    """ratios: of each variant, by name."""
    row("", "throughput", "95 %", "p99", "CPU each", "95 %", "RSS MB", "cprof/peer", "95 %")
    for v in variants:
        show(workload, v, ratios[v.name], ratios.get(v.job))


def ratio(one, base):
    """Of two measurements; memory is a difference."""
    return {"rate": one["rate"] / base["rate"], "cpu": one["cpu"] / base["cpu"],
            "p99": one["p99"] / base["p99"] if base["p99"] else 0, "kib": one["kib"] - base["kib"]}


def peers():
    return [v for v in PEERS if v.is_there()]


def bench_workload(name):
    title(f"{name}: {ROUNDS} pairs, each on one processor at once")
    shown = [*OURS, *(v for v in peers() if name not in v.breaks)]
    variants = {v.name: v for v in [Variant("none"), *shown]}
    workload, first = WORKLOADS[name](), itertools.cycle([True, False])

    def measure(n):
        return variants[n].against(variants[variants[n].base], workload, next(first))

    results = turns([v.name for v in shown], ROUNDS, measure)
    show_all(name, shown, {v.name: [r[v.name] for r in results if v.name in r] for v in shown})


def part(name):
    return lambda: bench_workload(name)


PARTS = {name: part(name) for name in WORKLOADS}
