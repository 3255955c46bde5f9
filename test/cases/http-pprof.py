#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-085
# timeout: 150
"""go tool pprof, Debian's and a newer one where there is one, over the URL of every profile."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from host import PROG, check, wait_for  # noqa: E402
from http_kit import Server, free_port  # noqa: E402

# What pprof says of its own doings; anything else is a complaint.
CHATTER = re.compile(r"Fetching profile over HTTP from .*|Saved profile in .*|"
                     r"Please wait\.\.\. .*|Fetched \d+ source profiles.*|"
                     r"Serving web UI on .*|")
# A function of the host that each profile must name.
NAMED = {"profile": "burn", "heap": "go_deep", "allocs": "go_deep", "mutex": "hold_lock",
         "block": "hold_lock", "threadcreate": "make_thread", "goroutine": "hold_lock"}
TEXTS = ("heap", "allocs", "mutex", "block", "threadcreate", "goroutine")


def find_tools():
    """The pprof behind each go: {version: path}."""
    found = {}
    for go in ("/usr/bin/go", "/usr/local/go/bin/go", shutil.which("go")):
        if not go or not os.path.exists(go):
            continue
        version = subprocess.run([go, "version"], capture_output=True, text=True)
        tool = subprocess.run([go, "tool", "-n", "pprof"], capture_output=True, text=True)
        path = tool.stdout.strip()
        if not version.returncode and os.access(path, os.X_OK):
            found.setdefault(version.stdout.split()[2], path)
    return found


def environment():
    env = dict(os.environ, HOME=os.getcwd(), PPROF_TMPDIR=os.getcwd() + "/saved")
    env.pop("LD_PRELOAD", None)
    return env


def complaints(text):
    return [line for line in text.split("\n") if not CHATTER.fullmatch(line)]


def pprof(tool, *args):
    r = subprocess.run([tool, *args], env=environment(), capture_output=True, text=True)
    check(r.returncode == 0 and not complaints(r.stderr), "%s %s: %s" % (tool, args, r.stderr))
    return r.stdout


def see_profile(tool, h, name):
    url = h.url + name
    short = url + "?seconds=1" if name == "profile" else url
    index = ["-sample_index=alloc_space"] if name in ("heap", "allocs") else []
    top = pprof(tool, "-top", *index, short)
    check(NAMED[name] in top, "%s: names: %s" % (name, top))
    top = pprof(tool, "-top", *index, "-seconds", "1", url)
    check("Duration:" in top, "%s over a second: %s" % (name, top))
    for option in ("-base", "-diff_base"):
        top = pprof(tool, "-top", *index, option, short, short)
        check("File: httpbusy" in top, "%s %s: %s" % (name, option, top))
    pprof(tool, "-top", *index, short, short)  # added up
    if name in TEXTS:
        top = pprof(tool, "-top", *index, url + "?debug=1")
        check(NAMED[name] in top, "%s: the text form, named by /symbol: %s" % (name, top))


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as f:
            return f.read().decode()
    except OSError:
        return None


def web(tool, h):
    """-http: its pages show the host's functions."""
    with open("web.log", "w") as log:
        port = free_port()
        p = subprocess.Popen([tool, "-http=127.0.0.1:%d" % port, "-no_browser", "-sample_index=alloc_space",
                              h.url + "allocs"],
                             env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        check(wait_for(lambda: "web UI on" in open("web.log").read()), "-http: " + open("web.log").read())
        for page in ("top", "flamegraph", "peek"):
            text = wait_for(lambda: get("http://127.0.0.1:%d/ui/%s" % (port, page)))
            check(text and "go_deep" in text, "-http, page %s" % page)
    finally:
        p.terminate()
        p.wait(20)
    with open("web.log") as f:
        text = f.read()
    check(not complaints(text), "-http: " + text)


tools = find_tools()
if not tools:
    print("no go here")
    sys.exit(77)
with Server([os.path.join(PROG, "httpbusy")], CPROF_HEAP_RATE=16384, CPROF_MUTEX_FRACTION=1,
            CPROF_BLOCK_RATE=1) as server:
    page = server.get("/debug/pprof/").body.decode()
    names = set(re.findall(r"<a href='(\w+)\?debug=1'", page)) - {"cmdline"}
    check(names == set(NAMED) - ({"goroutine"} - names), "profiles: %s" % names)
    check(wait_for(lambda: b"\thold_lock" in server.get("/debug/pprof/mutex?debug=1").body), "contention")
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(see_profile, tool, server, name)
                for tool in tools.values() for name in sorted(names)]
        for d in done:
            d.result()
    for tool in tools.values():
        web(tool, server)
    print(" ".join(sorted(tools)))
shutil.rmtree("saved", ignore_errors=True)
