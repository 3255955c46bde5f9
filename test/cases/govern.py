#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""The budget: absurd rates are lowered and totals stay true; rates somebody set are kept."""

import glob
import os
import re
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
import pprofcheck  # noqa: E402
from host import PROG, check, run  # noqa: E402

MEAN = 16 + 4095 / 2  # of churn's sizes


def churn(name, n, **config):
    """The profile and the log of n allocations."""
    done = run([PROG + "/extremes", "churn", str(n)], CPROF_ATEXIT=1, CPROF_SEED=1,
               CPROF_DIR=os.path.abspath(name), CPROF_LINES=0, **config)
    check(done.returncode == 0, done.stderr)
    files = glob.glob(name + "/*.allocs.pb.gz")
    check(len(files) == 1, "%s: %s\n%s" % (name, files, done.stderr))
    return pprofcheck.read(files[0]), done.stderr


def said(profile, key):
    return [c.split("=", 1)[1] for c in profile.comments if c.startswith(key + "=")]


def near(profile, column, truth, rate):
    """Within 5 standard errors, as large as if all had been sampled at the last rate."""
    got = profile.total(column, "churn_part")
    error = 5 * truth * (rate / (N * MEAN)) ** 0.5
    check(abs(got - truth) <= error, "%s: %d instead of %d +- %d" % (column, got, truth, error))


# Every allocation costs several times what malloc does: far more than 1 %.
N = 10_000_000
p, log = churn("lowered", N, CPROF_HEAP_RATE=1, CPROF_BUDGET=1)
lowered = [re.match(r"heap_rate to (\d+), by the budget", c) for c in said(p, "lowered")]
rate = max(int(m[1]) for m in lowered if m) if any(lowered) else 0
check(rate >= 4096, "heap_rate only came to %d: %s" % (rate, p.comments))
check(said(p, "heap_rate") == ["1"], p.comments)
check(said(p, "budget_steps"), p.comments)
check(len(re.findall(r"sampling took \d+\.\d of \d+ ms CPU time, more than CPROF_BUDGET allows", log)) == 1,
      log)
near(p, "alloc_objects", N, rate)
near(p, "alloc_space", N * MEAN, rate)

# The same without a budget of one's own: exact, and said so.
N = 1_000_000
p, log = churn("kept", N, CPROF_HEAP_RATE=1)
check(p.total("alloc_objects", "churn_part") == N, p.total("alloc_objects", "churn_part"))
check(not any(c.startswith("heap_rate") for c in said(p, "lowered")), p.comments)
check("CPROF_BUDGET" not in log, log)
cost = re.match(r"([\d.]+) % of (\d+) ms CPU time: cpu \d+ us heap (\d+) us", said(p, "own_cost")[0])
check(cost and float(cost[1]) > 10 and 0 < int(cost[3]) < int(cost[2]) * 1500, p.comments)
check(re.match(r"\d+ used, \d+ mapped of 67108864$", said(p, "memory")[0]), p.comments)

# No limit is no limit.
p, log = churn("unlimited", N, CPROF_HEAP_RATE=1, CPROF_BUDGET=0)
check(p.total("alloc_objects", "churn_part") == N and not said(p, "lowered"), p.comments)

# Processes that end long before one could be judged: they are judged together.
M, N = 60, 20_000
done = run([PROG + "/extremes", "children", str(M), str(N)], CPROF_ATEXIT=1, CPROF_SEED=1,
           CPROF_DIR=os.path.abspath("children"), CPROF_LINES=0, CPROF_HEAP_RATE=1, CPROF_BUDGET=1)
check(done.returncode == 0, done.stderr)
wrote = set(re.findall(r"cprof\[(\d+)\]: wrote", done.stderr))  # of this run, if it was one of several
profiles = [pprofcheck.read(f) for f in glob.glob("children/*.allocs.pb.gz")
            if os.path.basename(f).split(".")[1] in wrote]
check(len(profiles) == M + 1, "%d files\n%s" % (len(profiles), done.stderr))
rates = [max([int(m[1]) for c in said(p, "lowered")
              if (m := re.match(r"heap_rate to (\d+), by", c))], default=1) for p in profiles]
check(max(rates) >= 64, "heap_rate only came to %d" % max(rates))
check("CPROF_BUDGET" not in done.stderr, done.stderr)
check(max(int(n.split()[0]) for p in profiles for n in said(p, "budget_steps")) >= 6, "no steps")
total = sum(p.total("alloc_space", "churn_part") for p in profiles)
error = 5 * (sum(r * N * MEAN for r in rates)) ** 0.5
check(abs(total - M * N * MEAN) < error, "%d instead of %d +- %d" % (total, M * N * MEAN, error))
