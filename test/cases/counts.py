#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# counts - fm-006 fm-019: over each allocator, before and after us, each block is counted once
"""At rate 1 the numbers are exact: 1000 blocks of 80 bytes from every function, 400 freed."""
import glob
import os
import subprocess

from host import LIB, PROG, check, run
from pprofcheck import read

NAMES = ("malloc calloc realloc reallocarray grown posix_memalign aligned_alloc memalign valloc "
         "new new_sized new_nothrow new_aligned new_aligned_sized array array_sized "
         "array_nothrow array_aligned plugin").split()


def allocators():
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    for name in ("jemalloc.so.2", "tcmalloc.so.4", "tcmalloc_minimal.so.4", "mimalloc.so.2"):
        for line in listed.splitlines():
            if line.split() and line.split()[0] == "lib" + name:
                yield line.split()[-1]
                break


def count(preload, where):
    done = run([PROG + "/counts", PROG + "/libplugin.so"], preload, CPROF_DIR=os.path.abspath(where),
               CPROF_HEAP_RATE=1, CPROF_ATEXIT=1, CPROF_LINES=0)
    check(done.returncode == 0, f"{preload}: status {done.returncode}: {done.stderr}")
    profile = read(glob.glob(where + "/counts.*.heap.pb.gz")[0])
    for name in NAMES:
        by = "by_" + name
        got = [profile.total(t, by) for t in
               ("alloc_objects", "alloc_space", "inuse_objects", "inuse_space")]
        # Before a block grows there is an empty one, which is freed.
        want = [2000 if name == "grown" else 1000, 80000, 600, 48000]
        check(got == want, f"{preload}: {by}: {got}, not {want}")


count(LIB, "glibc")
for number, other in enumerate(allocators()):
    count(f"{LIB} {other}", f"behind{number}")
    count(f"{other} {LIB}", f"before{number}")
