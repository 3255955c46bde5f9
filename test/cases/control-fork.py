#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-060 fm-062 fm-064
"""Children made by fork: their own files, from zero; and snapshots by time, in them too."""
import os
import re
import signal
import struct
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from asked import LIB, check, environment, files, run, start, values, wait_files, wait_for  # noqa: E402


def child():
    p = start("alloc", "raise", 10, "idle", "fork", "alloc", "alloc", "raise", 10, "idle", "exit", 4, env=environment(dir="child", heap_rate=1))
    out, err = p.communicate()
    pid = int(re.search(r"child (\d+)", out)[1])
    check(p.returncode == 4, (p.returncode, err))
    check(sorted((f[1], f[2]) for f in files("child") if f[3] == "heap")
          == sorted([(p.pid, 1), (pid, 1)]), files("child"))
    own = {f[1]: values(f[0])["alloc_objects"] for f in files("child") if f[3] == "allocs"}
    check(64 <= own[p.pid] < 100, own)
    check(128 <= own[pid] < 150, f"the child began with its parent's counts: {own}")


def at_exit():
    p = start("alloc", "fork", "alloc", "exit", 4, env=environment(dir="exits", atexit=1))
    p.communicate()
    check(len({f[1] for f in files("exits")}) == 2, files("exits"))


def generations():
    """A fork while a job of the parent is under way, many times over."""
    commands = ["alloc"] + ["raise", 10, "fork"] * 12 + ["alloc", "raise", 10, "idle"]
    p = run(*commands, env=environment(dir="many"))
    check(p.returncode == 0, (p.returncode, p.stderr))
    last = int(re.findall(r"child (\d+)", p.stdout)[-1])
    check(any(f[1] == last for f in files("many")), files("many"))


def by_time():
    p = start("alloc", "count", "pause", env=environment(dir="timed", interval="200ms"))
    found = wait_files(6, "timed")
    out, err = p.communicate("x")
    check(p.returncode == 0 and "threads 2" in out, (out, err))
    check([f[2] for f in found if f[3] == "heap"][:3] == [1, 2, 3], found)


def last_thread():
    """A process whose main thread left ends with its last thread, not with ours."""
    for commands in (["leave"], ["fork", "leave"]):
        p = start(*commands, env=environment(dir="last", interval="1h", http="127.0.0.1:0"))
        try:
            out, _ = p.communicate(timeout=20)
        finally:
            p.kill()
        check(p.returncode == 0 and "last thread" in out, (p.returncode, out))


def by_time_in_children():
    for how in ("fork", "daemon"):
        p = start("alloc", how, "alloc", "sleep", 20000, env=environment(dir=how, interval="200ms"))
        pid = int(p.stdout.readline().split()[1])
        wait_for(lambda: len([f for f in files(how) if f[1] == pid]) >= 4, f"snapshots of {pid}")
        os.kill(pid, signal.SIGKILL)
        p.communicate()
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "its end")


def pipes_end():
    """A child that keeps its interval keeps none of the descriptors its host closes."""
    p = start("daemon", "alloc", "sleep", 1500, "close", 0, "close", 1, "close", 2, "sleep", 20000,
              env=environment(dir="pipes", interval="200ms"))
    pid = int(p.stdout.readline().split()[1])
    out, err = p.communicate(timeout=15)  # comes back only when nobody has the pipes
    check("wrote" in err, err)
    n = len(files("pipes"))
    wait_for(lambda: len(files("pipes")) >= n + 2, "snapshots after that")
    check(os.listdir(f"/proc/{pid}/fd") == [], os.listdir(f"/proc/{pid}/fd"))
    for task in os.listdir(f"/proc/{pid}/task"):
        check(len(os.listdir(f"/proc/{pid}/task/{task}/fd")) <= 6, task)
    os.kill(pid, signal.SIGKILL)


def after_setuid():
    """The job that keeps a child's interval goes where its host goes."""
    uid = 41000 + os.getpid() % 10000
    os.makedirs("user")
    os.chmod("user", 0o777)
    os.chmod(".", 0o755)
    p = start("fork", "alloc", "setuid", uid, "dumpable", "sleep", 20000,
              env=environment(dir="user", interval="2s"))
    pid = int(p.stdout.readline().split()[1])
    wait_for(lambda: [f for f in files("user") if f[1] == pid], "a snapshot")
    check(all(f[0].stat().st_uid == uid for f in files("user") if f[1] == pid), "owner")
    users = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            users.add(re.search(r"^Uid:.*$", f.read(), re.M)[0])
    check(users == {f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}"}, users)
    # root's, in a process that may not be dumped
    check(os.stat(f"/proc/{pid}/maps").st_uid == uid, "the host asked for core files")
    os.kill(pid, signal.SIGKILL)
    p.communicate()


def is_own(pid, section):
    """Has the process a copy of the page where this section begins?"""
    lib = os.path.realpath(LIB)
    headers = subprocess.run(["objdump", "-h", lib], check=True, capture_output=True, text=True)
    at = int(re.search(rf" {re.escape(section)} +\S+ +(\S+)", headers.stdout)[1], 16)
    with open(f"/proc/{pid}/maps") as maps:
        at += next(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(lib))
    with open(f"/proc/{pid}/pagemap", "rb") as pagemap:
        pagemap.seek(at // 4096 * 8)
        page = struct.unpack("<Q", pagemap.read(8))[0]
    check(page >> 63, f"{section} was never touched")
    return page >> 56 & 1


def shared_page():
    """What calls look at isn't written any more: children have their parent's."""
    p = start("alloc", "fork", "alloc", "raise", 10, "idle", "alloc", "sleep", 20000,
              env=environment(dir="shared", heap_rate=1, profiles="all"))
    pid = int(p.stdout.readline().split()[1])
    wait_for(lambda: [f for f in files("shared") if f[1] == pid], "a snapshot of the child")
    check(is_own(pid, ".cp_warm"), "a child that samples has none of its own state")
    check(not is_own(pid, ".cp_hot"), "a child has written to the page of calls")
    os.kill(pid, signal.SIGKILL)
    p.communicate()


tests = [child, at_exit, generations, by_time, last_thread, by_time_in_children, pipes_end,
         shared_page]
if os.getuid() == 0:
    tests.append(after_setuid)
for test in tests:
    test()
