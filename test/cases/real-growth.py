#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""A server under steady load, everything recorded and written all the time, does not grow:
not in memory, descriptors, threads or timers. SOAK_SECONDS makes it longer."""

import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import Host, check, wait_for  # noqa: E402

SECONDS = max(6.0, float(os.environ.get("SOAK_SECONDS", "0")))
SLACK = 8 << 20  # bytes that a process may gain for other reasons, its allocator's above all


def status(pid, field):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"^%s:\s*(\d+)" % field, f.read(), re.M)[1])


def seen(pid):
    """What may not grow; descriptors and threads come and go with each snapshot: the least."""
    looks = []
    for _ in range(10):
        with open("/proc/%d/timers" % pid) as f:
            timers = sum(line.startswith("ID:") for line in f)
        looks.append((len(os.listdir("/proc/%d/fd" % pid)), status(pid, "Threads"), timers))
        time.sleep(0.05)
    fds, threads, timers = (min(column) for column in zip(*looks))
    return {"memory": status(pid, "VmRSS") << 10, "descriptors": fds, "threads": threads,
            "timers": timers}


def load():
    subprocess.run(["redis-benchmark", "-s", "r.sock", "-q", "-n", "5000", "-r", "500", "-d", "200",
                    "-t", "set,get,lpush,lpop"], stdout=subprocess.DEVNULL, check=True)


def main():
    argv = ["redis-server", "--port", "0", "--unixsocket", "r.sock", "--save", "",
            "--maxmemory", "8mb", "--maxmemory-policy", "allkeys-random", "--io-threads", "2"]
    rates = {"CPROF_HEAP_RATE": 1, "CPROF_CPU_HZ": 1000, "CPROF_MUTEX_FRACTION": 1,
             "CPROF_BLOCK_RATE": 1, "CPROF_INTERVAL": "200ms", "CPROF_KEEP": 3,
             "CPROF_MAX_MEMORY": "32M"}
    with Host(argv, **rates) as host:
        check(wait_for(lambda: os.path.exists("r.sock")), "redis does not start")
        end = time.monotonic() + SECONDS / 3
        while time.monotonic() < end:  # tables and caches fill
            load()
        before = seen(host.pid)
        end = time.monotonic() + SECONDS * 2 / 3
        while time.monotonic() < end:
            load()
        after = seen(host.pid)
        print(before, after)
        check(host.process.poll() is None, "it ended: " + host.log_text()[-2000:])
        check(after["memory"] <= before["memory"] * 1.1 + SLACK, "memory grew")
        for what in ("descriptors", "threads", "timers"):
            check(after[what] <= before[what], what + " grew")
        check(len(host.files()) <= 4, "more snapshots kept than CPROF_KEEP says")
    check(host.process.returncode == 0, "its exit status is %s" % host.process.returncode)


main()
