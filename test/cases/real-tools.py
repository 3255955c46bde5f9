#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 240
"""Debian's programs do under the preload, with everything recorded, what they do without.

Each piece of shell below runs in two fresh directories, plain and preloaded (the shell and
all it starts too), and must give the same output, exit status and files (fm-008, fm-042,
fm-048, fm-066, fm-093). With SOAK_SECONDS they go round until it is over, at one
set of rates after the other."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

LIB, TOP = os.environ["LIB"], os.environ["TOP"]
SOAK = float(os.environ.get("SOAK_SECONDS", "0"))
ALL = {"CPROF_HEAP_RATE": "1", "CPROF_CPU_HZ": "1000", "CPROF_MUTEX_FRACTION": "1",
       "CPROF_BLOCK_RATE": "1"}
RATES = [dict(ALL, CPROF_ATEXIT="1"), dict(ALL, CPROF_HEAP_RATE="4096", CPROF_INTERVAL="100ms"),
         {"CPROF_ATEXIT": "1"}, dict(ALL, CPROF_HEAP_RATE="512", CPROF_HTTP="127.0.0.1:0")]

# name: the program it needs, and what is done with it
WORK = {
    "shells": ("bash", r"""
        for s in bash dash; do $s -c 'echo hi; exit 3'; echo $?; done
        for i in $(seq 30); do (exit $((i % 7))) & done; wait; echo done
        dash -c 'i=0; while [ $i -lt 40 ]; do x=$(echo $i); i=$((i+1)); done; echo $x'
        bash -c 'kill -TERM $$' ; echo $?
        bash -c 'trap "echo got" USR1; kill -USR1 $$; trap "echo prof" PROF; kill -PROF $$; trap'
        timeout 0.2 sleep 5; echo $?; seq 200 | xargs -P 4 -n 10 echo | sort | md5sum"""),
    "coreutils": ("sort", r"""
        seq 60000 | sort -R --random-source=/bin/bash --parallel=4 -S 2M | sha256sum
        find /usr/share/doc/[a-g]* | sort | md5sum; tar cf - -C /usr/share/doc/gcc-12-base . | wc -c
        split -n 4 /bin/ls; cat x* | cmp - /bin/ls; ls /nonexistent; echo $?
        sed -n 's/^Package: //p' /var/lib/dpkg/status | md5sum; dpkg -L bash | md5sum"""),
    "archives": ("xz", r"""
        head -c 1500000 /var/lib/dpkg/status > s; xz -T4 -1 --block-size=200000 -k s
        xz -dc s.xz | cmp - s; gzip -nk s; gzip -t s.gz; rm s"""),
    "perl": ("perl", r"""
        perl -e 'my %h; $h{$_ % 1000} .= $_ for 1..50000; print length(join "", values %h), "\n"'
        perl -e 'if (!fork) { exec "echo", "child" } wait; print $?, "\n";
            $SIG{PROF} = sub { print "prof\n" }; kill PROF => $$; $SIG{PROF} = "DEFAULT";
            $SIG{USR1} = sub { print "usr1\n" }; kill USR1 => $$; open my $p, "-|", "seq 3";
            print while <$p>; kill KILL => $$' ; echo $?"""),
    "python": ("python3", r"""
        python3 -c 'import threading as t
lock, n = t.Lock(), [0]
def f():
  for i in range(3000):
    with lock: n[0] += 1
ts = [t.Thread(target=f) for _ in range(8)]; [x.start() for x in ts]; [x.join() for x in ts]
print(n)'
        python3 -c 'import os, signal, subprocess as s
print(signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGPROF))
print(s.run(["sh", "-c", "exit 5"]).returncode); os.kill(os.getpid(), signal.SIGTERM)' ; echo $?
        python3 -c 'import os; os.abort()' 2>/dev/null; echo $?
        python3 -c 'import ctypes; ctypes.string_at(0)' 2>/dev/null; echo $?"""),
    "git": ("git", r"""
        export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
        git init -q -b m r && cd r && git config user.email a@b && git config user.name n
        for i in 1 2 3; do seq $i 3000 > f$i; git add -A; git commit -qm c$i; done
        git repack -q -adf --threads=2; git fsck --no-progress; git rev-parse HEAD
        git blame f3 | wc -l; cd .. && rm -rf r"""),
    "compilers": ("g++", r"""
        printf '%s\n' '#include <map>' '#include <string>' '#include <thread>' '#include <cstdio>' \
          'int main() { std::map<std::string,int> m; std::thread t([&] { for (int i = 0; i < 999;' \
          'i++) m[std::to_string(i)]++; }); t.join(); printf("%zu\n", m.size()); throw 5; }' > a.cc
        g++ -pthread -o a a.cc; (./a) 2>/dev/null; echo $?; sha256sum a; rm a
        echo 'int main() { return x; }' | g++ -fsyntax-only -x c++ -; echo $?
        cp "$TOP"/agent/rt/*.[ch] . && ls ../w/*.c | xargs -P 2 -n 1 gcc -O1 -c -w -D_GNU_SOURCE 2>/dev/null
        ls | wc -l; rm -f *"""),
    "go": ("go", r"""
        export HOME=/dev/null/none GOCACHE=/dev/null/none GO111MODULE=off GOTOOLCHAIN=local
        go version; go env GOARCH; go run nothing.go; echo $?"""),
    "java": ("java", r"java -version 2>&1 | head -n 1; java nonexistent 2>&1 | head -n 1"),
    "openssl": ("openssl", r"""
        openssl speed -seconds 1 -multi 2 -bytes 1024 sha256 2>/dev/null | wc -l
        openssl dgst -sha512 /bin/bash; openssl enc -aes-256-cbc -pbkdf2 -k x -S 0011223344556677 \
            -in /bin/ls -out e"""),
    # Of a thread whose end is told before its beginning, as the kernel may, strace says so.
    "debuggers": ("gdb", r"""
        echo 'int f(int n) { return n ? n * f(n - 1) : 1; } int main(int c) { return f(5) + c; }' > a.c
        gcc -g -o a a.c; gdb -q -batch -ex 'break f if n==2' -ex run -ex 'print n' -ex cont ./a 2>&1 |
            grep -c -E '^\$1 = 2|exited with code'; strace -f -o s ./a 2>err; echo $?
        grep -v 'Exit of unknown pid' err >&2; rm -f s a err"""),
}


def files_of(top):
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                found[os.path.relpath(path, top)] = hashlib.sha256(f.read()).hexdigest()
    return found


def run(script, rates=None):
    """Always in a directory of the same name: programs put it into what they write."""
    home = os.path.abspath("w")
    shutil.rmtree(home, ignore_errors=True)
    os.mkdir(home)
    env = dict(os.environ, HOME=home, TMPDIR=tempfile.gettempdir(), LC_ALL="C.UTF-8", TOP=TOP)
    if rates:
        env.update(rates, LD_PRELOAD=LIB, CPROF_DIR=os.path.abspath("profiles"),
                   CPROF_LOG=os.path.abspath("log"), CPROF_KEEP="20")
    done = subprocess.run(["bash", "-c", script], cwd=home, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True)
    # How bash reports a child that was killed.
    stderr = re.sub(rb"line (\d+): +\d+ ", rb"line \1: PID ", done.stderr)
    return {"status": done.returncode, "stdout": done.stdout, "stderr": stderr,
            "files": files_of(home)}


def compare(name, script, rates):
    plain = run(script)
    with_us = run(script, rates)
    bad = [k for k in plain if plain[k] != with_us[k]]
    for k in bad:
        print("%s under %s: another %s\n  %s\n  %s" % (name, rates, k, plain[k], with_us[k]))
    return not bad


def main():
    ends = time.monotonic() + SOAK
    good, round = True, 0
    while good and (round == 0 or time.monotonic() < ends):
        for name, (program, script) in WORK.items():
            if shutil.which(program):
                good &= compare(name, script, RATES[round % len(RATES)])
        round += 1
    # What they leave is looked at by the validator; one of each kind is enough of it.
    seen = set()
    for file in sorted(os.listdir("profiles")):
        kind = (file.split(".")[0], file.rsplit(".", 3)[1])
        if kind in seen:
            os.unlink(os.path.join("profiles", file))
        seen.add(kind)
    shutil.rmtree("w", ignore_errors=True)
    return 0 if good else 1


sys.exit(main())
