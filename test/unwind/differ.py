# SPDX-License-Identifier: MIT
"""differ.py - reads what the preloaded comparison recorded, and judges it

Every distinct difference must be explained by a row of explained.txt, or the test
fails. A row: program, object, symbol (globs; no-table
for code that no call-frame table speaks of; landing-pad where ours is the address behind the
oracle's; no-caller where ours ends and the oracle's goes on to a function's first byte that is
behind code without a table), kind (shorter: ours ends early; noise:
so, and the oracle's next address is in no loaded object; longer: the oracle ends early;
other: they part), truth (who is right by counting calls and returns: ours, theirs, none;
- when nobody counted), and the reason.
"""
import bisect
import fnmatch
import os
import pathlib
import re
import struct
import subprocess

HEAD = struct.Struct("<9Q256s")
MODULE = struct.Struct("<3Q232s")
DIFF = struct.Struct("<QQIIIIII40Q40Q")
MODULES, DIFFS, FRAMES = 256, 2048, 40
MAGIC = 0x31574E5543505243
KIND = {1: "shorter", 2: "longer", 3: "other", 4: "noise"}
TRUTH = {0: "none", 1: "ours", 2: "theirs", 3: "both", 4: "-"}


class Symbols:
    """Names by address, from both symbol tables of one file."""

    def __init__(self, path):
        rows = set()
        for option in ("-n", "-nD"):
            p = subprocess.run(["nm", "-S", option, path], capture_output=True, text=True)
            for line in p.stdout.splitlines():
                fields = line.split()
                if len(fields) == 4 and fields[2] in "tTwWiuV":
                    rows.add((int(fields[0], 16), int(fields[1], 16), fields[3].split("@")[0]))
                elif len(fields) == 3 and fields[1] in "tT":
                    rows.add((int(fields[0], 16), 0, fields[2].split("@")[0]))
        self.rows = sorted(rows)
        self.starts = [r[0] for r in self.rows]

    def find(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        for start, size, name in self.rows[max(i - 4, 0):i + 1][::-1]:
            if address < start + max(size, 1):
                return name
        return ""


def tables_of(path):
    """The address ranges call-frame tables speak of, sorted."""
    p = subprocess.run(["readelf", "-W", "--debug-dump=frames,no-follow-links", path],
                       capture_output=True, text=True)
    return sorted((int(a, 16), int(b, 16))
                  for a, b in re.findall(r"FDE .*pc=(\w+)\.\.(\w+)", p.stdout))


class Names:
    cache = {}
    tables = {}

    @classmethod
    def has_table(cls, path, address):
        """Unknown files have: only what is sure explains a difference."""
        if not os.path.exists(path):
            return True
        if path not in cls.tables:
            cls.tables[path] = tables_of(path)
        ranges = cls.tables[path]
        i = bisect.bisect_right(ranges, (address, 1 << 64)) - 1
        return i >= 0 and address < ranges[i][1]

    @classmethod
    def of(cls, modules, pc):
        for start, end, base, path in modules:
            if start <= pc < end:
                if path not in cls.cache:
                    cls.cache[path] = Symbols(path) if os.path.exists(path) else None
                found = cls.cache[path].find(pc - base) if cls.cache[path] else ""
                return os.path.basename(path), found, pc - base
        return "", "", pc


class Record:
    """One program's result file."""

    def __init__(self, path):
        data = pathlib.Path(path).read_bytes()
        (magic, self.seen, self.compared, self.identical, self.frames, self.distinct,
         self.lost, n_diffs, n_modules, program) = HEAD.unpack_from(data)
        if magic != MAGIC:
            raise SystemExit(f"{path}: not a result file")
        self.program = os.path.basename(program.split(b"\0")[0].decode())
        self.modules = []
        at = HEAD.size
        for i in range(n_modules):
            start, end, base, name = MODULE.unpack_from(data, at + i * MODULE.size)
            self.modules.append((start, end, base, name.split(b"\0")[0].decode()))
        at += MODULES * MODULE.size
        self.diffs = [self._diff(DIFF.unpack_from(data, at + i * DIFF.size))
                      for i in range(n_diffs)]

    def _diff(self, raw):
        count, pc, kind, where, truth, n_ours, n_theirs, _ = raw[:8]
        return {"count": count, "pc": pc, "kind": KIND[kind], "at": where, "truth": TRUTH[truth],
                "ours": raw[8:8 + FRAMES][:n_ours], "theirs": raw[8 + FRAMES:][:n_theirs],
                "where": Names.of(self.modules, pc)}

    def has_table(self, pc):
        for start, end, base, path in self.modules:
            if start <= pc < end:
                return Names.has_table(path, pc - base)
        return True

    def begins_table(self, pc):
        return self.has_table(pc) and not self.has_table(pc - 1)

    def text(self, diff):
        module, symbol, offset = diff["where"]
        lines = [f"{self.program}: {module} {symbol or '?'} +{offset:#x} {diff['kind']} "
                 f"truth={diff['truth']} x{diff['count']} from frame {diff['at']}"]
        for who in ("ours", "theirs"):
            names = []
            for pc in diff[who][max(diff["at"] - 2, 0):diff["at"] + 3]:
                m, s, o = Names.of(self.modules, pc)
                names.append(f"{s or m + '+' + hex(o)}")
            lines.append(f"    {who:6} ({len(diff[who])}): ..." + " < ".join(names))
        return "\n".join(lines)


class Explained:
    def __init__(self, path):
        self.rows = []
        for line in pathlib.Path(path).read_text().splitlines():
            if line.strip() and not line.startswith("#"):
                self.rows.append(line.split(None, 5) + [0])

    def find(self, record, diff):
        module, symbol, offset = diff["where"]
        names = [symbol or f"+{offset:#x}"]
        # The rules of a frame need registers that the frame below it has given back.
        below = diff["ours"][max(diff["at"] - 2, 0)]
        if not (record.has_table(diff["pc"]) and record.has_table(below)):
            names.append("no-table")
        ours, theirs = (diff[who][diff["at"]:][:1] for who in ("ours", "theirs"))
        if ours and theirs and ours[0] == theirs[0] + 1:
            names.append("landing-pad")
        if theirs and not ours and record.begins_table(theirs[0] + 1):
            names.append("no-caller")
        for row in self.rows:
            if any(self.speaks_of(row, record.program, module, name, diff) for name in names):
                row[6] += diff["count"]
                return row
        return None

    @staticmethod
    def speaks_of(row, program, module, name, diff):
        facts = (program, module, name, diff["kind"], diff["truth"])
        return all(any(fnmatch.fnmatchcase(fact, glob) for glob in globs.split("|"))
                   for fact, globs in zip(facts, row))

    def report(self):
        for row in self.rows:
            if row[6]:
                print(f"explained {row[6]} times: {' '.join(row[:5])}: {row[5]}")


def judge(records, explained):
    """Prints every difference; answers how many were not explained."""
    bad = 0
    for record in records:
        unexplained = 0
        for diff in record.diffs:
            if explained.find(record, diff) is None:
                unexplained += diff["count"]
                print("NOT EXPLAINED", record.text(diff))
        print(f"{record.program}: {record.seen} contexts at {record.distinct} pcs, "
              f"{record.compared} compared, {record.frames} frames, {record.identical} identical, "
              f"{record.compared - record.identical} differ, {unexplained + record.lost} unexplained")
        bad += unexplained + record.lost
    explained.report()
    return bad
