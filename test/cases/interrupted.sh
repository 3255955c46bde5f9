#!/bin/sh
# SPDX-License-Identifier: MIT
# interrupted - fm-041 fm-044 fm-047: registers, errno, restartable sequences, ends of threads
# timeout: 120
# soak
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

[ "$(uname -m)" = x86_64 ] || { echo "x86-64 only"; exit 77; }
seconds=${SOAK_SECONDS:-2}
export CPROF_CPU_HZ=4000 CPROF_HEAP_RATE=1 CPROF_MUTEX_FRACTION=1 CPROF_BLOCK_RATE=1
export CPROF_INTERVAL=200ms CPROF_DIR=out CPROF_KEEP=5 CPROF_LINES=0
same "$LIB" "" "$PROG/interrupted" "$seconds" 10000
grep -q 'complaints 0' with.out

# Nor what floating-point arithmetic has met, or traps on.
export CPROF_ATEXIT=1
same "$LIB" "" "$PROG/exact"
same "$LIB" "" "$PROG/exact" traps
