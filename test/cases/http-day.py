#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 100
"""A scraper's day in small: a busy nginx worker, asked by two scrapers and a person at once.

Every answer is 200 and whole, a window's no earlier than its end, totals never fall, and
the worker's memory and descriptors stay where they were. Under `make soak` the rounds are
of 15 s, as scrapers make them, and every answer is there 2 s after its window, and what
the machine made other requests wait, to an nginx without the library."""

import glob
import gzip
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from host import LIB, check, wait_for  # noqa: E402
from http_kit import ask, read_answer, request, rss_kb  # noqa: E402

SOAK = float(os.environ.get("SOAK_SECONDS", 0))
PERIOD = 15 if SOAK else 3
ROUNDS = max(4, int(SOAK / PERIOD))
LATE = 2 if SOAK else 30  # seconds
GROWTH = 8192  # kB
ROOT = "/debug/pprof/"
PERSON = ("", "heap?debug=1", "mutex?debug=1", "flame?profile=heap", "heap?seconds=1", "cmdline",
          "profile?seconds=1", "symbol?0x1", "threadcreate", "goroutine?debug=2")
CONF = """daemon off; user root; worker_processes 1; pid nginx.pid; error_log stderr;
events {}
http { access_log off; client_body_temp_path body; proxy_temp_path proxy;
fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
keepalive_requests 1000000000;
server { listen unix:%s/web.sock; location / { return 200 hello; } } }
"""


class Nginx:
    """With the library, or without: then it is what the other is held against."""

    def __init__(self, name, profiled):
        os.mkdir(name)
        self.dir = os.path.abspath(name)
        with open(name + "/nginx.conf", "w") as f:
            f.write(CONF % self.dir)
        env = dict(os.environ)
        if profiled:
            env.update(LD_PRELOAD=LIB, CPROF_HTTP="127.0.0.1:0", CPROF_DIR=self.dir,
                       CPROF_SIGNAL="none")
        with open(name + "/log", "w") as log:
            self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", self.dir, "-c", "nginx.conf"],
                                            env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        check(wait_for(lambda: os.path.exists(self.dir + "/web.sock") and self.children()), "nginx starts")
        self.worker = self.children()[0]
        if profiled:
            url = wait_for(lambda: glob.glob("%s/nginx.%d.http" % (self.dir, self.worker)))
            check(url, "the worker's URL: " + open(name + "/log").read())
            self.port = int(re.search(r":(\d+)/", open(url[0]).read())[1])

    def children(self):
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as f:
            return [int(p) for p in f.read().split()]

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        s.connect(self.dir + "/web.sock")
        return s

    def end(self):
        self.process.terminate()
        self.process.wait(20)


def descriptors(pid):
    """The process's own, and those of the server in it."""
    tables = {}
    for task in glob.glob("/proc/%d/task/*" % pid):
        try:
            with open(task + "/comm") as f:
                tables[f.read().strip()] = len(os.listdir(task + "/fd"))
        except FileNotFoundError:
            pass  # a worker's, which has ended
    return tables.get("nginx"), tables.get("cprof")


class Day:
    def __init__(self, plain, host):
        self.plain, self.host = plain, host
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.answers, self.latest, self.wrong, self.last = 0, (0.0, "none"), [], {}
        self.machine = 0.0
        self.spent, self.served = {plain: 0.0, host: 0.0}, 0

    def ask(self, s, target, seconds=0):
        began = time.monotonic()
        try:
            s.sendall(request(ROOT + target))
            a = read_answer(s)
        except OSError as e:
            self.wrong.append("%s: %s" % (target, e))
            raise
        took = time.monotonic() - began
        with self.lock:
            self.answers += 1
            self.latest = max(self.latest, (took - seconds, target))
            if a.status != 200 or took < seconds or not a.body:
                self.wrong.append("%s: %d after %.1f s, %r" % (target, a.status, took, a.body[:80]))
        if a.headers.get("Content-Type") == "application/octet-stream":
            gzip.decompress(a.body)
        return a

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.host.port), 60)

    def scrape(self, names):
        """One scraper: the CPU nearly all the time, the rest once in a round, kept alive."""
        with self.connect() as cpu, self.connect() as rest:
            for i in range(ROUNDS):
                end = time.monotonic() + PERIOD
                window = threading.Thread(target=self.keep, args=(
                    cpu, "profile?seconds=%d" % (PERIOD - 1), PERIOD - 1))
                window.start()
                for name in names:
                    self.keep(rest, name)
                window.join()
                time.sleep(max(0.0, end - time.monotonic()))

    def keep(self, s, target, seconds=0):
        self.last[target.split("?")[0]] = self.ask(s, target, seconds).body

    def look_around(self, names):
        """A person, who opens a page now and then, each time anew."""
        wanted = [p for p in PERSON if not p.startswith("goroutine") or "goroutine" in names]
        pick = random.Random(1)
        while not self.over.is_set():
            target = pick.choice(wanted)
            with self.connect() as s:
                self.ask(s, target, 1 if "seconds=1" in target else 0)
            self.over.wait(PERIOD / 15)

    def load(self):
        """Keeps both nginx busy, in turn, and takes the time each needs."""
        wire = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        sockets = {n: n.connect() for n in (self.plain, self.host)}
        while not self.over.is_set():
            for n, s in sockets.items():
                began = time.monotonic()
                for _ in range(200):
                    s.sendall(wire)
                    s.recv(4096)
                took = time.monotonic() - began
                self.spent[n] += took
                if n is self.plain:
                    self.machine = max(self.machine, took)
            self.served += 200
        for s in sockets.values():
            s.close()


def start(*targets):
    threads = [threading.Thread(target=t[0], args=t[1:]) for t in targets]
    for t in threads:
        t.start()
    return threads


def names_of(host):
    with socket.create_connection(("127.0.0.1", host.port), 20) as s:
        page = ask(s, ROOT).body.decode()
    names = set(re.findall(r"<a href='(\w+)\?debug=1'", page))
    return [n for n in ("allocs", "mutex", "block", "goroutine") if n in names]


def run(plain, host):
    names = names_of(host)
    warm = Day(plain, host)  # one of everything before memory is looked at
    with warm.connect() as s:
        for target in list(PERSON[:-1]) + names:
            warm.ask(s, target)
    before = rss_kb(host.worker)
    wait_for(lambda: descriptors(host.worker)[1] == 2)
    table = descriptors(host.worker)
    day = Day(plain, host)
    others = start((day.look_around, names), (day.load,))
    for t in start((day.scrape, names), (day.scrape, names)):
        t.join()
    day.over.set()
    for t in others:
        t.join()
    check(not day.wrong, "%d of %d answers are wrong: %s" % (len(day.wrong), day.answers, day.wrong[:5]))
    check(day.latest[0] < LATE + day.machine, "%.2f s late: %s" % day.latest)
    check(day.answers >= 2 * ROUNDS * (1 + len(names)), "answers: %d" % day.answers)
    check(wait_for(lambda: descriptors(host.worker) == table),
          "descriptors: %s, then %s" % (table, descriptors(host.worker)))
    after = rss_kb(host.worker)
    check(after - before < GROWTH, "memory: %d, then %d kB" % (before, after))
    for name, body in day.last.items():
        with open(name + ".pb.gz", "wb") as f:
            f.write(body)  # the validator looks at it
    print("%d answers, the latest %.2f s late, of %s (the machine: %.2f s); %d kB, then %d; %d requests served, at %.1f %% of the "
          "throughput without" % (day.answers, *day.latest, day.machine, before, after, day.served,
                                  100 * day.spent[plain] / day.spent[host]))


unprofiled, profiled = Nginx("plain", False), Nginx("profiled", True)
try:
    run(unprofiled, profiled)
    check(profiled.process.poll() is None and profiled.children() == [profiled.worker], "the worker lives")
finally:
    unprofiled.end()
    profiled.end()
