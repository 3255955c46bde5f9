#!/bin/sh
# SPDX-License-Identifier: MIT
# loader - fm-071: libraries come and go, constructors allocate, with everything recorded
# timeout: 120
# soak
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

turns=$((150 + ${SOAK_SECONDS:-0} * 100))
export CPROF_HEAP_RATE=1 CPROF_CPU_HZ=1000 CPROF_MUTEX_FRACTION=1 CPROF_BLOCK_RATE=1
export CPROF_INTERVAL=200ms CPROF_ATEXIT=1 CPROF_DIR=out CPROF_KEEP=5 CPROF_LINES=0
same "$LIB" "" "$PROG/loading" $turns "$PROG"
grep -q 'complaints 0' with.out
CPROF_HEAP_RATE=524288 same "$LIB" "" "$PROG/loading" $turns "$PROG"

# An auditor's libc is none of ours, and ours none of its.
export LD_AUDIT="$PROG/libaudit.so"
same "$LIB" "" "$PROG/loading" 30 "$PROG"
same "$LIB" "" "$PROG/starts"
unset LD_AUDIT
