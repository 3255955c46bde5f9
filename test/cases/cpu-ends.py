#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 180
"""fm-042 fm-058 fm-060 fm-063: ends of threads, forks and new programs while timers tick at 1 kHz.

No timer, thread or descriptor is left of them, memory does not grow, and no child dies
of a signal left over, or begins with one blocked or ignored.
"""
import os
import re
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import PROG, check, run  # noqa: E402

THREADS = 100000 if os.environ.get("SOAK_SECONDS") else 10000
WORDS = ["cancelled", "vanished", "forks", "execs", "large", "leave"]
GROWTH_KB = 4096  # of touched pages of tables: not by the number of threads


def parse(text):
    """{what: {timers, threads, descriptors, kb}}, and all that is not numbers."""
    counts, rest = {}, []
    for line in text.splitlines():
        what, _, words = line.partition(": ")
        if "kb" in words:
            words = words.split()
            counts[what] = dict(zip(words[::2], map(int, words[1::2])))
        else:
            rest.append(line)
    return counts, rest


def ends(preload, **config):
    p = run([f"{PROG}/cpuends", str(THREADS), *WORDS], preload=preload, **config)
    check(p.returncode == 0, f"status {p.returncode}: {p.stdout}{p.stderr}")
    return parse(p.stdout)


without, lines = ends("")
counts, with_lines = ends(os.environ["LIB"], CPROF_CPU_HZ=1000, CPROF_LINES=0, CPROF_ONLY="cpuends")
check(list(counts) == list(without) and len(counts) == 7, f"{counts}")
for what, n in counts.items():
    check(n["timers"] == 1, f"{what}: {n['timers']} timers, of one thread")
    for thing in ("threads", "descriptors"):
        check(n[thing] == without[what][thing], f"{what}: {thing} {n}, without: {without[what]}")
grown = counts["short threads"]["kb"] - counts["at first"]["kb"]
check(grown < GROWTH_KB, f"{THREADS} threads cost {grown} kB")
# A main thread that left stays in the kernel's list, and may have a timer of its own.
timers = [int(n) for n in re.findall(r"main left: timers (\d+)", "\n".join(with_lines))]
check(len(timers) == 1 and timers[0] <= 2, f"{with_lines}")
check([line for line in lines if "main left" not in line] ==
      [line for line in with_lines if "main left" not in line], f"{lines} became {with_lines}")
