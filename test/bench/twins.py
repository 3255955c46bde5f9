# SPDX-License-Identifier: MIT
"""Two of the same server side by side, with and without the library, loaded in turn.

A server that is started anew for each measurement meets another mood of the machine each
time: on a shared one the ratio of two such runs is off by a tenth. Here both are there all
the while, on one processor, and bursts of a twentieth of a second from another alternate
between them. Where its memory lies makes a process faster or slower than its twin by
some per cent as well: so there are many pairs of twins, and the interval is over these.
"""
import os
import statistics
import subprocess

from kit import BENCH, LIB, QUICK, environment, interval, machine, row, show_range, title
from servers import Memcached, Nginx, Redis, usage

TWINS, PAIRS, BURST_MS, CONNECTIONS = 4 if QUICK else 16, 30, 50, 16
VALUE = "0123456789" * 10


def resp(*words):
    """A command as redis's clients send it."""
    return f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)


REQUESTS = {
    "redis": (Redis, resp("SET", "key", VALUE) + resp("GET", "key") +
              resp("LPUSH", "list", VALUE) + resp("RPOP", "list")),
    "nginx": (Nginx, "GET /page HTTP/1.1\r\nHost: here\r\n\r\n"),
    "memcached": (Memcached, f"set key 0 0 100\r\n{VALUE}\r\nget key\r\n"),
}


def load(twins, request):
    """The rates of each pair of bursts, and both 99th percentiles."""
    ports = [str(s.port) for s in twins]
    text = subprocess.run([BENCH / "twins", *ports, str(CONNECTIONS), str(BURST_MS), str(PAIRS)],
                          input=request, text=True, check=True,
                          stdout=subprocess.PIPE).stdout.splitlines()
    return [tuple(map(float, line.split())) for line in text[:-1]], text[-1].split()[1:]


def loaded(twins, request):
    """Ratios of the second to the first: throughput, CPU time of a request, 99th percentile."""
    before = [usage(s.process.pid)[0] for s in twins]
    rates, p99 = load(twins, request)
    took = [usage(s.process.pid)[0] - b for s, b in zip(twins, before)]
    ratio = interval([second / first for first, second in rates])[0]
    done = sum(second for _, second in rates) / sum(first for first, _ in rates)
    return ratio, took[1] / took[0] / done, float(p99[1]) / float(p99[0])


def measure(name, turn):
    """One pair of twins; who is started first changes with the turn."""
    server, request = REQUESTS[name]
    twins = server(), server()
    ours = {"CPROF_LOG": "none", "CPROF_DIR": str(twins[1].dir)}
    envs = environment(), environment(LIB, **ours)
    everywhere = os.sched_getaffinity(0)
    first, *_, last = sorted(everywhere)
    try:
        os.sched_setaffinity(0, {first})
        for k in (turn % 2, 1 - turn % 2):
            twins[k].start(envs[k])
        os.sched_setaffinity(0, {last})
        return loaded(twins, request)
    finally:
        os.sched_setaffinity(0, everywhere)
        for s in twins:
            if hasattr(s, "process"):
                s.stop()


def bench_twins():
    title(f"all profiles at their defaults to no library: {TWINS} pairs of twins, each loaded in "
          f"{PAIRS} pairs of bursts of {BURST_MS} ms")
    row("", "throughput", "95 %", "CPU each", "95 %", "p99")
    for name in REQUESTS:
        rate, cpu, p99 = zip(*(measure(name, turn) for turn in range(TWINS)))
        ratio, low, high = interval(rate)
        each, *around = interval(cpu)
        row(name, f"{ratio:.4f}", show_range(low, high), f"{each:.4f}", show_range(*around),
            f"{statistics.median(p99):.3f}")
        machine(f"twins.{name}.throughput", ratio, "x")
        machine(f"twins.{name}.from", low, "x")
        machine(f"twins.{name}.cpu", each, "x")
        machine(f"twins.{name}.p99", statistics.median(p99), "x")


PARTS = {"twins": bench_twins}
