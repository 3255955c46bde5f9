#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-085
"""Every row of the pprof contract over HTTP: statuses, headers and bodies, exactly."""

import gzip
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from host import PROG, check  # noqa: E402
from http_kit import Server, ask, read_answer, request  # noqa: E402

TEXT = "text/plain; charset=utf-8"
BINARY = "application/octet-stream"
COMMON = {"X-Content-Type-Options", "Date", "Content-Length"}
DATE = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) " \
       r"\d{4} \d\d:\d\d:\d\d GMT"
BAD_SECONDS = 'invalid value for "seconds" - must be a positive integer\n'
BOTH = "seconds and debug params are incompatible\n"
TOO_LONG = "profile duration exceeds server's WriteTimeout\n"
CPU_OFF = "Could not enable CPU profiling: it is off (CPROF_PROFILES, CPROF_CPU_HZ)\n"
NOT_FOUND = "404 page not found\n"
UNKNOWN = "Unknown profile\n"

# target, status, body
ERRORS = [
    ("/debug/pprof/nonesuch", 404, UNKNOWN),
    ("/debug/pprof/trace", 404, UNKNOWN),
    ("/debug/pprof/cpu", 404, UNKNOWN),
    ("/debug/pprof/nonesuch?seconds=x&debug=1", 404, UNKNOWN),
    ("/debug/pprof/a/b", 404, UNKNOWN),
    ("/debug/pprof/heap/", 404, UNKNOWN),
    ("/debug/pprof/heap?seconds=0", 400, BAD_SECONDS),
    ("/debug/pprof/heap?seconds=-1", 400, BAD_SECONDS),
    ("/debug/pprof/heap?seconds=x", 400, BAD_SECONDS),
    ("/debug/pprof/heap?seconds=0.5", 400, BAD_SECONDS),
    ("/debug/pprof/heap?seconds=%31x", 400, BAD_SECONDS),
    ("/debug/pprof/heap?seconds=99999999999999999999", 400, BAD_SECONDS),
    ("/debug/pprof/heap?seconds=" + "1" * 200, 400, BAD_SECONDS),
    ("/debug/pprof/heap?seconds=x&debug=1", 400, BAD_SECONDS),
    ("/debug/pprof/heap?seconds=x&seconds=1", 400, BAD_SECONDS),
    ("/debug/pprof/heap?seconds=1&debug=1", 400, BOTH),
    ("/debug/pprof/allocs?seconds=1&debug=2", 400, BOTH),
    ("/debug/pprof/heap?seconds=21", 400, TOO_LONG),
    ("/debug/pprof/heap?seconds=21&debug=1", 400, TOO_LONG),
    ("/debug/pprof/profile", 400, TOO_LONG),
    ("/debug/pprof/profile?seconds=0.5", 400, TOO_LONG),
    ("/debug/pprof/profile?seconds=-3", 400, TOO_LONG),
]
ELSEWHERE = ["/", "/debug", "/debug/", "/pprof", "/pprof/", "/pprof/growth", "/debug/pprofx",
             "/debug//pprof/heap"]


def check_common(a, what):
    check(a.headers.get("X-Content-Type-Options") == "nosniff", what + ": nosniff")
    check(re.fullmatch(DATE, a.headers.get("Date", "")), what + ": date %s" % a.headers)
    check(int(a.headers["Content-Length"]) == len(a.body), what + ": length")


def check_headers(a, wanted, what):
    extra = {k: v for k, v in a.headers.items() if k not in COMMON}
    check(extra == wanted, "%s: headers %s, not %s" % (what, extra, wanted))


def check_error(a, status, body, what, go=True, **more):
    check_common(a, what)
    check((a.status, a.body.decode()) == (status, body),
          "%s: %d %r, not %d %r" % (what, a.status, a.body, status, body))
    wanted = {"Content-Type": TEXT}
    wanted.update({"X-Go-Pprof": "1"} if go else {})
    wanted.update({k.replace("_", "-"): v for k, v in more.items()})
    check_headers(a, wanted, what)


def check_profile(a, name, what):
    check_common(a, what)
    check(a.status == 200, "%s: %d %r" % (what, a.status, a.body[:200]))
    check_headers(a, {"Content-Type": BINARY,
                      "Content-Disposition": 'attachment; filename="%s"' % name}, what)
    check(a.body[:4] == b"\x1f\x8b\x08\x00", what + ": no gzip")
    gzip.decompress(a.body)
    with open("%s.%d.pb.gz" % (name, check_profile.n), "wb") as f:
        f.write(a.body)  # the validator looks at it
    check_profile.n += 1


check_profile.n = 0


def profiles(h):
    for name in ("heap", "allocs"):
        base = "/debug/pprof/" + name
        for query in ("", "?debug=0", "?debug=x", "?gc=1", "?debug=", "?seconds=", "?x=1&debug=0",
                      "?debug=0&debug=1", "?debug=1;x"):
            check_profile(h.get(base + query), name, base + query)
        check_profile(h.get(base + "?seconds=1"), name + "-delta", base + "?seconds=1")
        check_profile(h.get(base + "?seconds=%31&seconds=7&debug=0"), name + "-delta", "decoded")
        for query in ("?debug=1", "?debug=2", "?debug=-1", "?debug=%31"):
            a = h.get(base + query)
            check_common(a, base + query)
            check_headers(a, {"Content-Type": TEXT}, base + query)
            check(a.status == 200, base + query)
            check_text(a.body.decode(), base + query)
    check_profile(h.get("/pprof/heap"), "heap", "/pprof/heap")
    check_profile(h.get("/debug/pprof/%68eap"), "heap", "escaped")


def check_text(text, what):
    lines = text.split("\n")
    head = re.fullmatch(r"heap profile: (\d+): (\d+) \[(\d+): (\d+)\] @ heap/1048576", lines[0])
    check(head, "%s: first line %r" % (what, lines[0]))
    end = lines.index("# runtime.MemStats")
    check(lines[end - 1] == "", what + ": an empty line before MemStats")
    sums, last, records, i = [0] * 4, None, 0, 1
    while i < end - 1:
        m = re.fullmatch(r"(\d+): (\d+) \[(\d+): (\d+)\] @((?: 0x[0-9a-f]+)+)", lines[i])
        check(m, "%s: line %r" % (what, lines[i]))
        values = [int(v) for v in m.groups()[:4]]
        sums = [a + b for a, b in zip(sums, values)]
        check(last is None or values[1] <= last, what + ": biggest first")
        last = values[1]
        shown = []
        i += 1
        while lines[i]:
            f = re.fullmatch(r"#\t0x([0-9a-f]+)\t[^\t]+(\t[^\t]+:\d+)?", lines[i])
            check(f, "%s: frame %r" % (what, lines[i]))
            shown.append(int(f[1], 16))
            i += 1
        asked = [int(a, 16) - 1 for a in m[5].split()]
        check(list(dict.fromkeys(shown)) == list(dict.fromkeys(asked)), what + ": frames' addresses")
        i += 1
        records += 1
    check(records > 0, what + ": no record")
    head = [int(v) for v in head.groups()]
    check(head[:3] == sums[:3] and head[3] in (sums[3], sums[3] + 1), what + ": sums")
    for key in ("Alloc", "TotalAlloc", "Mallocs", "Frees", "HeapAlloc", "HeapObjects"):
        check(re.search(r"^# %s = \d+$" % key, text, re.M), what + ": " + key)
    check("\n--- Memory map: ---\n" in text and "httphost" in text.split("Memory map")[1],
          what + ": memory map")


def others(h):
    a = h.get("/debug/pprof/cmdline")
    check_common(a, "cmdline")
    check_headers(a, {"Content-Type": TEXT}, "cmdline")
    check(a.body == os.path.join(PROG, "httphost").encode() + b"\0two words\0\0last", "cmdline %r" % a.body)
    a = h.get("/pprof/cmdline")
    check(a.body.split(b"\n")[1:] == [b"two words", b"", b"last"], "gperftools' cmdline")
    for query, wanted in (("", ""), ("?a=b", "?a=b")):
        a = h.get("/debug/pprof" + query)
        check(a.status == 301, "redirect")
        check_headers(a, {"Content-Type": "text/html; charset=utf-8",
                          "Location": "/debug/pprof/" + wanted}, "redirect")
    a = h.get("/debug/pprof/")
    check_headers(a, {"Content-Type": "text/html; charset=utf-8"}, "index")
    page = a.body.decode()
    check(page.startswith("<html>\n<head>\n<title>/debug/pprof/</title>"), "index's title")
    rows = re.findall(r"<tr><td>(\d+)</td><td><a href='([^']+)'>([^<]+)</a></td></tr>\n", page)
    names = [r[2] for r in rows]
    check(names == sorted(names) and {"heap", "allocs", "cmdline", "profile"} <= set(names),
          "index's rows %s" % names)
    check(all(r[1] == r[2] + "?debug=1" for r in rows), "index's links")
    check(all(int(r[0]) > 0 for r in rows if r[2] in ("heap", "allocs")), "index's counts")
    for name in names:
        check("<li><div class=profile-name>%s: </div> " % name in page, "a line on " + name)
        check(page.count("href='flame?profile=heap'") == 1, "the index's link to the flame graph")


def methods(h):
    for method in ("DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "POST", "BREW"):
        for target in ("/debug/pprof/heap", "/debug/pprof/", "/debug/pprof/cmdline"):
            check_error(h.get(target, method=method), 405, "Method Not Allowed\n",
                        method + " " + target, Allow="GET, HEAD")
    check_error(h.get("/debug/pprof/symbol", method="PUT"), 405, "Method Not Allowed\n",
                "PUT symbol", Allow="GET, HEAD, POST")
    for target in ("/debug/pprof/heap?debug=1", "/debug/pprof/cmdline", "/debug/pprof/nope"):
        with h.connect() as s:
            full, head = ask(s, target), ask(s, target, method="HEAD")
            drop = {"Date", "Content-Length"}
            check(full.status == head.status and not head.rest, "HEAD " + target)
            check({k: v for k, v in full.headers.items() if k not in drop} ==
                  {k: v for k, v in head.headers.items() if k not in drop}, "HEAD's headers")
            check("Content-Length" in head.headers, "HEAD's length")
            check(ask(s, "/debug/pprof/cmdline").status == 200, "after HEAD")


def symbols(h):
    base = "/debug/pprof/symbol"
    nm = subprocess.run(["nm", os.path.join(PROG, "httphost")], capture_output=True, text=True)
    table = {n: int(a, 16) for a, _, n in re.findall(r"^(\w+) (\w) (\w+)$", nm.stdout, re.M)}
    with open("/proc/%d/maps" % h.pid) as f:
        start = int(next(line for line in f if "httphost" in line).split("-")[0], 16)
    where = {n: start + table[n] for n in ("main", "work", "keep_some")}
    a = h.get(base)
    check_common(a, "symbol")
    check_headers(a, {"Content-Type": TEXT}, "symbol")
    check(a.body == b"num_symbols: 1\n", "symbol without a question")
    query = "+".join("0x%x" % v for v in where.values())
    wanted = "num_symbols: 1\n" + "".join("0x%x %s\n" % (v, n) for n, v in where.items())
    check(h.get(base + "?" + query).body.decode() == wanted, "symbol by GET")
    odd = "0x1+" + query + "+zz++0x" + "f" * 40 + "+0xfffffffffffff"
    check(h.get(base + "?" + odd).body.decode() == wanted, "unknown addresses are left out")
    for target in (base, "/pprof/symbol"):
        a = h.get(target, method="POST", body=query.encode())
        check(a.body.decode() == wanted, "POST %s: %r" % (target, a.body))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(query[i:i + 7]), query[i:i + 7].encode())
                      for i in range(0, len(query), 7)) + b"0\r\nA: b\r\n\r\n"
    a = h.get(base, method="POST", headers={"Transfer-Encoding": "chunked"}, body=chunks)
    check(a.body.decode() == wanted, "POST in chunks")
    many = "+".join("0x%x" % (where["main"] + i % 16) for i in range(50000))
    a = h.get(base, method="POST", body=many.encode())
    check(a.body.count(b"\n") == 50001 and a.body.count(b" main\n") >= 40000, "50,000 addresses")
    with h.connect() as s:
        s.sendall(request(base, "POST", {"Expect": "100-continue"}, body=b"0x1")[:-3])
        check(s.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n", "100 Continue")
        s.sendall(b"0x1")
        check(read_answer(s).body == b"num_symbols: 1\n", "after 100 Continue")


def connections(h):
    with h.connect() as s:
        a = ask(s, "/debug/pprof/cmdline", version="HTTP/1.0")
        check(a.headers.get("Connection") == "close" and s.recv(1) == b"", "HTTP/1.0 closes")
    with h.connect() as s:
        a = ask(s, "/debug/pprof/cmdline", headers={"Connection": "Keep-Alive"}, version="HTTP/1.0")
        check(ask(s, "/debug/pprof/cmdline").status == 200, "HTTP/1.0 kept alive")
    with h.connect() as s:
        a = ask(s, "/debug/pprof/cmdline", headers={"Connection": "close"})
        check(a.headers.get("Connection") == "close" and s.recv(1) == b"", "closed on request")
    with h.connect() as s:  # one while another waits: a pprof needs that
        s.sendall(request("/debug/pprof/heap?seconds=2"))
        check(h.get("/debug/pprof/cmdline").status == 200, "two at once")
        check(read_answer(s).status == 200, "the one that waited")
    with h.connect() as s:
        a = ask(s, "http://x/debug/pprof/cmdline")
        check(a.status == 200, "absolute form")


with Server([os.path.join(PROG, "httphost"), "two words", "", "last"],
            CPROF_HTTP_MAX_SECONDS=20) as host:
    for target, status, body in ERRORS:
        check_error(host.get(target), status, body, target)
    for target in ELSEWHERE:
        check_error(host.get(target), 404, NOT_FOUND, target, go=False)
    if b"=cpu" not in host.get("/debug/pprof/").body:
        check_error(host.get("/debug/pprof/profile?seconds=1"), 500, CPU_OFF, "no CPU profile")
    profiles(host)
    others(host)
    methods(host)
    symbols(host)
    connections(host)
    check(host.process.poll() is None, "the program lives")
