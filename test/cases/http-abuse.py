#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-084
"""Clients that are slow, rude, broken or many: each gets what it deserves, others wait for none."""

import os
import resource
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from host import PROG, check, wait_for  # noqa: E402
from http_kit import Server, ask, closed, read_answer, request, rss_kb  # noqa: E402

HEAP = "/debug/pprof/heap"
GET = b"GET /debug/pprof/cmdline HTTP/1.1\r\n"

REFUSED = [
    (b"GET / HTTP/2.0\r\n\r\n", 505),
    (b"GET / HTTP/1.1\r\n\r\n", 400),  # no host
    (b"GET /\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS
    (b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /a\x00b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (GET + b"Host: x\r\nHost: y\r\n\r\n", 400),
    (GET + b"Host: x\r\n a: b\r\n\r\n", 400),
    (GET + b"Host: x\r\nno colon\r\n\r\n", 400),
    (GET + b"Host: x\r\nname : v\r\n\r\n", 400),
    (GET + b"Host: x\r\nContent-Length: -1\r\n\r\n", 400),
    (GET + b"Host: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (GET + b"Host: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (GET + b"Host: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    (GET + b"Host: x\r\nExpect: miracles\r\n\r\n", 417),
    (GET + b"Host: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
    (GET + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (GET + b"Host: x\r\nA: " + b"a" * 20000, 431),
    (GET + b"a: b\r\n" * 200 + b"\r\n", 431),
]


def refusals(h):
    for data, status in REFUSED:
        with h.connect() as s:
            s.sendall(data)
            a = read_answer(s)
            check(a.status == status and a.headers["Connection"] == "close",
                  "%r: %d, not %d" % (data[:60], a.status, status))
            check(a.headers["X-Go-Pprof"] == "1" and a.body.endswith(b"\n"), "its words")
            check(closed(s), "%r: closed" % data[:60])


def pipelines(h):
    with h.connect() as s:
        targets = ["/debug/pprof/cmdline", HEAP, "/debug/pprof/nope", HEAP + "?debug=1"] * 10
        s.sendall(b"".join(request(t) for t in targets))
        rest = b""
        for t in targets:
            a = read_answer(s, pending=rest)
            rest = a.rest
            check(a.status == (404 if "nope" in t else 200), "in order: " + t)
    with h.connect() as s:  # byte by byte, lines ended as lazily as people do
        for byte in b"\n\nGET /debug/pprof/cmdline HTTP/1.1\nhost:localhost\n\n":
            s.sendall(bytes([byte]))
        check(read_answer(s).status == 200, "byte by byte")


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def quitters(h):
    for i in range(60):
        s = h.connect()
        s.sendall(request(HEAP + ("?debug=1", "", "?seconds=3")[i % 3]))
        if i % 2 and i % 3 != 2:
            s.recv(100)
        reset(s) if i % 4 < 2 else s.close()
    for cut in (1, 100, 999):
        s = h.connect()
        s.sendall(request("/debug/pprof/symbol", "POST", body=b"0x1+" * 250)[:-cut])
        s.close()
    check(wait_for(lambda: h.get(HEAP + "?seconds=1").status == 200), "windows of those gone are free")


def windows(h):
    held = [h.connect() for _ in range(8)]
    for s in held:
        s.sendall(request(HEAP + "?seconds=3"))
    time.sleep(0.3)
    a = h.get(HEAP + "?seconds=1")
    check(a.status == 429 and 1 <= int(a.headers["Retry-After"]) <= 4, "the ninth: %d" % a.status)
    check(h.get(HEAP).status == 200, "totals go on")
    for s in held:
        check(read_answer(s).status == 200, "each of the eight")
        s.close()
    check(h.get(HEAP + "?seconds=1").status == 200, "there is room again")


def slow(h):
    """Heads that don't end, bodies that don't come, answers that aren't read."""
    flames = request("/debug/pprof/flame") * 250
    for n, begins in ((100, b"GET / HTTP/1.1\r\nX-Slow: "),
                      (100, request("/debug/pprof/symbol", "POST", body=b"0x1")[:-1]),
                      (66, flames)):
        loris = [h.connect() for _ in range(n)]
        for s in loris:
            s.setblocking(False)
            try:
                s.send(begins)
            except OSError:
                pass  # one too many, told so
        time.sleep(1.2)
        for _ in range(20):
            check(wait_for(lambda: h.get(HEAP).status == 200), "beside %d slow ones" % n)
        check(closed(loris[0]), "who does nothing for long is let go")
        for s in loris:
            s.close()


def many(h):
    """A thousand at once, each of which asks."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    got = {200: 0, 503: 0, None: 0}
    crowd = [h.connect() for _ in range(1000)]
    for s in crowd:
        try:
            s.sendall(request("/debug/pprof/cmdline"))
            got[read_answer(s).status] += 1
        except ConnectionError:
            got[None] += 1  # let go to make room
    check(got[200] >= 64 and got[503] > 0, "one of many: %s" % got)
    for s in crowd:
        s.close()
    check(wait_for(lambda: h.get("/debug/pprof/cmdline").status == 200), "after a thousand")


with Server([os.path.join(PROG, "httphost")], CPROF_HEAP_RATE=65536) as host:
    with host.connect() as first:
        check(ask(first, HEAP).status == 200, "the first")
    before = rss_kb(host.pid)
    for what in (refusals, pipelines, quitters, windows, slow, many):
        what(host)
        check(host.process.poll() is None, "the program lives after " + what.__name__)
    check(rss_kb(host.pid) - before < 16384, "memory: %d to %d kB" % (before, rss_kb(host.pid)))
