# SPDX-License-Identifier: MIT
"""The table of failure modes: rows from test/modes.txt, tests by their naming a row, verdicts
from what those tests said. Nothing in it is a verdict written by hand but what is refused, in
the manual's words, and what is not met yet, with its reason.
"""
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
COUNT = 102
NAMED = re.compile(r"\bfm-(\d{3})(?:\.\.(\d{3}))?\b")
ORDER = ("met", "refused", "not yet", "skipped", "failed", "no test")


class Row:
    def __init__(self, number, what):
        self.number, self.what, self.kind, self.why = int(number), what, "met", ""
        self.tests = []

    def verdict(self, said):
        """From {test: "ok", "FAIL" or "skip"}."""
        got = {said.get(test) for test in self.tests}
        if not self.tests or None in got:
            return "no test"
        return "failed" if "FAIL" in got else "skipped" if "skip" in got else self.kind


def read_rows(text):
    """The rows in their order; ValueError names a line that is none."""
    rows = []
    for line in text.splitlines():
        row = re.fullmatch(r"(\d{3}) (\S.*)", line)
        note = re.fullmatch(r" {4}(refused|not yet): (\S.*)", line)
        if row:
            rows.append(Row(row[1], row[2]))
        elif note and rows and not rows[-1].why:
            rows[-1].kind, rows[-1].why = note[1], note[2]
        elif line and not line.startswith("#"):
            raise ValueError(f"not a row: {line}")
    return rows


def named(text):
    """The numbers a test names."""
    for m in NAMED.finditer(text):
        yield from range(int(m[1]), int(m[2] or m[1]) + 1)


def sources(top):
    """(name as the test run says it, path) of every test."""
    for path in sorted((top / "test/cases").glob("*.*")):
        yield f"case/{path.name}", path
    for path in sorted((top / "test/unit").glob("test_*.c")):
        yield f"unit/{path.stem}", path


def read(top=TOP):
    """All rows with the tests that name them, and the names that have no row."""
    rows = read_rows((top / "test/modes.txt").read_text())
    by_number = {row.number: row for row in rows}
    strange = []
    for test, path in sources(top):
        for number in sorted(set(named(path.read_text("utf-8", "replace")))):
            if number in by_number:
                by_number[number].tests.append(test)
            else:
                strange.append(f"{test} names fm-{number:03}, which has no row")
    return rows, strange


def manual(top):
    """The manual pages' running text, without the macros that begin lines."""
    text = " ".join(p.read_text() for p in sorted((top / "man").glob("*.[1-9]")))
    return " ".join(re.sub(r"^\.[A-Z]\w ?", "", line) for line in text.splitlines())


def problems(top=TOP):
    """What is wrong with the table itself, whatever the tests say."""
    try:
        rows, bad = read(top)
    except ValueError as e:
        return [str(e)]
    words = " ".join(manual(top).split())
    if [row.number for row in rows] != list(range(1, COUNT + 1)):
        bad.append(f"modes.txt must have the rows 001 to {COUNT}, in order")
    for row in rows:
        if not row.tests:
            bad.append(f"fm-{row.number:03} has no test: {row.what}")
        if row.kind == "refused" and row.why not in words:
            bad.append(f"fm-{row.number:03}: the manual doesn't say '{row.why}'")
    return bad


def table(said, top=TOP):
    """(its text, which the last line sums up; whether a row has failed or has no test)"""
    rows, lines = read(top)[0], []
    verdicts = [row.verdict(said) for row in rows]
    for row, verdict in zip(rows, verdicts):
        tests = ", ".join(test.partition("/")[2] for test in row.tests)
        lines.append(f"  fm-{row.number:03} {verdict:8}{row.what} ({tests})")
        if verdict in ("refused", "not yet"):
            lines.append(f"                  {row.why}")
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in ORDER
                       if verdicts.count(v) or v in ORDER[:3])
    lines.append(f"{len(rows)} failure modes: {counts}")
    return "\n".join(lines), "failed" in verdicts or "no test" in verdicts
