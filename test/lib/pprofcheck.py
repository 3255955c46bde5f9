#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Says whether pprof files obey the rules of the strictest readers we know.

usage: pprofcheck.py [--delta] FILE...      exit status 1 if a file breaks a rule

pprof itself forgives much that others don't: Parca wants ids 1, 2, 3 in file order,
Alloy tells stacks apart by address alone, protobuf libraries refuse a string that is
not UTF-8. A test with pprof alone sees none of that, hence this one.

The kind of profile is taken from a file name like EXE.PID.TIME.SEQ.TYPE.pb.gz, else
from its sample types. Values may be negative only in a difference: --delta, a file name
with the word delta in it, or a comment window=...

As a module: read(path) gives a Profile, check(path) a list of sentences.
It has its own decoder and the standard library only, so that it shares no mistake
with the code it checks.
"""
import pathlib
import re
import sys
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field

HEAP = [("alloc_objects", "count"), ("alloc_space", "bytes"),
        ("inuse_objects", "count"), ("inuse_space", "bytes")]
CONTENTION = [("contentions", "count"), ("delay", "nanoseconds")]


@dataclass
class Kind:
    types: list
    period_type: tuple
    period: int = None  # None: any above 0
    defaults: tuple = ("",)  # default_sample_type may be one of these
    duration: bool = False


KINDS = {
    "cpu": Kind([("samples", "count"), ("cpu", "nanoseconds")], ("cpu", "nanoseconds"),
                defaults=("", "cpu"), duration=True),
    "heap": Kind(HEAP, ("space", "bytes"), defaults=("", "inuse_space")),
    "allocs": Kind(HEAP, ("space", "bytes"), defaults=("alloc_space",)),
    "block": Kind(CONTENTION, ("contentions", "count"), 1, ("", "delay")),
    "mutex": Kind(CONTENTION, ("contentions", "count"), 1, ("", "delay")),
    "goroutine": Kind([("goroutine", "count")], ("goroutine", "count"), 1, ("", "goroutine")),
    "threadcreate": Kind([("threadcreate", "count")], ("threadcreate", "count"), 1,
                         ("", "threadcreate")),
}


class Broken(Exception):
    """The file can't be decoded any further."""


# --- decoding ------------------------------------------------------------------

def gunzip(data):
    """The contents of one gzip member, and nothing around it."""
    if data[:2] != b"\x1f\x8b":
        raise Broken("it is not gzip")
    z = zlib.decompressobj(31)
    try:
        out = z.decompress(data) + z.flush()
    except zlib.error as e:
        raise Broken(f"its gzip data is damaged: {e}") from e
    if not z.eof:
        raise Broken("its gzip data ends too early")
    if z.unused_data:
        more = z.unused_data[:2] == b"\x1f\x8b"
        raise Broken("it has a second gzip member" if more else "bytes follow its gzip data")
    return out


def varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Broken("a varint has no end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        if byte < 0x80:
            return value & 0xffffffffffffffff, at
        shift += 7


def fields(data):
    """Each (number, wire type, value) of a message; value is an int or bytes."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire in (1, 2, 5):
            size = {1: 8, 5: 4}.get(wire)
            if wire == 2:
                size, at = varint(data, at)
            value, at = data[at:at + size], at + size
            if at > len(data):
                raise Broken("a field is longer than its message")
        else:
            raise Broken(f"wire type {wire}")
        yield tag >> 3, wire, value


def signed(v):
    return v - (1 << 64) if v >> 63 else v


# A message's fields: number -> (name, kind). Kinds: u, i: a number; U, I: many of them;
# b: a bool; s: a string's index; S: many; M: sub-messages; m: one; t: texts.
VALUE_TYPE = {1: ("type", "s"), 2: ("unit", "s")}
LABEL = {1: ("key", "s"), 2: ("str", "s"), 3: ("num", "i"), 4: ("unit", "s")}
LINE = {1: ("function_id", "u"), 2: ("line", "i")}
SAMPLE = {1: ("location_ids", "U"), 2: ("values", "I"), 3: ("labels", "M", LABEL)}
MAPPING = {1: ("id", "u"), 2: ("start", "u"), 3: ("limit", "u"), 4: ("offset", "u"),
           5: ("file", "s"), 6: ("build_id", "s"), 7: ("has_functions", "b"),
           8: ("has_filenames", "b"), 9: ("has_lines", "b"), 10: ("has_inlines", "b")}
LOCATION = {1: ("id", "u"), 2: ("mapping_id", "u"), 3: ("address", "u"),
            4: ("lines", "M", LINE), 5: ("folded", "b")}
FUNCTION = {1: ("id", "u"), 2: ("name", "s"), 3: ("system_name", "s"), 4: ("file", "s"),
            5: ("start_line", "i")}
PROFILE = {1: ("types", "M", VALUE_TYPE), 2: ("samples", "M", SAMPLE),
           3: ("mappings", "M", MAPPING), 4: ("locations", "M", LOCATION),
           5: ("functions", "M", FUNCTION), 6: ("strings", "t"), 7: ("drop_frames", "s"),
           8: ("keep_frames", "s"), 9: ("time", "i"), 10: ("duration", "i"),
           11: ("period_type", "m", VALUE_TYPE), 12: ("period", "i"), 13: ("comments", "S"),
           14: ("default_type", "s"), 15: ("doc_url", "s")}


class Message:
    """Its fields are attributes; an absent one is 0, an empty list or None."""

    def __init__(self, data, spec):
        self.count = Counter()
        for name, kind, *_ in spec.values():
            setattr(self, name, [] if kind in "UISMt" else None if kind == "m" else 0)
        for number, wire, value in fields(data):
            if number in spec:
                self.take(*spec[number][:2], wire, value, spec[number][2:])

    def take(self, name, kind, wire, value, sub):
        self.count[name] += 1
        if (wire != 2) if kind in "Mmt" else not (wire == 0 or (wire == 2 and kind in "UIS")):
            raise Broken(f"field {name} has wire type {wire}")
        if kind in "Mm":
            value = Message(value, *sub)
        if kind in "UIS":
            getattr(self, name).extend(self.numbers(kind, wire, value))
        elif kind in "Mt":
            getattr(self, name).append(value)
        else:
            setattr(self, name, signed(value) if kind in "is" else value)

    @staticmethod
    def numbers(kind, wire, value):
        at, many = 0, [] if wire == 2 else [value]
        while wire == 2 and at < len(value):
            v, at = varint(value, at)
            many.append(v)
        return [signed(v) for v in many] if kind in "IS" else many


# --- for tests that look into a profile -----------------------------------------

@dataclass
class Line:
    name: str
    system_name: str
    file: str
    line: int
    start_line: int


@dataclass
class Location:
    address: int
    mapping: Message  # None: none
    lines: list


@dataclass
class Sample:
    stack: list  # of Location, leaf first
    values: list
    labels: dict  # key -> text, or number

    def names(self):
        """Function names, leaf first, inlined ones too."""
        return [line.name for loc in self.stack for line in loc.lines]


@dataclass
class Profile:
    types: list  # (type, unit)
    samples: list
    mappings: list  # .start .limit .offset .file .build_id .has_functions ...
    comments: list
    time: int
    duration: int
    period_type: tuple
    period: int
    default_type: str
    raw: Message = field(repr=False)

    def column(self, type_name):
        return [t for t, _ in self.types].index(type_name)

    def total(self, type_name, function=None):
        """Sum of a column, over all stacks or those that a function is in."""
        i = self.column(type_name)
        return sum(s.values[i] for s in self.samples
                   if function is None or function in s.names())


def read(path):
    """A valid file as a Profile; raises Broken if it can't be decoded."""
    m, wrong = decode(pathlib.Path(path).read_bytes())
    if wrong:
        raise Broken(wrong[0])
    s = m.texts
    functions = {f.id: f for f in m.functions}
    mappings = {x.id: x for x in m.mappings}
    for x in m.mappings:
        x.file, x.build_id = s[x.file], s[x.build_id]

    def line(li):
        f = functions[li.function_id]
        return Line(s[f.name], s[f.system_name], s[f.file], li.line, f.start_line)

    locations = {lo.id: Location(lo.address, mappings.get(lo.mapping_id),
                                 [line(li) for li in lo.lines]) for lo in m.locations}
    samples = [Sample([locations[i] for i in sa.location_ids], sa.values,
                      {s[la.key]: s[la.str] if la.str else la.num for la in sa.labels})
               for sa in m.samples]
    period = m.period_type
    return Profile([(s[t.type], s[t.unit]) for t in m.types], samples, m.mappings,
                   [s[c] for c in m.comments], m.time, m.duration,
                   (s[period.type], s[period.unit]) if period else ("", ""), m.period,
                   s[m.default_type], m)


# --- the rules ------------------------------------------------------------------

def string_indices(m):
    """Every string index in the file, with the place it stands at."""
    for name in ("drop_frames", "keep_frames", "default_type", "doc_url"):
        yield getattr(m, name), name
    for c in m.comments:
        yield c, "comment"
    for t in m.types + ([m.period_type] if m.period_type else []):
        yield from ((t.type, "type"), (t.unit, "unit"))
    for x in m.mappings:
        yield from ((x.file, f"mapping {x.id} file"), (x.build_id, f"mapping {x.id} build_id"))
    for f in m.functions:
        yield from ((f.name, f"function {f.id} name"), (f.file, f"function {f.id} file"),
                    (f.system_name, f"function {f.id} system_name"))
    for n, sa in enumerate(m.samples, 1):
        for la in sa.labels:
            yield from ((i, f"sample {n} label") for i in (la.key, la.str, la.unit))


def decode(data):
    """(message with .texts, what is wrong with its strings and references)."""
    m = Message(gunzip(data), PROFILE)
    wrong = []
    m.texts = [t.decode("utf-8", "backslashreplace") for t in m.strings]
    for i, t in enumerate(m.strings):
        if t.decode("utf-8", "backslashreplace").encode() != t:
            wrong.append(f"string {i} is not UTF-8: {t[:60]!r}")
        if b"\0" in t:
            wrong.append(f"string {i} has a NUL in it")
    if not m.strings or m.strings[0]:
        wrong.append('string_table[0] is not ""')
    wrong += [f"{where}: string {i} of {len(m.strings)}" for i, where in string_indices(m)
              if not 0 <= i < len(m.strings)]
    functions, locations = {f.id for f in m.functions}, {lo.id for lo in m.locations}
    wrong += [f"location {lo.id}: no function {li.function_id}" for lo in m.locations
              for li in lo.lines if li.function_id not in functions]
    wrong += [f"sample {n}: no location {i}" for n, sa in enumerate(m.samples, 1)
              for i in sa.location_ids if i not in locations]
    return m, wrong


def check_ids(m):
    for what in ("mapping", "location", "function"):
        for want, x in enumerate(getattr(m, what + "s"), 1):
            if x.id != want:
                yield f"{what} number {want} has the id {x.id}: ids must be 1, 2, 3, ..."
                break


def value_type(m, t):
    return (m.texts[t.type], m.texts[t.unit]) if t else ("", "")


def find_kinds(m, name):
    """The kinds this file may be of: one if its name says so."""
    named = re.search(r"\.(\w+)\.pb\.gz$", name)
    if named and named.group(1) in KINDS:
        return [named.group(1)]
    types = [value_type(m, t) for t in m.types]
    return [k for k, kind in KINDS.items() if kind.types == types]


def check_kind(m, kind_name, delta):
    kind, s = KINDS[kind_name], m.texts
    types = [value_type(m, t) for t in m.types]
    if types != kind.types:
        yield f"{kind_name}: sample types are {types}, not {kind.types}"
    if value_type(m, m.period_type) != kind.period_type:
        yield f"{kind_name}: period type is {value_type(m, m.period_type)}, not {kind.period_type}"
    if m.period != kind.period if kind.period else m.period <= 0:
        yield f"{kind_name}: period is {m.period}"
    if s[m.default_type] not in kind.defaults:
        yield f"{kind_name}: default_sample_type is {s[m.default_type]!r}"
    if kind.duration and m.duration <= 0:
        yield f"{kind_name}: no duration"
    if not kind.duration and not delta and m.duration:
        yield f"{kind_name}: has a duration, though it is no window"


def check_head(m, name, delta):
    types = [value_type(m, t) for t in m.types]
    if not types:
        yield "it has no sample types"
    if len({t for t, _ in types}) != len(types) or any(not t or not u for t, u in types):
        yield f"sample types are {types}"
    if m.count["time"] != 1 or m.time < 10**18:
        yield f"time_nanos is {m.time}, written {m.count['time']} times"
    if m.duration < 0:
        yield f"duration is {m.duration}"
    if m.default_type and m.texts[m.default_type] not in [t for t, _ in types]:
        yield f"default_sample_type {m.texts[m.default_type]!r} is none of the types"
    if any(m.texts[c].startswith("executableInfo=") for c in m.comments):
        yield "a comment starts with executableInfo=, which Parca takes for its own"
    complaints = [list(check_kind(m, k, delta)) for k in find_kinds(m, name)]
    if complaints and all(complaints):
        yield from complaints[0]


def check_mappings(m):
    s = m.texts
    if not m.mappings:
        yield "it has no mapping"
        return
    main = s[m.mappings[0].file]
    if not main.startswith("/") or re.search(r"/[^/]+\.so(\.[\d.]+)?$", main):
        yield f"mapping 1 is {main!r}, not the main executable"
    for x in m.mappings:
        if not s[x.file]:
            yield f"mapping {x.id} has no file name"
        if s[x.file].endswith(" (deleted)"):
            yield f"mapping {x.id}: file name {s[x.file]!r}"
        if x.start >= x.limit:
            yield f"mapping {x.id} is [{x.start:#x}, {x.limit:#x})"
        if not re.fullmatch(r"([0-9a-f]{2})*", s[x.build_id]):
            yield f"mapping {x.id}: build id {s[x.build_id]!r} is not lower-case hex"


def check_locations(m):
    mappings = {x.id: x for x in m.mappings}
    seen = defaultdict(set)
    for lo in m.locations:
        x = mappings.get(lo.mapping_id)
        if not x:
            yield f"location {lo.id} is in mapping {lo.mapping_id}, which isn't there"
            continue
        if not lo.address or not x.start <= lo.address < x.limit:
            yield (f"location {lo.id}: address {lo.address:#x} is outside its mapping "
                   f"[{x.start:#x}, {x.limit:#x}) {m.texts[x.file]}")
        if lo.address in seen[x.id]:
            yield f"location {lo.id}: its mapping has another one at {lo.address:#x}"
        seen[x.id].add(lo.address)
    for f in m.functions:
        if not m.texts[f.name]:
            yield f"function {f.id} has no name"


def check_flags(m):
    """Flags keep pprof from looking names up: then there must be names; and where
    there are, the flags must be set, or pprof replaces them."""
    used = {i for sa in m.samples for i in sa.location_ids}
    named = defaultdict(list)
    for lo in m.locations:
        if lo.id in used:
            named[lo.mapping_id].append(bool(lo.lines))
    for x in m.mappings:
        any_flag = x.has_functions or x.has_filenames or x.has_lines or x.has_inlines
        if any_flag and not all(named[x.id]):
            yield f"mapping {x.id} has flags set, but locations without a line"
        if named[x.id] and all(named[x.id]) and not x.has_functions:
            yield f"mapping {x.id}: all locations have lines, but has_functions is not set"


def check_label(m, la, keys):
    s = m.texts
    if not la.key or not s[la.key]:
        yield "a label without a key"
        return
    key = s[la.key]
    if key.startswith("pprof::"):
        yield f"label {key}: the prefix is reserved"
    if la.str and (la.num or la.unit):
        yield f"label {key} is text and number at once"
    if not la.str and not la.num and not la.unit:
        yield f"label {key} is 0 without a unit: readers drop it"
    shape = "text" if la.str else f"number in {s[la.unit]!r}"
    if keys.setdefault(key, shape) != shape:
        yield f"label {key} is a {shape}, elsewhere a {keys[key]}"


def check_samples(m, delta):
    seen, keys = {}, {}
    for n, sa in enumerate(m.samples, 1):
        if len(sa.values) != len(m.types):
            yield f"sample {n} has {len(sa.values)} values for {len(m.types)} types"
        if not sa.location_ids:
            yield f"sample {n} has no stack: it counts in totals, but is shown nowhere"
        if not delta and any(v < 0 for v in sa.values):
            yield f"sample {n} has negative values: {sa.values}"
        for la in sa.labels:
            yield from (f"sample {n}: {w}" for w in check_label(m, la, keys))
        if len({la.key for la in sa.labels}) != len(sa.labels):
            yield f"sample {n} has two labels of one key"
        identity = (tuple(sa.location_ids),
                    tuple(sorted((la.key, la.str, la.num, la.unit) for la in sa.labels)))
        if identity in seen:
            yield f"samples {seen[identity]} and {n} have the same stack and labels"
        seen.setdefault(identity, n)


def check_bytes(data, name="", delta=False):
    """What is wrong with a profile: sentences, none if it is right."""
    delta = delta or "delta" in name
    try:
        m, wrong = decode(data)
    except Broken as e:
        return [str(e)]
    if wrong:  # the other rules would stumble over these
        return wrong
    delta = delta or any(m.texts[c].startswith("window=") for c in m.comments)
    for rule in (check_head(m, name, delta), check_ids(m), check_mappings(m),
                 check_locations(m), check_flags(m), check_samples(m, delta)):
        wrong += rule
    return wrong


def check(path, delta=False):
    path = pathlib.Path(path)
    return check_bytes(path.read_bytes(), path.name, delta)


def main(argv):
    delta = "--delta" in argv
    files = [a for a in argv if a != "--delta"]
    if not files or any(a.startswith("-") for a in files):
        print(__doc__, file=sys.stderr)
        return 2
    bad = False
    for name in files:
        wrong = check(name, delta)
        for w in wrong[:20]:
            print(f"{name}: {w}")
        if len(wrong) > 20:
            print(f"{name}: and {len(wrong) - 20} more")
        bad = bad or bool(wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
