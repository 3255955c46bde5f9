#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""The helper that finds lines: unseen by the host, and its loss costs lines only.

The host watches for SIGCHLD, for children wait() could find, and for descriptors. The
library is copied beside helpers that are missing, die, hang or talk nonsense.
"""
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
import pprofcheck  # noqa: E402
from host import LIB, PROG, Host, check, wait_for  # noqa: E402

HELPER = os.path.dirname(LIB) + "/cprof-lines"


def lines_of(path):
    return {line.name: line.line for sample in pprofcheck.read(path).samples
            for location in sample.stack for line in location.lines}


def take(what, helper, snapshots=1, **config):
    """Snapshots with the library beside this helper; (lines by function, log, host's words)."""
    place = os.path.abspath("lib-" + what)
    os.makedirs(place)
    shutil.copy(LIB, place)
    if helper:
        with open(place + "/cprof-lines", "w") as f:
            f.write(helper)
        os.chmod(place + "/cprof-lines", 0o755)
    elif helper is None:
        shutil.copy(HELPER, place)
    with open("out", "wb+") as out:
        with Host([PROG + "/children"], preload=place + "/libcprof.so", out=out,
                  CPROF_HEAP_RATE=1, **config) as host:
            for _ in range(snapshots):
                files = host.snapshot()
            kept = "%s.%d.heap.pb.gz" % (host.exe, host.pid)
            shutil.copy(files["heap"], kept)
            # Nobody is left of it, as a zombie or alive.
            left = [c for c in os.listdir("/proc") if c.isdigit() and parent(c) == host.pid]
            check(not left, "%s: processes left: %s" % (what, left))
        log = host.log_text()
        out.seek(0)
        words = out.read().decode()
    os.unlink("host.log")
    check("chlds 0 found 0 descriptors 0" in words, "%s: the host saw: %s" % (what, words))
    found = lines_of(kept)
    check("main" in found, "%s: names are lost: %s" % (what, found))
    return found, log


def parent(pid):
    try:
        with open("/proc/%s/status" % pid) as f:
            return int(re.search(r"^PPid:\s*(\d+)", f.read(), re.M)[1])
    except OSError:
        return 0


found, log = take("good", None, snapshots=3)
check(found["main"] > 0, "no lines: %s\n%s" % (found, log))
check("source lines" not in log, log)
found, log = take("off", None, CPROF_LINES=0)
check(found["main"] == 0, "lines, though not wanted: %s" % found)

found, log = take("missing", "", snapshots=2)
check(found["main"] == 0 and log.count("no source lines: can't start") == 1, log)

for what, text, said in (
        ("dies", "#!/bin/sh\nexit 1\n", "the helper ended"),
        ("killed", "#!/bin/sh\nread x\nkill -9 $$\n", "the helper ended"),
        ("talks", "#!/bin/sh\necho what\necho A12\necho A13\necho A14\nwhile read x; do\n"
                  "[ $x = . ] && for i in 1 2 3 4 5 6 7 8 9; do echo A$i; echo; done\ndone\n",
         "makes no sense"),
        ("long", "#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\0' x\nexec sleep 100\n",
         "makes no sense"),
        ("hangs", "#!/bin/sh\ntrap '' TERM INT HUP\nexec sleep 100\n",
         "the time limit was reached")):
    found, log = take(what, text)
    check(found["main"] == 0, "%s: %s" % (what, found))
    check(said in log, "%s: the log says: %s" % (what, log))
    print("ok   " + what)


# What passes costs the lines of its time: here the helper is just being written.
place = os.path.abspath("lib-busy")
os.makedirs(place)
shutil.copy(LIB, place)
shutil.copy(HELPER, place)
with open(place + "/cprof-lines", "ab") as writer:
    with Host([PROG + "/httphost"], preload=place + "/libcprof.so", CPROF_HEAP_RATE=1) as host:
        found = lines_of(host.snapshot()["heap"])
        if "no source lines yet: can't start" in host.log_text():
            check("main" in found and found["main"] == 0, found)
            host.snapshot()
            writer.close()
            check(wait_for(lambda: lines_of(host.snapshot()["heap"])["main"] > 0 or time.sleep(1), 40),
                  "no lines, though they could be had again: " + host.log_text())
            check(host.log_text().count("no source lines") == 1, host.log_text())
            print("ok   busy")
os.unlink("host.log")


def its_keeper(pid):
    """The helper's parent, once there is a helper."""
    keepers = [c for c in os.listdir("/proc") if c.isdigit() and parent(c) == pid]
    return [k for k in keepers if [c for c in os.listdir("/proc") if c.isdigit() and parent(c) == int(k)]]


# In a host that ignores SIGCHLD nobody else may get the number of a helper that is gone: it is
# its keeper that takes it off, after the last signal to it.
place = os.path.abspath("lib-hangs")
with Host(["/usr/bin/env", "--ignore-signal=CHLD", PROG + "/httphost"],
          preload=place + "/libcprof.so", CPROF_HEAP_RATE=1) as ignores:
    wait_for(lambda: os.readlink("/proc/%d/exe" % ignores.pid).endswith("httphost") and
             ignores.catches(ignores.pid))
    os.kill(ignores.pid, signal.SIGUSR1)
    keeper = wait_for(lambda: its_keeper(ignores.pid))
    for who, ignored in ((str(ignores.pid), 1), (keeper[0], 0)):
        with open("/proc/%s/status" % who) as status:
            mask = int(re.search(r"^SigIgn:\s*([0-9a-f]+)", status.read(), re.M)[1], 16)
        check(mask >> (signal.SIGCHLD - 1) & 1 == ignored, "%s ignores %x" % (who, mask))


# What outlives its parent comes to us from here on, as it does to a service manager.
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None)
check(LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, "no subreaper")


def strangers():
    """Were there children that we never made?"""
    found = 0
    while True:
        try:
            os.waitpid(-1, 0)
            found += 1
        except ChildProcessError:
            return found


def asked(*commands, **config):
    """A host that does this while its helper hangs."""
    env = dict(os.environ, LD_PRELOAD=place + "/libcprof.so", CPROF_PROFILES="heap", CPROF_DIR="ends")
    env.update(config)
    p = subprocess.Popen([PROG + "/asked", "alloc", "raise", "10", "pause", *commands], env=env,
                         stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    check(wait_for(lambda: its_keeper(p.pid)), "no helper")
    p.stdin.close()
    return p


# A busy machine may take longer for it than an end waits: but not each time.
for ends, status, config in (
        (("exit", "3"), 3, {}), (("_exit", "4"), 4, {}), (("exit", "3"), 3, {"CPROF_ATEXIT": "1"}),
        (("raise", "15"), -signal.SIGTERM, {"CPROF_ATEXIT": "1"})):
    for _ in range(20):
        with asked(*ends, **config) as p:
            said = p.stderr.read().decode()
        check(p.returncode == status and "source lines" not in said, "%s: %s" % (p, said))
        left = strangers()
        if not left:
            break
    check(not left, "%s %s leaves processes" % (ends, config))
    print("ok   ", *ends, *config)


def children_of(pid):
    return [int(c) for c in os.listdir("/proc") if c.isdigit() and parent(c) == pid]


def is_ready(p):
    exe = os.path.basename(os.readlink("/proc/%d/exe" % p.pid))
    return exe == "httphost" and ignores.catches(p.pid)


# To become another program is the end of the job, but not of the process and its zombies.
for _ in range(10):
    with asked("exec", PROG + "/httphost") as p:
        check(wait_for(lambda: is_ready(p)), "no exec")
        clean = wait_for(lambda: not children_of(p.pid), 2)
        p.kill()
    if clean:
        break
check(clean, "a zombie is left to the next program")
print("ok    exec")

# But one that the program has made stays its own.
OWN = """
import ctypes, os, sys
SYS_clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
if not ctypes.CDLL(None).syscall(SYS_clone, 0, 0, 0, 0, 0):
    os._exit(0)
os.execv(sys.argv[1], sys.argv[1:])
"""
with subprocess.Popen([sys.executable, "-c", OWN, PROG + "/httphost"], stderr=subprocess.DEVNULL,
                      env=dict(os.environ, LD_PRELOAD=place + "/libcprof.so")) as p:
    check(wait_for(lambda: is_ready(p)), "no exec")
    check(len(children_of(p.pid)) == 1, "the program's own zombie is gone")
    p.kill()
print("ok    its own child")


def stat_of(pid):
    """Its nice value, and the seconds of processor time it has taken."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[16]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# What is soon over isn't nice: on a busy machine an answer would wait for it. What takes longer is.
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # as in who starts it
helper = subprocess.Popen([HELPER, "256", "120"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
ours, nice, took = os.nice(0), 0, 0
while nice == 0 and took < 10:
    helper.stdin.write(("F%s\nWl\nA%x\n.\n" % (LIB, 0x10000)).encode())
    helper.stdin.flush()
    while helper.stdout.readline() != b".\n":
        pass
    before, (nice, took) = took, stat_of(helper.pid)
    nice -= ours
helper.stdin.close()
check(helper.wait() == 0, "the helper ends with %d" % helper.returncode)
check(nice == 10 and took > 0.15 and before < 0.5, "nice by %d after %.2f to %.2f s" % (nice, before, took))
print("ok   nice after a while")
