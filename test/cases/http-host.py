#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-064 fm-084
"""The server and its host's life: forks, daemons, closed descriptors, addresses, tokens."""

import glob
import os
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from host import LIB, PROG, Host, check, run, wait_for  # noqa: E402
from http_kit import Server, ask, connect_unix, free_port  # noqa: E402

FORK = os.path.join(PROG, "httpfork")
HOST = os.path.join(PROG, "httphost")


def ask_unix(path):
    """The status of an answer, and who listens."""
    with connect_unix(path) as s:
        pid = struct.unpack("3i", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        return ask(s, "/debug/pprof/heap").status, pid


def ask_port(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 20) as s:
            return ask(s, "/debug/pprof/heap").status
    except OSError:
        return None


def descendants(pid):
    found = []
    for path in glob.glob("/proc/%d/task/*/children" % pid):
        try:
            with open(path) as f:
                found += [int(p) for p in f.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            pass  # a thread that has just ended
    return found


def end(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def children_have_their_own():
    with Host([FORK, "prefork", "3"], CPROF_HTTP="unix:%s/s.%%p.sock" % os.getcwd()) as h:
        pids = wait_for(lambda: len(descendants(h.pid)) == 3 and descendants(h.pid))
        try:
            for pid in pids + [h.pid]:
                path = os.path.abspath("s.%d.sock" % pid)
                check(wait_for(lambda: os.path.exists(path)), "no socket for %d" % pid)
                check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, "mode of the socket")
                check(ask_unix(path) == (200, pid), "process %d answers for itself" % pid)
        finally:
            end(pids)
    with Server([FORK, "prefork", "2"]) as h:
        pids = wait_for(lambda: len(descendants(h.pid)) == 2 and descendants(h.pid))
        try:
            urls = {wait_for(lambda: h.find_url(pid)) for pid in pids}
            check(len(urls | {h.url}) == 3 and None not in urls, "ports of their own: %s" % urls)
            for url in urls:
                check(ask_port(int(re.search(r":(\d+)/", url)[1])) == 200, "at " + url)
        finally:
            end(pids)


def a_port_is_the_parents():
    port = free_port()
    with Host([FORK, "prefork", "3"], CPROF_HTTP=":%d" % port, CPROF_DIR="one") as h:
        pids = wait_for(lambda: len(descendants(h.pid)) == 3 and descendants(h.pid))
        try:
            check(wait_for(lambda: "is the parent's" in h.log_text()), "children say it")
            check(ask_port(port) == 200, "the parent answers")
            lines = [line for line in h.log_text().split("\n") if "http://127.0.0.1:%d" % port in line]
            check(len(lines) == 2, "one line of the parent, one of all children: %s" % lines)
        finally:
            end(pids)


def a_daemon_takes_it_over():
    port = free_port()
    path = os.path.abspath("d.sock")
    for address in (":%d" % port, "unix:" + path):
        with Host([FORK, "daemon"], CPROF_HTTP=address) as h:
            h.process.wait(10)
            got = wait_for(lambda: (ask_port(port) if address[0] == ":" else
                                    os.path.exists(path) and not_refused(path)))
            check(got == 200, "the daemon answers at " + address)
            me = [p for p in os.listdir("/proc") if p.isdigit() and is_ours(p)]
            end(int(p) for p in me)


def not_refused(path):
    try:
        return ask_unix(path)[0]
    except OSError:
        return None


def is_ours(pid):
    try:
        with open("/proc/%s/cmdline" % pid, "rb") as f:
            text = f.read()
        with open("/proc/%s/environ" % pid, "rb") as f:
            return text.endswith(b"httpfork\0daemon\0") and \
                ("CPROF_DIR=" + os.path.abspath("profiles")).encode() in f.read()
    except OSError:
        return False


def descriptors_are_the_hosts():
    with Server([FORK, "closeall"], CPROF_DIR="c") as h:
        for _ in range(20):
            check(h.get("/debug/pprof/heap?debug=1").status == 200, "the host closes everything")
    with Server([FORK, "full"], CPROF_DIR="f") as h:
        check(wait_for(lambda: len(os.listdir("/proc/%d/fd" % h.pid)) == 64), "a full table")
        for _ in range(5):
            check(h.get("/debug/pprof/heap").status == 200, "the host's table is full")
        check(h.get("/debug/pprof/heap?seconds=1").status == 200, "a window then")
    with Server([HOST], CPROF_DIR="n") as h:
        with h.connect() as s:
            ask(s, "/debug/pprof/heap")
            kinds = [os.readlink("/proc/%d/fd/%s" % (h.pid, fd))
                     for fd in os.listdir("/proc/%d/fd" % h.pid)]
            check(not [k for k in kinds if "socket" in k or "event" in k], "seen: %s" % kinds)
    with Server([FORK, "execs"], CPROF_DIR="e") as h:
        check(h.get("/debug/pprof/heap").status == 200, "beside children that exec")
        check(wait_for(lambda: not descendants(h.pid)), "none left")
        check(h.process.poll() is None, "the program lives")


def its_worker_says_its_lines():
    """From the server's descriptors, of which the host's standard error is none."""
    os.makedirs("alone")
    lib = shutil.copy(LIB, "alone")
    with Server([HOST], preload=os.path.abspath(lib), CPROF_DIR="w", CPROF_LINES="1",
                CPROF_HEAP_RATE="1") as h:
        check(h.get("/debug/pprof/heap").status == 200, "a heap profile")
        check(wait_for(lambda: "no source lines: can't start" in h.log_text()), h.log_text())


def uid_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"^Uid:\s*(\d+)", f.read(), re.M)[1])


def privileges_are_dropped():
    if os.geteuid():
        return
    os.mkdir("cell")
    for argv in (["drop"], ["jail", os.path.abspath("cell")]):
        with Server([FORK] + argv, CPROF_DIR="d" + argv[0]) as h:
            check(wait_for(lambda: uid_of(h.pid) == 65534), "it has dropped its privileges")
            for target in ("heap", "heap?debug=1", "profile?seconds=1", "allocs?seconds=1", "", "mutex",
                           "flame", "cmdline", "symbol?0x1"):
                a = h.get("/debug/pprof/" + target)
                check(a.status == 200, "%s, %s: %d %r" % (argv, target, a.status, a.body[:100]))
            check(h.process.poll() is None, "the program lives")


def threads_of(pid):
    """{name: number of threads} by whether it may still do what root may."""
    may, may_not = [], []
    for tid in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/status" % (pid, tid)) as f:
                text = f.read()
        except OSError:
            continue  # gone
        if "State:\tZ" in text:
            continue
        free = re.search(r"^Uid:(\t65534){4}\nGid:(\t65534){4}$", text, re.M) and \
            re.search(r"^CapPrm:\t0+$", text, re.M)
        (may_not if free else may).append(re.search(r"^Name:\t(.+)", text)[1])
    return sorted(may), sorted(may_not)


def a_worker_keeps_nothing():
    """libc's setuid() knows nothing of a forked child's threads that are ours."""
    if os.geteuid():
        return
    os.path.isdir("cell") or os.mkdir("cell")
    cell = os.path.abspath("cell")
    for argv, ours in ((["fork", "drop"], ["cprof", "cprof-job"]),
                       (["fork", "jail", cell], ["cprof", "cprof-job"]),
                       (["fork", "leave"], ["cprof", "cprof-job"]),
                       (["fork", "turns"], ["cprof", "cprof-job"]),
                       (["jailed", cell], [])):
        with Host([FORK] + argv, CPROF_HTTP="127.0.0.1:0", CPROF_INTERVAL="1h") as h:
            child = wait_for(lambda: descendants(h.pid))[0]
            try:
                check(wait_for(lambda: threads_of(child)[0] == [] and
                               threads_of(child)[1] == sorted(ours + ["httpfork"]), 10),
                      "%s: %s" % (argv, threads_of(child)))
                lost = re.findall(r"^cprof\[%d\]: .* user the program has become" % child,
                                  h.log_text(), re.M)
                check(len(lost) == (0 if ours else 2), h.log_text())
            finally:
                end([child])


def its_address_is_told():
    """In the other directory, where a worker may not write to its master's."""
    if os.geteuid():
        return
    masters = tempfile.mkdtemp()
    os.chmod(masters, 0o755)  # one that may be entered, and no more
    with Host([FORK, "early"], CPROF_HTTP="127.0.0.1:0", CPROF_DIR=masters) as h:
        child = wait_for(lambda: descendants(h.pid))[0]
        path = "/tmp/cprof-65534/httpfork.%d.http" % child
        try:
            check(wait_for(lambda: os.path.exists(path)), h.log_text())
            check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, "its mode")
            check("no httpfork" not in h.log_text(), h.log_text())
        finally:
            end([child])
            os.path.exists(path) and os.unlink(path)
    shutil.rmtree(masters)


def what_is_closed_is_closed():
    """In a child that closes as soon as it is made."""
    for more in ({"CPROF_HTTP": "127.0.0.1:0"}, {"CPROF_INTERVAL": "1h"}):
        got = run([FORK, "closes", "300"], CPROF_LOG="none", **more)
        check(got.stdout == "in use 0\n", "%s: %s" % (more, got))


def an_end_is_quick():
    """Who reaps a process waits for what its threads have looked up below their own directories."""
    with Host([FORK, "prefork", "1"], CPROF_HTTP="127.0.0.1:0", CPROF_INTERVAL="1h") as h:
        child = wait_for(lambda: descendants(h.pid))[0]
        try:
            for pid in (h.pid, child):
                check(wait_for(lambda: len(os.listdir("/proc/%d/task" % pid)) == 3), "no threads")
                time.sleep(0.2)
                links = [os.readlink(fd) for fd in glob.glob("/proc/%d/task/*/fd/*" % pid)]
                check("/proc/%d/stat" % pid in links, links)
                check(not [link for link in links if "/task/" in link], links)
        finally:
            end([child])


def leaves_nothing_behind():
    path = os.path.abspath("left.sock")
    argv = [sys.executable, "-c", "import time; time.sleep(0.7)"]
    with Host(argv, CPROF_HTTP="unix:" + path) as h:
        check(wait_for(lambda: os.path.exists(path)), "the socket")
        h.process.wait(20)
    check(not os.path.exists(path), "the socket is removed at exit")
    with socket.socket(socket.AF_UNIX) as s:  # a process that was killed leaves its own
        s.bind(path)
    with Host([HOST], CPROF_HTTP="unix:" + path):
        check(wait_for(lambda: not_refused(path)) == 200, "a dead socket is replaced")
    os.path.exists(path) and os.unlink(path)
    with open(path, "w") as f:
        f.write("precious")
    with Host([HOST], CPROF_HTTP="unix:" + path, CPROF_DIR="p") as h:
        check(wait_for(lambda: "no HTTP at unix:" in h.log_text()), "a file in the way is said")
    with open(path) as f:
        check(f.read() == "precious", "a file in the way stays")


def leaves_early():
    """Some end, or become another program, while the socket is being made."""
    os.mkdir("early")
    env = dict(os.environ, LD_PRELOAD=LIB, CPROF_LOG="none", CPROF_DIR=os.path.abspath("early"),
               CPROF_HTTP="unix:%s/early/%%p.sock" % os.getcwd())
    chain = "(:); (exec true); exec sh -c '(:); exec true'"
    for _ in range(12):
        for p in [subprocess.Popen(["sh", "-c", chain], env=env) for _ in range(8)]:
            check(p.wait(60) == 0, "its end")
    check(not os.listdir("early"), "left: %s" % os.listdir("early"))


def tokens():
    with open("token", "w") as f:
        f.write("s3cret-token\n")
    with Server([HOST], CPROF_HTTP_TOKEN_FILE="token", CPROF_DIR="t") as h:
        for given in (None, "", "Bearer", "Bearer ", "Bearer s3cret-toke", "Bearer s3cret-token2",
                      "Bearer s3cret-tokes", "Basic s3cret-token", "s3cret-token"):
            a = h.get("/debug/pprof/heap", headers={"Authorization": given} if given is not None else {})
            check(a.status == 401 and a.body == b"Unauthorized\n" and
                  a.headers["Www-Authenticate"] == 'Bearer realm="pprof"', "token %r" % given)
        check(h.get("/nowhere").status == 401, "nothing is told without a token")
        a = h.get("/debug/pprof/heap", headers={"Authorization": "Bearer s3cret-token"})
        check(a.status == 200, "the right token")
    for address, more in (("0.0.0.0:0", {}), ("[::]:0", {}),
                          ("127.0.0.1:0", {"CPROF_HTTP_TOKEN_FILE": "/nonexistent"})):
        env = dict(os.environ, LD_PRELOAD=LIB, CPROF_HTTP=address, **more)
        r = subprocess.run(["/bin/echo", "fine"], env=env, capture_output=True, text=True)
        lines = r.stderr.strip().split("\n")
        check(r.stdout == "fine\n" and r.returncode == 0, "the host runs on")
        check(len(lines) == 1 and "no HTTP" in lines[0] and "TOKEN_FILE" in lines[0],
              "one clear line: %s" % lines)
    with Server([HOST], CPROF_HTTP="0.0.0.0:0", CPROF_HTTP_TOKEN_FILE="token", CPROF_DIR="o") as h:
        a = h.get("/debug/pprof/", headers={"Authorization": "Bearer s3cret-token"})
        check(a.status == 200, "open to others, with a token")
    for bad in ("localhost", "example.org:80", "1.2.3:80", "unix:x", ":70000", "[::1]", "[:::]:1",
                "[1:2:3:4:5:6:7:8:9]:1", "unix:/" + "x" * 120):
        env = dict(os.environ, LD_PRELOAD=LIB, CPROF_HTTP=bad)
        r = subprocess.run(["/bin/true"], env=env, capture_output=True, text=True)
        check("CPROF_HTTP=" in r.stderr and "is not understood" in r.stderr, "refused: " + bad)
    with Host([HOST], CPROF_HTTP="[::1]:0", CPROF_DIR="six") as h:
        check(wait_for(lambda: "[::1]:" in h.log_text() or "no HTTP at" in h.log_text()), "IPv6")


def the_last_thread_is_the_hosts():
    """It finds that it is the last, and what it leaves in buffers comes out."""
    for words in (["threads"], ["lasts", "slow"], ["lasts", "cancelled"], ["lasts", "others"],
                  ["lasts", "sandboxed"]):
        argv = [os.path.join(PROG, words[0]), *words[1:]]
        want = run(argv, preload=None)
        for more in ({"CPROF_HTTP": "127.0.0.1:0"}, {"CPROF_INTERVAL": "1h"}):
            got = run(argv, CPROF_LOG="none", **more)
            check(got.returncode == want.returncode, "%s, %s: %s" % (words, more, got))
            # In a sandbox nobody may be asked who is there, and ours does it too late.
            check(got.stdout == want.stdout or "sandboxed" in words, "%s: %s" % (words, got))
    # One that asks the kernel itself to end doesn't wait for ours.
    began = time.monotonic()
    run(["python3", "-c", "import ctypes; ctypes.CDLL(None).syscall(60, 0)"],
        CPROF_HTTP="127.0.0.1:0", CPROF_INTERVAL="1h")
    check(time.monotonic() - began < 15, "it ends")


children_have_their_own()
the_last_thread_is_the_hosts()
a_port_is_the_parents()
a_daemon_takes_it_over()
descriptors_are_the_hosts()
its_worker_says_its_lines()
privileges_are_dropped()
a_worker_keeps_nothing()
its_address_is_told()
what_is_closed_is_closed()
an_end_is_quick()
leaves_nothing_behind()
tokens()
