#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 300
"""cprof top says what `go tool pprof -top` says, to the letter.

Many profiles, made from fixed seeds: recursion, inlined calls, addresses without a
name, equal values (their order), values from nothing to petabytes, differences with
negative values; each with every sample type, sorted both ways, whole and cut to n.
They are named .pprof, since they are stranger than what we write.
"""
import difflib
import os
import random
import re
import shutil
import subprocess
import sys

import pprofgen as gen

CPROF = os.environ["CPROF"]
GO = "/usr/bin/go" if os.path.exists("/usr/bin/go") else shutil.which("go")
if not GO:
    sys.exit(77)
# How a difference's time and duration are reckoned is each reader's own affair.
OWN = re.compile(r"^(Time|Duration): .*\n", re.M)


def output(*argv):
    p = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "TZ": "UTC",
                                                                "HOME": os.getcwd()})
    said = re.sub(r"^cprof: (no samples|nothing of this type).*\n", "", p.stderr)
    if p.returncode or (said and argv[0] == CPROF):
        sys.exit(f"{argv}: status {p.returncode}: {p.stderr}")
    return p.stdout


def compare(files, *options, base=None, ours=(), theirs=()):
    ours = [*ours, *options] + (["--base", base] if base else [])
    theirs = [*theirs, *options] + ([f"-base={base}"] if base else [])
    mine = output(CPROF, "top", *ours, *files)
    pprof = output(GO, "tool", "pprof", "-top", "-symbolize=none", *theirs, *files)
    if base:
        mine, pprof = OWN.sub("", mine), OWN.sub("", pprof)
    if mine != pprof:
        difference = difflib.unified_diff(mine.splitlines(), pprof.splitlines(), "cprof", "go", n=1)
        sys.exit(f"cprof top {ours} {files} / go tool pprof -top {theirs}\n" + "\n".join(difference))


def random_frame(rng, names):
    kind = rng.random()
    if kind < 0.1:
        return ("@", rng.choice(["/lib/libfoo.so.1", "/usr/bin/victim", "[vdso]"]))
    if kind < 0.3:
        return tuple(rng.choices(names, k=rng.randint(2, 3)))
    return rng.choice(names)


def random_value(rng, top):
    """Mostly small next to a few large ones; sometimes equal; sometimes nothing."""
    return rng.choice([0, 1, 4096, rng.randint(1, 1000), int(top ** rng.random())])


def random_profile(seed, types, size, functions, top, **options):
    rng = random.Random(seed)
    names = [f"ns::f{i}" if i % 3 else f"g_{i:02d}" for i in range(functions)]
    p = gen.Profile(types, **options)
    for _ in range(size):
        stack = [random_frame(rng, names) for _ in range(rng.randint(1, 12))]
        labels = [("bytes", rng.choice([16, 32, 64]))] if types is gen.HEAP else []
        p.sample(stack, [random_value(rng, top) for _ in types], labels)
    return p.write(f"{seed}.pprof")


def views(files, types, **more):
    for name, _ in types:
        compare(files, f"-sample_index={name}", **more)
    compare(files, **more)
    compare(files, "-cum", **more)
    compare(files, ours=["-n", "7"], theirs=["-nodecount=7"], **more)
    compare(files, "-cum", ours=["-n=3"], theirs=["-nodecount=3"], **more)
    compare(files, ours=["--all"], theirs=["-trim=false"], **more)


for seed, functions, top in ((1, 5, 10), (2, 40, 1 << 20), (3, 300, 1 << 45), (4, 3000, 1 << 52)):
    views([random_profile(seed, gen.HEAP, 10 * functions, functions, top)], gen.HEAP)
allocs = random_profile(5, gen.HEAP, 50, 20, 1 << 30, default="alloc_space",
                        comments=("made for a test", "#hidden"))
compare([allocs])
cpu = random_profile(6, gen.CPU, 500, 60, 10 ** 10, period_type=("cpu", "nanoseconds"),
                     period=10 ** 7, duration_ns=31_400_000_000)
views([cpu], gen.CPU)
mutex = random_profile(7, gen.CONTENTION, 500, 60, 10 ** 15,
                       period_type=("contentions", "count"), period=1)
views([mutex], gen.CONTENTION)

more = [random_profile(seed, gen.HEAP, 300, 50, 1 << 30) for seed in (8, 9, 10)]
views(more, gen.HEAP)
views(more[:1], gen.HEAP, base=more[1])
views(more[:2], gen.HEAP, base=more[2])
compare(more[:1], base=more[0])  # nothing is left
many = [random_profile(seed, gen.HEAP, 20, 10, 1 << 20) for seed in range(100, 140)]
compare(many)

empty = gen.Profile(gen.HEAP).write("empty.pprof")
compare([empty])
deep = gen.Profile(gen.HEAP)
deep.sample(["fib"] * 100 + ["main"], [1, 10, 1, 10])
deep.sample([("fib", "fib", "fib"), "main"], [1, 10, 1, 10])
compare([deep.write("deep.pprof")])

# Real ones, with C++ names, inlined calls and source lines where there are any.
def run_to_its_end(number, *program):
    """A snapshot at exit is given up after 100 ms, so on a busy machine it takes a few runs."""
    directory = "real%d" % number
    for _ in range(30):
        subprocess.run([CPROF, "run", "-o", directory, "--rate", "1", *program], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, "CPROF_LOG": "none"})
        if os.path.isdir(directory) and os.listdir(directory):
            break
    return [os.path.join(directory, f) for f in sorted(os.listdir(directory))]


real = (run_to_its_end(1, sys.executable, "-c", "import json, decimal")
        + run_to_its_end(2, "c++filt", "_Z1fv"))
TYPES = {"heap": gen.HEAP, "allocs": gen.HEAP, "threadcreate": [("threadcreate", "count")],
         "cpu": [("samples", "count"), ("cpu", "nanoseconds")],
         "mutex": [("contentions", "count"), ("delay", "nanoseconds")],
         "block": [("contentions", "count"), ("delay", "nanoseconds")],
         "goroutine": [("goroutine", "count")]}
assert len(real) == 2 * len(TYPES), real
for path in real:
    views([path], TYPES[path.split(".")[-3]])
