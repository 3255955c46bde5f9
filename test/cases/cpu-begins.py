#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fm-096: a thread that a snapshot finds before it has begun is counted once.

Threads that have been made wait in front of their beginning until a snapshot has met them.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import LIB, PROG, Host, check, wait_for  # noqa: E402

THREADS, MS, TICK = 4, 150, 0.010


def seconds(path):
    """CPU time of the program in a profile, without the agent's own threads'."""
    raw = subprocess.run([os.environ["CPROF"], "raw", path], check=True, capture_output=True,
                         text=True).stdout
    samples, _, places = raw.partition("\nLocations")
    own = re.search(r"^ *(\d+): 0x[0-9a-f]+ \[cprof\]", places, re.M)
    return sum(int(ns) for ns, ids in re.findall(r"^ +\d+ +(\d+): ([\d ]+)$", samples, re.M)
               if not own or own[1] not in ids.split()) / 1e9


with open("out", "w+") as out:
    with Host([f"{PROG}/cputime", str(THREADS), str(MS)], preload=f"{LIB}:{PROG}/liblate.so", out=out,
              CPROF_ATEXIT=1, CPROF_LINES=0, CPROF_ONLY="cputime") as host:
        check(wait_for(lambda: len(os.listdir(f"/proc/{host.pid}/task")) >= 1 + THREADS), "no threads")
        host.snapshot(types=("cpu",))
        open("go", "w").close()
        check(host.process.wait(30) == 0, host.log_text())
    out.seek(0)
    text = out.read()
used = int(re.search(r"^used (\d+)$", text, re.M)[1]) / 1e6
total = sum(seconds(files["cpu"]) for files in host.files().values())
check(len(host.files()) == 2, f"{host.files()}")
check(abs(total - used) <= max(0.01 * used, TICK * THREADS), f"{total} s, the kernel says {used}")
