#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-089
# timeout: 120
"""A service behind its manager's filter lives, is profiled, and is told all that others are."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

from fence import DENIED
from host import LIB, PROG, Host, check, wait_for

TOP = os.environ["TOP"]
FENCE = os.path.join(TOP, "test/lib/fence.py")
# Made only after cp_filtered has said no, or to follow a host that has made them itself.
ASKED_ABOUT = {"mincore", "pidfd_getfd", "sched_setscheduler", "setpriority",
               "capset", "setgroups", "setresuid"}
TYPES = ("cpu", "heap", "allocs", "threadcreate", "mutex", "block", "goroutine")
FORKS = """
import os, sys, time
if not os.fork():
    time.sleep(2.5)
    os._exit(0)
os.wait()
print(sys.argv[1], "children gone", flush=True)
time.sleep(60)
"""


DAEMON = """
import os, time
if os.fork():
    os._exit(0)
with open("daemon.pid", "w") as f:
    f.write(str(os.getpid()))
time.sleep(0.5)
null = os.open("/dev/null", os.O_RDWR)
for fd in range(3):
    os.dup2(null, fd)
time.sleep(60)
"""


LATER = """
import os, sys, time
import fence
calls = fence.numbers()
time.sleep(1.2)
os.chroot("empty")
fence.shut_in(fence.KILL, calls)
if not os.fork():
    time.sleep(2.5)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


class Fenced(Host):
    def __init__(self, how, *argv, **config):
        self.how = how
        super().__init__([sys.executable, FENCE, how, LIB, *argv], preload="",
                         CPROF_DIR=how, **config)
        if self.process.poll() == 77:
            sys.exit(77)

    def lines(self, about):
        return [line for line in self.log_text().splitlines()
                if line.startswith("cprof[") and re.search(about, line)]

    def line(self, about):
        own = r"^cprof\[%d\]: .*%s" % (self.pid, about)
        found = wait_for(lambda: self.lines(own))
        check(found, "%s: no line '%s' in\n%s" % (self.how, about, self.log_text()))
        return found[0]

    def get(self, base, name):
        with urllib.request.urlopen(base + name, timeout=30) as answer:
            return answer.status, answer.read()

    def ends(self, status):
        self.process.terminate()
        self.process.wait(20)
        check(self.process.returncode == status,
              "%s: %s, not %s:\n%s" % (self.how, self.process.returncode, status, self.log_text()))


def memory(path):
    text = subprocess.run([os.environ["CPROF"], "raw", path], check=True, capture_output=True,
                          text=True).stdout
    return map(int, re.search(r"memory=(\d+) used, (\d+) mapped", text).groups())


def server(how):
    """Everything that makes a system call of its own: snapshots, HTTP, the interval, the end."""
    redis = ["redis-server", "--port", "0", "--unixsocket", os.path.abspath(how + ".sock"),
             "--save", ""]
    with Fenced(how, *redis, CPROF_HTTP="127.0.0.1:0", CPROF_INTERVAL="1s", CPROF_ATEXIT=1,
                CPROF_HEAP_RATE=4096) as h:
        url = h.line("profiles at ").split("profiles at ")[1]
        h.line("wrote ")
        files = h.snapshot(types=TYPES)
        used, mapped = memory(files["heap"])
        check(0 < used < mapped / 2, "%s: %d of %d bytes are used" % (how, used, mapped))
        for name in ("", "heap?gc=1", "allocs?seconds=1", "goroutine?debug=2", "profile?seconds=1",
                     "mutex", "block?debug=1", "threadcreate", "cmdline", "flame?profile=heap"):
            status, body = h.get(url, name)
            check(status == 200 and body, "%s: %s for %s" % (how, status, name))
        h.ends(0)
        check(not h.lines("helper|lost"), h.log_text())


def children(how):
    """A line of a child's is said too."""
    with Fenced(how, sys.executable, "-c", FORKS, how, CPROF_INTERVAL="1s") as h:
        others = r"^cprof\[(?!%d\])\d+\]: wrote " % h.pid
        h.line("wrote ")
        check(wait_for(lambda: h.lines(others)), "%s: no child's in\n%s" % (how, h.log_text()))
        check(wait_for(lambda: how + " children gone" in h.log_text()), "%s: no end" % how)
        h.ends(-signal.SIGTERM)


def main_has_left(how):
    """What lies in memory is still known then, and lines are said."""
    with Fenced(how, os.path.join(PROG, "asked"), "thread", "leave", CPROF_INTERVAL="1s") as h:
        h.line("wrote .*0002")
        used, mapped = memory(h.files()["0002"]["heap"])
        check(0 < used < mapped / 2, "%s: %d of %d bytes are used" % (how, used, mapped))


def a_daemon_lets_go(how, **config):
    """Who waits for the end of its output is not kept waiting by the copy that we hold."""
    argv = [sys.executable, FENCE, how, LIB, sys.executable, "-c", DAEMON]
    env = dict(os.environ, CPROF_DIR=how + "-daemon", LD_PRELOAD="", **config)
    began = time.monotonic()
    with subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as p:
        p.stdout.read()
        took = time.monotonic() - began
    os.kill(int(open("daemon.pid", encoding="ascii").read()), signal.SIGKILL)
    check(took < 5, "%s %s: %.1f s till the end of a daemon's output" % (how, config, took))


def a_filter_comes_later():
    """In a root without /proc, where it can't be read; and a child has it from the start: what
    user the child becomes can't be asked either, so that it has no thread of ours."""
    if os.getuid() != 0:
        return
    os.makedirs("empty")
    env = dict(os.environ, CPROF_DIR="later", LD_PRELOAD=LIB, CPROF_INTERVAL="1s")
    p = subprocess.run([sys.executable, "-c", LATER], env=env, capture_output=True, text=True,
                       timeout=60, check=False)
    check(p.returncode == 0 and p.stderr.count("can't tell what user") == 1,
          "%d: %s" % (p.returncode, p.stderr))


def a_list_of_what_is_allowed():
    """What begins a program is on it, and not what a snapshot takes."""
    code = ("import fence, os; fence.shut_in(fence.KILL, fence.numbers(fence.DENIED + ['prctl', "
            "'process_vm_readv', 'unshare', 'fstatfs'])); os.execlp('echo', 'echo', 'said')")
    p = subprocess.run([sys.executable, "-c", "import os; os.environ['LD_PRELOAD'] = %r; %s"
                        % (LIB, code)], env=dict(os.environ, PYTHONPATH=os.path.dirname(FENCE)),
                       capture_output=True, text=True, timeout=60, check=False)
    check((p.returncode, p.stdout, p.stderr) == (0, "said\n", ""), p)


def calls_of_the_agent():
    used = subprocess.run(["grep", "-rhoE", r"SYS_[a-z0-9_]+", os.path.join(TOP, "agent")],
                          check=True, capture_output=True, text=True).stdout.split()
    wild = {u[4:] for u in used} & set(DENIED) - ASKED_ABOUT
    check(not wild, "a hardened service is killed for %s" % wild)


calls_of_the_agent()
if not shutil.which("redis-server"):
    sys.exit(77)
for manner in ("kill", "refuse"):
    server(manner)
    children(manner)
    main_has_left(manner)
    a_daemon_lets_go(manner, CPROF_INTERVAL="1h")
    a_daemon_lets_go(manner, CPROF_HTTP="127.0.0.1:0")
a_filter_comes_later()
a_list_of_what_is_allowed()
