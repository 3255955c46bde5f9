#!/bin/sh
# SPDX-License-Identifier: MIT
# fm-075 fm-079
# Every call on every kind of mutex answers the same with and without the agent, at rates
# that record all and none; many mutexes leave nothing behind.
set -eu

"$PROG/mutexes" table >plain
lines=$(wc -l <plain)
[ "$lines" -gt 500 ] || { echo "the table has $lines lines only"; exit 1; }
for rate in 0 1; do
    CPROF_MUTEX_FRACTION=$rate CPROF_BLOCK_RATE=$rate CPROF_ATEXIT=1 LD_PRELOAD=$LIB \
        "$PROG/mutexes" table >with
    diff plain with >differ || { echo "rate $rate:"; head -20 differ; exit 1; }
done

CPROF_MUTEX_FRACTION=1 CPROF_BLOCK_RATE=1 LD_PRELOAD=$LIB "$PROG/mutexes" many 100000 >kb
read -r before after <kb
[ $((after - before)) -lt 512 ] || { echo "grew from $before to $after KB"; exit 1; }
