#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-026 fm-034 fm-089 fm-102
# timeout: 180
"""The same programs in four modes: as they are, with everything recorded, while the agent's
memory fails it, and pelted with signals; and where a sandbox refuses a system call."""
import os
import subprocess

from host import LIB, PROG, check

EVERYTHING = {"CPROF_HEAP_RATE": "1", "CPROF_CPU_HZ": "1000", "CPROF_MUTEX_FRACTION": "1",
              "CPROF_BLOCK_RATE": "1", "CPROF_INTERVAL": "100ms", "CPROF_ATEXIT": "1",
              "CPROF_KEEP": "10", "CPROF_LINES": "0", "CPROF_DIR": os.path.abspath("out")}
PROGRAMS = (["starts"], ["family"], ["threads"], ["ends"], ["operators"],
            ["plugins", PROG + "/libplugin.so"], ["mutexes", "table"],
            ["asked", "alloc", "thread", "alloc", "exit", "3"])
# Denied one by one, as sandboxes do it; what a program can't be started without is left out.
CALLS = """timer_create timer_settime getrandom madvise prlimit64 process_vm_readv pidfd_open
    rt_sigpending rt_sigaction rt_sigprocmask flock fsync fchmod renameat2 mkdirat unlinkat
    readlinkat getdents64 prctl ppoll fcntl clock_nanosleep socket close_range""".split()
EPERM, ENOSYS = 1, 38
NEVER_MORE_LINES = 4
pelted = []  # how often, each time


def outcome(argv, **more):
    env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    p = subprocess.run(argv, env=dict(env, **more), capture_output=True, timeout=100)
    if p.returncode == 77:
        return None
    err = p.stderr.decode(errors="replace").splitlines()
    said = [line for line in err if line.startswith("cprof[")]
    pelted.extend(int(line.split()[1]) for line in err if line.startswith("pelted "))
    host = [line for line in err if not line.startswith(("cprof[", "pelted "))]
    return (p.returncode, p.stdout, host), said


def same(what, argv, want, **more):
    got = outcome(argv, **more)
    if got is None:
        return []
    check(got[0] == want, f"{what}: {got}, not {want}")
    return got[1]


said = []
for words in PROGRAMS:
    program = [PROG + "/" + words[0], *words[1:]]
    want = outcome(program)[0]
    same("plain", program, want, LD_PRELOAD=LIB)
    same("everything", program, want, LD_PRELOAD=LIB, **EVERYTHING)
    # None of our mappings; some of the first; those that snapshots take.
    for which in ("0/1", "10/3", "30/2", "45/1"):
        said += same("memory " + which, [PROG + "/spoil", which, *program], want,
                     SPOILED_PRELOAD=LIB, **EVERYTHING)
    same("signals", [PROG + "/pelt", *program], want, PELTED_PRELOAD=LIB,
         **dict(EVERYTHING, CPROF_CPU_HZ="4000"))
check(sum(pelted) > 100, f"pelted {pelted} times")
check(not said or any("staying inert: out of memory" in line for line in said), said)
check(not said or any("could not write" in line for line in said), said)

for call in CALLS:
    for error in (EPERM, ENOSYS):
        argv = [PROG + "/spoil", f"{call}={error}", PROG + "/starts"]
        plain = outcome(argv)
        if plain is None:
            continue
        more = {k: v for k, v in EVERYTHING.items() if k != "CPROF_INTERVAL"}
        lines = same(f"{call} refused", argv, plain[0], SPOILED_PRELOAD=LIB, **more)
        check(len(lines) <= NEVER_MORE_LINES, f"{call}: {lines}")
        if call == "timer_create":
            check(any("refuses a timer" in line for line in lines), lines)
