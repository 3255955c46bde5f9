#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What we look up by ourselves is what the loader answers, whatever stands behind us, and of none
of it is there a message for dlerror."""
import glob
import os
import re
import struct
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
    "absolute": ('__asm__(".globl valloc; .type valloc, @function; .set valloc, 0x1234");', "", []),
    "weak": ("#pragma weak sem_wait\n" + PLAIN, "", []),
    "high": (PLAIN, "", ["-Wl,-Ttext-segment=0x7ffff00000000000"]),
}
# What no linker writes: (the symbol's word of type, visibility and section, its value) -> the same.
PATCHES = {
    "valueless": lambda word, value: (word, 0),
    "hidden": lambda word, value: (word | 2 << 8, value),
    "undefined": lambda word, value: (word & 0xffff, value),
}
AUDITOR = """
#define _GNU_SOURCE
#include <link.h>
#include <string.h>
unsigned la_version(unsigned v) { return v; }
unsigned la_objopen(struct link_map *m, Lmid_t id, uintptr_t *c) { return LA_FLG_BINDTO | LA_FLG_BINDFROM; }
uintptr_t la_symbind64(Elf64_Sym *s, unsigned n, uintptr_t *r, uintptr_t *d, unsigned *f, const char *name)
{
	return s->st_value + (strcmp(name, "valloc") == 0);
}
"""
LATER = ["libstdc++.so.6", "libtcmalloc.so.4", "libjemalloc.so.2", "libc_malloc_debug.so.0",
         "libmemusage.so"]


def built(name, source, versions, flags):
    with open(name + ".map", "w", encoding="ascii") as script:
        script.write(versions)
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", *flags, "-x", "c", "-", "-o", name + ".so",
                    *(["-Wl,--version-script=" + name + ".map"] if versions else [])],
                   input=source, text=True, check=True)
    return os.path.abspath(name + ".so")


def patched(name, change):
    """Of the plain one, with its valloc changed."""
    path = built(name, PLAIN, "", [])
    with open(path, "r+b") as f:
        data = bytearray(f.read())
        at, = struct.unpack_from("<Q", data, 40)
        size, n = struct.unpack_from("<HH", data, 58)
        heads = [struct.unpack_from("<IIQQQQIIQQ", data, at + i * size) for i in range(n)]
        symbols = next(h for h in heads if h[1] == 11)
        text = heads[symbols[6]][4]
        for s in range(symbols[4], symbols[4] + symbols[5], 24):
            string, word, value = struct.unpack_from("<IIQ", data, s)
            if data[text + string:].startswith(b"valloc\0"):
                struct.pack_into("<IQ", data, s + 4, *change(word, value))
        f.seek(0)
        f.write(data)
    return path


def answer(preload, *argv, **more):
    p = subprocess.run([PROG + "/lookup", *argv], env=dict(os.environ, LD_PRELOAD=preload, **more),
                       capture_output=True, text=True, timeout=60)
    check(p.returncode == 0 and re.fullmatch(r"\d+ are there\n", p.stdout), f"{preload}: {p}")
    return int(p.stdout.split()[0])


libraries = {name: built(name, *how) for name, how in LIBRARIES.items()}
libraries.update((name, patched(name, change)) for name, change in PATCHES.items())
auditor = built("auditor", AUDITOR, "", [])
plain = answer("")
check(plain > 60, f"only {plain} functions are there at all")
answer("", built("later", "void *cfree(void *p) { return 0; } void *_Znwm(long n) { return 0; }", "", []))
for name, path in libraries.items():
    check(answer(path) == plain, f"{name}: another number")
    check(answer(path, LD_AUDIT=auditor) == plain, f"{name}, audited: another number")
    answer(path, LD_DYNAMIC_WEAK="1")
answer(" ".join(libraries.values()))
for path in [p for name in LATER for p in glob.glob("/usr/lib/*-linux-gnu/" + name)]:
    check(answer(path) >= plain, f"{path}: fewer")
