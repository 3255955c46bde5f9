# SPDX-License-Identifier: MIT
"""What every part of the benchmark needs: environments, turns, intervals, tables.

Everything is measured without and with something in turn, in an order that changes from
round to round, so that the machine's moods hit all alike. A ratio is the mean of the
rounds' or processes' ratios (of their logarithms), with the 95 % interval of Student's t; of
the short rounds of one pair of processes the middle half counts. Where there is one figure
only, it is a median. Lines that begin with "bench:" are for programs.
"""
import atexit
import contextlib
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = (TOP / os.environ.get("BUILD", "build")).resolve()
QUICK = os.environ.get("BENCH") == "quick"
BENCH = BUILD / "bench"
TOO_LONG, SLOW_ROUNDS = 3, 2  # seconds for one measurement
# Two-sided 95 % of Student's t, by degrees of freedom; beyond the last, the last.
T95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
       2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086]


def place():
    """A directory for this run, readable by the users that servers change to."""
    path = tempfile.mkdtemp(prefix="cprof-bench.")
    os.chmod(path, 0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return pathlib.Path(path)


ROOM = place()
LIB = str(shutil.copy(BUILD / "libcprof.so", ROOM / "libcprof.so"))


def environment(*preload, **more):
    """An environment without our variables but those given; None preloads nothing."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("CPROF_", "LD_", "MALLOC_", "TCMALLOC_"))}
    libs = " ".join(str(p) for p in preload if p)
    return {**env, "LC_ALL": "C", **({"LD_PRELOAD": libs} if libs else {}), **more}


def out(argv, env=None, **how):
    return subprocess.run([str(a) for a in argv], env=env or environment(), check=True, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, **how).stdout


@contextlib.contextmanager
def on_last_processor():
    """What is started there stays there."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(everywhere)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


def cpu_seconds(pids):
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)  # the kernel's number for it


def machine(name, value, unit):
    name = name.replace(", ", ".").replace(" ", "-")
    print(f"bench: {name} {value:.4g} {unit}", flush=True)


def title(text):
    print(f"\n{text}", flush=True)


def row(*cells):
    print("  " + "".join(f"{c:<26}" if i == 0 else f"{c:>13}" for i, c in enumerate(cells)),
          flush=True)


class Live:
    """A program that measures once for each line it is given."""

    def __init__(self, argv, env):
        self.process = subprocess.Popen([str(a) for a in argv], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def measure(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def side_by_side(argv, envs, rounds):
    """{name: figures} of one program in several environments, measured in turn."""
    live = {name: Live(argv, env) for name, env in envs.items()}
    for program in live.values():
        program.measure()  # the first has much to do for the first time
    names, figures = list(live), {name: [] for name in live}
    for i in range(rounds):
        for name in names[::-1] if i % 2 else names:
            figures[name].append(live[name].measure())
    for program in live.values():
        program.end()
    return figures


def middle(values):
    """Of the middle half: what befalls the machine befalls some badly and most not at all."""
    values = sorted(values)
    return statistics.mean(values[len(values) // 4:len(values) - len(values) // 4])


def turns(names, rounds, measure):
    """[{name: measure(name)}] of each round; what takes too long is in the first ones only."""
    results, slow = [], set()
    for i in range(rounds):
        todo = [n for n in names if n not in slow or i < SLOW_ROUNDS]
        todo = todo[i % len(todo):] + todo[:i % len(todo)]
        results.append({})
        for name in todo[::-1] if i % 2 else todo:
            began = time.monotonic()
            results[-1][name] = measure(name)
            if time.monotonic() - began > TOO_LONG:
                slow.add(name)
    return results


def interval(ratios):
    """(mean, from, to) of ratios; without an interval when there is only one."""
    logs = [math.log(r) for r in ratios]
    mean, n = statistics.mean(logs), len(logs)
    half = T95[min(n - 2, len(T95) - 1)] * statistics.stdev(logs) / n ** 0.5 if n > 1 else math.inf
    return math.exp(mean), math.exp(mean - half), math.exp(min(mean + half, 700))


def show_range(low, high):
    return f"{low:.3f}-{high:.3f}" if math.isfinite(high) and high < 1000 else "one round"
