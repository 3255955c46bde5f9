#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-009 fm-010 fm-012 fm-014 fm-015 fm-065
# timeout: 120
"""What a program finds around it: environment, descriptors, how it was linked, a bare chroot."""
import glob
import os
import shutil
import signal
import subprocess

from host import LIB, PROG, check, wait_for

LOADER = "/lib64/ld-linux-x86-64.so.2"
STARTS = f"{PROG}/starts"
ALL = {"CPROF_ATEXIT": "1", "CPROF_HEAP_RATE": "1", "CPROF_LOG": "none", "CPROF_LINES": "0"}


def outcome(argv, env, **how):
    p = subprocess.run(argv, env=env, capture_output=True, timeout=60, **how)
    return p.returncode, p.stdout, p.stderr


def until_written(where, attempt):
    """Until profiles are there: on a busy machine a last snapshot may be dropped, not ten."""
    for _ in range(10):
        attempt()
        if glob.glob(where + "/*.heap.pb.gz"):
            return
    check(False, f"nothing written to {where}")


def same(argv, env, files=None, **how):
    """Like without us; where files names a directory, it wrote profiles there."""
    more = dict(ALL, CPROF_DIR=os.path.abspath(files or "any"), LD_PRELOAD=LIB)
    want = outcome(argv, env, **how)

    def attempt():
        got = outcome(argv, {**env, **more}, **how)
        check(got == want, f"{argv} with {len(env)} variables: {got}, not {want}")

    until_written(files, attempt) if files else attempt()


def environments():
    # 2 MB is what the kernel takes in all with its usual stack limit, 128 KB of it in one.
    big = {f"VARIABLE_{i}": "x" * 100000 for i in range(19)}
    many = {f"V{i}": "" for i in range(50000)}
    odd = {"": "nothing", "LD_PRELOAD_X": "1", "CPROF": "x" * 9999, "CPROF_": "\udcff"}
    for i, env in enumerate((big, many, odd)):
        same([STARTS, "environment"], env, f"environment{i}")
    # With no variable at all the loader has to be told by an option.
    want = outcome([LOADER, STARTS, "environment"], {})
    got = outcome([LOADER, "--preload", LIB, STARTS, "environment"], {})
    check(got == want and b"environment 0 " in got[1], f"{got}, not {want}")


def descriptors():
    """Those of 0, 1 and 2 that are closed stay so, and nothing of ours is in them."""
    for closed in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)):
        shut = " ".join(f"{fd}>&-" for fd in closed)
        for log in ("none", "stderr"):
            env = dict(os.environ, CPROF_LOG=log, CPROF_HEAP_RATE="1", CPROF_ATEXIT="1",
                       CPROF_DIR=os.path.abspath("closed"))
            argv = ["sh", "-c", f"exec {shut}; exec {STARTS} descriptors"]
            want = outcome(argv, dict(os.environ))
            got = outcome(argv, dict(env, LD_PRELOAD=LIB))
            said = [line for line in got[2].splitlines() if not line.startswith(b"cprof[")]
            check((got[0], got[1]) == want[:2] and said == want[2].splitlines(),
                  f"{closed} closed: {got}, not {want}")
    check(glob.glob("closed/starts.*.heap.pb.gz"), "profiles, though all are closed")


def tables():
    """Ours that stay: a table of descriptors that threads share costs each use of it, and keeps
    open what the host closes."""
    env = dict(os.environ, LD_PRELOAD=LIB, CPROF_LOG="none", CPROF_INTERVAL="1h",
               CPROF_HTTP="unix:" + os.path.abspath("tables.sock"))
    p = subprocess.Popen(["sleep", "60"], env=env)

    def held(task):
        fds = f"/proc/{p.pid}/task/{task}/fd"
        with open(f"/proc/{p.pid}/task/{task}/comm", encoding="utf-8") as f:
            return f.read().strip(), {os.readlink(f"{fds}/{n}") for n in os.listdir(fds)}

    def apart():
        try:
            all_held = [held(task) for task in os.listdir(f"/proc/{p.pid}/task")]
        except FileNotFoundError:
            return False  # one was closed meanwhile
        ours = [fds for name, fds in all_held if name in ("cprof", "cprof-job")]
        hosts = [fds for name, fds in all_held if name == "sleep"]
        return len(ours) == 2 and len(hosts) == 1 and not any(hosts[0] & fds for fds in ours)

    check(wait_for(apart), "two threads of ours that hold nothing of the host's")
    p.terminate()
    check(p.wait() == -signal.SIGTERM, "the program ends as ever")


def kept_by_the_kernel():
    """What a thread or a copy of a descriptor of ours would change: a queue's messages are told of."""
    argv = [f"{PROG}/keeps", "0", "3", "63", "64"]
    plain = {k: v for k, v in os.environ.items() if k != "CPROF_DIR"}
    want = outcome(argv, plain)
    if want[0] == 77:
        print("no message queues here")
        return
    check(want[1].count(b": told") == 4, want)
    env = dict(plain, LD_PRELOAD=LIB, CPROF_LOG="none", CPROF_DIR=os.path.abspath("kept"))
    got = outcome(argv, env)
    check(got == want, f"{got}, not {want}")
    check(glob.glob("kept/keeps.*.heap.pb.gz"), "profiles of it")


def programs_started():
    """environ is the program's: what it hands on is what it was given, or made of it."""
    show = "env | grep -v -e ^LD_PRELOAD= -e ^CPROF_ -e ^_= | sort"
    same(["sh", "-c", show], {"PATH": os.environ["PATH"], "X": "a b", "Y": ""})
    probe = "grep -c libcprof.so /proc/self/maps; true"
    for change, there in (("", True), ("env -u LD_PRELOAD", False), ("env -i", False),
                          (f"env LD_PRELOAD={LIB}:{LIB}", True), ("env LD_PRELOAD=", False),
                          ("env X=1", True)):
        where = f"started{len(change)}"
        env = {"PATH": os.environ["PATH"], "LD_PRELOAD": LIB, **ALL,
               "CPROF_DIR": os.path.abspath(where)}
        status, out, _ = outcome(["sh", "-c", f"{change} {probe}"], env)
        check(status == 0 and (out != b"0\n") == there, f"'{change}': {out}")
        wrote = glob.glob(where + "/grep.*.heap.pb.gz")
        check(there or not wrote, f"'{change}': {wrote}")


def links():
    """However a program was linked: it does as without us, and is profiled."""
    source = os.environ["TOP"] + "/test/prog/"
    ways = {"now": ["-Wl,-z,now"], "lazy": ["-Wl,-z,lazy,--hash-style=sysv"],
            "noplt": ["-fno-plt"], "symbolic": ["-rdynamic", "-Wl,-Bsymbolic"],
            "fixed": ["-no-pie", "-Wl,-z,noseparate-code"],
            "own_cxx": ["-static-libstdc++", "-static-libgcc", "-Wl,-z,pack-relative-relocs"],
            "own_cxx_seen": ["-static-libstdc++", "-rdynamic"]}
    for way, flags in ways.items():
        subprocess.run(["g++", "-O0", "-pthread", *flags, "-o", way, source + "operators.cc"],
                       check=True)
        same([f"./{way}"], dict(os.environ), way + ".profiles")


def opened():
    """At run time, by the program, or as part of a library whose calls go to it first: what that
    allocates the program may free."""
    with open("opens.c", "w") as f:
        f.write("#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
                "int main(int n, char **v) { void *l = dlopen(v[1], RTLD_NOW | RTLD_DEEPBIND);"
                " char *(*make)(void) = l ? dlsym(l, \"make\") : 0; char *p = make ? make() : 0;"
                " free(p); puts(!l ? dlerror() : p ? \"freed\" : \"opened\"); return 0; }")
    with open("made.c", "w") as f:
        f.write("#include <stdlib.h>\nchar *make(void) { return malloc(100); }")
    subprocess.run(["gcc", "-o", "opens", "opens.c"], check=True)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "made.so", "made.c", "-Wl,--no-as-needed", LIB,
                    "-Wl,-rpath," + os.path.dirname(LIB)],
                   check=True)
    for library, said in ((LIB, b"opened\n"), (os.path.abspath("made.so"), b"freed\n")):
        where = os.path.abspath("opened." + os.path.basename(library))
        more = {**os.environ, **ALL, "CPROF_DIR": where}

        def attempt():
            got = outcome(["./opens", library], more)
            check(got == (0, said, b""), f"{library}: {got}")

        until_written(where, attempt)


def other_class():
    """A 32-bit child: its loader says that we are none for it, and it runs."""
    if not os.path.exists("/lib/ld-linux.so.2"):
        print("no 32-bit loader")
        return
    with open("small.s", "w") as f:
        f.write(".globl _start\n_start: mov $1, %eax\n mov $7, %ebx\n int $0x80\n")
    subprocess.run(["gcc", "-m32", "-nostdlib", "-o", "small", "small.s",
                    "-Wl,--dynamic-linker=/lib/ld-linux.so.2,-pie,--no-relax"], check=True)
    if outcome(["./small"], dict(os.environ))[0] != 7:
        print("no 32-bit programs here")
        return
    got = outcome(["sh", "-c", "./small; echo $?"],
                  {**os.environ, **ALL, "LD_PRELOAD": LIB, "CPROF_DIR": os.path.abspath("small.out")})
    check(got[:2] == (0, b"7\n") and got[2].count(b"\n") == 1 and b"wrong ELF class" in got[2], got)


def gained_privileges():
    """Set-uid: the loader leaves us out, and nothing is said or written."""
    if os.getuid() != 0:
        print("not root: nothing to gain")
        return
    os.chmod(".", 0o755)
    os.mkdir("open.out")
    os.chmod("open.out", 0o777)
    shutil.copy(STARTS, "gains")
    os.chmod("gains", 0o4755)
    user = 42000 + os.getpid() % 10000
    argv = [os.path.abspath("gains"), "environment"]
    env = {"PATH": os.environ["PATH"]}
    want = outcome(argv, env, user=user, group=user)
    more = {**ALL, "CPROF_LOG": "stderr", "CPROF_DIR": os.path.abspath("open.out")}
    for preload in (LIB, "libcprof.so"):
        got = outcome(argv, {**env, **more, "LD_PRELOAD": preload}, user=user, group=user)
        said = [line for line in got[2].splitlines() if b"ERROR: ld.so: object 'libcprof.so'" not in line]
        check(got[:2] == want[:2] and not said, f"{got}, not {want}")
    linked_with_us()
    more["CPROF_DIR"] = os.path.abspath("linked.out")
    until_written("linked.out", lambda: outcome(["./linked"], {**env, **more}))
    os.chmod("linked", 0o4755)
    more["CPROF_DIR"] = os.path.abspath("open.out")
    got = outcome([os.path.abspath("linked")], {**env, **more}, user=user, group=user)
    check(got == (7, b"", b""), f"linked with us: {got}")
    check(not os.listdir("open.out"), os.listdir("open.out"))


def linked_with_us():
    """By its own wish, so that the loader brings us in whatever the privileges."""
    shutil.copy(LIB, "libcprof.so")
    with open("linked.c", "w") as f:
        f.write("#include <stdlib.h>\nint main(void) { free(malloc(10)); return 7; }\n")
    subprocess.run(["gcc", "-o", "linked", "linked.c", "-fno-builtin-malloc", "-Wl,--no-as-needed",
                    "./libcprof.so", "-Wl,-rpath," + os.getcwd()], check=True)


def bare_chroot():
    """No /proc, nothing but the program and what it is linked with."""
    needed = subprocess.run(["ldd", STARTS, LIB], capture_output=True, text=True, check=True).stdout
    for path in {word for word in needed.split() if word.startswith("/") and ":" not in word}:
        os.makedirs("bare" + os.path.dirname(path), exist_ok=True)
        shutil.copy(path, "bare" + path)
    shutil.copy(STARTS, "bare/starts")
    shutil.copy(LIB, "bare/libcprof.so")
    if os.getuid() != 0:
        print("not root: no chroot")
        return
    inside = {"preexec_fn": lambda: (os.chroot("bare"), os.chdir("/"))}
    want = outcome(["/starts", "environment"], {"A": "b"}, **inside)
    check(want[0] == 0, want)
    for where, more in (("/out", {}), ("/", {}), ("/http", {"CPROF_HTTP": "127.0.0.1:0"}),
                        ("/timed", {"CPROF_INTERVAL": "1s"})):
        env = {"A": "b", **ALL, "CPROF_LOG": "stderr", "CPROF_DIR": where, **more}
        env["LD_PRELOAD"] = "/libcprof.so"

        def attempt():
            got = outcome(["/starts", "environment"], env, **inside)
            said = [line for line in got[2].splitlines() if not line.startswith(b"cprof[")]
            check(got[:2] == want[:2] and not said, f"{got}, not {want}")

        until_written("bare" + where, attempt)
    raw = subprocess.run([os.environ["CPROF"], "raw", *glob.glob("bare/out/*.heap.pb.gz")[:1]],
                         capture_output=True, text=True, check=True).stdout
    check(" main " in raw and "1: 0x" in raw and " /starts " in raw, "names without /proc: " + raw)


def a_root_without_proc():
    """Of one that is entered later, lines come as before."""
    if os.getuid() != 0:
        return
    os.makedirs("empty")
    code = ("import os, sys, time; time.sleep(1.5); os.chroot('empty'); "
            "print('chrooted', file=sys.stderr, flush=True); time.sleep(2.5)")
    env = dict(os.environ, LD_PRELOAD=LIB, CPROF_DIR=os.path.abspath("rooted"), CPROF_INTERVAL="1s")
    err = subprocess.run(["python3", "-c", code], env=env, capture_output=True, text=True,
                         timeout=60, check=True).stderr
    check("chrooted" in err and ": wrote " in err.split("chrooted")[1], err)


def no_proc():
    """From the start: threads of ours that stay have nobody to follow, and stay."""
    if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        return  # for root alone, and nobody in a chroot
    script = f"umount -l /proc; LD_PRELOAD={LIB} exec sleep 1.5"
    env = dict(os.environ, CPROF_DIR=os.path.abspath("noproc"), CPROF_INTERVAL="300ms",
               CPROF_HTTP="unix:" + os.path.abspath("noproc.sock"))
    p = subprocess.run(["unshare", "-m", "sh", "-c", script], env=env, capture_output=True, text=True,
                       timeout=60, check=True)
    check(p.stderr.count(": wrote ") >= 2 and ": profiles at " in p.stderr
          and "can't tell" not in p.stderr, p.stderr)


for test in (environments, descriptors, tables, kept_by_the_kernel, programs_started, links, opened,
             other_class, gained_privileges, bare_chroot, a_root_without_proc,
             no_proc):
    test()

