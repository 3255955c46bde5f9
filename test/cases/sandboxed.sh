#!/bin/sh
# SPDX-License-Identifier: MIT
# sandboxed - fm-089: a system call that kills is not made because something is sampled
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

export CPROF_HEAP_RATE=1 CPROF_CPU_HZ=1000 CPROF_ATEXIT=1
for how in '' by-number by-prctls-number timeless; do
    # shellcheck disable=SC2086 # one word or none
    same "$LIB" "" "$PROG/sandboxed" "$PROG/libwalk_one.so" $how
    [ "$got" != 77 ] || exit 77
    grep -q 'still there' with.out
done

for how in strict strict-by-number uncounted; do
    for io in 0 1; do
        CPROF_BLOCK_IO=$io same "$LIB" "" "$PROG/sandboxed" "$how"
        [ "$got" != 77 ] || exit 77
        grep -q 'still there' with.out
    done
done

same "$LIB" "" "$PROG/sandboxed" dispatched
[ "$got" = 77 ] || grep -q 'still there' with.out

same "$LIB" "" "$PROG/sandboxed" vfork-uncounted
grep -q 'still there' with.out
CPROF_HTTP=unix:%p.sock CPROF_INTERVAL=1h same "$LIB" "" "$PROG/sandboxed" uncounted
grep -q 'still there' with.out

same "$LIB" "" "$PROG/sandboxed" vfork
if grep -E 'enters a sandbox|reads signal' with.err; then exit 1; fi
grep -q '^cprof.*: wrote .*{cpu,' with.err

# New privileges given up are no sandbox, nor is a question whether there are any.
CPROF_DIR=private same "$LIB" "" "$PROG/sandboxed" private
if grep 'enters a sandbox' with.err; then exit 1; fi
"$CPROF" top private/*.cpu.pb.gz >top.out
grep -q ' compute$' top.out

same "$LIB" "" "$PROG/filtered" ends
same "$LIB" "" "$PROG/filtered" leaves
CPROF_ONLY=another same "$LIB" "" "$PROG/filtered" leaves
LD_PRELOAD=$LIB "$PROG/filtered" asked >behind
grep -q 'still there' behind
