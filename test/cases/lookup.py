#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What we look up by ourselves is what the loader answers, whatever stands behind us, and of none
of it is there a message for dlerror."""
import glob
import os
import re
import subprocess

from host import PROG, check

PLAIN = "void *valloc(unsigned long n) { return 0; } int sem_wait(void *s) { return 0; }"
LIBRARIES = {
    "plain": (PLAIN, "", []),
    "sysv": (PLAIN, "", ["-Wl,--hash-style=sysv"]),
    "versions": (PLAIN, "MINE { valloc; sem_wait; };", []),
    # The one that asks for no version doesn't find it; the one that asks for another does not.
    "old": ('void *f(unsigned long n) { return 0; } __asm__(".symver f, valloc@MINE");',
            "MINE {};", []),
    "two": ('void *f(unsigned long n) { return 0; } __asm__(".symver f, valloc@OLD");'
            'void *g(unsigned long n) { return 0; } __asm__(".symver g, valloc@@NEW");',
            "OLD {}; NEW {};", []),
    "cond": ("int pthread_cond_wait(void *c, void *m) { return 0; }", "", []),
    "cond-too": ('int f(void *c, void *m) { return 0; }'
                 '__asm__(".symver f, pthread_cond_wait@@GLIBC_2.3.2");', "GLIBC_2.3.2 {};", []),
    "chosen": ("static int f(void) { return 0; } static void *choose(void) { return f; }"
               'int sem_wait(void) __attribute__((ifunc("choose")));', "", []),
    "no-function": ("int sem_wait = 3;", "", []),
}
LATER = ["libstdc++.so.6", "libtcmalloc.so.4", "libjemalloc.so.2", "libc_malloc_debug.so.0",
         "libmemusage.so"]


def built(name, source, versions, flags):
    with open(name + ".map", "w", encoding="ascii") as script:
        script.write(versions)
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", *flags, "-x", "c", "-", "-o", name + ".so",
                    *(["-Wl,--version-script=" + name + ".map"] if versions else [])],
                   input=source, text=True, check=True)
    return os.path.abspath(name + ".so")


def answer(preload, **more):
    p = subprocess.run([PROG + "/lookup"], env=dict(os.environ, LD_PRELOAD=preload, **more),
                       capture_output=True, text=True, timeout=60)
    check(p.returncode == 0 and re.fullmatch(r"\d+ are there\n", p.stdout), f"{preload}: {p}")
    return int(p.stdout.split()[0])


libraries = {name: built(name, *how) for name, how in LIBRARIES.items()}
plain = answer("")
check(plain > 60, f"only {plain} functions are there at all")
for name, path in libraries.items():
    check(answer(path) == plain, f"{name}: another number")
    answer(path, LD_AUDIT=PROG + "/libaudit.so")
answer(" ".join(libraries.values()))
for path in [p for name in LATER for p in glob.glob("/usr/lib/*-linux-gnu/" + name)]:
    check(answer(path) >= plain, f"{path}: fewer")
