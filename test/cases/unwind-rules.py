#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# fm-049 fm-055
# timeout: 900
"""Every row of every call-frame table in Debian's own programs: the rule the walker
applies there, against what readelf prints and what libunwind does.

The preloaded library (test/unwind/rules.c) asks the walker in the program itself, over a
made-up stack; so the answer is where it found the return address and rbp.
"""
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/unwind")
import differ  # noqa: E402

# program, and the objects looked at while it is loaded
SUBJECTS = [
    ("/usr/bin/redis-server", r"redis-check-rdb|redis-server|libc\.so|libm\.so|libcrypto|libstdc\+\+"
                              r"|libgcc_s|ld-linux|libjemalloc"),
    ("/usr/sbin/nginx", r"nginx|libssl|libz\.so|libpcre2"),
    ("/usr/bin/python3", r"python3"),
]
SP_SLOT, BP_SLOT, REG_SLOT, REG_STEP = 64, 57344, 24576, 2048
GREGS = "r8 r9 r10 r11 r12 r13 r14 r15 rdi rsi rbp rbx rdx rax rcx rsp".split()
SLOT = {name: REG_SLOT + REG_STEP * i for i, name in enumerate(GREGS)}
SLOT.update(rsp=SP_SLOT, rbp=BP_SLOT)
NONE, SAME = -1, -2
INDIRECT = 1 << 63
ANSWER = struct.Struct("<Q2i2i")
TABLE = re.compile(r"^(\s+LOC |[0-9a-f]{8})")  # what else readelf says begins otherwise
IN_WORDS = re.compile(r" \(\w+\)")  # r1 (rdx)
LARGEST = 8 * (BP_SLOT - SP_SLOT)  # frame the made-up stack has room for
CFA = re.compile(r"^(r\w+)([+-]\d+)$")


def unanswerable(row):
    """Rows the made-up stack can't tell about: frames larger than it; and those that
    restore the stack pointer itself, whose slots can't be address and number at once
    (signal trampolines, setcontext: they are stepped through in unwind-step)."""
    m = CFA.match(row["CFA"])
    return (m and int(m[2]) > LARGEST) or row.get("ra") == "exp" or row.get("rsp", "u") != "u"


def rows_of(path):
    """Yields (pc, end, cfa, rbp, ra) for each row readelf prints of .eh_frame."""
    p = subprocess.Popen(["readelf", "-W", "--debug-dump=frames-interp,no-follow-links", path],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    columns, end, wanted, fde, last = [], 0, False, False, None
    for line in p.stdout:
        if line.startswith("Contents of"):
            wanted, fde = ".eh_frame" in line, False
        elif not wanted or not TABLE.match(line):
            continue
        elif "pc=" in line:
            if last:
                yield last
            fde, end, last = True, int(line.rpartition("..")[2], 16), None
        elif " CIE" in line:
            fde = False
        elif line.lstrip().startswith("LOC"):
            columns = line.split()
        elif fde:
            row = dict(zip(columns, IN_WORDS.sub("", line).split()))
            if row["CFA"] == "ZERO":  # the end of the table
                continue
            pc = int(row["LOC"], 16)
            if last and last[0] < pc:
                yield last[0], pc, *last[2:]
            last = (pc, end, row["CFA"], row.get("rbp", "u"), row.get("ra", "u"))
            if pc >= end or unanswerable(row):
                last = None
    if last:
        yield last
    p.wait()


def expected(cfa, rbp, ra):
    """Slots of return address and rbp; None where readelf does not tell."""
    m = CFA.match(cfa)
    if ra == "u":
        return NONE, NONE
    if not m or not ra.startswith("c"):
        return None, None
    cfa_slot = SLOT[m[1]] + int(m[2]) / 8
    ra_slot = cfa_slot + int(ra[1:]) / 8
    if rbp in ("u", "s"):
        return ra_slot, SAME
    if rbp.startswith("c"):
        return ra_slot, cfa_slot + int(rbp[1:]) / 8
    return ra_slot, None


def loaded(program, pattern):
    """Paths of the wanted objects the program maps."""
    out = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    paths = re.findall(r"(/\S+) \(0x", out) + [os.path.realpath(program)]
    return sorted({p for p in paths if re.match(pattern, os.path.basename(p))})


def asked_of(row):
    """Its first pc, and one in the middle."""
    return row[0], (row[0] + row[1]) // 2


def ask(program, tables):
    """Runs the program with the questions; answers {object: list of answers}."""
    pcs = pathlib.Path(f"pcs-{os.path.basename(program)}")
    pcs.mkdir()
    for path, rows in tables.items():
        questions = [pc | INDIRECT * (row[2] == "exp") for row in rows for pc in asked_of(row)]
        (pcs / (os.path.basename(path) + ".in")).write_bytes(
            struct.pack(f"<{len(questions)}Q", *questions))
    env = dict(os.environ, UW_MODE="rules", UW_PCS=str(pcs.resolve()),
               LD_PRELOAD=os.environ["BUILD"] + "/unwind/liboracle.so")
    subprocess.run([program, "--version"], env=env, check=True, timeout=300)
    return {path: list(ANSWER.iter_unpack((pcs / (os.path.basename(path) + ".out")).read_bytes()))
            for path in tables}


class Tally:
    """What came out for one object."""
    program = "rules"

    @staticmethod
    def has_table(_):
        return True

    def __init__(self, path, explained):
        self.path, self.name = path, os.path.basename(path)
        self.explained, self.symbols = explained, None
        self.total = self.same = self.unknown = self.oracle_differs = 0
        self.unexplained = []

    def judge(self, row, answer):
        _, ra, their_ra, fp, their_fp = answer
        want_ra, want_fp = expected(*row[2:])
        self.total += 1
        if want_ra is None:
            self.unknown += 1
            want_ra, want_fp = their_ra, their_fp
        if want_fp is None:
            want_fp = their_fp
        if (ra, fp) != (want_ra, want_fp):
            self.differs(row, answer, "shorter" if NONE in (ra, fp) else "other")
            return
        self.same += 1
        self.oracle_differs += (ra, fp) != (their_ra, their_fp)

    def differs(self, row, answer, kind):
        self.symbols = self.symbols or differ.Symbols(self.path)
        pc = answer[0] & ~INDIRECT
        symbol = self.symbols.find(pc)
        diff = {"where": (self.name, symbol, pc), "kind": kind, "truth": "-", "count": 1,
                "pc": pc}
        if self.explained.find(self, diff) is None:
            self.unexplained.append(f"{self.name} {symbol}+{pc:#x} CFA={row[2]} rbp={row[3]} "
                                    f"ra={row[4]}: ours {answer[1]},{answer[3]} "
                                    f"libunwind {answer[2]},{answer[4]}")

    def print(self, rows):
        print(f"{self.name}: {rows} rows, {self.total} pcs, {self.same} as in the table, "
              f"{self.unknown} where readelf prints none (libunwind's taken), "
              f"{self.oracle_differs} where libunwind differs from the table, "
              f"{len(self.unexplained)} unexplained")
        for line in self.unexplained[:20]:
            print("NOT EXPLAINED", line)


def check(program, pattern, explained):
    """Answers how many pcs were asked for in the program, and how many went wrong."""
    tables = {path: list(rows_of(path)) for path in loaded(program, pattern)}
    total = bad = 0
    for path, answers in ask(program, tables).items():
        tally, rows = Tally(path, explained), tables[path]
        for row, answer in zip(rows, zip(answers[::2], answers[1::2]), strict=True):
            tally.judge(row, answer[0])
            tally.judge(row, answer[1])
        tally.print(len(rows))
        total += tally.total
        bad += len(tally.unexplained)
    return total, bad


def main():
    explained = differ.Explained(os.environ["TOP"] + "/test/unwind/explained.txt")
    results = [check(*subject, explained) for subject in SUBJECTS if shutil.which(subject[0])]
    explained.report()
    if sum(total for total, _ in results) < 10000:
        sys.exit("too few pcs were asked for")
    sys.exit(1 if any(bad for _, bad in results) else 0)


main()
