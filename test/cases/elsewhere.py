#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-068 fm-070 fm-088
# timeout: 120
"""Core files, other namespaces, a new root, pipes where files should go, two that share a name."""
import fcntl
import os
import pathlib
import resource
import shutil
import signal
import subprocess

from asked import PROG, check, environment, files, leftovers, run, wait_for

SNAP = ["alloc", "raise", 10, "idle"]


def asked(*words):
    return [f"{PROG}/asked", *map(str, words)]


def with_core(words, env):
    """How it ended, whether it left a core, and in which function that says it did."""
    here = pathlib.Path("core.out")
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir()
    pid = os.fork()
    if not pid:
        os.chdir(here)
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        os.execve(words[0], words, env)
    _, status = os.waitpid(pid, 0)
    cores = list(here.glob("core*"))
    where = ""
    if cores and words[-1] in ("fault", "abort") and shutil.which("gdb"):
        p = subprocess.run(["gdb", "-nx", "-batch", "-ex", "bt 6", words[0], cores[0]],
                           capture_output=True, text=True)
        where = [f for f in ("do_fault", "do_abort", "do_raise", "pause") if f in p.stdout]
    return status, os.WCOREDUMP(status), len(cores), where


def cores():
    """The end, the core and the place of it are as without us, with a last snapshot too."""
    plain = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    for end in (["fault"], ["abort"], ["raise", int(signal.SIGQUIT)], ["raise", int(signal.SIGSYS)]):
        want = with_core(asked("alloc", *end), plain)
        for atexit in (0, 1):
            env = environment(dir=os.path.abspath(f"cores{atexit}"), atexit=atexit)
            got = with_core(asked("alloc", *end), env)
            check(got == want, f"{end}, atexit {atexit}: {got}, not {want}")


def namespaces():
    """Two processes of one number, second and name: each has its own files, none is lost."""
    new = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*new, "true"], stderr=subprocess.DEVNULL).returncode:
        print("no namespaces here")
        return
    commands = asked(*(SNAP * 5))
    both = [subprocess.Popen([*new, *commands], env=environment(dir="spaces", only="asked"),
                             stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [p.communicate(timeout=60)[1] for p in both]
    check([p.returncode for p in both] == [0, 0], said)
    found = files("spaces")
    check({f[1] for f in found} == {1}, found)
    check(sum(s.count("wrote") for s in said) * 2 == len(found) >= 20, (len(found), said))
    check(not leftovers("spaces"), leftovers("spaces"))


def remove_leftovers(place):
    """As a process of the same number elsewhere does, all the while."""
    while True:
        for name in os.listdir(place):
            if not name.startswith("."):
                continue
            try:
                fd = os.open(f"{place}/{name}", os.O_WRONLY)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(fd).st_nlink:
                    os.unlink(f"{place}/{name}")
            except (BlockingIOError, FileNotFoundError):
                pass
            os.close(fd)


def taken_for_left():
    """A file is locked a moment after it is made: who takes it for one left over loses nothing."""
    os.makedirs("taken")
    remover = os.fork()
    if not remover:
        try:
            remove_leftovers("taken")
        finally:
            os._exit(1)
    try:
        p = run(*(SNAP * 60), env=environment(dir="taken", max_bytes="1G", keep=1000))
    finally:
        os.kill(remover, signal.SIGKILL)
        os.waitpid(remover, 0)
    check(p.returncode == 0 and p.stderr.count("wrote") == 60 == p.stderr.count("\n"), p.stderr)
    check(len(files("taken")) == 120, len(files("taken")))


def new_root():
    """A chroot after the start: files go where the name leads now, or the line says why not."""
    os.makedirs("jail")
    for place, there in (("/out", "jail/out"), (os.path.abspath("out"), "jail" + os.path.abspath("out"))):
        argv = ["python3", "-c", f"""
import os, signal, time, sys
os.chroot("jail"); os.chdir("/")
kept = [bytes(1000000) for _ in range(40)]
os.kill(os.getpid(), signal.SIGUSR1)
for _ in range(1000):
    if os.path.isdir("{place}") and any(n[0] != "." for n in os.listdir("{place}")): break
    time.sleep(0.01)
print("still here")"""]
        p = subprocess.run(argv, env=environment(dir=place, http="127.0.0.1:0"),
                           capture_output=True, text=True)
        check(p.returncode == 0 and p.stdout == "still here\n", p)
        check(files(there) and not files(there.removeprefix("jail")), (os.listdir("jail"), p.stderr))
        shutil.rmtree(there)


def pipes():
    """Nobody reads them: they are no place to write to, and nothing to wait for."""
    os.mkfifo("fifo")
    p = run(*SNAP, "say", "well", env=environment(dir="fifo"))
    check(p.returncode == 0 and p.stdout == "well\n" and "not a directory" in p.stderr, p)
    own = p.stderr.split("wrote ")[1].split("{")[0]
    for kind in ("heap", "allocs"):
        os.remove(f"{own}{kind}.pb.gz")
    p = run(*SNAP, "say", "well", env=environment(dir="log.out", log=os.path.abspath("fifo")))
    check(p.returncode == 0 and p.stdout == "well\n" and "can't be opened" in p.stderr, p)
    p = run("say", "well", env=environment(dir="x", http="unix:" + os.path.abspath("fifo")))
    check(p.returncode == 0 and p.stdout == "well\n" and p.stderr.count("no HTTP at") <= 1, p)


def stopped():
    """Frozen and thawed, as by a job control shell or a checkpoint: it goes on as before."""
    p = subprocess.Popen(asked("alloc", "pause"), stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=environment(dir="frozen", interval="200ms"), text=True)
    wait_for(lambda: os.path.isdir("frozen") and len(files("frozen")) >= 2, "a first snapshot")
    for _ in range(5):
        p.send_signal(signal.SIGSTOP)
        p.send_signal(signal.SIGCONT)
    n = len(files("frozen"))
    wait_for(lambda: len(files("frozen")) > n + 2, "snapshots after that")
    _, err = p.communicate("x", timeout=30)
    check(p.returncode == 0, err)


tests = [cores, pipes, stopped, taken_for_left]
if os.getuid() == 0:
    tests += [namespaces, new_root]
for test in tests:
    test()
