# SPDX-License-Identifier: MIT
"""Servers and programs with nothing, with the library, and with each of its peers.

Throughput and 99th percentile are ratios to the run without anything in the same round,
more being better for the first and less for the second; so is CPU time per request. Peers
that bring an allocator of their own are held against that allocator alone. The column
"cprof/peer" says how the profile of ours that does the same job fares beside them: its
throughput's ratio divided by theirs, above 1 when ours is the cheaper.
"""
import os
import shutil
import signal
import statistics
import subprocess
import tempfile

from kit import LIB, QUICK, ROOM, environment, interval, machine, ratios_of, row, show_range
from kit import title, turns
from servers import WORKLOADS

ROUNDS = 2 if QUICK else 15
LIBS = "/usr/lib/" + os.uname().machine + "-linux-gnu/"


class Variant:
    """An environment, or a program beside; job: which of ours does the same."""

    def __init__(self, name, preload=None, base="none", job=None, beside=None, **env):
        self.name, self.preload, self.base, self.job = name, preload, base, job
        self.program, self.env = beside, env

    def is_there(self):
        return ((not self.preload or os.path.exists(self.preload)) and
                (not self.program or shutil.which(self.program[0])))

    def measure(self, workload):
        scratch = tempfile.mkdtemp(dir=ROOM)
        os.chmod(scratch, 0o777)
        env = {k: v.replace("@", scratch) for k, v in self.env.items()}
        try:
            return workload.measure(
                environment(self.preload, CPROF_LOG="none", CPROF_DIR=scratch, **env),
                Beside([a.replace("@", scratch) for a in self.program or ()]))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


class Beside:
    """A profiler that is a program: it is given a process, or starts one."""

    def __init__(self, argv):
        self.argv = argv

    def words(self, last):
        return [*self.argv, last] if self.argv else []

    def start(self, pid):
        self.process = self.argv and subprocess.Popen(
            [*self.words("-p"), str(pid)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

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
    Variant("gperftools cpu", LIBS + "libprofiler.so.0", job="cprof, cpu", CPUPROFILE="@/cpu",
            CPUPROFILE_FREQUENCY="100"),
    Variant("perf record", job="cprof, cpu",
            beside=["perf", "record", "-F", "100", "-g", "-o", "@/perf"]),
    Variant("tcmalloc", LIBS + "libtcmalloc.so.4"),
    Variant("tcmalloc sampling", LIBS + "libtcmalloc.so.4", base="tcmalloc", job="cprof, heap",
            TCMALLOC_SAMPLE_PARAMETER="524288"),
    Variant("gperftools heap", LIBS + "libtcmalloc.so.4", base="tcmalloc", job="cprof, heap",
            HEAPPROFILE="@/heap"),
    Variant("jemalloc", LIBS + "libjemalloc.so.2"),
    Variant("jemalloc prof", LIBS + "libjemalloc.so.2", base="jemalloc", job="cprof, heap",
            MALLOC_CONF="prof:true,lg_prof_sample:19"),
    Variant("heaptrack", "/usr/lib/heaptrack/libheaptrack_preload.so", job="cprof, heap",
            DUMP_HEAPTRACK_OUTPUT="@/heaptrack"),
]


def against(results, v, variants):
    """Rounds' ratios of our job's throughput to the peer's, each over its own base."""
    ours = variants[v.job]
    return [(r[v.job]["rate"] / r[ours.base]["rate"]) / (r[v.name]["rate"] / r[v.base]["rate"])
            for r in results if {v.job, v.name, v.base, ours.base} <= set(r)]


def show(workload, results, v, variants):
    ratio, low, high = interval(ratios_of(results, v.name, v.base, lambda m: m["rate"]))
    p99 = ratios_of(results, v.name, v.base, lambda m: m["p99"])
    cpu = interval(ratios_of(results, v.name, v.base, lambda m: m["cpu"]))
    kib = statistics.median(r[v.name]["kib"] - r[v.base]["kib"] for r in results if v.name in r)
    beside = interval(against(results, v, variants)) if v.job else None
    row(v.name, f"{ratio:.4f}", show_range(low, high), f"{interval(p99)[0]:.3f}" if p99 else "",
        f"{cpu[0]:.4f}", show_range(*cpu[1:]), f"{kib / 1024:+.1f}",
        f"{beside[0]:.3f}" if beside else "", show_range(*beside[1:]) if beside else "")
    machine(f"{workload}.{v.name}.throughput", ratio, "x")
    machine(f"{workload}.{v.name}.from", low, "x")
    machine(f"{workload}.{v.name}.cpu", cpu[0], "x")
    if p99:
        machine(f"{workload}.{v.name}.p99", interval(p99)[0], "x")
    if beside:
        machine(f"{workload}.{v.name}.cprof-to-it", beside[0], "x")


def bench_workload(name):
    title(f"{name}: {ROUNDS} interleaved pairs, peers in each third round")
    peers = [v for v in PEERS if v.is_there()]
    variants = {v.name: v for v in [Variant("none"), *OURS, *peers]}
    workload = WORKLOADS[name]()
    main = ["none", "cprof, all"]
    seldom = [n for n in variants if n not in main]
    results = turns(main, ROUNDS, lambda n: variants[n].measure(workload), seldom)
    row("", "throughput", "95 %", "p99", "CPU each", "95 %", "RSS MB", "cprof/peer", "95 %")
    for v in [*OURS, *peers]:
        show(name, results, v, variants)


def part(name):
    return lambda: bench_workload(name)


PARTS = {name: part(name) for name in WORKLOADS}
