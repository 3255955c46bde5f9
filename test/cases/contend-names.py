#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Locks have names: the variable, or who initialised them; and a thread that was cancelled
while it waited for one is charged to nobody afterwards."""
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import PROG, check, run  # noqa: E402


def samples(what):
    """[(leaf and callers' names, contentions, delay, lock)] of both profiles"""
    for attempt in range(5):  # a busy machine may not leave the 100 ms that an end may take
        where = os.path.abspath("out%s%d" % (what, attempt))
        done = run([PROG + "/namedlocks", what], CPROF_ATEXIT=1, CPROF_DIR=where, CPROF_LINES=0,
                   CPROF_PROFILES="mutex,block", CPROF_BLOCK_RATE=1, CPROF_MUTEX_FRACTION=1)
        check(done.returncode == 0, done.stderr)
        if "dropped" not in done.stderr:
            break
    found = {}
    for kind in ("mutex", "block"):
        raw = subprocess.run([os.environ["CPROF"], "raw", glob.glob(where + "/*.%s.pb.gz" % kind)[0]],
                             check=True, capture_output=True, text=True).stdout
        names = dict(re.findall(r"^\s*(\d+): 0x[0-9a-f]+ M=\d+ (\S+)", raw, re.M))
        found[kind] = [
            (" ".join(names[i] for i in ids.split()), int(n), int(ns), (re.search(
                r"lock:\[(.*?)\]", labels) or [None, None])[1])
            for n, ns, ids, labels in re.findall(
                r"^ *(\d+) +(\d+): ([\d ]+)\n((?: {16}.*\n)*)", raw[:raw.index("\nLocations")] + "\n", re.M)]
    return found


found = samples("names")
for kind, rows in found.items():
    locks = {row[3] for row in rows if "join" not in row[0]}
    check(locks == {"global", "server+0x28", "rwlock", "init make_queue", "init make_table", None},
          "%s: %s" % (kind, rows))
    for row in rows:
        anonymous = "as_another" in row[0] or "join" in row[0]
        check((row[3] is None) == anonymous, "%s: %s" % (kind, row))
        check("write_it" not in row[0] or "table" in row[3] or row[3] == "rwlock", row)

found = samples("cancelled")
left = [row for row in found["mutex"] if "let_go" in row[0]]
check(not left, "charged for threads that are gone: %s" % left)
check(not [row for row in found["block"] if "waits_for_ever" in row[0] and "mutex" in row[0]],
      "waits that never ended: %s" % found["block"])
