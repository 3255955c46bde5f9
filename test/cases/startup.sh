#!/bin/sh
# SPDX-License-Identifier: MIT
# startup - fm-004 fm-005 fm-007 fm-016 fm-017 fm-029 fm-031: what happens before main, or
# instead of it, and allocators that are the program's own, or come late
# timeout: 120
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"
export CPROF_MUTEX_FRACTION=1 CPROF_BLOCK_RATE=1 CPROF_CPU_HZ=1000

# Behind us in LD_PRELOAD its constructor runs before ours; before us, after.
early=$PROG/libearly.so
CPROF_HEAP_RATE=1 same "$early $LIB" "$early" timeout 30 "$PROG/starts"
CPROF_HEAP_RATE=1 same "$LIB $early" "$early" timeout 30 "$PROG/starts"
grep -q 'turns 800, handled 8, waited' with.out
# An allocator that would wait for itself.
locking=$PROG/liblocking.so
for rate in 1 524288; do
    export CPROF_HEAP_RATE=$rate
    for other in "$locking" "$early $locking"; do
        same "$LIB $other" "$other" timeout 30 "$PROG/starts"
        same "$other $LIB" "$other" timeout 30 "$PROG/starts"
    done
    same "$LIB $locking" "$locking" timeout 30 sh -c 'ls /dev/null; (exit 3); echo $?'
    same "$locking $LIB" "$locking" timeout 30 sh -c 'ls /dev/null; (exit 3); echo $?'
    same "$LIB" "" "$PROG/ownmalloc"
done
# jemalloc asks for too much thread-local memory to be loaded late.
for a in $(allocators | grep -v jemalloc); do
    for how in local global deepbind; do
        CPROF_HEAP_RATE=1 same "$LIB" "" "$PROG/latealloc" "$a" $how
        grep -q 'both used' with.out
    done
done

# Its own malloc is the program's: said in one line, and never in our way.
LD_PRELOAD=$LIB "$PROG/ownmalloc" >/dev/null 2>err
[ "$(grep -c 'malloc is that of the program itself' err)" = 1 ] || { cat err; exit 1; }

# Never reaches main; with and without a last snapshot to write.
# shellcheck disable=SC3045 # dash knows -c
ulimit -c 0
for atexit in 0 1; do
    export CPROF_ATEXIT=$atexit CPROF_DIR=never
    for how in exit _exit quick_exit abort signal; do
        export ENDS=$how
        same "$LIB $early" "$early" "$PROG/starts"
        same "$early $LIB" "$early" "$PROG/starts"
    done
    unset ENDS
done
