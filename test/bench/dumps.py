# SPDX-License-Identifier: MIT
"""Thread dumps: of 2,000 blocked threads, and of 200 busy ones, as far as it gets.

With 2,000 busy ones on two processors whoever takes the dump has a thousandth of one, as each
of them: the dump comes after minutes, whatever it costs.
"""
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request

from kit import BUILD, LIB, QUICK, ROOM, cpu_seconds, environment, machine, row, title


class Standing:
    """The tests' program whose threads stand where one wants them, with HTTP on."""

    def __init__(self, *args):
        self.dir = tempfile.mkdtemp(dir=ROOM)
        self.process = subprocess.Popen(
            [str(BUILD / "prog/standing"), *map(str, args)], cwd=self.dir, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment(LIB, CPROF_HTTP="127.0.0.1:0"))

    def __enter__(self):
        self.process.stdout.readline()  # "there"
        self.url = next(pathlib.Path(self.dir).glob("*.http")).read_text().strip()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.end = self.process.communicate()[0]
        shutil.rmtree(self.dir, ignore_errors=True)

    def get(self, what):
        """An answer; milliseconds it took, and those of CPU time in the process."""
        began, cpu = time.monotonic(), cpu_seconds([self.process.pid])
        with urllib.request.urlopen(self.url + what) as answer:
            text = answer.read().decode(errors="replace")
        return text, 1e3 * (time.monotonic() - began), 1e3 * (cpu_seconds([self.process.pid]) - cpu)


def measure(kind, count, rounds):
    with Standing(kind, count) as host:
        host.get("goroutine?debug=2")  # names are looked up once
        runs = [host.get("goroutine?debug=2") for _ in range(rounds)]
    states = re.findall(r"^goroutine \d+ \[(.+), thread ", runs[-1][0], re.M)
    reached = len(states) - states.count("running, not reached")
    took, cpu = (statistics.median(r[i] for r in runs) for i in (1, 2))
    interrupted, longest = re.search(r"interrupted (\d+) longest (\d+)", host.end).groups()
    waits = kind == "blocked"  # else the CPU time is the threads' own
    row(f"{count} {kind}", f"{took:.0f}", f"{cpu:.0f}" if waits else "-", len(states), reached,
        interrupted, longest)
    machine(f"dump.{kind}.took", took, "ms")
    if waits:
        machine(f"dump.{kind}.cpu", cpu, "ms")
    machine(f"dump.{kind}.reached", reached, "threads")
    machine(f"dump.{kind}.longest", float(longest), "us")


def dump():
    title("a thread dump, over HTTP")
    row("threads", "ms", "CPU ms", "told of", "with stacks", "interrupted", "held up us")
    measure("blocked", 2000, 3 if QUICK else 15)
    measure("busy", 200, 1 if QUICK else 3)


PARTS = {"dump": dump}
