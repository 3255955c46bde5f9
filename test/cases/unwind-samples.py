#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# fm-049
# timeout: 900
"""Tens of thousands of random interrupts in Debian's own programs under load: the
walker's frames against libunwind's. At least 99.9 % are identical, and what differs
must be in explained.txt.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.environ["TOP"] + "/test/unwind")
import differ  # noqa: E402

SAMPLES = "8000"
REDIS_SAMPLES = "20000"
PYTHON = """
import json, re, zlib, hashlib, sys
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
for i in range(40):
    fib(17); json.loads(json.dumps([{'a': j, 'b': str(j)} for j in range(2000)]))
    zlib.compress(bytes(200000)); re.findall('a+b', 'aaab' * 5000); sorted(map(str, range(20000)))
    hashlib.sha256(bytes(300000)).digest()
"""
PERL = ("my %h; for my $i (1..900000) { $h{$i % 977} .= 'x' if $i =~ /7/; } "
        "my @k = sort { $h{$a} cmp $h{$b} } keys %h; print scalar @k")
SQL = ("create table t(a integer primary key, b text); with recursive c(x) as (select 1 union all "
       "select x + 1 from c where x < 150000) insert into t select x, hex(x * 7919 % 10007) from c; "
       "create index i on t(b); select count(distinct b), sum(length(b)) from t where b like '%3%'; "
       "select b, count(*) from t group by b order by 2 desc, 1 limit 3;")
C_SOURCE = "".join(
    f"struct s{i} {{ int a[{i + 1}]; double d; }};\n"
    f"int f{i}(int n, struct s{i} *p) {{ int s = 0; for (int j = 0; j < n; j++) "
    f"{{ p->a[j % {i + 1}] += j * {i}; s += p->a[j % {i + 1}] > n ? j : s / (j + 1); }} return s; }}\n"
    for i in range(260))


class Preloaded:
    """Starts programs whose main thread is sampled; collects what was recorded."""

    def __init__(self):
        self.out = pathlib.Path("sample").resolve()

    def environ(self):
        return dict(os.environ, UW_MODE="sample", UW_OUT=str(self.out), UW_SAMPLES=SAMPLES,
                    LD_PRELOAD=os.environ["BUILD"] + "/unwind/liboracle.so")

    def run(self, argv, **how):
        plain = subprocess.run(argv, capture_output=True, timeout=200, **how)
        sampled = subprocess.run(argv, capture_output=True, timeout=300, env=self.environ(), **how)
        if (plain.stdout, plain.returncode) != (sampled.stdout, sampled.returncode):
            sys.exit(f"{argv[0]} ends with {sampled.returncode}: {sampled.stderr[-500:]}")

    def records(self):
        """Those with samples; named after the program's own file."""
        for path in sorted(self.out.parent.glob(self.out.name + ".*")):
            record = differ.Record(path)
            if record.seen > 200:
                yield record


def redis(preloaded):
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", "redis.sock", "--save", "", "--daemonize",
         "no"], env={**preloaded.environ(), "UW_SAMPLES": REDIS_SAMPLES}, stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if os.path.exists("redis.sock"):
                break
            time.sleep(0.05)
        subprocess.run(["redis-benchmark", "-s", "redis.sock", "-q", "-n", "20000", "-r", "1000", "-t",
                        "set,get,incr,lpush,lrange_100,sadd,zadd,hset,mset"], check=True,
                       stdout=subprocess.DEVNULL, timeout=200)
    finally:
        server.terminate()
        server.wait(20)


def main():
    preloaded = Preloaded()
    pathlib.Path("big.c").write_text(C_SOURCE)
    if shutil.which("redis-server"):
        redis(preloaded)
    jobs = [["/usr/bin/python3", "-c", PYTHON], ["perl", "-e", PERL], ["sqlite3", ":memory:", SQL],
            ["gcc", "-O2", "-c", "big.c", "-o", "big.o"]]
    jobs += [["openssl", "speed", "-seconds", "1", "-bytes", "1024", "-evp", name]
             for name in ("aes-256-gcm", "chacha20-poly1305", "sha512")]
    jobs += [["openssl", "speed", "-seconds", "1", name] for name in ("rsa2048", "ecdsap256")]
    for argv in jobs:
        if argv[0] == "openssl":  # its output is its speed
            argv = ["sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh", *argv]
        if shutil.which(argv[0]):
            preloaded.run(argv)
    records = list(preloaded.records())
    explained = differ.Explained(os.environ["TOP"] + "/test/unwind/explained.txt")
    bad = differ.judge(records, explained)
    compared = sum(r.compared for r in records)
    identical = sum(r.identical for r in records)
    print(f"{identical} of {compared} stacks identical")
    if compared < 30000 or identical < compared * 0.999:
        sys.exit("too few, or too few alike")
    sys.exit(1 if bad else 0)


main()
