#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-085
"""go tool pprof over URLs: names are found, stderr has no complaint."""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from host import PROG, check  # noqa: E402
from http_kit import Server  # noqa: E402

tools = {p for p in ("/usr/bin/go",) if os.path.exists(p)}
if not tools:
    print("no go here")
    sys.exit(77)
# What it says of its own doings.
CHATTER = re.compile(r"Fetching profile over HTTP from .*|Saved profile in .*|"
                     r"Please wait\.\.\. .*|Fetched \d+ source profiles.*|")


def pprof(go, *args):
    env = dict(os.environ, HOME=os.getcwd(), PPROF_TMPDIR=os.getcwd() + "/saved")
    env.pop("LD_PRELOAD", None)
    r = subprocess.run([go, "tool", "pprof", *args], env=env, capture_output=True, text=True)
    bad = [line for line in r.stderr.split("\n") if not CHATTER.fullmatch(line)]
    check(r.returncode == 0 and not bad, "%s %s: %s" % (go, args, r.stderr))
    return r.stdout


with Server([os.path.join(PROG, "httphost")], CPROF_HEAP_RATE=16384) as h:
    h.get("/debug/pprof/heap")  # lines are looked up once
    for go in sorted(tools):
        for name in ("heap", "allocs"):
            top = pprof(go, "-top", h.url + name)
            check("keep_some" in top, "names: " + top)
            top = pprof(go, "-top", "-sample_index=alloc_space", "-seconds", "1", h.url + name)
            check("keep_some" in top and "Duration:" in top, "over a second: " + top)
            top = pprof(go, "-top", "-sample_index=alloc_space", "-base", h.url + name, h.url + name)
            check("File: httphost" in top, "base: " + top)
        top = pprof(go, "-top", h.url + "heap?debug=1")
        check("keep_some" in top, "the text form, named by /symbol or the binary: " + top)
shutil.rmtree("saved", ignore_errors=True)
