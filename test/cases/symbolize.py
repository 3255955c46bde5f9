#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""cprof symbolize: lines for a profile of names only, from files beside, and from a server."""
import ctypes.util
import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
import pprofcheck  # noqa: E402
import pprofgen  # noqa: E402
from host import Host, check, wait_for  # noqa: E402

CPROF, SOURCE = os.environ["CPROF"], os.environ["TOP"] + "/test/prog/named.cc"
LINE = next(n for n, text in enumerate(open(SOURCE), 1) if "the line of take" in text)
INLINED = ["shop::Cart<long>::take", "shop::Cart<long>::add", "shop::Cart<long>::operator<<",
           "shop::(anonymous namespace)::hidden", "main::{lambda(int)#1}::operator()", "main"]


def sh(*argv, **kw):
    done = subprocess.run(argv, capture_output=True, text=True, **kw)
    check(done.returncode == 0, "%s: %s" % (" ".join(argv), done.stderr))
    return done


def stack(path):
    for sample in pprofcheck.read(path).samples:
        lines = [line for location in sample.stack for line in location.lines]
        if any(line.name == "main" or line.name.startswith("prog+") for line in lines):
            return lines
    return []


def take(out, **config):
    with Host([os.path.abspath("prog")], CPROF_HEAP_RATE=1, CPROF_LINES=0, **config) as host:
        check(wait_for(lambda: "ready" in host.log_text()), "not ready: " + host.log_text())
        shutil.copy(host.snapshot()["heap"], out)


def symbolize(path, out, **env):
    return sh(CPROF, "symbolize", "-o", out, path, env=dict(os.environ, **env))


def expect(what, path):
    got = stack(path)
    names = [line.name for line in got][:len(INLINED)]
    check(names == INLINED, "%s: %s" % (what, names))
    check(got[0].line == LINE and got[0].file == SOURCE, "%s: %s" % (what, got[0]))
    check(got[1].system_name == "_ZN4shop4CartIlE3addEm", "%s: %s" % (what, got[1]))
    check(not pprofcheck.check(path), "%s: %s" % (what, pprofcheck.check(path)))
    print("ok   " + what)


sh("g++", "-O1", "-g", "-std=c++17", "-o", "prog", SOURCE, "-ldl")
take("names.heap.pb.gz")
check(all(not line.line for line in stack("names.heap.pb.gz")), "CPROF_LINES=0 gave lines")
symbolize("names.heap.pb.gz", "lines.heap.pb.gz")
expect("from the object itself", "lines.heap.pb.gz")
before, after = (pprofcheck.read(p + ".heap.pb.gz") for p in ("names", "lines"))
check([s.values for s in before.samples] == [s.values for s in after.samples], "values changed")

# lld lays segments out so that one page of the file lies in two mappings.
if shutil.which("ld.lld"):
    sh("g++", "-O1", "-g", "-std=c++17", "-fuse-ld=lld", "-o", "prog", SOURCE, "-ldl")
    take("lld-names.heap.pb.gz")
    symbolize("lld-names.heap.pb.gz", "lld-lines.heap.pb.gz")
    expect("linked by lld", "lld-lines.heap.pb.gz")
    sh("g++", "-O1", "-g", "-std=c++17", "-o", "prog", SOURCE, "-ldl")

# Stripped: names by address only, all the rest from the debug file.
sh("objcopy", "--only-keep-debug", "prog", "prog.debug")
sh("strip", "prog")
take("bare.heap.pb.gz")
check("main" not in [line.name for line in stack("bare.heap.pb.gz")], "stripped, yet has names")
done = symbolize("bare.heap.pb.gz", "none.heap.pb.gz")
check("main" not in [line.name for line in stack("none.heap.pb.gz")], "names from nowhere")

with open("pad.s", "w") as f:
    f.write('.section .text.unlikely,"ax"\n.skip 12288, 0x90\n'
            '.text\n.skip 400000, 0x90\n.section .note.GNU-stack,"",@progbits\n')
build_id = re.search(r"Build ID: ([0-9a-f]+)", sh("readelf", "-n", "prog").stdout)[1]
if ctypes.util.find_library("debuginfod"):
    where = os.path.join("www", "buildid", build_id)
    os.makedirs(where)
    shutil.copy("prog.debug", where + "/debuginfo")
    asked = []

    class Server(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Server, directory="www"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    servers = dict(HOME=os.getcwd(), DEBUGINFOD_CACHE_PATH=os.path.abspath("cache"),
                   DEBUGINFOD_TIMEOUT="5",
                   DEBUGINFOD_URLS="http://127.0.0.1:%d" % server.server_address[1])
    symbolize("bare.heap.pb.gz", "server.heap.pb.gz", **servers)
    check("/buildid/%s/debuginfo" % build_id in asked, "the server was asked %s" % asked)
    expect("from a server, by build-id", "server.heap.pb.gz")

    # What is no build-id is not asked for, wherever the profile comes from.
    odd = {"/no/a.so": "ab/../../secret", "/no/b.so": "abc", "/no/c.so": "ab" * 21, "/no/d.so": "ab"}
    asked.clear()
    hostile = pprofgen.Profile(pprofgen.HEAP)
    hostile.build_ids = odd
    hostile.sample([("@", path) for path in odd], [1, 1, 1, 1])
    symbolize(hostile.write("hostile.pprof"), "left.pprof", **servers)
    check(asked and all(path.startswith("/buildid/ab/") and "secret" not in path
                        for path in asked), "the server was asked %s" % asked)

    # Without the object, of two mappings of it: the second one's addresses are no first one's.
    sh("g++", "-O1", "-g", "-std=c++17", "-o", "split", "pad.s", SOURCE, "-ldl")
    split_id = re.search(r"Build ID: ([0-9a-f]+)", sh("readelf", "-n", "split").stdout)[1]
    main = int(re.search(r"^(\w+) T main$", sh("nm", "split").stdout, re.M)[1], 16)
    code = int(re.search(r"LOAD +(0x\w+) .* R E ", sh("readelf", "-lW", "split").stdout)[1], 16)
    os.makedirs("www/buildid/" + split_id)
    os.rename("split", "www/buildid/%s/debuginfo" % split_id)

    class Split(pprofgen.Profile):
        def mapping_bytes(self):
            for i, start in (1, code), (2, code + 4096):
                yield pprofgen.data(3, b"".join((
                    pprofgen.number(1, i), pprofgen.number(2, pprofgen.MAPPING + start),
                    pprofgen.number(3, pprofgen.MAPPING + start + 4096 * (i * i)),
                    pprofgen.number(4, start), self.string(5, "/no/split"),
                    self.string(6, split_id))))

        def address(self, names, mapping):
            return pprofgen.MAPPING + main + 4

    two = Split(pprofgen.HEAP)
    two.sample([("@", "the second")], [1, 1, 1, 1])
    symbolize(two.write("two.pprof"), "whole.pprof", **servers)
    got = pprofcheck.read("whole.pprof").samples[0].stack[0].lines
    check(got and got[-1].name == "main" and got[-1].file == SOURCE, "of two mappings: %s" % got)
    print("ok   without the object, in its second mapping")
    server.shutdown()

# As others write a build-id, in capitals.
class Loud(pprofgen.Profile):
    def mapping_bytes(self):
        yield pprofgen.data(3, b"".join((
            pprofgen.number(1, 1), pprofgen.number(2, pprofgen.MAPPING),
            pprofgen.number(3, 2 * pprofgen.MAPPING), self.string(5, os.path.abspath("loud")),
            self.string(6, loud_id.upper()))))

    def location_bytes(self):
        for i in range(1, self.count + 1):
            yield pprofgen.data(4, pprofgen.number(1, i) + pprofgen.number(2, 1) +
                                pprofgen.number(3, pprofgen.MAPPING + main + i))

    def sample_bytes(self):
        yield pprofgen.data(2, pprofgen.packed(1, range(1, self.count + 1)) +
                            pprofgen.packed(2, [1] * 4))


sh("g++", "-O1", "-g", "-std=c++17", "-o", "loud", SOURCE, "pad.s", "-ldl")
loud_id = re.search(r"Build ID: ([0-9a-f]+)", sh("readelf", "-n", "loud").stdout)[1]
main = int(re.search(r"^(\w+) T main$", sh("nm", "loud").stdout, re.M)[1], 16)
loud = Loud(pprofgen.HEAP)
loud.count = 4
symbolize(loud.write("loud.pprof"), "heard.pprof")
got = pprofcheck.read("heard.pprof").samples[0].stack[0].lines
check(got and got[-1].name == "main" and got[-1].file == SOURCE, "in capitals: %s" % got)

# More addresses than the helper takes at once are asked for in pieces.
os.mkdir("few")
shutil.copy(CPROF, "few")
with open("few/cprof-lines", "w") as f:
    f.write("#!/bin/sh\nawk '/^A/ { print; print \"Nf\" } END { exit NR > 300000 }' && echo .\n")
os.chmod("few/cprof-lines", 0o755)
loud.count = 300000
done = sh("few/cprof", "symbolize", "-o", "many.pprof", loud.write("more.pprof"))
check(not done.stderr, "in pieces: " + done.stderr)
print("ok   in capitals, and in pieces")

# Another build in its place is not used, and that is said.
sh("g++", "-O2", "-g", "-std=c++17", "-DOTHER", "-o", "other", SOURCE, "-ldl")
shutil.copy("other", "prog")
done = symbolize("names.heap.pb.gz", "replaced.heap.pb.gz")
check("prog: not here, or not the one that was profiled" in done.stderr, done.stderr)
check(all(line.line == 0 for line in stack("replaced.heap.pb.gz")[:5]), "lines of another build")
print("ok   another build is refused")

done = subprocess.run([CPROF, "symbolize", "-o", "x", "prog"], capture_output=True, text=True)
check(done.returncode == 1 and not os.path.exists("x"), "a binary was taken for a profile")
