#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""Debian's own redis, nginx, memcached and Python: every view, no warning, right names."""

import os
import re
import signal
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import Host, check, have_go, pprof, wait_for  # noqa: E402
from servers import Nginx, Redis, connects, free_port  # noqa: E402

VIEWS = ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects")
OTHER_SIGNAL = signal.SIGRTMIN + 5


def look(files, older, names):
    """Every way people open a profile; each wanted name is in the allocs view."""
    for view in VIEWS:
        pprof("-top", "-sample_index=" + view, files["heap"])
    top = pprof("-top", "-cum", "-nodecount=2000", files["allocs"])
    for name in names:
        check(name in top, "%s is not in\n%s" % (name, top))
    check("libcprof" not in top, "our own frames show:\n" + top)
    pprof("-traces", files["heap"])
    pprof("-raw", files["allocs"])
    pprof("-top", "-base", older["heap"], files["heap"])
    # All that was ever allocated only grows: a row below zero would be the half of a pair
    # +N/-N, one stack named differently in the two files.
    since = pprof("-top", "-lines", "-nodecount=2000", "-base", older["allocs"], files["allocs"])
    check(not re.search(r"^\s*-", since, re.M), "pairs of +N and -N:\n" + since)


def twice(host, load, names, pid=None):
    load()
    older = host.snapshot(pid)
    load()
    look(host.snapshot(pid), older, names)


def redis():
    with Redis(CPROF_HEAP_RATE=4096) as host:
        twice(host, lambda: host.bench("-n", "20000", "-r", "5000", "-d", "200", "-t", "set,lpush"),
              ["main", "processCommand", "setCommand", "createStringObject"])


def nginx():
    with Nginx("master_process off;", OTHER_SIGNAL, CPROF_HEAP_RATE=512) as host:
        def load():
            for _ in range(300):
                connects(host.port)
        twice(host, load, ["main", "ngx_alloc", "ngx_single_process_cycle"])


def memcached():
    port = free_port()
    argv = ["memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-u", "root"]
    with Host(argv, OTHER_SIGNAL, CPROF_HEAP_RATE=512) as host:
        check(wait_for(lambda: connects(port)), "memcached does not start")

        def load():
            for _ in range(300):
                connects(port)
        twice(host, load, ["main"])


def python():
    code = ("import time, json\nkept = []\n"
            "while True:\n  kept.append(json.dumps(list(range(500)))); time.sleep(0.001)\n"
            "  if len(kept) > 500: kept.clear()\n")
    argv = ["/usr/bin/python3", "-S", "-c", code]
    with Host(argv, CPROF_HEAP_RATE=512, PYTHONMALLOC="malloc") as host:
        host.snapshot()
        twice(host, lambda: None, ["_PyEval_EvalFrameDefault", "Py_BytesMain"])


if not have_go():
    sys.exit(77)
redis()
nginx()
memcached()
python()
