# SPDX-License-Identifier: MIT
"""Reads thread dumps of the program `standing`, whose threads' places are known."""

import contextlib
import os
import re

from host import PROG, check, fail, wait_for
from http_kit import Server

HEAD = re.compile(r"goroutine (\d+) \[([^\]]+)\]:")


class Thread:
    """One block of a dump in full."""

    def __init__(self, text):
        lines = text.split("\n")
        head = HEAD.fullmatch(lines[0])
        check(head, "head of a thread: %r" % lines[0])
        words = head[2].split(", ")
        check(words[-1].startswith("thread "), "no name in %r" % lines[0])
        self.id, self.name = int(head[1]), words[-1][7:]
        self.minutes = next((int(w.split()[0]) for w in words if re.fullmatch(r"\d+ minutes", w)), 0)
        self.state = ", ".join(w for w in words[:-1] if not w.endswith(" minutes"))
        self.notes = [line[2:] for line in lines if line.startswith("# ")]
        rest = [line for line in lines[1:] if not line.startswith("# ")]
        self.creator = None
        if len(rest) > 1 and rest[-2].startswith("created by "):
            self.creator = rest[-2][len("created by "):]
            rest = rest[:-2]
        if rest and rest[-1].startswith("..."):
            rest.pop()
        check(len(rest) % 2 == 0, "frames of %r" % text)
        check(all(line.endswith("(...)") for line in rest[::2]), "functions of %r" % text)
        check(all(re.match(r"\t\S.* \+0x[0-9a-f]+$", line) for line in rest[1::2]),
              "places of %r" % text)
        self.frames = [line[:-5] for line in rest[::2]]


class Dump:
    def __init__(self, text):
        check(text.endswith("\n\n"), "end of a dump: %r" % text[-80:])
        blocks = text[:-2].split("\n\n")
        self.text, self.head = text, []
        while blocks and not blocks[0].startswith("goroutine "):
            self.head.append(blocks.pop(0))
        self.threads = [Thread(b) for b in blocks]
        check(len({t.id for t in self.threads}) == len(self.threads), "threads are told twice")

    def __getitem__(self, name):
        found = [t for t in self.threads if t.name == name]
        if len(found) != 1:
            fail("%d threads named %s in\n%s" % (len(found), name, self.text))
        return found[0]


class Standing(Server):
    """The victim, once its threads are where they should be."""

    def __init__(self, *args, wait=True, exe=os.path.join(PROG, "standing"), **config):
        self.log_from = os.path.getsize("host.log") if os.path.exists("host.log") else 0
        super().__init__([exe, *map(str, args)], **config)
        if wait and not wait_for(self.stands, 120):
            self.__exit__()
            fail("it doesn't stand; its log:\n" + self.log_text())

    def stands(self):
        return "there\n" in self.said()

    def said(self):
        """What it wrote, and none before it."""
        with open("host.log", "rb") as f:
            f.seek(self.log_from)
            return f.read().decode(errors="replace")

    def last_thread(self):
        """The id of its own newest thread: its main one may have left. Ids begin anew at times."""
        began = {}
        for tid in os.listdir("/proc/%d/task" % self.pid):
            with contextlib.suppress(OSError), open("/proc/%d/task/%s/stat" % (self.pid, tid)) as f:
                name, rest = f.read().rsplit(") ", 1)
                if "(cprof" not in name:
                    began[int(tid)] = int(rest.split()[19])
        return max(began, key=lambda tid: (began[tid], tid))

    def tasks(self):
        """What the kernel says of each thread: its name, its state, and what it waits in."""
        found = {}
        for tid in os.listdir("/proc/%d/task" % self.pid):
            where = "/proc/%d/task/%s/" % (self.pid, tid)
            try:
                with open(where + "stat") as stat, open(where + "syscall") as syscall:
                    found[tid] = stat.read().split(") ")[0] + ")", syscall.read()
            except OSError as e:
                found[tid] = e
        return found

    def dump(self):
        answer = self.get("/debug/pprof/goroutine?debug=2")
        check(answer.status == 200, "debug=2: status %d" % answer.status)
        check(answer.body, "debug=2: nobody is there, of %s" % self.tasks())
        return Dump(answer.body.decode())

    def ended(self):
        """Ends it; answers how many calls were interrupted, and the longest delay in us."""
        self.process.terminate()
        self.process.wait(20)
        told = re.search(r"interrupted (\d+) longest (\d+) us", self.said())
        check(told, "it said nothing at its end:\n" + self.said())
        return int(told[1]), int(told[2])
