#!/bin/sh
# SPDX-License-Identifier: MIT
# cxx-operators - fm-019: operator new and delete, new_handler and bad_alloc, as without us
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

everywhere "$PROG/operators"
same "$LIB" "" "$PROG/operators"
grep -q "std::bad_alloc" with.out # it did run out

# Where the program replaces two of them, the others lead there.
for how in replaced replacedalone; do
    same "$LIB" "" "$PROG/$how"
    grep -q "nothrow delete: 5 new, 5 delete" with.out
    same "$LIB" "" "$PROG/$how" "$PROG/libplugin.so"
    grep -q "of the library: 100" with.out
done
CPROF_HEAP_RATE=1 CPROF_ATEXIT=1 CPROF_PROFILES=allocs LD_PRELOAD=$LIB "$PROG/replaced" >/dev/null
"$CPROF" top replaced.*.allocs.pb.gz >table
grep -q "operator new" table || { cat table; exit 1; }
