#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-085
"""Every row of the pprof contract over HTTP: statuses, headers and bodies, exactly."""

import gzip
import os
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from host import PROG, check, wait_for  # noqa: E402
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
STRANGE_HOST = "the Host header names neither localhost nor an address\n"
STRANGE_PAGE = "a page of another site asks for this\n"
HOST = os.path.join(PROG, "httphost")
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
    names = names_of(h.get("/debug/pprof/").body.decode()) - {"cmdline", "profile"}
    check({"heap", "allocs", "threadcreate", "mutex", "block"} <= names, "profiles: %s" % names)
    names |= {"threads"} if "goroutine" in names else set()
    for name in sorted(names):
        base = "/debug/pprof/" + name
        for query in ("", "?debug=0", "?debug=x", "?gc=1", "?debug=", "?seconds=", "?x=1&debug=0",
                      "?debug=0&debug=1", "?debug=1;x"):
            check_profile(h.get(base + query), name, base + query)
        for query in ("?debug=1", "?debug=2", "?debug=-1", "?debug=%31"):
            a = h.get(base + query)
            check_common(a, base + query)
            check_headers(a, {"Content-Type": TEXT}, base + query)
            check(a.status == 200, base + query)
            check("\tcounted+" not in a.body.decode(), base + query + ": the server's own thread")
            if (name, query) not in (("goroutine", "?debug=2"), ("threads", "?debug=2")):
                check_text(name, a.body.decode(), base + query)
    check_profile(h.get("/pprof/heap"), "heap", "/pprof/heap")
    check_profile(h.get("/debug/pprof/%68eap"), "heap", "escaped")
    check_profile(h.get("/debug/pprof/profile?seconds=1&debug=1"), "profile", "the CPU's, no text")
    check_profile(h.get("/pprof/profile?seconds=1"), "profile", "/pprof/profile")
    with ThreadPoolExecutor(len(names) + 1) as pool:  # one second for all
        answers = list(pool.map(lambda n: h.get("/debug/pprof/%s?seconds=1" % n), sorted(names)))
    for name, a in zip(sorted(names), answers):
        check_profile(a, name + "-delta", name + " over a second")
    a = h.get("/debug/pprof/heap?seconds=%31&seconds=7&debug=0")
    check_profile(a, "heap-delta", "the first of two seconds=, decoded")


def check_head(name, lines, what):
    """How many lines the head has, and what sums it states, in the records' order."""
    m = re.fullmatch(r"heap profile: (\d+): (\d+) \[(\d+): (\d+)\] @ heap/8192", lines[0])
    if name in ("heap", "allocs"):
        check(m, "%s: first line %r" % (what, lines[0]))
        return 1, [int(v) for v in m.groups()]
    if name in ("mutex", "block"):
        wanted = ["--- mutex:" if name == "mutex" else "--- contention:",
                  "cycles/second=1000000000"] + ["sampling period=1"] * (name == "mutex")
        check(lines[:len(wanted)] == wanted, "%s: head %r" % (what, lines[:3]))
        return len(wanted), None
    m = re.fullmatch(r"%s profile: total (\d+)" % name.replace("threads", "goroutine"), lines[0])
    check(m, "%s: first line %r" % (what, lines[0]))
    return 1, [int(m[1])]


RECORD = {"heap": r"(\d+): (\d+) \[(\d+): (\d+)\] @((?: 0x[0-9a-f]+)+)",
          "mutex": r"(\d+) (\d+) @((?: 0x[0-9a-f]+)+)",
          "count": r"(\d+) @((?: 0x[0-9a-f]+)+)"}
FORM = {"heap": "heap", "allocs": "heap", "mutex": "mutex", "block": "mutex"}
SORTED_BY = {"heap": 1, "mutex": 0, "count": 0}


def check_frames(lines, i, asked, what):
    """The named frames of a record, which say the addresses asked for; the line after them."""
    shown = []
    if lines[i].startswith("# labels: {"):
        i += 1
    while lines[i]:
        f = re.fullmatch(r"#\t0x([0-9a-f]+)\t([^\t]+\+0x[0-9a-f]+(\t[^\t]+:\d+)?|\[[a-z ]+\])", lines[i])
        check(f, "%s: frame %r" % (what, lines[i]))
        shown.append(int(f[1], 16))
        i += 1
    check(list(dict.fromkeys(shown)) == list(dict.fromkeys(asked)), what + ": frames' addresses")
    return i + 1


def check_text(name, text, what):
    form = FORM.get(name, "count")
    body, maps = text.split("\n--- Memory map: ---\n")
    check("httpbusy" in maps, what + ": memory map")
    lines = body.split("\n")
    end = lines.index("# runtime.MemStats") - 1 if form == "heap" else len(lines) - 1
    check(lines[end] == "", what + ": an empty line after the records")
    i, stated = check_head(name, lines, what)
    sums, last, records = [0] * 4, None, 0
    while i < end:
        m = re.fullmatch(RECORD[form], lines[i])
        check(m, "%s: line %r" % (what, lines[i]))
        values = [int(v) for v in m.groups()[:-1]]
        sums = [a + b for a, b in zip(sums, values + [0] * 4)]
        key = values[SORTED_BY[form]]
        check(last is None or key <= last, what + ": biggest first")
        last = key
        i = check_frames(lines, i + 1, [int(a, 16) - 1 for a in m[m.lastindex].split()], what)
        records += 1
    check(records > 0, what + ": no record")
    if form == "heap":
        check(stated[:3] == sums[:3] and stated[3] in (sums[3], sums[3] + 1), what + ": sums")
        for key in ("Alloc", "TotalAlloc", "Mallocs", "Frees", "HeapAlloc", "HeapObjects"):
            check(re.search(r"^# %s = \d+$" % key, text, re.M), what + ": " + key)
    elif form == "count":
        check(stated == sums[:1], what + ": sum")


def rows_of(page):
    return re.findall(r"<tr><td>(\d+)</td><td><a href='([^']+)'>([^<]+)</a></td></tr>\n", page)


def names_of(page):
    return {row[2] for row in rows_of(page)}


def others(h):
    a = h.get("/debug/pprof/cmdline")
    check_common(a, "cmdline")
    check_headers(a, {"Content-Type": TEXT}, "cmdline")
    check(a.body == HOST.encode() + b"\0two words\0\0last", "cmdline %r" % a.body)
    a = h.get("/pprof/cmdline")
    check(a.body.split(b"\n")[1:] == [b"two words", b"", b"last"], "gperftools' cmdline")
    for query, shown in (("", ""), ("?a=b", "?a=b"), ('?"<>&\'', "?&#34;&lt;&gt;&amp;&#39;")):
        a = h.get("/debug/pprof" + query)
        check(a.status == 301, "redirect")
        wanted = '<a href="/debug/pprof/%s">Moved Permanently</a>.\n\n' % shown
        check(a.body.decode() == wanted, "redirect's body %r" % a.body)
        check_headers(a, {"Content-Type": "text/html; charset=utf-8",
                          "Location": "/debug/pprof/" + query}, "redirect")
    a = h.get("/debug/pprof/")
    check_headers(a, {"Content-Type": "text/html; charset=utf-8"}, "index")
    page = a.body.decode()
    check(page.startswith("<html>\n<head>\n<title>/debug/pprof/</title>"), "index's title")
    rows = rows_of(page)
    names = [r[2] for r in rows]
    check(names == sorted(names) and {"heap", "allocs", "cmdline", "profile"} <= set(names),
          "index's rows %s" % names)
    check(all(r[1] == r[2] + "?debug=1" for r in rows), "index's links")
    check(all(int(r[0]) > 0 for r in rows if r[2] in ("heap", "allocs")), "index's counts")
    for name in names:
        check("<li><div class=profile-name>%s: </div> " % name in page, "a line on " + name)
        flame = "cpu&amp;seconds=5" if name == "profile" else name
        check(name == "cmdline" or page.count("href='flame?profile=%s'" % flame) == 1,
              "the index's link to the flame graph of " + name)
    check(("goroutine" in names) == ('<a href="goroutine?debug=2">full goroutine stack dump</a>' in page),
          "the index's link to the stack dump")


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
    nm = subprocess.run(["nm", HOST], capture_output=True, text=True)
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
        check(a.headers.get("Connection") == "keep-alive", "HTTP/1.0 is told that it is kept alive")
        a = ask(s, "/debug/pprof/cmdline")
        check(a.status == 200 and "Connection" not in a.headers, "HTTP/1.0 kept alive")
    with h.connect() as s:
        a = ask(s, "/debug/pprof/cmdline", headers={"Connection": "close"})
        check(a.headers.get("Connection") == "close" and s.recv(1) == b"", "closed on request")
    with h.connect() as s:  # one while another waits: a pprof needs that
        s.sendall(request("/debug/pprof/heap?seconds=2"))
        check(h.get("/debug/pprof/cmdline").status == 200, "two at once")
        check(read_answer(s).status == 200, "the one that waited")
    with h.connect() as s:
        a = ask(s, "http://localhost/debug/pprof/cmdline")
        check(a.status == 200, "absolute form")
    with h.connect() as s:  # who has no more to ask may still wait for the answer
        s.sendall(request("/debug/pprof/heap"))
        s.shutdown(socket.SHUT_WR)
        check(read_answer(s).status == 200 and s.recv(1) == b"", "half closed")


def strangers(h):
    """What a web page could make a browser send is refused; what people type is not."""
    heap = "/debug/pprof/heap"
    for name in ("localhost", "LocalHost:6060", "a.localhost:1", "localhost.", "127.0.0.1:80", "[::1]:7",
                 "10.1.2.3", "", ":6060"):
        check(h.get(heap, headers={"Host": name}).status == 200, "host " + name)
    for name in ("x", "evil.example:6060", "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example",
                 "1.2.3.4x", "a@127.0.0.1x", "[x]y:80"):
        check_error(h.get(heap, headers={"Host": name}), 403, STRANGE_HOST, "host " + name)
    check_error(h.get("http://evil.example" + heap), 403, STRANGE_HOST, "absolute form")
    check(h.get(heap, headers={"Host": None}, version="HTTP/1.0").status == 200, "no host at all")
    for site, mode, status in (("none", "navigate", 200), ("same-origin", "cors", 200),
                               ("cross-site", "navigate", 200), ("cross-site", "no-cors", 403),
                               ("same-site", "cors", 403), ("cross-site", "cors", 403)):
        a = h.get(heap, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})
        check(a.status == status, "asked from %s by %s: %d" % (site, mode, a.status))
    check_error(a, 403, STRANGE_PAGE, "a stranger's page")


def switched_off():
    with Server([HOST], CPROF_CPU_HZ=0, CPROF_PROFILES="cpu,heap", CPROF_DIR="off") as h:
        check_error(h.get("/debug/pprof/profile?seconds=1"), 500, CPU_OFF, "no CPU profile")
        check_profile(h.get("/debug/pprof/allocs"), "allocs", "a profile that is off has no samples")
        check(b" @ " not in h.get("/debug/pprof/mutex?debug=1").body, "nor has its text")


def main_state(pid):
    with open("/proc/%d/task/%d/stat" % (pid, pid)) as f:
        return f.read().rpartition(")")[2].split()[0]


def main_has_left():
    """What a program's name and words are is known when its first thread has ended."""
    asked = [os.path.relpath(os.path.join(PROG, "asked")), "thread", "leave"]
    with Server(asked, CPROF_LINES=0, CPROF_DIR="left") as h:
        check(wait_for(lambda: "last thread" in h.log_text() and main_state(h.pid) == "Z"), h.log_text())
        body = h.get("/debug/pprof/cmdline").body
        check(body == "\0".join(asked).encode(), "cmdline without a main thread: %r" % body)
        frame = "idle(...)\n\t%s +0x" % os.path.realpath(asked[0])
        check(wait_for(lambda: frame in h.get("/debug/pprof/goroutine?debug=2").body.decode()),
              h.get("/debug/pprof/goroutine?debug=2").body.decode())


with Server([HOST, "two words", "", "last"], CPROF_HTTP_MAX_SECONDS=20) as host:
    for target, status, body in ERRORS:
        check_error(host.get(target), status, body, target)
    for target in ELSEWHERE:
        check_error(host.get(target), 404, NOT_FOUND, target, go=False)
    others(host)
    methods(host)
    symbols(host)
    connections(host)
    strangers(host)
    check(host.process.poll() is None, "the program lives")
with Server([os.path.join(PROG, "httpbusy")], CPROF_HEAP_RATE=4096, CPROF_MUTEX_FRACTION=1,
            CPROF_BLOCK_RATE=1, CPROF_DIR="busy") as host:
    check(wait_for(lambda: b"\thold_lock+0x" in host.get("/debug/pprof/mutex?debug=1").body), "contention")
    profiles(host)
    check(host.process.poll() is None, "the busy program lives")
switched_off()
main_has_left()
