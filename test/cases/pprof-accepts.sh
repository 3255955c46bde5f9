#!/bin/sh
# SPDX-License-Identifier: MIT
# pprof-accepts - fm-085: Go's pprof reads what the writer and the merge write, without a word
set -eu

go=/usr/bin/go
[ -x "$go" ] || go=$(command -v go) || { echo "no go"; exit 77; }
export HOME="$PWD" PPROF_TMPDIR="$PWD" GOFLAGS=-mod=mod

# The unit test's own program writes one file of each shape it knows.
"$BUILD/unit/test_pprof_write" files

fail() {
    echo "$1"
    exit 1
}

pprof() {
    "$go" tool pprof -symbolize=none "$@" 2>stderr.txt || fail "pprof $*: $(cat stderr.txt)"
    # The only line pprof may say on a file is where it has saved it.
    ! grep -v '^Generating report in' stderr.txt || fail "pprof $* complains"
}

for f in *.pb.gz; do
    pprof -raw "$f" >"$f.raw"
    pprof -top -nodefraction=0 -nodecount=100000 "$f" >"$f.top"
    pprof -traces "$f" >"$f.traces"
    pprof -proto -output="$f.again" "$f" >/dev/null
done

has() {
    grep -qE -e "$2" "$1" || fail "$1 has no line like '$2': $(cat "$1")"
}

has small.delta.pb.gz.raw '^PeriodType: space bytes$'
has small.delta.pb.gz.raw '^Period: 524288$'
has small.delta.pb.gz.raw 'alloc_objects/count alloc_space/bytes\[dflt\] inuse_objects/count inuse_space/bytes'
has small.delta.pb.gz.raw '^ +1 +2 +9223372036854775807 -9223372036854775808: 1 2 *$'
has small.delta.pb.gz.raw 'bytes:\[64\]'
has small.delta.pb.gz.raw 'thread:\[main\]'
has small.delta.pb.gz.raw '1: 0x400010 M=1 in in.c:9 s=7\(_Z2inv\)'
has small.delta.pb.gz.raw '1: 0x400000/0x500000/0x1000 /bin/x ab01 \[FN\]\[LN\]'
has wide.cpu.pb.gz.top 'f_.xff'
has wide.cpu.pb.gz.top '^Showing nodes accounting for 50s, 100% of 50s total'
