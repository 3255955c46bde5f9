# SPDX-License-Identifier: MIT
"""What scrapers cost: nginx beside its twin without the library, while it is scraped and while
it is left alone, in turn.

Two scrapers, each with a CPU window of all but a second of every period and then five profiles at
once, and a person. What they cost comes now and then, so it is the CPU time of a
request that tells it. Where its memory lies makes a process slower or faster than its twin by
more than this is about: so both states are of one pair of processes, and there are several pairs.
"""
import itertools
import os
import socket
import threading
import time

from kit import LIB, QUICK, interval, machine, row, show_range, title
from macro import Variant
from servers import tree
from twins import BURST_MS, SERVERS, loaded, standing

PERIOD, TWINS = (5, 2) if QUICK else (15, 3)
BURSTS = PERIOD * 500 // BURST_MS  # pairs of them
PROFILES = ("allocs", "mutex", "block", "goroutine", "heap")
PERSON = ("", "heap?debug=1", "goroutine?debug=2", "profile?seconds=1", "threadcreate")


def ask(path, target):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(path)
        s.sendall(f"GET /debug/pprof/{target} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: s.recv(65536), b""))
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise OSError(f"{target}: {answer[:200]}")


def socket_of(pid, directory):
    path = f"{directory}/{pid}.sock"
    for _ in range(200):
        if os.path.exists(path):
            return path
        time.sleep(0.05)
    raise SystemExit("bench: the worker doesn't serve profiles")


class Visitors:
    """They come while `with` lasts, which is a period."""

    def __init__(self, path):
        scraper = (f"profile?seconds={PERIOD - 1}", *PROFILES)
        self.path, self.threads, self.failed = path, [], []
        self.rounds = [iter(scraper), iter(scraper), itertools.cycle(PERSON)]

    def visit(self, targets):
        for target in targets:
            try:
                ask(self.path, target)
            except OSError as error:
                self.failed.append(error)
                break
            if self.over.wait(1 if target in PERSON else 0):
                break

    def __enter__(self):
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.visit, args=(r,)) for r in self.rounds]
        for t in self.threads:
            t.start()

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join()
        if self.failed:
            raise SystemExit(f"bench: {self.failed[0]}")


def both_states(turn):
    """Left alone, and scraped."""
    server, request = SERVERS["nginx"]
    ours = Variant("cprof", LIB, CPROF_HTTP="unix:@/%p.sock")
    with standing(server, ours, turn) as (twins, env):
        path = socket_of(tree(twins[1].process.pid)[-1], env["CPROF_DIR"])
        with Visitors(path):  # the first ones find lines nobody has asked for yet
            loaded(twins, request, BURSTS)
        alone = loaded(twins, request, BURSTS)
        with Visitors(path):
            return alone, loaded(twins, request, BURSTS)


def bench_scraped():
    title(f"nginx, to its twin without the library: {TWINS} pairs, each {PERIOD} s left alone, "
          f"{PERIOD} s scraped")
    found = dict(zip(("left alone", "scraped"), zip(*map(both_states, range(TWINS)))))
    row("", "throughput", "95 %", "CPU each", "95 %")
    for name, ratios in found.items():
        rate, cpu = (interval([r[what] for r in ratios]) for what in ("rate", "cpu"))
        row(name, f"{rate[0]:.4f}", show_range(*rate[1:]), f"{cpu[0]:.4f}", show_range(*cpu[1:]))
    cost = interval([b["cpu"] / a["cpu"] for a, b in zip(*found.values())])
    row("scraped, to left alone", "", "", f"{cost[0]:.4f}", show_range(*cost[1:]))
    machine("scraped.cpu", cost[0], "x")


PARTS = {"scraped": bench_scraped}
