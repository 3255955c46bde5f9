#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is not a profile, or not a command, gets one clear line and the right status."""
import bz2
import gzip
import lzma
import os
import subprocess
import sys

import pprofgen as gen

CPROF = os.environ["CPROF"]


def run(*argv, stdin=b""):
    p = subprocess.run([CPROF, *argv], input=stdin, capture_output=True)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def expect(status, words, *argv, **more):
    got, out, err = run(*argv, **more)
    if got != status or out or err.count("\n") != 1 or not err.startswith("cprof: ") or \
            not all(w in err for w in words):
        sys.exit(f"cprof {argv}: status {got}, not {status}, or lacking {words}:\n{out}{err}")


def put(name, content):
    with open(name, "wb") as f:
        f.write(content)
    return name


p = gen.Profile(gen.HEAP)
for i in range(200):
    p.sample([f"f{i}", "main"], [1, i, 1, i])
good = p.write("good.pb.gz")
whole = open(good, "rb").read()
raw = gzip.decompress(whole)
contention = gen.Profile(gen.CONTENTION, period_type=("contentions", "count"), period=1)
contention.sample(["f"], [1, 1])
contention.write("mutex.pb.gz")
os.mkdir("folder")

put("half", whole[:len(whole) // 2])
put("flipped", whole[:300] + bytes([whole[300] ^ 255]) + whole[301:])
put("half.pb", raw[:len(raw) // 2])
put("noise", bytes(range(128, 256)) * 20)
put("gz.txt", gzip.compress(b"<html>404 not found</html>\n" * 30))
put("twice", whole + whole)
put("page", b"<html>404 not found</html>\n")
put("none", b"")
put("bomb", gzip.compress(raw + b"\x32\x00" * (9 << 20)))
put("perf.data", b"PERFILE2" + bytes([0x68]) + bytes(200))
packed = {"xz": lzma.compress(raw), "bzip2": bz2.compress(raw),
          "zstd": b"\x28\xb5\x2f\xfd" + raw[:50]}
for name, content in packed.items():
    put("by-" + name, content)

for command in (["top"], ["raw"], ["merge", "-o", "out"]):
    expect(1, ["missing: No such file", ";"], *command, "missing")
    expect(1, ["http://host/heap: No such file", "; save what is there", "curl"], *command,
           "http://host/heap")
    expect(1, ["prof/*.heap.pb.gz: No such file", "; no file has such a name"], *command,
           "prof/*.heap.pb.gz")
    expect(1, ["folder: Is a directory", ";"], *command, "folder")
    expect(1, ["none: the file is empty", ";"], *command, "none")
    expect(1, ["page: text, not a profile", ";"], *command, "page")
    expect(1, ["half: ", ";"], *command, "half")
    expect(1, ["flipped: ", ";"], *command, "flipped")
    expect(1, ["half.pb: ", ";"], *command, "half.pb")
    expect(1, ["noise: ", ";"], *command, "noise")
    expect(1, ["gz.txt: ", ";"], *command, "gz.txt")
    expect(1, ["twice: ", ";"], *command, "twice")
    expect(1, [CPROF + ": a program, not a profile"], *command, CPROF)
    expect(1, ["bomb: it unpacks to more than"], *command, "bomb")
    expect(1, ["perf.data: a recording of perf", ";"], *command, "perf.data")
    for name in packed:
        expect(1, [f"by-{name}: packed by {name}", f"'{name} -d'"], *command, "by-" + name)
    expect(1, ["missing: "], *command, good, "missing")
    expect(1, ["mutex.pb.gz: can't be added", "; give files of one type"], *command, good, "mutex.pb.gz")
    expect(1, ["mutex.pb.gz: can't be subtracted"], *command, "-base", "mutex.pb.gz", good)
    expect(1, ["-: the file is empty"], *command, "-")
    expect(2, ["no file given", "help"], *command)
    expect(2, ["no option '--nonsense'", "help"], *command, "--nonsense", good)
    expect(2, ["needs a value"], *command, good, "--base")
assert not os.path.exists("out"), "a failed merge left a file"

expect(2, ["no command 'tpo'", "help"], "tpo")
expect(2, ["no command 'tpo'", "help"], "help", "tpo")
expect(2, ["-n 'x'", "whole number"], "top", "-n", "x", good)
expect(2, ["-n '0'", "whole number"], "top", "-n0", good)
expect(2, ["takes no value"], "top", "--cum=yes", good)
expect(2, ["type 'cpu'", "alloc_objects, alloc_space, inuse_objects, inuse_space"],
       "top", "--type", "cpu", good)

status, out, err = run()
assert status == 2 and not out and "Usage: cprof COMMAND" in err, (status, out, err)
for words in (["--help"], ["help"], ["-h"]):
    status, out, err = run(*words)
    assert status == 0 and not err and "merge" in out, (words, status, out, err)
for words in (["help", "top"], ["top", "--help"]):
    status, out, err = run(*words)
    assert status == 0 and not err and out.startswith("Usage: cprof top "), (words, out, err)
status, out, err = run("--version")
assert status == 0 and out.startswith("cprof ") and out.count("\n") == 1, out

# Both forms of a profile are read, from a pipe too.
for content in (whole, raw):
    status, out, err = run("top", "-", stdin=content)
    assert status == 0 and "f199" in out and not err, (status, out, err)

# A reader that leaves early is no news; a full disk is.
shell = f"set -o pipefail; '{CPROF}' raw {good} {good} | head -n 1"
p = subprocess.run(["bash", "-c", shell], capture_output=True)
assert not p.stderr and p.stdout.count(b"\n") == 1, p
p = subprocess.run(["bash", "-c", f"trap '' PIPE; '{CPROF}' raw {good} | true; exit ${{PIPESTATUS[0]}}"],
                   capture_output=True)
assert not p.stderr, p
p = subprocess.run(["bash", "-c", f"'{CPROF}' raw {good} > /dev/full"], capture_output=True)
assert p.returncode == 1 and b"No space left" in p.stderr and p.stderr.count(b"\n") == 1, p
p = subprocess.run(["bash", "-c", f"'{CPROF}' merge {good} > /dev/full"], capture_output=True)
assert p.returncode == 1 and b"left on device; what came out is not whole" in p.stderr, p
p = subprocess.run([CPROF, "merge", "-o", "/dev/full", good], capture_output=True)
assert p.returncode == 1 and b"No space left" in p.stderr and p.stderr.count(b"\n") == 1, p


def hinted(words, *argv):
    """A table of nothing, and one line that says where there is something."""
    got, out, err = run("top", *argv)
    if got or not out.endswith("cum%\n") or err.count("\n") != bool(words) or words not in err:
        sys.exit(f"cprof top {argv}: status {got}, or lacking {words!r}:\n{out}{err}")


p = gen.Profile(gen.HEAP)
p.sample(["f", "main"], [0, 0, 0, 0])
p.sample(["g", "main"], [3, 300, 0, 0])
p.write("freed.pb.gz")
gen.Profile(gen.HEAP).write("little.pb.gz")
hinted("'--type alloc_objects' has something", "freed.pb.gz")
hinted("no samples: the program did too little for the sampling rate", "little.pb.gz")
for comments, name, words in (
        ((), "calm", "no thread waited for another long enough, or none of the few that are looked "
         "at; CPROF_MUTEX_FRACTION=1 and CPROF_BLOCK_RATE=1 take all; CPROF_BLOCK_IO=1"),
        (("mutex_fraction=10", "block_rate=1"), "x.block", "for another; CPROF_BLOCK_IO=1 brings"),
        (("mutex_fraction=10", "block_rate=1"), "x.mutex", "at; CPROF_MUTEX_FRACTION=1 takes all")):
    calm = gen.Profile(gen.CONTENTION, ("contentions", "count"), 1, comments=comments)
    hinted(words, calm.write(name + ".pb.gz"))
gen.Profile([("goroutine", "count")], ("goroutine", "count"), 1).write("nobody.pb.gz")
hinted("no samples: no thread was seen", "nobody.pb.gz")
gen.Profile(gen.CPU, ("cpu", "nanoseconds"), 10 ** 7, duration_ns=10 ** 9).write("idle.pb.gz")
hinted("no samples: the program used no CPU time", "idle.pb.gz")
gen.Profile([("threadcreate", "count")], ("threadcreate", "count"), 1).write("alone.pb.gz")
hinted("no samples: the program made no thread", "alone.pb.gz")
hinted("", "--base", "freed.pb.gz", "freed.pb.gz")

# A terminal obeys what it is shown: nothing in a profile reaches it that it would.
bad = "\x1b]0;x\x07\x7f\n\x9b"
p = gen.Profile([(bad + "type", bad + "unit")], (bad, bad), comments=(bad,), default=bad + "type",
                drop_frames=bad)
p.build_ids = {"/usr/bin/victim": bad}
p.sample([bad, ("@", "/lib/" + bad)], [1], [(bad, bad), (bad, 1, bad)])
p.write("hostile.pprof")
for argv in (["top"], ["raw"], ["top", "--type", "x"], ["symbolize", "-o", "left.pprof"]):
    status, out, err = run(*argv, "hostile.pprof")
    text = out + err
    if any(c in text for c in "\x1b\x07\x7f\x9b") or r"\x1b]0;x\x07\x7f\x0a\xc2\x9b" not in text:
        sys.exit(f"cprof {argv} shows it as it is: {out!r} {err!r}")
