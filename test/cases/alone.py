#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What only a process of one thread may do, it may with the library's beside it."""

from errno import EINVAL
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from host import LIB, PROG, check, wait_for  # noqa: E402
from http_kit import ask, connect_unix  # noqa: E402

ALONE = os.path.join(PROG, "alone")


def start(mode, preload=LIB, **config):
    env = dict(os.environ, CPROF_LOG="none", CPROF_DIR=os.path.abspath("profiles"), **config)
    if preload:
        env["LD_PRELOAD"] = preload
    return subprocess.Popen([ALONE, mode], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True)


def enter(process):
    """What unshare came to, and in how many ms."""
    process.stdin.write("\n")
    process.stdin.flush()
    word, errno, ms = process.stdout.readline().split()
    check(word == "unshare", word)
    return int(errno), int(ms)


def end(process):
    process.stdin.close()
    check(process.wait(20) == 0, process.returncode)


def time_errno(process):
    return process.stdout.readline().split()


# Where the kernel or a container refuses it anyway, it must do so just the same.
bare = start("line", preload=None)
TIME, USER = time_errno(bare), enter(bare)[0]
end(bare)


def with_http():
    """Its thread stays, and who is refused for it is so at once."""
    with start("line", CPROF_HTTP="unix:" + os.path.abspath("at.sock")) as host:
        time_errno(host)
        for _ in range(3):
            errno, ms = enter(host)
            check(errno in (USER, EINVAL) and ms < 100, (errno, ms))
            with connect_unix("at.sock") as s:
                check(ask(s, "/debug/pprof/heap").status == 200, "HTTP after")
        end(host)


def with_interval():
    os.makedirs("profiles", exist_ok=True)
    with start("line", CPROF_INTERVAL="1") as host:
        check(time_errno(host) == TIME, "setns with an interval")
        check(enter(host)[0] == USER, "unshare with an interval")
        seen = set(os.listdir("profiles"))
        check(wait_for(lambda: set(os.listdir("profiles")) - seen), "no snapshot after it")
        end(host)


def while_asked():
    for config in {}, {"CPROF_INTERVAL": "1"}:
        done = start("storm", **config)
        out = done.communicate()[0].split()
        check(done.returncode == 0 and out[1::3] == [str(USER)] * 25, out)


with_http()
with_interval()
while_asked()
