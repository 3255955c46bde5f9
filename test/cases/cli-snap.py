#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cprof snap gets a running process's profiles, and never harms one it can't ask."""
import ctypes
import os
import re
import shutil
import subprocess
import sys

CPROF, LIB = os.environ["CPROF"], os.environ["LIB"]
ENV = {k: v for k, v in os.environ.items() if not k.startswith(("CPROF_", "LD_"))}
ENV["CPROF_LOG"] = "none"
HERE = os.getcwd()
# Says when it is ready, then stays: signals don't end a wait for input.
STAY = "import sys; print('ready', flush=True); sys.stdin.read()"
# One that can't tell which signal it answers to: then the one that has a handler is sent.
OLDER = os.path.join(HERE, "older/libcprof.so")
os.mkdir("older")
with open(LIB, "rb") as f, open(OLDER, "wb") as out:
    out.write(f.read().replace(b"\0cprof_signal\0", b"\0cprof_silent\0"))


class Victim:
    def __init__(self, code=STAY, preload=LIB, program=sys.executable, **env):
        variables = {**ENV, **env, **({"LD_PRELOAD": preload} if preload else {})}
        self.p = subprocess.Popen([program, "-S", "-c", code], env=variables, text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.p.stdout.readline() == "ready\n"

    def __enter__(self):
        return str(self.p.pid)

    def __exit__(self, *_):
        assert self.p.poll() is None, "the victim died"
        self.p.stdin.close()
        assert self.p.wait() == 0, "the victim came to harm"


class Unread:
    """Nobody reads these files meanwhile."""
    def __init__(self, files):
        libc = ctypes.CDLL(None)
        self.fd = libc.inotify_init1(os.O_NONBLOCK)
        assert all(libc.inotify_add_watch(self.fd, f.encode(), 1) > 0 for f in files)

    def __enter__(self):
        pass

    def __exit__(self, *_):
        try:
            sys.exit(f"old profiles were read: {os.read(self.fd, 4096)}")
        except BlockingIOError:
            os.close(self.fd)


def snap(*argv):
    p = subprocess.run([CPROF, "snap", *argv], capture_output=True, text=True, env=ENV, timeout=40)
    return p.returncode, p.stdout.splitlines(), p.stderr


def answered(folder, types, *argv):
    status, files, err = snap(*argv)
    assert status == 0 and not err, (argv, status, files, err)
    pattern = re.escape(os.path.join(os.path.realpath(folder), "")) + r"python[^/]*\.\d+\.\d{8}T\d{6}Z\.\d{4}"
    stems = {re.sub(r"\.\w+\.pb\.gz$", "", f) for f in files}
    assert len(stems) == 1 and re.fullmatch(pattern, stems.pop()), files
    assert sorted(f.split(".")[-3] for f in files) == sorted(types), files
    return files


def refused(status, words, *argv):
    got = snap(*argv)
    if got[0] != status or got[1] or got[2].count("\n") != 1 or words not in got[2]:
        sys.exit(f"cprof snap {argv}: {got}, not {status} with '{words}'")


ALL = ["cpu", "heap", "allocs", "threadcreate", "mutex", "block", "goroutine"]
with Victim() as pid:
    first = answered(".", ALL, pid)
    second = answered(".", ALL, pid)
    assert not set(first) & set(second)
    answered(".", ["heap"], "--profiles", "heap", pid)
    answered(".", ALL, "--profiles", "all", pid)
    answered(".", ["allocs"], "--profiles=allocs", "--dir", HERE, pid)
    window = answered(".", ALL, "--seconds", "1s", "--timeout=1m", pid)
    for files, mixed in (([first[0]], 0), ([window[0]], 0), ([first[0], window[0]], 1)):
        said = subprocess.run([CPROF, "merge", "-o", "sum", *files], capture_output=True, text=True)
        assert not said.returncode and said.stderr.count("counts twice") == mixed, said
    os.remove("sum")
    for f in window:
        os.remove(f)  # a difference, which the validator would take for totals
    status, files, err = snap(pid, pid)
    assert status == 0 and len(files) == 2 * len(ALL), (files, err)
    # None is lost in another's signal, which is not taken yet.
    askers = [subprocess.Popen([CPROF, "snap", "--seconds=1", "--profiles=allocs", pid], text=True,
                               env=ENV, stdout=subprocess.PIPE) for _ in range(6)]
    files = [a.communicate(timeout=40)[0].strip() for a in askers]
    assert not any(a.returncode for a in askers) and len(set(files)) == 6, files
    for f in files:
        os.remove(f)
    refused(1, "no handler for signal 12", "--signal", "USR2", pid)
    refused(1, "no answer in 1 s", "--timeout", "1", "--dir", "/proc", pid)

# Wherever it writes: a folder of its own, after it went elsewhere, on another signal.
with Victim(CPROF_DIR="kept", CPROF_SIGNAL="RTMIN+3", PWD=HERE,
            code="import os; os.chdir('/');" + STAY) as pid:
    answered("kept", ALL, pid)
    answered("kept", ALL, "--signal", "RTMIN+3", pid)
# A signal of two names; and one that the library doesn't take, so that it listens to its own.
for name in ("IO", "SIGPOLL", "SEGV"):
    with Victim(CPROF_DIR="kept", CPROF_SIGNAL=name) as pid:
        answered("kept", ALL, pid)
        if name != "SEGV":
            answered("kept", ALL, f"--signal={name}", pid)
with Victim(CPROF_DIR="/proc/nowhere") as pid:
    for where in ([], ["--dir", "/proc"]):
        for f in answered(f"/tmp/cprof-{os.geteuid()}", ALL, *where, pid):
            os.rename(f, os.path.basename(f))

# One that has written over its environment: nobody waits for files that go who knows where.
OVERWRITE = """import ctypes
with open("/proc/self/stat") as f:
    start, end = map(int, f.read().rsplit(")", 1)[1].split()[47:49])
ctypes.memset(start, 0, end - start)
"""
with Victim(code=OVERWRITE + STAY, CPROF_DIR="kept") as pid:
    for options in ([], ["--signal=USR1"]):
        refused(1, "has written over its environment; say what", *options, pid)
    answered("kept", ALL, "--signal=USR1", "--dir=kept", pid)

# What is not taken there is missed.
with Victim(CPROF_PROFILES="heap,mutex", CPROF_MUTEX_FRACTION="0") as pid:
    status, files, err = snap("--profiles=heap,cpu,mutex", pid)
    assert status == 0 and len(files) == 1 and ".heap." in files[0], (files, err)
    assert err.count("\n") == 1 and "no cpu, mutex: it is not taken" in err, err
    answered(".", ["heap"], pid)

# Not one that would die of it, nor one that has other plans with the signal.
with Victim(preload=None) as pid:
    refused(1, "libcprof.so is not in it", pid)
with Victim(CPROF_SIGNAL="none") as pid:
    refused(1, "can't be asked", pid)
with Victim(CPROF_ONLY="other") as pid:
    refused(1, "no handler for signal 10", pid)
with Victim(code="import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN);" + STAY) as pid:
    refused(1, "no handler for signal 10", pid)
TAKE = "import os, signal; signal.signal(signal.SIGUSR1, lambda *_: os._exit(9));"
with Victim() as pid:
    try:
        with open(f"/proc/{pid}/mem", "rb"):
            may_look = True
    except OSError: # yama, or a container
        may_look = False
if may_look:
    with Victim(code=TAKE + STAY) as pid:
        refused(1, "signal 10 is the program's own by now", pid)
        refused(1, "signal 10 is the program's own by now", "--signal=USR1", "--dir=.", pid)
    with Victim(code=TAKE + STAY, CPROF_SIGNAL="USR2") as pid:
        refused(1, "not the library's, which listens to 12", "--signal=USR1", pid)
        answered(".", ["heap"], "--profiles=heap", pid)
    with Victim(code=OVERWRITE + STAY, CPROF_SIGNAL="USR2") as pid:
        answered(".", ["heap"], "--profiles=heap", "--dir=.", pid)
with Victim(code="import signal; signal.signal(signal.SIGUSR1, lambda *_: None);" + STAY,
            preload=OLDER) as pid:
    old = shutil.copy(first[0], f"old.{pid}.20200101T000000Z.0001.allocs.pb.gz")
    with Unread([old]):
        refused(1, "no answer in 1 s", "--timeout=1", pid)

# Put there by others: a pipe nobody writes to, a link, and where all may write another user's file.
PLANTED = """import os, signal
os.chdir(os.environ["CPROF_DIR"])
def plant(*_):
    name = f"{{}}.{os.getpid()}.20200101T000000Z.0001.allocs.pb.gz".format
    if not os.path.exists(name("pipe")):
        os.mkfifo(name("pipe"))
        os.symlink(os.path.abspath("../mine"), name("link"))
        if os.stat(".").st_mode & 0o002:
            os.rename("../theirs", name("theirs"))
signal.signal(signal.SIGUSR1, plant);"""
for name in ("mine", "theirs"):
    shutil.copy(first[0], name)
if os.geteuid() == 0:
    os.chown("theirs", 65534, 65534)
for folder, mode in (("closed", 0o755), ("open", 0o1777)):
    os.mkdir(folder)
    os.chmod(folder, mode)
    with Victim(code=PLANTED + STAY, preload=OLDER, CPROF_DIR=os.path.abspath(folder)) as pid:
        with Unread(["mine"] + (["theirs"] if os.geteuid() == 0 else [])):
            refused(1, "no answer in 1 s", "--timeout=1", pid)
    for f in os.listdir(folder):
        if f.startswith(("pipe.", "link.")):
            os.remove(os.path.join(folder, f))

# Its own, whoever a mount says they are of: believed where nobody else may write. And
# where all may, of the user it has become meanwhile.
ANSWER = """import ctypes, gzip, os, re, signal, sys, threading, time
kept = gzip.open(%r).read()
os.chdir(os.environ["CPROF_DIR"])
libc, info, wanted = ctypes.CDLL(None), ctypes.create_string_buffer(128), (ctypes.c_ulong * 16)()
wanted[0] = 1 << signal.SIGUSR1 - 1
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
print("ready", flush=True)
while libc.sigwaitinfo(wanted, info) != signal.SIGUSR1:
    pass
def answer():
    nonce = b"request=%%06x" %% int.from_bytes(info[24:27], "little")  # si_value's lowest bits
    with gzip.open("new", "wb") as f:
        f.write(re.sub(b"request=[0-9a-f]{6}", nonce, kept))
    %s
    os.rename("new", f"python.{os.getpid()}.20200101T000000Z.0001.allocs.pb.gz")
    sys.stdin.read()
%s
answer()
"""
CHOWN = "os.chown('new', 65534, 65534)"
if os.geteuid() == 0:
    with Victim(code=ANSWER % (first[0], CHOWN, ""), preload=OLDER,
                CPROF_DIR=os.path.abspath("closed")) as pid:
        answered("closed", ["allocs"], pid)
    with Victim(code=ANSWER % (first[0], CHOWN, ""), preload=OLDER,
                CPROF_DIR=os.path.abspath("open")) as pid:
        refused(1, "no answer in 1 s", "--timeout=1", pid)
    for span in ([], ["--seconds=1"]):
        with Victim(code=ANSWER % (first[0], "", "os.seteuid(65534)"), preload=OLDER,
                    CPROF_DIR=os.path.abspath("open")) as pid:
            answered("open", ["allocs"], *span, pid)

# One whose first thread leaves meanwhile: the process goes on, and its others answer.
LEAVE = """def others():
    while os.path.exists("/proc/self/exe"):
        time.sleep(0.01)
    time.sleep(0.3)
    answer()
    os._exit(0)
threading.Thread(target=others).start()
libc.syscall(60, 0)"""
with Victim(code=ANSWER % (first[0], "", LEAVE), preload=OLDER,
            CPROF_DIR=os.path.abspath("closed")) as pid:
    answered("closed", ["allocs"], "--seconds=1", pid)

# One whose first thread has left before.
with Victim(code="""import ctypes, os, sys, threading, time
def others():
    while os.path.exists("/proc/self/exe"):
        time.sleep(0.01)
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=others).start()
ctypes.CDLL(None).syscall(60, 0)""") as pid:
    answered(".", ALL, pid)

# One whose handler is known to be its own: memcached would end.
own = shutil.copy(os.path.realpath(sys.executable), "memcached")
with Victim(code="import signal; signal.signal(signal.SIGUSR1, lambda *_: os._exit(0));" + STAY,
            program="./" + own, PYTHONHOME=sys.base_prefix) as pid:
    refused(1, "memcached has its own use for signal 10", pid)
    refused(1, "memcached has its own use for signal 10", "--signal", "USR1", "--dir", ".", pid)
with Victim(program="./" + own, PYTHONHOME=sys.base_prefix, CPROF_SIGNAL="RTMIN+5") as pid:
    status, files, err = snap(pid)
    assert status == 0 and len(files) == len(ALL), (files, err)

# One that becomes another program meanwhile, which the next request would kill.
with Victim(code="import os, signal; signal.signal(signal.SIGUSR1, lambda *_: os.execve('/bin/cat',"
                 " ['cat'], {}));" + STAY, preload=OLDER) as pid:
    refused(1, "libcprof.so is not in it", pid)

# One that ends meanwhile.
v = Victim(code="import os, signal; signal.signal(signal.SIGUSR1, lambda *_: os._exit(0));" + STAY,
           preload=OLDER)
refused(1, "ended before it answered", str(v.p.pid))
assert v.p.wait() == 0

refused(1, "no such process", "999999999")
refused(2, "process id 'x'", "x")
refused(2, "--dir 'nowhere': No such file", "--dir", "nowhere", str(os.getpid()))
refused(2, "no process id given")
refused(2, "all, or cpu, heap, allocs, threadcreate, mutex, block and goroutine are accepted", "--profiles", "heap,pcu", "1")
refused(2, "a signal's name or number", "--signal", "USR9", "1")
for value in ("0", "500ms", "1500ms", "x", "-1", "off", "99999999h"):
    refused(2, f"--seconds '{value}': whole seconds from 1 to", f"--seconds={value}", "1")
    refused(2, f"--timeout '{value}': whole seconds from 1 to", f"--timeout={value}", "1")
