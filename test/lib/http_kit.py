# SPDX-License-Identifier: MIT
"""Talks HTTP to a program under the preload, by raw sockets where it matters."""

import os
import re
import socket
import time

from host import Host, fail, wait_for


class Server(Host):
    """A program that serves /debug/pprof/ on a port of its own choice."""

    def __init__(self, argv, **config):
        config.setdefault("CPROF_HTTP", "127.0.0.1:0")
        super().__init__(argv, **config)
        self.url = wait_for(self.find_url)
        if not self.url:
            self.__exit__()
            fail("no URL file; its log:\n" + self.log_text_of())
        self.port = int(re.search(r":(\d+)/", self.url)[1])

    def log_text_of(self):
        with open("host.log", "rb") as f:
            return f.read().decode(errors="replace")

    def find_url(self, pid=None):
        path = os.path.join(self.dir, "%s.%d.http" % (self.exe, pid or self.pid))
        if not os.path.exists(path):
            return None
        with open(path) as f:
            return f.read().strip()

    def connect(self, timeout=20):
        s = socket.create_connection(("127.0.0.1", self.port), timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def get(self, target, **more):
        with self.connect() as s:
            return ask(s, target, **more)


def connect_unix(path):
    """It has a name a moment before it listens."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    if not wait_for(lambda: s.connect_ex(path) == 0):
        fail(path + " does not listen")
    return s


class Answer:
    def __init__(self, status, reason, headers, body):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def request(target, method="GET", headers=None, body=None, version="HTTP/1.1"):
    headers = dict({"Host": "localhost"}, **(headers or {}))
    lines = ["%s %s %s" % (method, target, version)]
    lines += ["%s: %s" % h for h in headers.items() if h[1] is not None]
    if body is not None and "Transfer-Encoding" not in headers:
        lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")


def read_answer(s, head_only=False, pending=b""):
    """One answer, exactly; what follows it is answer.rest."""
    data = pending
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            raise ConnectionError("closed in a head: %r" % data)
        data += more
    head, data = data.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    status = re.fullmatch(r"HTTP/1\.1 (\d{3}) (.+)", lines[0])
    headers = dict(line.split(": ", 1) for line in lines[1:])
    length = 0 if head_only else int(headers["Content-Length"])
    while len(data) < length:
        more = s.recv(65536)
        if not more:
            raise ConnectionError("closed in a body")
        data += more
    answer = Answer(int(status[1]), status[2], headers, data[:length])
    answer.rest = data[length:]
    return answer


def ask(s, target, method="GET", **more):
    s.sendall(request(target, method, **more))
    return read_answer(s, method == "HEAD")


def closed(s, seconds=20):
    """Does the other side close, whatever it sends before?"""
    s.settimeout(seconds)
    try:
        while s.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except (socket.timeout, TimeoutError):
        return False


def rss_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1])


def until(deadline):
    return max(0.0, deadline - time.monotonic())
