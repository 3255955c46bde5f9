#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 150
"""A database under load: both profiles name the locks that are hot, in every view of pprof's.
First all clients change one row, which InnoDB guards; then one table of an engine that knows
locks of whole tables only. Every contention is charged: on a busy machine, where threads take
turns anyway, there are few."""
import os
import re
import sys
import threading

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
from host import check, have_go, pprof  # noqa: E402
from servers import Mariadb  # noqa: E402

if not have_go() or not os.access("/usr/sbin/mariadbd", os.X_OK):
    sys.exit(77)

CLIENTS = 6
TABLES = """create database t; use t; create table hot (id int primary key, n int) engine=innodb;
insert into hot values (1, 0); create table whole (n int) engine=myisam; insert into whole values
(0)"""
LOADS = {"row": "update hot set n = n + 1 where id = 1;\n", "table": "update whole set n = n + 1;\n"}
UNIT = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "mins": 60, "hrs": 3600, "": 1}


def windows(server, load):
    """{profile: its file} of the same two seconds of a load."""
    path = load + ".sql"
    with open(path, "w") as f:
        f.write(LOADS[load] * 100000)
    clients = [server.begin("t", path) for _ in range(CLIENTS)]

    def one(kind):
        with open("%s.%s.pb.gz" % (load, kind), "wb") as f:
            f.write(server.get("/debug/pprof/%s?seconds=2" % kind).body)
    readers = [threading.Thread(target=one, args=(kind,)) for kind in ("mutex", "block")]
    for t in readers:
        t.start()
    for t in readers:
        t.join()
    check(all(c.poll() is None for c in clients), "the load ended early")
    for c in clients:
        c.kill()
        c.wait()
    return {kind: "%s.%s.pb.gz" % (load, kind) for kind in ("mutex", "block")}


def cumulative(text):
    """{function: what is in it and below} of a -top."""
    rows = re.findall(r"^ *\S+ +\S+% +\S+% +([\d.]+)(\w*) +\S+%  (.+)$", text, re.M)
    return {name.replace(" (inline)", ""): float(v) * UNIT[unit] for v, unit, name in rows}


def views(path, hot):
    """{function: contentions}, {function: delay}; every view of the file, none with a warning,
    knows the hot one."""
    check("Type: delay" in pprof("-top", path), "delay is not what is shown")
    found = {view: cumulative(pprof("-top", "-cum", "-nodefraction=0", view, path))
             for view in ("-contentions", "-total_delay", "-mean_delay")}
    for view, rows in found.items():
        check(rows.get(hot, 0) > 0, "%s of %s has no %s:\n%s" % (view, path, hot, rows))
    peek = pprof("-peek", "^%s$" % re.escape(hot), path)
    check("| " + hot in peek, peek)
    return found["-contentions"], found["-total_delay"]


def share(found, names):
    """Of all statements'."""
    return sum(found.get(name, 0) for name in names) / found["mysql_execute_command"]


def all_views(load, files, hot, cold):
    """Most waits are where this load waits, few where the other one does; and most of the time,
    where one holder that gets no processor can't outweigh all others."""
    for kind, path in files.items():
        for what, found in zip(("waits", "time"), views(path, hot[kind][0])):
            here, there = share(found, hot[kind]), share(found, cold[kind])
            print("%s %s: %.2f of all %s in %s, %.2f in %s"
                  % (load, kind, here, what, hot[kind], there, cold[kind]))
            if what == "waits" or kind == "block":
                check(here > 0.5 > 0.2 > there, "%s: %s" % (path, found))


ROW = {"block": ("handler::ha_index_read_map",),
       "mutex": ("handler::ha_index_read_map", "handler::ha_update_row", "ha_commit_trans")}
TABLE = {"block": ("mysql_lock_tables",), "mutex": ("mysql_unlock_tables", "mysql_lock_tables")}

with Mariadb(CPROF_MUTEX_FRACTION=1) as server:
    server.run(TABLES)
    all_views("row", windows(server, "row"), ROW, TABLE)
    files = windows(server, "table")
    all_views("table", files, TABLE, ROW)
    # What the table's lock is waited for by is each thread's own condition, which lies in no
    # variable: its name is who made it.
    tags = pprof("-tags", "-focus", "^thr_multi_lock$", files["block"])
    first = re.search(r"lock: Total.*\n *\S+ \( *([\d.]+)%\): (.*)", tags)
    check(first and first[2] == "init my_thread_init" and float(first[1]) > 50, tags)
    peek = pprof("-peek", "^thr_multi_lock$", files["block"])
    check(re.search(r"\|   mysql_lock_tables\n", peek), peek)
