#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# timeout: 120
"""A binary with more than 200 MB of debug data, every line wanted: the host hardly grows.

The bulk is one made-up unit of 27 million entries beside a real one, so that it is built
in a second; the helper has to read past all of it.
"""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
import pprofcheck  # noqa: E402
from host import Host, check, wait_for  # noqa: E402

FUNCTIONS = 1500
MIB = 1024

BULK = """
	.section .note.GNU-stack,"",@progbits
	.section .debug_abbrev,"",@progbits
.Labbrev:
	.uleb128 1, 0x11
	.byte 1, 0, 0
	.uleb128 2, 0x24
	.byte 0
	.uleb128 0x0b, 0x0b, 0x3e, 0x05, 0x49, 0x06, 0, 0
	.byte 0
	.section .debug_info,"",@progbits
	.long .Lend - .Lbegin
.Lbegin:
	.value 4
	.long .Labbrev
	.byte 8
	.uleb128 1
	.fill 27000000, 8, 0x0201020101010402
	.byte 0
.Lend:
"""

MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
extern void (*const all[])(void);
int main(void)
{
	for (int i = 0; i < %d; i++)
		all[i]();
	for (unsigned long n = 0;; n++) {
		if (pwrite(1, &n, sizeof(n), 0) < 0)
			return 1;
		usleep(1000);
	}
}
"""


def build():
    with open("bulk.s", "w") as f:
        f.write(BULK)
    with open("main.c", "w") as f:
        f.write(MAIN % FUNCTIONS)
        f.write("static void *volatile sink;\n")
        for i in range(FUNCTIONS):
            f.write("static inline void in%d(void) { sink = malloc(%d); }\n"
                    "void f%d(void) { in%d(); }\n" % (i, i + 1, i, i))
        f.write("void (*const all[])(void) = {%s};\n"
                % ",".join("f%d" % i for i in range(FUNCTIONS)))
    subprocess.run(["gcc", "-g", "-O1", "-o", "large", "main.c", "bulk.s"], check=True)
    check(os.path.getsize("large") > 200 << 20, "the binary is too small")


def rss(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"^VmRSS:\s*(\d+)", f.read(), re.M)[1])


def ticks():
    with open("ticks", "rb") as f:
        return int.from_bytes(f.read(8), "little")


build()
with open("ticks", "wb") as out, Host(["./large"], out=out, CPROF_HEAP_RATE=1, CPROF_LINES=1,
                                      CPROF_PROFILES="heap") as host:
    check(wait_for(lambda: host.catches(host.pid) and ticks() > 10), "the host does not start")
    idle, ticked, most = rss(host.pid), ticks(), 0
    os.kill(host.pid, host.signal_number)
    while not host.files():
        check(host.process.poll() is None, host.log_text())
        most = max(most, rss(host.pid))
        time.sleep(0.001)
    ticked = ticks() - ticked
    heap = host.files()["0001"]["heap"]
    log = host.log_text()
    lines = {line.name: (line.file, line.line) for sample in pprofcheck.read(heap).samples
             for location in sample.stack for line in location.lines}
os.unlink("large")
print("idle %d KiB, at most %d while lines were looked for; the host went round %d times"
      % (idle, most, ticked))
print(log)
check(most <= idle + 8 * MIB, "the host grew by %d KiB" % (most - idle))
check(ticked > 0, "the host waited")
for i in range(FUNCTIONS):
    check("f%d" % i in lines, "f%d has no name" % i)
if "source lines" in log:
    check(lines["f7"][1] == 0 or "in7" in lines, "lines of some only, though it was said")
else:
    for i in range(FUNCTIONS):
        check(lines["f%d" % i][1] > 0 and "in%d" % i in lines, "f%d: no line, or not inlined" % i)
