#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A window's files each say the time of their own figures, though names were looked for between.

The library is copied beside a helper that takes its time and then finds nothing.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
import pprofcheck  # noqa: E402
from host import LIB, PROG, Host, check, wait_for  # noqa: E402

SLEEP = 2  # seconds

os.makedirs("lib")
shutil.copy(LIB, "lib")
with open("lib/cprof-lines", "w") as helper:
    helper.write("#!/bin/sh\nsleep %d\n" % SLEEP)
os.chmod("lib/cprof-lines", 0o755)


def windows(host):
    """{type: (file, its window in ms)}"""
    found = {}
    for path in glob.glob(host.dir + "/*.pb.gz"):
        profile = pprofcheck.read(path)
        window = re.search(r"^window=(\d+) ms", "\n".join(profile.comments), re.M)
        if window:
            found[path.split(".")[-3]] = profile, int(window[1])
    return found


with Host([PROG + "/httpbusy"], preload=os.path.abspath("lib/libcprof.so")) as host:
    check(wait_for(lambda: host.catches(host.pid)), host.log_text())
    subprocess.run([os.environ["CPROF"], "snap", "--seconds", "1", str(host.pid)], check=True,
                   stdout=subprocess.DEVNULL)
    found = windows(host)
    check(host.process.poll() is None, "the program lives")
check("no source lines" in host.log_text(), "the helper was not asked: " + host.log_text())
check({"cpu", "heap", "allocs"} <= set(found), "files: %s" % set(found))
for name, (profile, ms) in found.items():
    check(profile.duration // 10**6 == ms, "%s: %d ns, and a window of %d ms" % (name, profile.duration, ms))
check(found["heap"][1] == found["allocs"][1], "one reading has two times")
check(found["heap"][1] - found["cpu"][1] >= SLEEP * 1000, "cpu %d ms, heap %d ms" %
      (found["cpu"][1], found["heap"][1]))
began = found["cpu"][0].time, found["heap"][0].time - found["heap"][0].duration
check(abs(began[0] - began[1]) < SLEEP * 10**9 / 2, "they begin at %d and %d" % began)
