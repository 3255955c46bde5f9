#!/bin/sh
# SPDX-License-Identifier: MIT
# fm-076..078
# Every call that waits answers the same with and without the agent, in every state, under
# both versions of the condition variables, interrupted and cancelled, whatever is recorded.
# Nothing of a wait that was cancelled stays: neither who waited nor who let go is charged.
set -eu

table() {
    timeout 30 "$PROG/waittable" && timeout 30 "$PROG/iotable" &&
        CPROF_DIR=$PWD/cancelled timeout 30 "$PROG/canceltable"
}

table >plain
lines=$(wc -l <plain)
[ "$lines" -gt 790 ] || { echo "the table has $lines lines only"; exit 1; }
for rate in 0 1; do
    export CPROF_MUTEX_FRACTION=$rate CPROF_BLOCK_RATE=$rate CPROF_BLOCK_IO=$rate CPROF_ATEXIT=1
    (export LD_PRELOAD="$LIB" && table) >with
    diff plain with >differ || { echo "rate $rate:"; head -20 differ; exit 1; }
done
for file in cancelled/*.block.pb.gz cancelled/*.mutex.pb.gz; do
    "$CPROF" raw "$file" >text
    grep -q "^Samples" text
    if grep -E "cancelled_in_|let_all_go" text; then echo "in $file"; exit 1; fi
done
