#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 180
"""A thousand addresses of each of many builds: as llvm-symbolizer or addr2line -i have them.

The two disagree with each other now and then (addr2line takes an inlined file for the
unit's, or drops a discriminator's file); each address must agree with one of them, in
function, file and line of every inlined call.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import check  # noqa: E402

TOP, HELPER = os.environ["TOP"], os.environ["BUILD"] + "/cprof-lines"
ADDRESSES = 1000


def sh(*argv, **kw):
    done = subprocess.run(argv, capture_output=True, text=True, **kw)
    check(done.returncode == 0, "%s: %s" % (" ".join(argv), done.stderr))
    return done.stdout


def addresses(path):
    m = re.search(r" \.text\s+\w+\s+(\w+)\s+\w+\s+(\w+)", sh("readelf", "-SW", path))
    start, size = int(m[1], 16), int(m[2], 16)
    random.seed(size)
    return sorted({start + random.randrange(size) for _ in range(ADDRESSES)})


def shape(calls):
    """What is compared: names, normal paths, lines; nothing known is []."""
    calls = [(name if name not in ("", "??") else None,
              os.path.normpath(file) if file not in ("", "??") else None, line)
             for name, file, line in calls]
    return [] if not any(line for _, _, line in calls) else calls


def ours(path, addrs):
    ask = "F%s\nWln\n%s.\n" % (path, "".join("A%x\n" % a for a in addrs))
    found, at, symbol = {}, None, {}
    for line in sh(HELPER, input=ask).splitlines():
        if line[0] == "A":
            at = found.setdefault(int(line[1:], 16), [])
        elif line[0] == "N":
            symbol[id(at)] = line[1:]
        elif line[0] == "L":
            number, function, file = line[1:].split("\t")
            at.append((function, file, int(number)))
        check(line[0] != "E", path + ": " + line)
    # The function itself goes by its name in the symbol table, as in the agent.
    for calls in found.values():
        if calls and id(calls) in symbol:
            calls[-1] = (symbol[id(calls)],) + calls[-1][1:]
    return found


def addr2line(path, addrs):
    out = sh("addr2line", "-a", "-i", "-f", "-e", path, *map(hex, addrs)).splitlines()
    found, at, name = {}, None, None
    for line in out:
        if re.fullmatch(r"0x[0-9a-f]+", line):
            at, name = found.setdefault(int(line, 16), []), None
        elif name is None:
            name = line
        else:
            file, _, number = line.split(" (disc")[0].rpartition(":")
            at.append((name, file, int(number) if number.isdigit() else 0))
            name = None
    return found


def symbolizer(path, addrs):
    if not shutil.which("llvm-symbolizer"):
        return {}
    out = sh("llvm-symbolizer", "--obj=" + path, "--no-demangle", "--inlines",
             "--output-style=JSON", input="".join("0x%x\n" % a for a in addrs))
    found = {}
    for line in out.splitlines():
        answer = json.loads(line)
        found[int(answer["Address"], 16)] = [
            (s["FunctionName"], s["FileName"], s["Line"]) for s in answer.get("Symbol", [])]
    return found


def bare(name):
    """Clones have suffixes in the symbol table, and none in DWARF; of Rust's functions that
    the linker folded into one, each reader picks another, by its hash."""
    return re.sub(r"17h[0-9a-f]{16}E.*$", "", name).split(".")[0] if name else name


def same(ours, theirs):
    return [(bare(n), f, ln) for n, f, ln in ours] == [(bare(n), f, ln) for n, f, ln in theirs]


def compare(path):
    addrs = addresses(path)
    mine, a, b = ours(path, addrs), addr2line(path, addrs), symbolizer(path, addrs)
    wrong = [x for x in addrs
             if not same(shape(mine.get(x, [])), shape(a.get(x, [])))
             and not same(shape(mine.get(x, [])), shape(b.get(x, [])))]
    known = sum(bool(shape(mine.get(x, []))) for x in addrs)
    for x in wrong[:5]:
        print("0x%x\n  ours      %s\n  addr2line %s\n  llvm      %s"
              % (x, mine.get(x), a.get(x), b.get(x)))
    check(not wrong, "%s: %d of %d addresses differ" % (path, len(wrong), len(addrs)))
    check(known > len(addrs) / 2, "%s: only %d of %d have lines" % (path, known, len(addrs)))
    print("ok   %s: %d addresses, %d with lines" % (path, len(addrs), known))


SOURCE = TOP + "/test/prog/inlines.cc"
builds = {
    "gcc-O2": ["g++", "-O2"],
    "gcc-O3-dwarf4": ["g++", "-O3", "-gdwarf-4"],
    "gcc-O1-nopie": ["g++", "-O1", "-no-pie", "-fno-pie"],
    "gcc-lto": ["g++", "-O2", "-flto"],
    "gcc-packed": ["g++", "-O2", "-gz=zlib"],
    "gcc-sections": ["g++", "-O2", "-ffunction-sections", "-Wl,--gc-sections"],
    "clang-O2": ["clang++", "-O2"],
    "clang-lld-dwarf5": ["clang++", "-O2", "-gdwarf-5", "-fuse-ld=lld"],
}
for name, command in builds.items():
    if shutil.which(command[0]) and ("lld" not in name or shutil.which("ld.lld")):
        sh(*command, "-g", "-std=c++17", "-o", name, SOURCE)
        compare(name)
# A unit compiled under a relative name, in a directory of its own.
os.makedirs("a/b")
shutil.copy(SOURCE, "a/b/relative.cc")
sh("g++", "-O2", "-g", "-std=c++17", "-o", "relative", "a/b/relative.cc")
compare("relative")
if shutil.which("rustc"):
    with open("m.rs", "w") as f:
        f.write("use std::collections::HashMap;\nfn main() {\n"
                "    let m: HashMap<usize, String> = (0..9).map(|i| (i, i.to_string())).collect();\n"
                "    println!(\"{:?}\", m);\n}\n")
    sh("rustc", "-C", "opt-level=2", "-g", "-o", "rust", "m.rs")
    compare("rust")

# Identical functions that were folded to one: their unit's ranges overlap, ten times over here.
if shutil.which("ld.gold"):
    with open("folded.c", "w") as f:
        f.writelines("int same%d(int x) { return x * 3 + 1; }\n" % i for i in range(10))
        f.writelines("int own%d(int x) { return x - %d; }\n" % (i, i + 2) for i in range(10))
        f.write("int main(void) { return 0; }\n")
    sh("gcc", "-O1", "-g", "-ffunction-sections", "-fuse-ld=gold", "-Wl,--icf=all", "-o", "folded",
       "folded.c")
    at = {m[2]: int(m[1], 16) for m in re.finditer(r"^(\w+) T (same\d|own\d)$", sh("nm", "folded"), re.M)}
    check(len(set(at.values())) == 11, "gold has not folded: %s" % at)
    found = ours("folded", sorted(set(at.values())))
    lost = [name for name, a in at.items() if not found[a]]
    check(not lost, "folded: no lines for %s" % lost)
