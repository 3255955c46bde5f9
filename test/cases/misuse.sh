#!/bin/sh
# SPDX-License-Identifier: MIT
# misuse - fm-025 fm-026: frees that must not be, and no memory left: told by whom it was before
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"
# shellcheck disable=SC3045 # dash knows -c
ulimit -c 0

for how in 'small twice' 'middle twice' 'large twice' 'huge twice' inside misaligned static stack \
    nowhere noncanonical 'realloc inside' 'realloc freed' overrun; do
    for rate in 1 524288; do
        CPROF_HEAP_RATE=$rate same "$LIB" "" "$PROG/misuse" "$how"
    done
    cat with.err >>said
done
grep -q 'double free' said
grep -q 'invalid pointer' said

# Its own limit, and one it is born with; that leaves us nothing, or nearly so.
for rate in 1 524288; do
    export CPROF_HEAP_RATE=$rate CPROF_ATEXIT=1 CPROF_DIR=full
    for limit in as data; do
        same "$LIB" "" "$PROG/exhaust" $limit
    done
    for kb in 20000 40000 100000 400000; do
        same "$LIB" "" sh -c "ulimit -v $kb; exec $PROG/exhaust none"
        same "$LIB" "" sh -c "ulimit -d $kb; exec $PROG/exhaust none"
    done
done
