#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-010..013
"""cprof run starts what it can, as if it weren't there, and says why it can't the rest."""
import glob
import os
import shutil
import signal
import subprocess
import sys

CPROF, LIB = os.environ["CPROF"], os.environ["LIB"]
ENV = {k: v for k, v in os.environ.items() if not k.startswith(("CPROF_", "LD_"))}
ENV["CPROF_LOG"] = "none"


def run(*argv, env=None, **more):
    p = subprocess.run([CPROF, "run", *argv], capture_output=True, text=True,
                       env={**ENV, **(env or {})}, **more)
    return p.returncode, p.stdout, p.stderr


def expect(status, out, *argv, **more):
    got = run(*argv, **more)
    if got != (status, out, ""):
        sys.exit(f"cprof run {argv}: {got}, not {(status, out)}")


def refused(status, words, *argv, **more):
    got, out, err = run(*argv, **more)
    if got != status or out or err.count("\n") != 1 or not err.startswith("cprof: ") or \
            words not in err:
        sys.exit(f"cprof run {argv}: status {got}, not {status}, or lacking '{words}':\n{out}{err}")


def put(name, content, mode=0o755):
    with open(name, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())
    os.chmod(name, mode)
    return "./" + name


def build(name, *flags, source="int main(void) { return 7; }\n"):
    subprocess.run(["gcc", "-x", "c", "-", "-o", name, *flags], input=source.encode(), check=True)
    return "./" + name


def patched(name, source, at, new):
    content = bytearray(open(source, "rb").read())
    content[at:at + len(new)] = new
    return put(name, bytes(content))


# Its exit status, its signals, its arguments, its name, its standard input.
expect(7, "", "sh", "-c", "exit 7")
expect(-signal.SIGTERM, "", "sh", "-c", "kill $$")
expect(0, "a b|c\n", "--", "sh", "-c", 'echo "$1|$2"', "sh", "a b", "c")
expect(0, "-n 3 --cum\n", "echo", "-n 3", "--cum")
expect(0, "text", "cat", input="text")
expect(0, "sh\n", "sh", "-c", "echo $0")
expect(0, "hello\n", put("noformat", "echo hello\n"))
expect(0, "hello\n", put("script", "#!/bin/sh -e\necho hello\n"))
expect(0, "hello\n", put("by-env", "#!/usr/bin/env -S A=b sh\necho hello\n"))

# What is set for it, and what is left alone.
show = 'echo "$CPROF_DIR $CPROF_INTERVAL $CPROF_HEAP_RATE $CPROF_SIGNAL $CPROF_PROFILES $CPROF_ATEXIT"'
expect(0, "d 1h 4096 USR2 heap 1\n", "-o", "d", "--interval", "1h", "--rate=4096", "-signal", "USR2",
       "--profiles", "heap", "sh", "-c", show)
expect(0, "    all 1\n", "--profiles", "all", "sh", "-c", show)
expect(0, " 2h    0\n", "sh", "-c", show, env={"CPROF_INTERVAL": "2h", "CPROF_ATEXIT": "0"})
other = os.path.abspath(build("other.so", "-shared", "-fPIC", source="int other;\n"))
os.mkdir("elsewhere")
copy = shutil.copy("other.so", os.path.abspath("elsewhere/libcprof.so"))
real = os.path.realpath(LIB)
expect(0, f"{real}:{other}\n", "sh", "-c", "echo $LD_PRELOAD",
       env={"LD_PRELOAD": f"{copy} {other}:{copy}"})
expect(0, f"{real}\n", "sh", "-c", "echo $LD_PRELOAD")
fake = os.path.abspath(build("fake.so", "-shared", "-fPIC", source="const char cprof_here = 1;\n"))
expect(0, f"{fake}\n", "--library", "fake.so", "sh", "-c", "echo $LD_PRELOAD")

# It is really there, and leaves its files.
expect(0, "1\n", "sh", "-c", "grep -m1 -c libcprof.so /proc/$$/maps")
expect(0, "", "-o", "out", "--rate", "1", "sort", "/dev/null")
for kind in ("heap", "allocs"):
    assert len(glob.glob(f"out/sort.*.{kind}.pb.gz")) == 1, os.listdir("out")

# Found beside the installed program too.
os.makedirs("usr/bin")
os.makedirs("usr/lib")
shutil.copy(CPROF, "usr/bin/cprof")
shutil.copy(LIB, "usr/lib/libcprof.so")
moved = subprocess.run(["usr/bin/cprof", "run", "sh", "-c", "echo $LD_PRELOAD"], env=ENV,
                       capture_output=True, text=True)
assert moved.stdout == os.path.realpath("usr/lib/libcprof.so") + "\n", moved
os.remove("usr/lib/libcprof.so")
moved = subprocess.run(["usr/bin/cprof", "run", "true"], env=ENV, capture_output=True, text=True)
assert moved.returncode == 125 and "--library" in moved.stderr, moved

# What can't be profiled: one line, 126.
plain = build("plain")
expect(7, "", plain)
refused(126, "linked statically:", build("static", "-static"))
refused(126, "static-PIE", build("static-pie", "-static-pie"))
musl = build("musl", "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1")
refused(126, "built for musl", musl)
refused(126, "built for another libc", build("bionic", "-Wl,--dynamic-linker=/system/bin/linker64"))
refused(126, "32-bit", patched("class32", "plain", 4, b"\x01"))
refused(126, "another processor", patched("riscv", "plain", 18, (243).to_bytes(2, "little")))
refused(126, "another processor", patched("big", "plain", 5, b"\x02"))
refused(126, "built for musl", put("script-musl", f"#!{os.path.abspath(musl)} -x\n"))
os.environ["PATH"] = ENV["PATH"] = os.getcwd() + ":" + ENV["PATH"]
refused(126, "built for musl", put("env-musl", "#!/usr/bin/env -S X=1 musl\n"))
refused(126, "built for musl", "musl")
if os.getuid() == 0:
    shutil.copy("plain", "setuid")
    os.chown("setuid", 65534, 65534)
    os.chmod("setuid", 0o4755)
    refused(126, "set-uid", "./setuid")
    os.chmod("setuid", 0o2755)
    refused(126, "set-gid", "./setuid")
    os.chmod("setuid", 0o755)
    expect(7, "", "./setuid")

# What can't be started at all, as shells say it.
refused(125, "--rate 'x': ", "--rate", "x", "true")
refused(125, "--interval '1ms': ", "--interval", "1ms", "true")
refused(125, "--signal 'FOO': ", "--signal", "FOO", "true")
refused(125, "--signal 'KILL': a signal that can be handled", "--signal", "KILL", "true")
refused(125, "--profiles 'heep': ", "--profiles", "cpu,heep", "true")
refused(127, "not found", "no-such-program")
refused(127, "not found", "./no-such-program")
refused(127, "/no/loader.so is not there", build("lost", "-Wl,--dynamic-linker=/no/loader.so"))
refused(127, "/no/such is not there", put("orphan", "#!/no/such thing\n"))
refused(126, "Permission denied", put("data", "x", mode=0o644))
refused(126, "Permission denied", "/tmp")
refused(125, "no program given")
refused(125, "no option '--nonsense'", "--nonsense", "true")
refused(125, "nowhere.so: No such file", "--library", "nowhere.so", "true")
refused(125, "other.so: not a libcprof.so", "--library", "other.so", "true")
refused(125, "data: not a libcprof.so", "--library", "data", "true")
os.mkdir("a b")
shutil.copy("fake.so", "a b/fake.so")
refused(125, "blank", "--library", "a b/fake.so", "true")

# Nonsense in an ELF header is the kernel's to judge.
patched("cut", "plain", 0, b"")
os.truncate("cut", 100)
got = run("./cut")
assert got[0] in (2, 126, 127), got
