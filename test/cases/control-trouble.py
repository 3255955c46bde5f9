#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-015 fm-070 fm-090
"""Places one can't write to: the host runs on, one clear line, nothing half-written stays."""
import errno
import os
import pathlib
import re
import resource
import shutil
import socket
import stat
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from asked import (LIB, PROG, check, environment, files, leftovers, run, start,  # noqa: E402
                   wait_files, wait_for)

SNAP = ["alloc", "raise", 10, "idle"]
ROOT = os.getuid() == 0
# Users nobody else has, so that /tmp/cprof-UID is ours to make and remove.
USERS = [40000 + os.getpid() % 10000 + i for i in (0, 20000)]


def run_ok(*commands, **settings):
    p = run(*commands, env=environment(**settings))
    check(p.returncode == 0, f"status {p.returncode}: {p.stderr}")
    return p


def missing():
    run_ok(*SNAP, dir="missing/deep/er")
    check(len(files("missing/deep/er")) == 2, "made when missing")
    for d in ("missing", "missing/deep", "missing/deep/er"):
        check(stat.S_IMODE(os.stat(d).st_mode) == 0o700, d)


def removed_while_running():
    p = start(*SNAP, "pause", "raise", 10, "idle", env=environment(dir="removed"))
    wait_files(2, "removed")
    shutil.rmtree("removed")
    _, err = p.communicate("x")
    check(p.returncode == 0 and len(files("removed")) == 2, (p.returncode, err))


def relative_means_the_start():
    os.makedirs("elsewhere")
    p = run_ok("chdir", "elsewhere", *SNAP, dir="here")
    check(len(files("here")) == 2 and not files("elsewhere"), p.stderr)


def not_a_directory():
    pathlib.Path("plainfile").write_text("x")
    p = run_ok(*SNAP, "raise", 10, "idle", dir="plainfile")
    own = f"/tmp/cprof-{os.getuid()}"
    check(p.stderr.count("can't write to") == 1, p.stderr)
    check(f"/plainfile: not a directory; files go to {own} instead" in p.stderr, p.stderr)
    for line in p.stderr.splitlines():
        if "wrote " in line:
            stem = line.split("wrote ")[1].split("{")[0]
            check(stem.startswith(own), line)
            for kind in ("heap", "allocs"):
                os.remove(f"{stem}{kind}.pb.gz")


def open_to_all():
    """Where anyone may enter, by x alone: directories of the temporary user's host."""
    path = pathlib.Path("/tmp") / f"cprof-case-{os.getpid()}"
    path.mkdir()
    path.chmod(0o755)
    for name in (LIB, f"{PROG}/asked"):
        shutil.copy(name, path)
    return path


def dropped_privileges():
    place = open_to_all()
    (place / "out").mkdir(0o700)
    uid = USERS[0]
    own = pathlib.Path(f"/tmp/cprof-{uid}")
    env = environment(dir=place / "out")
    env["LD_PRELOAD"] = str(place / "libcprof.so")
    try:
        p = subprocess.run([place / "asked", *map(str, ["setuid", uid, *SNAP, *SNAP])], env=env,
                           capture_output=True, text=True, timeout=30)
        check(p.returncode == 0, p)
        check(p.stderr.count("can't write to") == 1, p.stderr)
        check(len(files(own)) == 4, p.stderr)
        check(stat.S_IMODE(own.stat().st_mode) == 0o700 and own.stat().st_uid == uid, own.stat())
        check(all(f[0].stat().st_uid == uid for f in files(own)), "owner of the files")
        # a link, another's directory, one that others may enter: refused
        shutil.rmtree(own)
        for make in (lambda: own.symlink_to(place), lambda: own.mkdir(0o777), lambda: foreign(own, uid)):
            make()
            p = subprocess.run([place / "asked", *map(str, ["setuid", uid, *SNAP])], env=env,
                               capture_output=True, text=True, timeout=30)
            check(p.returncode == 0 and p.stderr.count("\n") == 1, p.stderr)
            check(f"), nor to {own}: " in p.stderr, p.stderr)
            check(not files(own) and not leftovers(own), "written where it must not be")
            own.unlink() if own.is_symlink() else shutil.rmtree(own)
    finally:
        shutil.rmtree(place)
        if own.is_symlink():
            own.unlink()
        shutil.rmtree(own, ignore_errors=True)


def rights_kept():
    """What a host keeps of its rights when it changes user, our threads keep; and what it has given
    up, they soon give up."""
    p = start("keep", USERS[1], "say", "kept", "pause",
              env=environment(interval="1h", http="127.0.0.1:0"))
    said = p.stdout.readline()
    check(said == "kept\n", said or p.wait())

    def rights(task):
        with open(f"/proc/{p.pid}/task/{task}/status") as f:
            return re.search(r"CapPrm:.*\nCapEff:.*", f.read())[0]
    tasks = os.listdir(f"/proc/{p.pid}/task")
    check(len(tasks) == 3, "both of our threads are there")
    wait_for(lambda: len({rights(t) for t in tasks}) == 1, "the same rights on all threads")
    p.communicate("x")
    check(p.returncode == 0, p.returncode)


def no_thread():
    """The kernel refuses the job's thread: the host runs on, and may be asked again."""
    p = run_ok("setuid", USERS[1], "nproc", 0, "raise", 10, "idle", "raise", 10, "idle", dir="nproc")
    check(p.stderr.count("no snapshot: can't start a thread: resource limit reached\n") == 2
          and p.stderr.count("\n") == 2, p.stderr)


def foreign(own, uid):
    own.mkdir(0o700)
    os.chmod(own, 0o777)


def file_limit():
    p = run_ok(*SNAP, "fsize", 100, *SNAP, dir="limit")
    check(len(files("limit")) == 2 and not leftovers("limit"), os.listdir("limit"))
    check(p.stderr.count("\n") == 2, p.stderr)
    check("could not write heap,allocs to" in p.stderr and "file size limit" in p.stderr, p.stderr)


def without(*refused, dir):
    """Two snapshots where the kernel refuses these calls; None where it can't be asked to."""
    p = run(*[w for r in refused for w in ("refuse", r)], *SNAP, "raise", 10, "idle",
            env=environment(dir=dir, lines=0))
    check(p.returncode in (0, 77), f"status {p.returncode}: {p.stderr}")
    return p if p.returncode == 0 else None


def no_room_for_its_address():
    """The URL's file is whole, or not there."""
    p = start("pause", env=environment(dir="address", http="127.0.0.1:0", profiles="heap"),
              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)))
    lines = p.stderr.readline()
    while "profiles at" not in lines:
        lines += p.stderr.readline()
    p.communicate("x")
    check(p.returncode == 0 and f"no asked.{p.pid}.http: file size limit" in lines, lines)
    for where in ("address", f"/tmp/cprof-{os.getuid()}"):
        check(not list(pathlib.Path(where).glob(f".asked.{p.pid}.http")), "half a file in " + where)


def no_links():
    """A file system that can neither rename without replacing, nor link: FAT, and some in user
    space."""
    for error in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
        where = f"links{error}"
        p = without(f"renameat2={errno.EINVAL}", f"linkat={error}", dir=where)
        if p:
            check(len(files(where)) == 4 and not leftovers(where), p.stderr)
            check(p.stderr.count("wrote ") == 2 and p.stderr.count("\n") == 2, p.stderr)


def stored_in_vain():
    """A network file system may say only at the close that there was no room."""
    p = without(f"close={errno.EIO}", dir="vain")
    if p:
        check(p.stderr.count("could not write heap,allocs to") == 2, p.stderr)
        check(not files("vain") and not leftovers("vain"), os.listdir("vain"))


def descriptors_used_up():
    """Our descriptors are not the host's: that it has none left is no matter."""
    p = run_ok("nofile", 32, "fill", *SNAP, dir="nofile")
    check(len(files("nofile")) == 2 and "wrote" in p.stderr, p.stderr)
    p = run_ok("nofile", 3, *SNAP, dir="nofile")
    check(len(files("nofile")) == 2 and "too many open files" in p.stderr, p.stderr)
    check(p.stderr.count("\n") == 1 and not leftovers("nofile"), p.stderr)


def disk_full():
    os.makedirs("small")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20k,mode=700", "cprof-case", "small"],
                      stderr=subprocess.DEVNULL).returncode:
        print("no mount here: disk full and read-only left out")
        return
    try:
        p = start(*SNAP, "pause", *SNAP, "pause", *SNAP, env=environment(dir="small"))
        before = {f[0]: f[0].read_bytes() for f in wait_files(2, "small")}
        filler = pathlib.Path("small/filler")
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 512)
            except OSError:
                pass
        p.stdin.write("x")
        p.stdin.flush()
        line = p.stderr.readline() + p.stderr.readline()
        check("no space left on the device" in line, line)
        check({f[0]: f[0].read_bytes() for f in files("small")} == before, "earlier files")
        check(not leftovers("small"), leftovers("small"))
        filler.unlink()
        p.stdin.write("x")
        p.stdin.flush()
        _, err = p.communicate()
        check(p.returncode == 0 and len(files("small")) == 4, err)
        subprocess.run(["mount", "-o", "remount,ro", "small"], check=True)
        p = run_ok(*SNAP, dir="small")
        check("read-only file system; files go to /tmp/cprof-" in p.stderr, p.stderr)
        remove_written(p.stderr)
    finally:
        subprocess.run(["umount", "small"], check=True)


def remove_written(log):
    stem = log.split("wrote ")[1].split("{")[0]
    for kind in ("heap", "allocs"):
        os.remove(f"{stem}{kind}.pb.gz")


def no_stderr():
    """Our line must not end up in what the host opens next, nor our file be its stderr."""
    p = start("close", 0, "close", 1, "close", 2, *SNAP, env=environment(dir="closed"))
    p.communicate()
    check(p.returncode == 0 and len(files("closed")) == 2, p.returncode)


def numbers_are_the_hosts():
    p = run_ok("reopen", 6000, dir="reopen", profiles="heap", lines=0, keep=4)
    check(p.stdout == "0\n", f"{p.stdout} of its files got another number")


def stderr_is_a_socket():
    """As under systemd: it can't be opened anew by its name."""
    ours, theirs = socket.socketpair()
    p = start(*SNAP, env=environment(dir="socket"), stderr=theirs.fileno())
    theirs.close()
    p.communicate()
    line = ours.recv(10000).decode()
    check("wrote" in line and line.count("\n") == 1, line)


def broken_pipe():
    for closed_first in (True, False):
        r, w = os.pipe()
        if closed_first:
            os.close(r)
        where = f"broken{closed_first}"
        env = environment(dir=where, interval="soon")  # a line at the start, too
        p = start("pause", *SNAP, "handle", 10, env=env, stderr=w)
        os.close(w)
        if not closed_first:
            os.close(r)
        p.communicate("x")
        check(p.returncode == 0, f"killed by {p.returncode}")
        check(len(files(where)) == 2, files(where))


def stuck_pipe():
    """Nobody reads standard error: lines are dropped, nobody waits."""
    r, w = os.pipe()
    os.set_blocking(w, False)
    try:
        while True:
            os.write(w, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(w, True)
    p = start(*SNAP, "handle", 10, env=environment(dir="stuck", interval="soon"), stderr=w)
    p.communicate(timeout=20)
    check(p.returncode == 0 and len(files("stuck")) == 2, p.returncode)
    os.close(r)
    os.close(w)


def log_elsewhere():
    p = run_ok(*SNAP, dir="logged", log="lines.txt")
    check(p.stderr == "" and "wrote" in pathlib.Path("lines.txt").read_text(), p.stderr)
    p = run_ok(*SNAP, dir="logged", log="none")
    check(p.stderr == "", p.stderr)
    p = run_ok(*SNAP, dir="logged", log="nowhere/lines.txt")
    check(p.stderr.count("\n") == 1 and "wrote" in p.stderr, p.stderr)
    check("because the file of CPROF_LOG can't be opened" in p.stderr, p.stderr)


tests = [missing, removed_while_running, relative_means_the_start, not_a_directory, file_limit,
         no_room_for_its_address, no_links, stored_in_vain, descriptors_used_up, no_stderr,
         numbers_are_the_hosts, stderr_is_a_socket, broken_pipe, stuck_pipe, log_elsewhere]
if ROOT:
    tests += [disk_full, dropped_privileges, rights_kept, no_thread]
for test in tests:
    test()
