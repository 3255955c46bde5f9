# SPDX-License-Identifier: MIT
"""Runs the program `asked` under the agent, for the cases about control."""
import os
import pathlib
import re
import subprocess
import time

LIB, PROG, CPROF = os.environ["LIB"], os.environ["PROG"], os.environ["CPROF"]
NAME = re.compile(r"^(.+)\.(\d+)\.(\d{8}T\d{6}Z)\.(\d{4,})\.([a-z]+)\.pb\.gz$")
DROPPED = "the snapshot at exit took more than 100 ms: dropped\n"


def environment(**settings):
    """The agent's, with the two profiles whose values the cases know."""
    env = dict(os.environ, LD_PRELOAD=LIB, CPROF_PROFILES="heap,allocs")
    env.update({f"CPROF_{k.upper()}": str(v) for k, v in settings.items()})
    return env


def start(*commands, env=None, **how):
    """The program, running; its log is its standard error."""
    how.setdefault("stdin", subprocess.PIPE)
    how.setdefault("stdout", subprocess.PIPE)
    how.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen([f"{PROG}/asked", *map(str, commands)], env=env or environment(),
                            text=True, **how)


def run(*commands, env=None, **how):
    """The program, finished: what subprocess.run answers. A snapshot at exit that a busy
    machine made come too late is asked for again."""
    for _ in range(20):
        p = start(*commands, env=env, **how)
        out, err = p.communicate(timeout=50)
        if DROPPED not in (err or ""):
            break
    return subprocess.CompletedProcess(p.args, p.returncode, out, err)


def files(where="."):
    """Finished profiles: (path, pid, sequence, type), by name."""
    found = []
    for path in sorted(pathlib.Path(where).glob("*.pb.gz")):
        m = NAME.match(path.name)
        assert m, f"a file named {path.name}"
        found.append((path, int(m[2]), int(m[4]), m[5]))
    return found


def leftovers(where="."):
    return sorted(p.name for p in pathlib.Path(where).glob(".*.tmp"))


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def wait_files(n, where=".", seconds=20):
    wait_for(lambda: len(files(where)) >= n, f"{n} files in {where}: {files(where)}", seconds)
    return files(where)


def comments(path):
    """The comment lines of a profile."""
    raw = subprocess.run([CPROF, "raw", str(path)], capture_output=True, text=True, check=True)
    return [line.removeprefix("Comment: ") for line in raw.stdout.splitlines()
            if line.startswith("Comment: ")]


def values(path):
    """The sums of a profile's columns, by name."""
    raw = subprocess.run([CPROF, "raw", str(path)], capture_output=True, text=True, check=True)
    lines = iter(raw.stdout.splitlines())
    for line in lines:
        if line == "Samples:":
            break
    names = [word.split("/")[0] for word in next(lines).split()]
    sums = [0] * len(names)
    for line in lines:
        m = re.match(r"^((?:\s*-?\d+)+):", line)
        if line.startswith("Locations"):
            break
        if m:
            sums = [a + int(b) for a, b in zip(sums, m[1].split())]
    return dict(zip(names, sums))


def check(condition, what):
    assert condition, what
