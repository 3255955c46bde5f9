# SPDX-License-Identifier: MIT
"""Two of the same server side by side, with and without a profiler, loaded in turn.

A server that is started anew for each measurement meets another mood of the machine each
time: on a shared one the ratio of two such runs is off by a tenth. Here both are there all
the while, on one processor, and short bursts from another alternate between them. What
befalls the machine befalls some bursts badly and most not at all, so the quarter of their
ratios at either end is left out; what a profiler does now and then is in the CPU time of a
request, which leaves out nothing. Where its memory lies makes a process faster or slower than
its twin by one or two per cent as well: so there are many pairs of twins, and the interval is
over these.
"""
import contextlib
import math
import os
import subprocess

from kit import BENCH, QUICK, cpu_seconds, middle, title
from macro import OURS, Variant, peers, ratio, show_all
from servers import Memcached, Nginx, Postgres, Redis, peak_kib, tree

TWINS, SELDOM = (3, 1) if QUICK else (30, 15)  # seldom: single profiles and peers
PAIRS, BURST_MS, CONNECTIONS = 40, 5, 16
WARM = 16  # pairs before that: a server's first moments are not what its days are like
VALUE = "0123456789" * 10


def resp(*words):
    """A command as redis's clients send it."""
    return f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)


def query(text):
    """A command as PostgreSQL's clients send it."""
    size = (len(text) + 5).to_bytes(4, "big").decode("latin-1")
    return f"Q{size}{text}\0"


SERVERS = {
    "redis": (Redis, resp("SET", "key", VALUE)),
    "nginx": (Nginx, "GET /page HTTP/1.1\r\nHost: here\r\n\r\n"),
    "memcached": (Memcached, f"set key 0 0 100\r\n{VALUE}\r\nget key\r\n"),
    # What pgbench -S asks.
    "postgresql": (Postgres, query("SELECT abalance FROM pgbench_accounts WHERE aid = 4711;")),
}
BARE = {v.name: v for v in [Variant("none"), *peers()]}


def load(twins, request, pairs, order):
    """The requests per second of each pair of bursts, and of both twins the 99th percentile, the
    CPU time and the memory. order: -1 when the loader is to take the second for the first, since
    the two are not quite alike to it."""
    files = [twins[0].dir / name for name in ("greeting", "request")]
    for path, words in zip(files, (twins[0].greeting, request)):
        path.write_text(words, encoding="latin-1", newline="")
    ports = [str(s.port) for s in twins[::order]]
    with subprocess.Popen(
            [BENCH / "twins", *ports, *map(str, (CONNECTIONS, BURST_MS, WARM, pairs)), *files],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as loader:
        if loader.stdout.readline() != "ready\n":
            raise SystemExit("bench: a server can't be loaded")
        pids = [tree(s.process.pid) for s in twins]
        before = [cpu_seconds(p) for p in pids]
        loader.stdin.write("\n")
        loader.stdin.flush()
        lines = [loader.stdout.readline().split() for _ in range(pairs + 1)]
        cpu = [cpu_seconds(p) - b for p, b in zip(pids, before)]
        kib = [peak_kib(p) for p in pids]
        loader.stdin.close()
    rates = [tuple(map(float, line))[::order] for line in lines[:-1]]
    return rates, map(float, lines[-1][1:][::order]), cpu, kib


def loaded(twins, request, pairs, order=1):
    """The second's ratios to the first."""
    rates, *rest = load(twins, request, pairs, order)
    one, two = ({"rate": sum(rate), "p99": late, "cpu": took / sum(rate), "kib": kib}
                for rate, late, took, kib in zip(zip(*rates), *rest))
    return {**ratio(two, one), "rate": math.exp(middle(math.log(b / a) for a, b in rates))}


@contextlib.contextmanager
def standing(server, v, turn=0):
    """One pair of twins, and the second's environment; who is started first changes with the
    turn."""
    twins = server(), server()
    everywhere = os.sched_getaffinity(0)
    first, *_, last = sorted(everywhere)
    with BARE[v.base].ready() as (base, _), v.ready() as (env, beside):
        try:
            os.sched_setaffinity(0, {first})
            for k in (turn % 2, 1 - turn % 2):
                twins[k].start((base, env)[k])
            beside.start(lambda: tree(twins[1].process.pid))
            os.sched_setaffinity(0, {last})
            yield twins, env
        finally:
            os.sched_setaffinity(0, everywhere)
            beside.end()
            for s in twins:
                if hasattr(s, "process"):
                    s.stop()


def side_by_side(server, request, v, turn):
    with standing(server, v, turn) as (twins, _):
        return loaded(twins, request, PAIRS, -1 if turn & 2 else 1)


def bench_server(name):
    title(f"{name}: {TWINS} pairs of twins, {SELDOM} for peers, loaded in {PAIRS} pairs of "
          f"bursts of {BURST_MS} ms")
    shown = [*OURS, *(v for v in peers() if v.job and name not in v.breaks)]
    ratios = {v.name: [] for v in shown}
    for turn in range(TWINS):
        for v in shown if turn < SELDOM else shown[:1]:
            ratios[v.name].append(side_by_side(*SERVERS[name], v, turn))
    show_all(name, shown, ratios)


def part(name):
    return lambda: bench_server(name)


PARTS = {name: part(name) for name in SERVERS}
