#!/bin/sh
# SPDX-License-Identifier: MIT
# signals - fm-037 fm-038: what a program sets and asks of signals is its own
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

for how in signal bsd_signal ssignal sysv_signal __sysv_signal sigset sigaction systemv loop \
    children prof; do
    same "$LIB" "" "$PROG/signals" $how
done
# Samples' own signal, keys, and a frame where there is no room for it.
for how in pending keys fence 'stack 2048' 'stack 4096' 'stack 16384'; do
    # shellcheck disable=SC2086 # two words
    same "$LIB" "" "$PROG/unseen" $how
done
# Taken: the agent steps aside, and says so once.
CPROF_LOG='' same "$LIB" "" "$PROG/signals" sigaction
[ "$(grep -c CPROF_SIGNAL with.err)" = 1 ] || { cat with.err; exit 1; }
# An ignored signal stays ignored, and is inherited so.
(
    trap '' USR1
    same "$LIB" "" "$PROG/signals" signal
    same "$LIB" "" "$PROG/signals" children
)
# What is given no handler of the host's is not deadly, and after exec not there.
LD_PRELOAD=$LIB sh -c 'kill -USR1 $$; sleep 0.1; echo alive' >out 2>err
grep -q alive out
