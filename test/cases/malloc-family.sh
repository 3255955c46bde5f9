#!/bin/sh
# SPDX-License-Identifier: MIT
# malloc-family - fm-006 fm-018..022 fm-024: every corner of malloc answers as without us
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

everywhere "$PROG/family"
everywhere "$PROG/familynopie"
grep -q 'errno after free 4711' with.out # it did look

# Who stands before us may have old versions of the names only, and never all of them; or one
# that nobody asks for.
debug=/lib/$(uname -m)-linux-gnu/libc_malloc_debug.so.0
export GLIBC_TUNABLES=glibc.malloc.check=3
for rate in 1 524288; do
    for program in family familynopie; do
        same "$debug $LIB" "$debug" env CPROF_HEAP_RATE=$rate "$PROG/$program"
        same "$PROG/libprivate.so $LIB" "$PROG/libprivate.so" env CPROF_HEAP_RATE=$rate \
            "$PROG/$program"
    done
done
