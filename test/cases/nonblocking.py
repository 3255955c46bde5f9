#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A process knows of a descriptor that doesn't block from its first read of it on, before any CPU
sample; so does a forked child, whose numbers soon are other files than its parent's. Without CPU
samples, by which it would be forgotten, neither knows."""
import os
import re
import signal
import struct
import subprocess

from asked import LIB, PROG, check, environment


def where(pid):
    """Of the words of those that never wait, in its memory."""
    table = subprocess.run(["objdump", "-t", LIB], check=True, capture_output=True, text=True).stdout
    offset = int(re.search(r"^([0-9a-f]+) .* cp_fds$", table, re.M).group(1), 16)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        return offset + min(int(line.split("-")[0], 16) for line in f if "libcprof.so" in line)


def known(line):
    pid, *numbers = map(int, line.split())
    with open(f"/proc/{pid}/mem", "rb") as f:
        f.seek(where(pid))
        word, = struct.unpack("Q", f.read(8))
    return [bool(word >> n & 1) for n in numbers]


def both_know(profiles):
    with subprocess.Popen([f"{PROG}/nonblocking"], env=environment(profiles=profiles), text=True,
                          stdout=subprocess.PIPE, start_new_session=True) as p:
        try:
            return known(p.stdout.readline()), known(p.stdout.readline())
        finally:
            os.killpg(p.pid, signal.SIGKILL)


parent, child = both_know("all")
check(parent == [False, True], "what blocks in the parent")
check(child == [True, True], "what does not in its child")
check(both_know("goroutine") == ([False, False], [False, False]), "nothing without samples")
