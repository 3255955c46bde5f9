#!/bin/sh
# SPDX-License-Identifier: MIT
# valgrind - memcheck finds nothing in `cprof`, nor in what reads, writes and names profiles
# timeout: 180
set -eu

# The CLI's own malloc is watched as libc's would be. It ends without giving back.
watch() {
    valgrind -q --error-exitcode=99 --leak-check=no --soname-synonyms=somalloc=NONE \
        "$@" >out 2>err || {
        echo "valgrind $*: status $?"
        tail -n 40 err
        exit 1
    }
}

is_whole() {
    [ -n "$(find "$1" -name '*.heap.pb.gz' 2>/dev/null)" ] &&
        [ -n "$(find "$1" -name '*.cpu.pb.gz')" ]
}

for p in p1 p2; do
    # A busy machine may not leave the 100 ms that an end may take.
    for _ in 1 2 3 4 5 6 7 8; do
        is_whole $p && break
        rm -rf $p
        CPROF_DIR=$p CPROF_HEAP_RATE=1 CPROF_CPU_HZ=1000 CPROF_ATEXIT=1 \
            CPROF_MUTEX_FRACTION=1 CPROF_BLOCK_RATE=1 LD_PRELOAD=$LIB "$PROG/waits" \
            c11 20 >/dev/null 2>&1 || exit 1
    done
done
watch "$CPROF" top -n 5 p1/*.heap.pb.gz
grep -q 'Showing' out
watch "$CPROF" top --cum p1/*.cpu.pb.gz
watch "$CPROF" top --base p1/*.heap.pb.gz p2/*.heap.pb.gz
watch "$CPROF" merge -o both.heap.pb.gz p1/*.heap.pb.gz p2/*.heap.pb.gz
watch "$CPROF" raw both.heap.pb.gz
watch "$CPROF" symbolize -o lines.heap.pb.gz p1/*.heap.pb.gz
for test in name config parse pprof_write profile_merge profile_read retention symbols symtab waitsfor; do
    watch "$BUILD/unit/test_$test"
done
