#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""Whoever asks over HTTP waits for lines a second at most: what has none by then is named
without, and has them later. The helper beside the library is slow while a file is there.
"""
import os
import re
import shutil
import sys
import time

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
import pprofcheck  # noqa: E402
from host import LIB, PROG, check  # noqa: E402
from http_kit import Server  # noqa: E402

HELPER = os.path.dirname(LIB) + "/cprof-lines"
SLOW, PLACE = os.path.abspath("slow"), os.path.abspath("lib")
AGAIN = 5  # seconds: no answer waits before


def lines_of(body, what, module=PROG + "/children"):
    """The greatest line in this module."""
    with open(what, "wb") as f:
        f.write(body)
    places = [location for sample in pprofcheck.read(what).samples for location in sample.stack
              if location.mapping and location.mapping.file == os.path.realpath(module)]
    check(places, "%s: no names in %s" % (what, module))
    return max(line.line for location in places for line in location.lines)


def ask(server, what, **of):
    began = time.monotonic()
    answer = server.get("/debug/pprof/heap")
    took = time.monotonic() - began
    check(answer.status == 200, "%s: %d" % (what, answer.status))
    return lines_of(answer.body, what, **of), took


def start(**config):
    return Server([PROG + "/children"], preload=PLACE + "/libcprof.so", CPROF_HEAP_RATE=1, **config)


os.makedirs(PLACE)
shutil.copy(LIB, PLACE)
with open(PLACE + "/cprof-lines", "w") as f:
    f.write('#!/bin/sh\n[ ! -e %s ] || sleep 3\nexec %s "$@"\n' % (SLOW, HELPER))
os.chmod(PLACE + "/cprof-lines", 0o755)

open(SLOW, "w").close()
with start() as server:
    line, took = ask(server, "slow")
    check(line == 0 and 0.5 < took < 2, "with a slow helper: line %d after %.1f s" % (line, took))
    line, took = ask(server, "next")
    check(line == 0 and took < 0.5, "the next one: line %d after %.1f s" % (line, took))
    os.unlink(SLOW)
    time.sleep(AGAIN)
    line, took = ask(server, "again")
    check(line > 0 and took < 2, "asked for again: line %d after %.1f s" % (line, took))
    check("source lines" not in server.log_text_of(), server.log_text_of())
print("ok   late lines come later")

open(SLOW, "w").close()
with start() as server:
    line, took = ask(server, "slow")
    check(line == 0 and took < 2, "with a slow helper: line %d after %.1f s" % (line, took))
    # A snapshot nobody waits for has the time, and what it found others have too.
    check(lines_of(open(server.snapshot()["heap"], "rb").read(), "snapshot") > 0, "no lines in a snapshot")
    line, took = ask(server, "known")
    check(line > 0 and took < 0.5, "what is known: line %d after %.1f s" % (line, took))
print("ok   a snapshot waits")

with start(CPROF_LINES=1) as server:
    line, took = ask(server, "all")
    check(line > 0 and took > 2, "all lines were wanted: line %d after %.1f s" % (line, took))
print("ok   who wants all lines waits")

with start() as server:
    for turn in range(3):
        line, took = ask(server, "turn%d" % turn)
        check(line == 0 and 0.5 < took < 2, "turn %d: line %d after %.1f s" % (turn, line, took))
        given_up = re.findall("names only, no source lines, for (.*): the time", server.log_text_of())
        check(len(given_up) == (turn == 2), server.log_text_of())
        time.sleep(AGAIN)
    os.unlink(SLOW)
    line, took = ask(server, "given up", module=given_up[0])
    check(line == 0 and took < 2, "given up: line %d after %.1f s" % (line, took))
print("ok   not for ever")
