# SPDX-License-Identifier: MIT
"""Runs a program under the preload, asks it for snapshots, and reads them with go tool pprof."""

import os
import re
import signal
import subprocess
import sys
import time

LIB = os.environ["LIB"]
PROG = os.environ.get("PROG", "")
GO = "/usr/bin/go"


def fail(text):
    print(text)
    sys.exit(1)


def check(ok, text):
    if not ok:
        fail("FAILED: %s" % (text,))


def wait_for(what, seconds=20):
    """Polls until what() is true; answers its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(0.02)
    return None


class Host:
    """One program under the preload; `with` ends it, by its pid."""

    def __init__(self, argv, signal_number=signal.SIGUSR1, preload=LIB, out=None, **config):
        self.dir = os.path.abspath(config.pop("CPROF_DIR", "profiles"))
        self.exe = os.path.basename(argv[0])
        self.signal_number = signal_number
        env = dict(os.environ, LD_PRELOAD=preload, CPROF_DIR=self.dir)
        env.update({k: str(v) for k, v in config.items()})
        if signal_number != signal.SIGUSR1:
            env["CPROF_SIGNAL"] = str(int(signal_number))
        self.log = open("host.log", "ab+")
        self.process = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL, stdout=out or self.log, stderr=self.log)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def files(self, pid=None):
        """{sequence: {type: path}} of the finished files of one process."""
        found = {}
        if not os.path.isdir(self.dir):
            return found
        for name in sorted(os.listdir(self.dir)):
            m = re.fullmatch(r"(.+)\.(\d+)\.\d{8}T\d{6}Z\.(\d{4,})\.([a-z]+)\.pb\.gz", name)
            if m and int(m[2]) == (pid or self.pid):
                found.setdefault(m[3], {})[m[4]] = os.path.join(self.dir, name)
        return found

    def catches(self, pid, signal_number=None):
        """Is a handler for the signal (the snapshot's) in place? Without one it would kill."""
        with open("/proc/%d/status" % pid) as f:
            caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", f.read(), re.M)
        return caught and int(caught[1], 16) >> ((signal_number or self.signal_number) - 1) & 1

    def snapshot(self, pid=None, types=("heap", "allocs")):
        """Asks for a snapshot and answers {type: path}."""
        pid = pid or self.pid
        if not wait_for(lambda: self.catches(pid)):
            fail("no handler for signal %d; its log:\n%s" % (self.signal_number, self.log_text()))
        before = set(self.files(pid))
        os.kill(pid, self.signal_number)

        def done():
            for seq, files in self.files(pid).items():
                if seq not in before and set(types) <= set(files):
                    return files
            return None

        files = wait_for(done)
        if not files:
            fail("no snapshot of %s %d; its log:\n%s" % (self.exe, pid, self.log_text()))
        return files

    def log_text(self):
        with open("host.log", "rb") as f:
            return f.read().decode(errors="replace")


def run(argv, preload=LIB, **config):
    """Runs a program to its end under the preload; answers the finished process. A snapshot
    at exit that a busy machine made come too late is asked for again."""
    env = dict(os.environ, CPROF_DIR=os.path.abspath("profiles"))
    if preload:
        env["LD_PRELOAD"] = preload
    env.update({k: str(v) for k, v in config.items()})
    for _ in range(20):
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True)
        if "the snapshot at exit took more than 100 ms: dropped" not in done.stderr:
            break
    return done


def have_go():
    return os.access(GO, os.X_OK)


def pprof(*args):
    """go tool pprof; anything on its standard error is a failure."""
    done = subprocess.run([GO, "tool", "pprof", *args], capture_output=True, text=True,
                          env=dict(os.environ, HOME=os.getcwd(), PPROF_TMPDIR=os.getcwd()))
    check(done.returncode == 0 and not done.stderr,
          "go tool pprof %s: %s" % (" ".join(args), done.stderr))
    return done.stdout
