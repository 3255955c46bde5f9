#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 240
"""fm-093 fm-040 fm-038: 1 kHz on PostgreSQL under pgbench, redis, nginx, Python and Java under load.

Their results are right, none crashes, and none loses a signal of its own.
"""
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import LIB, Host, check, wait_for  # noqa: E402
from servers import Nginx, Postgres, Redis  # noqa: E402

OTHER_SIGNAL = signal.SIGRTMIN + 5
SECONDS = int(os.environ.get("SOAK_SECONDS") or 2)
CONFIG = {"CPROF_CPU_HZ": 1000, "CPROF_LINES": 0}


def has_samples(files, what):
    top = subprocess.run([os.environ["CPROF"], "top", *files], capture_output=True, text=True).stdout
    found = re.search(r"Total samples = ([\d.]+)(us|ms|s|mins|hrs)", top)
    check(found and float(found[1]) > 0, f"{what}: no samples: {top}")


def postgres():
    with Postgres(CPROF_SIGNAL=int(OTHER_SIGNAL), **CONFIG) as pg:
        pg.run("pgbench", "-i", "-q", "-s", "1")
        clients, each = 4, 100 * SECONDS
        out = pg.run("pgbench", "-n", "-c", str(clients), "-j", "2", "-t", str(each)).stdout
        check(f"processed: {clients * each}/{clients * each}" in out, out)
        sums = pg.sql("select count(*), sum(delta) from pgbench_history").split("|")
        check(sums[0] == str(clients * each), f"{sums} rows of history")
        for table, column in (("accounts", "abalance"), ("tellers", "tbalance"),
                              ("branches", "bbalance")):
            total = pg.sql(f"select sum({column}) from pgbench_{table}")
            check(total == sums[1], f"{table}: {total}, the history says {sums[1]}")
        # Its own alarm, its own interrupt, and a worker that is started and waited for by SIGUSR1.
        p = pg.run("psql", "-c", "set statement_timeout = 50; select pg_sleep(30)", fails=True)
        check("statement timeout" in p.stderr, p.stderr)
        sleeper = subprocess.Popen(["psql", "-h", pg.dir, "-U", pg.user, "-c", "select pg_sleep(60)",
                                    "postgres"], stderr=subprocess.PIPE, text=True)
        cancel = "select pg_cancel_backend(pid) from pg_stat_activity where query ~ '^select pg_sleep'"
        check(wait_for(lambda: pg.sql(cancel) == "t"), "nobody to cancel")
        check("user request" in sleeper.communicate(timeout=30)[1], "not cancelled")
        got = pg.sql("set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0;"
                     "set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;"
                     "select count(*) from pgbench_accounts where abalance * 0 = 0")
        check(got == "100000", f"counted {got} accounts")
        os.kill(pg.pid, OTHER_SIGNAL)
        check(wait_for(lambda: glob.glob(pg.dir + "/profiles/postgres.*.cpu.pb.gz")),
              "no profile:\n" + pg.log_text())
        has_samples(glob.glob(pg.dir + "/profiles/postgres.*.cpu.pb.gz"), "postgres")
        status = pg.stop()
        log = pg.log_text()
        check(status == 0 and "terminated by signal" not in log and "PANIC" not in log, log)
        shutil.copytree(pg.dir + "/profiles", "postgres")  # for the validator


def redis():
    with Redis("--appendonly", "yes", "--appendfsync", "no", "--enable-debug-command", "yes",
               CPROF_DIR="redis", **CONFIG) as host:
        n = 20000 * SECONDS
        host.bench("-n", str(n), "-t", "incr")
        check(host.ask("get", "counter:__rand_int__") == str(n), "the counter is wrong")
        check(host.ask("bgsave").startswith("Background"), "no bgsave")
        host.bench("-n", str(n), "-r", "1000", "-P", "4", "-t", "set,lpush,zadd")
        check(wait_for(lambda: "rdb_bgsave_in_progress:0" in host.ask("info", "persistence")),
              "bgsave does not end")
        info = host.ask("info", "persistence")
        check("rdb_last_bgsave_status:ok" in info and "aof_last_write_status:ok" in info, info)
        has_samples([host.snapshot(types=("cpu",))["cpu"]], "redis")
        digest = host.ask("debug", "digest")
        check(host.ask("debug", "reload") == "OK" and host.ask("debug", "digest") == digest,
              "not the same after a reload")
        host.process.terminate()
        check(host.process.wait(30) == 0, host.log_text())


def workers(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return set(f.read().split())


def nginx():
    with Nginx("worker_processes 2; user root;", OTHER_SIGNAL, CPROF_DIR="nginx", **CONFIG) as host:
        old = wait_for(lambda: len(workers(host.pid)) == 2 and workers(host.pid))
        wrk = subprocess.Popen(["wrk", "-t", "2", "-c", "16", "-d", f"{SECONDS}s",
                                f"http://127.0.0.1:{host.port}/"], stdout=subprocess.PIPE, text=True)
        time.sleep(SECONDS / 2)
        has_samples([host.snapshot(int(pid), ("cpu",))["cpu"] for pid in old], "nginx")
        out = wrk.communicate()[0]
        check(wrk.returncode == 0 and "Non-2xx" not in out and "Socket errors" not in out and
              int(re.search(r"(\d+) requests in", out)[1]) > 100, out)
        host.process.send_signal(signal.SIGHUP)
        check(wait_for(lambda: len(workers(host.pid)) == 2 and not workers(host.pid) & old),
              "no new workers after SIGHUP")
        host.process.send_signal(signal.SIGQUIT)
        check(host.process.wait(30) == 0, host.log_text())


PYTHON = """
import hashlib, json, os, signal, subprocess, sys, threading, time
ticks = {signal.SIGALRM: 0, signal.SIGPROF: 0, signal.SIGUSR2: 0}
def on(sig, frame): ticks[sig] += 1
for sig in ticks: signal.signal(sig, on)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
signal.setitimer(signal.ITIMER_PROF, 0.02, 0.02)
def work(n):
    h = hashlib.sha256()
    for i in range(n): h.update(json.dumps({str(i): list(range(i % 50))}).encode())
    return h.hexdigest()
out = [None] * 4
threads = [threading.Thread(target=lambda k=k: out.__setitem__(k, work(4000 + k))) for k in range(4)]
for t in threads: t.start()
sent = 0
while any(t.is_alive() for t in threads):
    os.kill(os.getpid(), signal.SIGUSR2); sent += 1
    while ticks[signal.SIGUSR2] < sent: time.sleep(0.0005)
for t in threads: t.join()
signal.setitimer(signal.ITIMER_REAL, 0)
signal.setitimer(signal.ITIMER_PROF, 0)
codes = [subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.exit({k})"]).returncode for k in range(5)]
cpu = time.process_time() / 0.02
print(out, codes, ticks[signal.SIGALRM] > 0, "prof", ticks[signal.SIGPROF] <= cpu + 2)
"""


def python():
    outs = []
    for preload in ("", LIB):
        with open("python.out", "wb") as out, \
                Host(["/usr/bin/python3", "-S", "-c", PYTHON], preload=preload, out=out,
                     CPROF_DIR="python", CPROF_ATEXIT=1, **CONFIG) as host:
            check(host.process.wait(90) == 0, host.log_text())
        with open("python.out") as f:
            outs.append(f.read())
    check(outs[0] == outs[1] and "prof True" in outs[1], f"{outs}")
    check("takes signal 27" in host.log_text(), host.log_text())


def java():
    """Its own tool makes keys: the virtual machine with compilers and collectors at work."""
    make = ["keytool", "-genkeypair", "-keystore", "keys", "-storepass", "secret", "-dname", "CN=a",
            "-keyalg", "RSA", "-keysize", "4096", "-alias"]
    with open("java.out", "wb") as out, \
            Host([*make, "one"], OTHER_SIGNAL, out=out, CPROF_DIR="java", **CONFIG) as host:
        check(wait_for(lambda: host.catches(host.pid, signal.SIGQUIT)), "no virtual machine")
        host.process.send_signal(signal.SIGQUIT)  # asks for a dump of its threads
        has_samples([host.snapshot(types=("cpu",))["cpu"]], "java")
        check(host.process.wait(90) == 0, host.log_text())
    with open("java.out") as f:
        check("Full thread dump" in f.read(), "SIGQUIT was lost")
    with Host(["keytool", "-list", "-keystore", "keys", "-storepass", "secret"],
              out=subprocess.PIPE, CPROF_DIR="java", **CONFIG) as host:
        out = host.process.communicate(timeout=60)[0].decode()
    check(host.process.returncode == 0 and "one" in out, out)


for program in (postgres, redis, nginx, python, java):
    began = time.monotonic()
    program()
    print(f"{program.__name__}: {time.monotonic() - began:.1f} s")
