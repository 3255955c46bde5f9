# SPDX-License-Identifier: MIT
"""Debian's own servers under the preload, on sockets and in directories of their own."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile

from host import Host, check, wait_for
from http_kit import Server

NGINX = """daemon off; pid nginx.pid; error_log %(log)s; %(more)s
events {}
http { access_log off; client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server { listen 127.0.0.1:%(port)d; location / { return 200 hello; } } }
"""
PG_BIN = "/usr/lib/postgresql/15/bin/"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Redis(Host):
    """redis-server on the socket r.sock."""

    def __init__(self, *more, **config):
        super().__init__(["redis-server", "--port", "0", "--unixsocket", "r.sock", "--save", "",
                          *more], **config)
        check(wait_for(lambda: os.path.exists("r.sock")), "redis does not start")

    def bench(self, *args):
        subprocess.run(["redis-benchmark", "-s", "r.sock", "-q", *args], stdout=subprocess.DEVNULL,
                       check=True)

    def ask(self, *words):
        return subprocess.run(["redis-cli", "-s", "r.sock", *words], check=True,
                              capture_output=True, text=True).stdout.strip()


class Nginx(Host):
    """nginx, which answers hello on self.port; `more` are directives."""

    def __init__(self, more, signal_number, log="stderr", **config):
        self.port = free_port()
        with open("nginx.conf", "w") as f:
            f.write(NGINX % {"port": self.port, "more": more, "log": log})
        super().__init__(["/usr/sbin/nginx", "-p", os.getcwd(), "-c", "nginx.conf"],
                         signal_number, **config)
        check(wait_for(lambda: connects(self.port)), "nginx does not start")


class Postgres:
    """A database cluster of its own, in a directory that its user may enter; `with` ends it."""

    def __init__(self, **config):
        root = os.getuid() == 0
        self.user = "postgres" if root else pwd.getpwuid(os.getuid()).pw_name
        self.dir = tempfile.mkdtemp(prefix="cprof-pg.")
        self.how = {"cwd": self.dir, "stdin": subprocess.DEVNULL}
        if root:
            pw = pwd.getpwnam("postgres")
            os.chown(self.dir, pw.pw_uid, pw.pw_gid)
            self.how.update(user=pw.pw_uid, group=pw.pw_gid, extra_groups=[])
        self.run(PG_BIN + "initdb", "-D", "data", "-A", "trust", "-N", "--no-locale")
        # Where its user, who may not enter ours, finds it.
        for name in ("libcprof.so", "cprof-lines"):
            shutil.copy(os.path.join(os.environ["BUILD"], name), self.dir)
        env = dict(os.environ, LD_PRELOAD=self.dir + "/libcprof.so",
                   CPROF_DIR=self.dir + "/profiles")
        env.update({k: str(v) for k, v in config.items()})
        self.log = open(self.dir + "/log", "wb")
        self.server = subprocess.Popen(
            [PG_BIN + "postgres", "-D", "data", "-F", "-k", self.dir, "-c", "listen_addresses="],
            env=env, stdout=self.log, stderr=self.log, **self.how)
        self.pid = self.server.pid

    def __enter__(self):
        check(wait_for(lambda: self.run("psql", "-c", "select 1", fails=True).returncode == 0, 60),
              "PostgreSQL does not start:\n" + self.log_text())
        return self

    def __exit__(self, *exc):
        self.stop()
        shutil.rmtree(self.dir)

    def run(self, *argv, fails=False):
        """One of PostgreSQL's programs, as its user, on our socket; what subprocess.run answers."""
        env = dict(os.environ, PGHOST=self.dir, PGUSER=self.user, PGDATABASE="postgres")
        p = subprocess.run(argv, env=env, capture_output=True, text=True, **self.how)
        check(fails or p.returncode == 0, f"{argv}: {p.returncode} {p.stdout}{p.stderr}")
        return p

    def sql(self, text):
        return self.run("psql", "-Atqc", text).stdout.strip()

    def stop(self):
        """A fast shutdown; answers the exit status."""
        if self.server.poll() is None:
            self.server.send_signal(2)
            try:
                self.server.wait(30)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        self.log.close()
        return self.server.returncode

    def log_text(self):
        with open(self.dir + "/log", "rb") as f:
            return f.read().decode(errors="replace")


class Mariadb(Server):
    """A database of its own in the directory db, on the socket db.sock; it serves profiles."""

    SETTINGS = ("--skip-networking", "--skip-grant-tables", "--innodb-buffer-pool-size=16M",
                "--innodb-flush-log-at-trx-commit=0", "--pid-file=db.pid")

    def __init__(self, **config):
        me = ["--user=root"] if os.getuid() == 0 else []
        data = ["--no-defaults", "--datadir=" + os.path.abspath("db"), *me]
        subprocess.run(["mariadb-install-db", *data, "--skip-test-db",
                        "--auth-root-authentication-method=normal"], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.client = ["mariadb", "--no-defaults", "-S", os.path.abspath("db.sock")]
        super().__init__(["/usr/sbin/mariadbd", *data, "--socket=" + self.client[-1],
                          *self.SETTINGS], **config)
        check(wait_for(lambda: self.run("select 1", fails=True) == 0, 60),
              "MariaDB does not start:\n" + self.log_text())

    def run(self, sql, fails=False):
        """The exit status of its client."""
        done = subprocess.run([*self.client, "-e", sql], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        check(fails or not done.returncode, done.stderr)
        return done.returncode

    def begin(self, database, path):
        """A client that runs a file of SQL."""
        with open(path) as sql:
            return subprocess.Popen([*self.client, database], stdin=sql)
