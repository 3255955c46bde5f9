#!/bin/sh
# SPDX-License-Identifier: MIT
# arena - fm-001..003: what was allocated while dlsym worked can be used and freed for ever
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

for rate in 1 524288; do
    for a in "" $(allocators); do
        CPROF_HEAP_RATE=$rate LD_PRELOAD="$LIB $PROG/libarena.so $a" "$PROG/arena" >out
        printf 'many blocks\ndone\n' | cmp - out || { cat out; exit 1; }
    done
done

# A function we need is not there: one line, and the host runs on.
CPROF_HEAP_RATE=1 WITHOUT=dlclose LD_PRELOAD="$LIB $PROG/libarena.so" "$PROG/arena" >out 2>err
grep -q 'done' out
[ "$(grep -c 'staying inert: libc has no dlclose' err)" = 1 ]
