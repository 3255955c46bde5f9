#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A malloc or a free before ours that calls the next one: we are that, and go on to what comes
after us, not back. What it hands on is counted, once."""
import glob
import os
import subprocess

from asked import values
from host import LIB, check

SOURCE = os.environ["TOP"] + "/test/prog/handson.c"
SYSTEM = ["/usr/lib/x86_64-linux-gnu/libmemusage.so", "/usr/lib/heaptrack/libheaptrack_preload.so",
          "/usr/lib/x86_64-linux-gnu/libtcmalloc_debug.so.4"]
SETTINGS = [{}, {"CPROF_HEAP_RATE": "1"}, {"CPROF_ONLY": "other"}, {"CPROF_PROFILES": "cpu"}]
VARIANTS = {"both": [], "no-free": ["-DNO_FREE"], "no-malloc": ["-DNO_MALLOC"], "late": ["-DLATE"], "header": ["-DHEADER"]}


def outcome(argv, preload, **more):
    p = subprocess.run(argv, env=dict(os.environ, LD_PRELOAD=preload, CPROF_LOG="none", **more),
                       capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout


def compiled(name, *flags):
    subprocess.run(["gcc", "-O1", "-fno-builtin-malloc", "-D_GNU_SOURCE", *flags, "-o", name, SOURCE],
                   check=True)
    return os.path.abspath(name)


def megabytes(argv, preload, where):
    """That were allocated, as its profile has it."""
    for _ in range(10):
        outcome(argv, preload, CPROF_HEAP_RATE="1", CPROF_ATEXIT="1", CPROF_DIR=where,
                CPROF_PROFILES="allocs")
        files = glob.glob(where + "/*.allocs.pb.gz")
        if files:
            return values(files[0])["alloc_space"] >> 20
    return None


for variant, flags in VARIANTS.items():
    exe = compiled(variant, *flags)
    library = compiled(variant + ".so", "-DLIBRARY", "-shared", "-fPIC", *flags)
    for more in SETTINGS:
        got = outcome([exe], LIB, **more)
        check(got == (3, "3\n"), f"{variant} {more}: {got}")
        if variant != "late":
            for order in (f"{library}:{LIB}", f"{LIB}:{library}"):
                got = outcome(["ls", "/"], order, **more)
                check(got == outcome(["ls", "/"], ""), f"{order} {more}: {got}")
    if variant != "late":
        check(megabytes([exe], LIB, variant + ".out") == 3, f"{variant}: not each of its 3 MB once")

for library in filter(os.path.exists, SYSTEM):
    for more in SETTINGS:
        for order in (f"{library}:{LIB}", f"{LIB}:{library}"):
            got = outcome(["ls", "/"], order, **more)
            check(got[0] == 0 and got[1] == outcome(["ls", "/"], "")[1], f"{order} {more}: {got}")
