#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where an answer does not fit into CPROF_MAX_MEMORY, the client is told so."""

import os
import re
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from host import PROG, Host, check, wait_for  # noqa: E402
from http_kit import Server, ask, request  # noqa: E402

HEAP = "/debug/pprof/heap"
FULL = "out of memory (see CPROF_MAX_MEMORY)\n"
STACKS = 12  # bits
MANY = [os.path.join(PROG, "manystacks"), str(STACKS), "nowhere"]
BESIDE = [("nonesuch", 404, "Unknown profile\n"),
          ("heap?seconds=x", 400, 'invalid value for "seconds" - must be a positive integer\n'),
          ("cmdline", 200, MANY[0]),
          ("heap?debug=1", 200, "heap profile: ")]
LITTLE = {"CPROF_HEAP_RATE": 1, "CPROF_MAX_MEMORY": "8M"}


def text_form(h):
    """Cut at a record's end, and said. False: not all stacks yet."""
    a = h.get(HEAP + "?debug=1")
    check(a.status == 200, "%d %r" % (a.status, a.body[:200]))
    text = a.body.decode()
    body, maps = text.split("\n--- Memory map: ---\n")
    check("libcprof.so" in maps and maps.endswith("\n"), "the memory map is whole")
    said = re.search(r"\n\n# \.\.\.(\d+) more stacks elided: no room for them "
                     r"\(see CPROF_MAX_MEMORY\)\.\.\.\n\n# runtime.MemStats\n", body)
    if not said:
        return False
    listed = len(re.findall(r"^\d+: \d+ \[", body, re.M))
    check(listed > 100, "only %d stacks" % listed)
    return listed + int(said[1]) >= 1 << STACKS


def windows(h):
    """Together they want more than there is: that is not too many of them."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: h.get(HEAP + "?seconds=3"), range(8)))
    got = [(a.status, a.body.decode()) for a in answers if a.status != 200]
    check(got, "eight windows fit")
    for status, body in got:
        check((status, body) in [(500, "failed to collect profile: " + FULL),
                                 (500, "failed to compute delta: " + FULL)], "%d %r" % (status, body))


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    return s


def get(path, target):
    with connect(path) as s:
        a = ask(s, target)
        return a.status, a.body.decode()


def leave_unread(path):
    """Asks for more than a socket holds, and reads its beginning only."""
    s = connect(path)
    s.sendall(request(HEAP + "?debug=1"))
    return s, s.recv(12)


def unread():
    """Long texts that nobody reads leave the others something; errors need nothing."""
    path = os.path.abspath("s.sock")
    with Host(MANY, CPROF_HTTP="unix:" + path, CPROF_DIR="unread", **LITTLE) as h:
        check(wait_for(lambda: os.path.exists(path)), "the socket")
        slow = [leave_unread(path)]
        check(slow[0][1] == b"HTTP/1.1 200", slow[0])
        for target, status, start in BESIDE:
            got = get(path, "/debug/pprof/" + target)
            check(got[0] == status and got[1].startswith(start), "%s: %d %r" % (
                target, got[0], got[1][:200]))
        slow += [leave_unread(path) for _ in range(8)]
        got = [get(path, "/debug/pprof/" + target)[0] for target, _, _ in BESIDE]
        check(got == [b[1] for b in BESIDE], "beside nine: %s" % got)
        for s, _ in slow:
            s.close()
        check(h.process.poll() is None, "the program lives")


with Server(MANY, **LITTLE) as host:
    check(wait_for(lambda: text_form(host)), "what is left out is told, and how many")
    windows(host)
    check(host.process.poll() is None, "the program lives")
unread()
