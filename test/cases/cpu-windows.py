#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-096
"""Windows on CPU time: any number at once, by request and by snapshot, and each adds up."""
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import PROG, check, wait_for  # noqa: E402
from http_kit import Server  # noqa: E402

TICK = 0.010
THREADS = 2


def total(path):
    """Seconds in a cpu profile, the library's own and all."""
    raw = subprocess.run([os.environ["CPROF"], "raw", path], check=True, capture_output=True,
                         text=True).stdout
    return sum(int(ns) for ns in re.findall(r"^ +\d+ +(\d+): ", raw, re.M)) / 1e9


def used(pid):
    """CPU seconds of the process, as the kernel has them now."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def window(host, seconds, name):
    before = used(host.pid)
    answer = host.get(f"/debug/pprof/profile?seconds={seconds}")
    after = used(host.pid)
    check(answer.status == 200, answer.body)
    with open(name, "wb") as f:
        f.write(answer.body)
    return total(name), after - before


with open("out", "wb") as out, \
        Server([PROG + "/cputime", str(THREADS), "1500", "2"], out=out, CPROF_LINES=0,
               CPROF_CPU_HZ=1000, CPROF_ONLY="cputime") as host:
    files = []
    # Something before the windows that is in none of them.
    check(wait_for(lambda: used(host.pid) > 0.5, 60), "no CPU time used")
    with ThreadPoolExecutor() as pool:
        windows = [pool.submit(window, host, seconds, f"window{i}.cpu.pb.gz")
                   for i, seconds in enumerate((1, 2, 1))]
        while not all(w.done() for w in windows) and host.process.poll() is None:
            files.append(host.snapshot(types=("cpu",))["cpu"])
            time.sleep(0.2)
    for seconds, (inside, around) in zip((1, 2, 1), (w.result() for w in windows)):
        # What was used between asking and having the answer holds the window, and is not much more
        # than it, writing the answer included.
        check(inside <= around + 2 * TICK, f"{inside} s in {seconds} s, the kernel says {around}")
        check(inside >= 0.3 * around, f"{inside} s in {seconds} s, the kernel says {around}")
    check(len(files) >= 2, f"{len(files)} snapshots")
    before = used(host.pid)
    last = host.snapshot(types=("cpu",))["cpu"]
    after = used(host.pid)
    files.append(last)
    # Each file begins where the one before ended: together they are all there was.
    written = sum(total(f) for f in files)
    check(before - 2 * TICK <= written <= after + 2 * TICK,
          f"{len(files)} files hold {written} s, the kernel says {before} to {after}")
    check(wait_for(lambda: host.process.poll() is not None, 60) and host.process.returncode == 0,
          host.log_text())
print(f"{len(files)} files, {written:.3f} s of {before:.2f} to {after:.2f}")
