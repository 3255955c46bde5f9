#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""Whoever asks over HTTP doesn't wait for lines that take long: what has none in time is named
without, and has them later. The helper beside the library hangs while a file is there.
"""
import os
import re
import shutil
import signal
import sys
import threading

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
import pprofcheck  # noqa: E402
from host import LIB, PROG, check, wait_for  # noqa: E402
from http_kit import Server  # noqa: E402

HELPER = os.path.dirname(LIB) + "/cprof-lines"
HANGS, PLACE, STARTS = map(os.path.abspath, ("hangs", "lib", "starts"))


def line_of_main(body):
    with open("heap", "wb") as f:
        f.write(body)
    found = [line.line for sample in pprofcheck.read("heap").samples for location in sample.stack
             for line in location.lines if line.name == "main"]
    return max(found, default=-1)


def ask(server):
    answer = server.get("/debug/pprof/heap")
    check(answer.status == 200, answer.status)
    line = line_of_main(answer.body)
    check(line >= 0, "names are lost")
    return line


def starts():
    with open(STARTS) as f:
        return len(f.read())


def start(*argv, **config):
    """With a helper that hangs."""
    open(HANGS, "w").close()
    open(STARTS, "w").close()
    if os.path.exists("host.log"):
        os.unlink("host.log")
    server = Server(argv or [PROG + "/children"], preload=PLACE + "/libcprof.so", CPROF_HEAP_RATE=1, **config)
    check(wait_for(lambda: "ready" in server.log_text_of()), "main has allocated")
    return server


def only_child(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return int(f.read() or 0)


def goes_on(seconds):
    threading.Timer(seconds, os.unlink, [HANGS]).start()


os.makedirs(PLACE)
shutil.copy(LIB, PLACE)
with open(PLACE + "/cprof-lines", "w") as f:
    f.write("#!/bin/sh\nprintf s >>%s\nwhile [ -e %s ]; do sleep 0.1; done\nexec %s \"$@\"\n" % (
        STARTS, HANGS, HELPER))
os.chmod(PLACE + "/cprof-lines", 0o755)

with start() as server:
    check(wait_for(lambda: ask(server) == 0 and starts() == 1), "nobody waits for a helper that hangs")
    check(ask(server) == 0 and starts() == 1, "nor is it asked at once again")
    os.unlink(HANGS)
    check(wait_for(lambda: ask(server) > 0, 60), "lines come with a later answer")
    check("source lines" not in server.log_text_of(), server.log_text_of())
print("ok   late lines come later")

with start() as server:
    check(ask(server) == 0, "nobody waits for a helper that hangs")
    goes_on(2)
    with open(server.snapshot()["heap"], "rb") as heap:
        check(line_of_main(heap.read()) > 0, "a file has the time: %s" % server.log_text_of())
    before = starts()
    check(ask(server) > 0 and starts() == before, "what a file found others have too")
print("ok   files wait")

with start(CPROF_LINES=1) as server:
    goes_on(2)
    check(ask(server) > 0, "all lines were wanted")
print("ok   who wants all lines waits")

with start(PROG + "/httpfork", "asked") as server:
    check(wait_for(lambda: ask(server) == 0 and starts() == 1), "nobody waits for a helper that hangs")
    os.unlink(HANGS)
    os.kill(server.pid, signal.SIGUSR2)
    child = wait_for(lambda: only_child(server.pid))
    try:
        url = wait_for(lambda: server.find_url(child))
        server.port = int(re.search(r":(\d+)/", url)[1])
        ask(server)
        check(wait_for(lambda: starts() == 2), "in a child nobody has waited in vain")
        check(wait_for(lambda: ask(server) > 0, 60), "lines in a child")
    finally:
        os.kill(child, signal.SIGKILL)
print("ok   children ask for themselves")
