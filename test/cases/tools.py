#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-048 fm-091 fm-092
# timeout: 180
"""Tools that look into a program, or stand where we do: debuggers, tracers, sanitizers,
valgrind, gprof. What they find, and what the program does, is as without us."""
import os
import re
import shutil
import subprocess

from host import LIB, PROG, Host, check

ALL = {"CPROF_HEAP_RATE": "1", "CPROF_CPU_HZ": "1000", "CPROF_MUTEX_FRACTION": "1",
       "CPROF_BLOCK_RATE": "1", "CPROF_ATEXIT": "1", "CPROF_DIR": os.path.abspath("out"),
       "CPROF_LINES": "0"}
SANITIZED = """
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static long n;
static void *work(void *arg)
{
    for (size_t i = 1; i < 500; i++) {
        char *p = malloc(i);
        memset(p, 1, i);
        pthread_mutex_lock(&m);
        n++;
        pthread_mutex_unlock(&m);
        free(realloc(p, 2 * i));
    }
    return arg;
}
int main(int argc, char **argv)
{
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], 0, work, 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], 0);
    printf("n %ld\\n", n);
    if (argc > 1) {
        /* By its address: where that is the program's own, it's looked for who has the function. */
        void *(*volatile get)(size_t) = malloc;
        volatile char *p = get(10);
        free((void *)p);
        return p[3] & 0;
    }
    return 0;
}
"""


def run(argv, preload="", **more):
    env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    if preload:
        env.update(ALL, LD_PRELOAD=preload, **more)
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=100,
                          stdin=subprocess.DEVNULL)


def have(tool):
    if not shutil.which(tool):
        print(f"no {tool}")
    return shutil.which(tool)


def sanitizers():
    with open("sanitized.c", "w") as f:
        f.write(SANITIZED)
    kinds = "address thread leak undefined"
    for cc, way, kinds in (("gcc", "pie", kinds), ("gcc", "no-pie", kinds),
                           ("clang", "pie", "address thread memory leak")):
        for kind in kinds.split() if have(cc) else []:
            exe = f"./{cc}-{way}-{kind}"
            subprocess.run([cc, "-g", "-O1", f"-{way}", f"-f{way}", f"-fsanitize={kind}", "-pthread",
                            "-o", exe, "sanitized.c"], check=True)
            first = ""
            if cc == "gcc" and kind == "address":  # it wants to be the first
                first = subprocess.run(["gcc", "-print-file-name=libasan.so"],
                                       capture_output=True, text=True, check=True).stdout.strip()
            for words in ([], ["use after free"]):
                want, got = run([exe, *words], first), run([exe, *words], f"{first} {LIB}")
                check((got.returncode, got.stdout) == (want.returncode, want.stdout),
                      f"{exe} {words}: {got}, not {want}")
                found = re.findall(r"(?:ERROR|WARNING): (\w+: [\w-]+)", got.stderr)
                check(found == re.findall(r"(?:ERROR|WARNING): (\w+: [\w-]+)", want.stderr),
                      f"{exe} {words}: {got.stderr}")
                inert = "staying inert: the program runs under a sanitizer\n" in got.stderr
                check(inert == (kind != "undefined"), f"{exe}: {got.stderr}")


def valgrind():
    if not have("valgrind"):
        return
    argv = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=no", PROG + "/starts"]
    want, got = run(argv), run(argv, LIB, CPROF_HEAP_RATE="65536")
    check((got.returncode, got.stdout) == (want.returncode, want.stdout), f"{got}, not {want}")
    # It remarks on how we ask whether memory can be read.
    said = [line for line in got.stderr.splitlines()
            if not re.match(r"cprof\[|--\d+-- sigprocmask: unknown 'how' field -1$", line)]
    check(not said, said)
    with open("deep.c", "w") as f:
        f.write("""#include <stdio.h>
            static volatile long x;
            __attribute__((noinline)) int deep(int n) {
                volatile char room[64]; room[0] = 1;
                for (int i = 0; i < 3000; i++) x += i;
                return n ? deep(n - 1) + room[0] : 0; }
            int main(void) { printf("%d\\n", deep(3000)); }""")
    subprocess.run(["gcc", "-O1", "-o", "deep", "deep.c"], check=True)
    got = run(["valgrind", "-q", "./deep"], LIB)
    check((got.returncode, got.stdout) == (0, "3000\n"), got)
    # Source lines take a process of a kind that it ends a program for: there are none.
    got = run(["valgrind", "-q", PROG + "/asked", "alloc", "raise", "10", "sleep", "4000",
               "exit", "7"], LIB,
              CPROF_LINES="1", CPROF_DIR="lines", CPROF_ATEXIT="0")
    check(got.returncode == 7 and "no source lines: can't start" in got.stderr, got)
    check(any(".heap." in name for name in os.listdir("lines")), got)


def gprof():
    """Its SIGPROF comes by another timer, and its handler is the program's."""
    with open("timed.c", "w") as f:
        f.write("""#include <stdio.h>
            #include <time.h>
            __attribute__((noinline)) long busy(void) {
                volatile long s = 0; for (int i = 0; i < 100000; i++) s += i; return s; }
            int main(void) { while (clock() < CLOCKS_PER_SEC / 3) busy(); puts("done"); }""")
    subprocess.run(["gcc", "-pg", "-O1", "-o", "timed", "timed.c"], check=True)
    got = run(["./timed"], LIB)
    check(got.returncode == 0 and got.stdout == "done\n", got)
    flat = run(["gprof", "-b", "-p", "timed", "gmon.out"]).stdout
    seconds = re.search(r"^ *[\d.]+ +([\d.]+) .* busy$", flat, re.M)
    check(seconds and 0.15 < float(seconds[1]), flat)


def strace():
    if not have("strace"):
        return
    argv = ["strace", "-f", "-qq", "-o", "trace", PROG + "/reentry", "0.3"]
    want, got = run(argv), run(argv, LIB)
    if want.returncode:
        print("no tracing here")
        return
    check((got.returncode, got.stdout) == (want.returncode, want.stdout), f"{got}, not {want}")


def gdb():
    """Run under it, with a breakpoint; and attached to while it is asked for a snapshot."""
    if not have("gdb"):
        return
    argv = ["gdb", "-nx", "-batch", "-ex", "set debuginfod enabled off",
            "-ex", "handle SIGALRM SIGUSR2 SIGSEGV nostop noprint pass"]
    begin = ["-ex", "break reentry.c:main", "-ex", "run 0.3 >gdb.out", "-ex", "continue"]
    set_ours = [w for k, v in dict(ALL, LD_PRELOAD=LIB).items()
                for w in ("-ex", f"set environment {k} {v}")]
    want = run([*argv, *begin, PROG + "/reentry"])
    said = open("gdb.out").read() if os.path.exists("gdb.out") else ""
    if "exited normally" not in want.stdout:
        print("gdb does not work here")
        return
    got = run([*argv, *set_ours, *begin, PROG + "/reentry"])
    check("exited normally" in got.stdout and open("gdb.out").read() == said, got)
    with Host([PROG + "/httphost"], **ALL) as h:
        h.snapshot()
        p = run([*argv, "-p", str(h.pid), "-ex", "info threads", "-ex", "thread apply all bt",
                 "-ex", "detach"])
        check("Inferior 1" in p.stdout and "detached" in p.stdout, p)
        h.snapshot()
        check(h.process.poll() is None, "alive after it was looked at")


for test in (sanitizers, valgrind, gprof, strace, gdb):
    test()
