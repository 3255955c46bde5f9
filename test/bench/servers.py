# SPDX-License-Identifier: MIT
"""Servers, which others load (twins.py), and programs that are started, measured and ended."""
import contextlib
import itertools
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from kit import BENCH, ROOM, environment, out

PG_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


PORTS = itertools.cycle(range(20000, 32000))  # none that a connection is given


def free_port():
    """Never the one before: a server that finds its port taken waits, and its twin answers."""
    for port in PORTS:
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", port))
            return port


def tree(pid):
    """A process and all that came of it."""
    pids = [pid]
    for p in pids:
        try:
            for task in pathlib.Path(f"/proc/{p}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
        except OSError:
            pass
    return pids


def peak_kib(pids):
    """Of resident memory, in all."""
    kib = 0
    for p in pids:
        with contextlib.suppress(OSError):
            status = pathlib.Path(f"/proc/{p}/status").read_text()
            found = re.search(r"^VmHWM:\s+(\d+)", status, re.M)
            kib += int(found.group(1)) if found else 0  # one that has ended has none
    return kib


class Server:
    user = None
    ready = b""  # what to send; an answer means that it is up
    greeting = ""  # with which a connection begins

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=ROOM))
        self.port = free_port()
        self.prepare()

    def prepare(self):
        pass

    def is_up(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as s:
                s.sendall(self.ready)
                return not self.ready or bool(s.recv(1))
        except OSError:
            return False

    def start(self, env):
        self.process = subprocess.Popen([str(a) for a in self.argv()], env=env, cwd=self.dir,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, user=self.user)
        for _ in range(400):
            if self.is_up():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.025)
        raise SystemExit(f"bench: {self.name} does not start")

    def stop(self):
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    stop_signal = signal.SIGTERM


class Redis(Server):
    name, ready = "redis-server", b"PING\r\n"

    def argv(self):
        return ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", self.dir]


class Nginx(Server):
    """One process: what gperftools and heaptrack see ends at a fork."""
    name, ready = "nginx", b"GET /page HTTP/1.0\r\n\r\n"
    stop_signal = signal.SIGQUIT

    def prepare(self):
        (self.dir / "page").write_text("x" * 1024)
        (self.dir / "nginx.conf").write_text(
            f"daemon off; master_process off; error_log /dev/null; pid {self.dir}/pid;\n"
            f"events {{ worker_connections 256; }}\nhttp {{ access_log off; keepalive_requests 100000000;\n" +
            "".join(f"{k}_temp_path {self.dir}/{k};\n" for k in
                    ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")) +
            f"server {{ listen 127.0.0.1:{self.port}; root {self.dir}; }} }}\n")

    def argv(self):
        return ["nginx", "-e", "/dev/null", "-c", self.dir / "nginx.conf", "-p", self.dir]


class Memcached(Server):
    name, ready = "memcached", b"version\r\n"
    stop_signal = signal.SIGKILL  # the other ones it looks at once a second

    def argv(self):
        return ["memcached", "-p", self.port, "-l", "127.0.0.1", "-t", 2, "-U", 0,
                *(["-u", "root"] if os.getuid() == 0 else [])]


class Postgres(Server):
    name = "postgresql"
    greeting = "\0\0\0\x26\0\3\0\0user\0bench\0database\0postgres\0\0"
    stop_signal = signal.SIGINT
    free = []  # clusters nobody uses: it takes long to make one

    def prepare(self):
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            shutil.chown(self.dir, pwd.getpwnam(self.user).pw_uid)
        self.data = Postgres.free.pop() if Postgres.free else self.make()

    def make(self):
        data = self.dir / "data"
        self.run(PG_BIN / "initdb", "-D", data, "-U", "bench", "-A", "trust", "--no-sync")
        self.data = data
        self.start(environment())
        self.run("pgbench", "-h", "127.0.0.1", "-p", self.port, "-U", "bench", "-i", "-q",
                 "postgres")
        super().stop()
        return data

    def run(self, *argv):
        out(argv, user=self.user, cwd=self.dir)

    def argv(self):
        return [PG_BIN / "postgres", "-D", self.data, "-p", self.port, "-k", self.dir, "-c",
                "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "autovacuum=off"]

    def is_up(self):
        return subprocess.run([PG_BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p",
                               str(self.port)], check=False).returncode == 0

    def stop(self):
        super().stop()
        Postgres.free.append(self.data)


class Batch:
    """A program that does its work and ends: what it does per second of its CPU time. It takes
    more than a tenth of one, so that its start, which is measured by itself, hardly counts."""

    def __init__(self, name, argv, stdin=None):
        self.name, self.argv, self.stdin = name, [str(a) for a in argv], stdin

    def start(self, env, beside):
        """The process, and where it will tell what it took."""
        plain = environment()
        changed = [f"{k}={v}" for k, v in env.items() if plain.get(k) != v]
        r, w = os.pipe()
        with open(self.stdin or os.devnull, "rb") as stdin, open(w, "wb"):
            return subprocess.Popen([str(BENCH / "once"), str(w), "env", *changed,
                                     *beside.words("--"), *self.argv], env=plain, stdin=stdin,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    cwd=tempfile.mkdtemp(dir=ROOM), pass_fds=[w]), r

    def ended(self, started):
        process, r = started
        with open(r, encoding="ascii") as report:
            if process.wait():
                raise SystemExit(f"bench: {self.name} fails")
            cpu, kib = map(float, report.read().split())
        return {"rate": 1 / cpu, "p99": 0, "cpu": cpu, "kib": int(kib)}


def sqlite():
    script = ROOM / "script.sql"
    n = 36000
    script.write_text(
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INTEGER); BEGIN;\n"
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n})\n"
        "INSERT INTO t SELECT i, 'name ' || (i * 7919 % 100003), i % 97 FROM n; COMMIT;\n"
        "CREATE INDEX tb ON t(b); SELECT c, count(*), max(b) FROM t GROUP BY c;\n"
        "SELECT count(*) FROM t x JOIN t y ON x.b = y.b; UPDATE t SET b = b || c;\n")
    return Batch("sqlite", ["sqlite3", ":memory:"], script)


def compiler():
    source = ROOM / "many.c"
    source.write_text("#include <stdio.h>\n" + "".join(
        f"int f{i}(int a, int *b) {{ int s = a; for (int k = 0; k < a; k++) {{ s += b[k] * {i};"
        f" if (s % 7 == {i % 7}) b[k] = s ^ k; else s -= b[k] >> 3; }} return s + {i}; }}\n"
        for i in range(20)))
    return Batch("gcc", ["gcc", "-O2", "-c", "-o", "many.o", source])


def words(name):
    return Batch(name, [BENCH / name, 50])


WORKLOADS = {
    "sqlite": sqlite, "gcc": compiler, "c++": lambda: words("words"),
    "rust": lambda: words("words-rs"),
}
