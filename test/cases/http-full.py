#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where an answer does not fit into CPROF_MAX_MEMORY, the client is told so."""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.environ["TOP"], "test", "lib"))
from host import PROG, check  # noqa: E402
from http_kit import Server  # noqa: E402

HEAP = "/debug/pprof/heap"
FULL = "out of memory (see CPROF_MAX_MEMORY)\n"
STACKS = 12  # bits


def text_form(h):
    """Cut at a record's end, and said; what is there can be read."""
    a = h.get(HEAP + "?debug=1")
    check(a.status == 200, "%d %r" % (a.status, a.body[:200]))
    text = a.body.decode()
    body, maps = text.split("\n--- Memory map: ---\n")
    check("libcprof.so" in maps and maps.endswith("\n"), "the memory map is whole")
    said = re.search(r"\n\n# \.\.\.(\d+) more stacks elided: no room for them "
                     r"\(see CPROF_MAX_MEMORY\)\.\.\.\n\n# runtime.MemStats\n", body)
    check(said, "what is left out is told: %r" % body[-800:])
    listed = len(re.findall(r"^\d+: \d+ \[", body, re.M))
    check(listed > 100 and listed + int(said[1]) >= 1 << STACKS, "%d and %s" % (listed, said[1]))
    with open("heap.txt", "w") as f:
        f.write(text)


def windows(h):
    """Together they want more than there is: that is not too many of them."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: h.get(HEAP + "?seconds=3"), range(8)))
    got = [(a.status, a.body.decode()) for a in answers if a.status != 200]
    check(got, "eight windows fit")
    for status, body in got:
        check((status, body) in [(500, "failed to collect profile: " + FULL),
                                 (500, "failed to compute delta: " + FULL)], "%d %r" % (status, body))


with Server([os.path.join(PROG, "manystacks"), str(STACKS), "nowhere"], CPROF_HEAP_RATE=1,
            CPROF_MAX_MEMORY="8M") as host:
    text_form(host)
    windows(host)
    check(host.process.poll() is None, "the program lives")
