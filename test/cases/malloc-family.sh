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

# A program that isn't position-independent leads the name malloc to its own PLT entry, whatever
# table its symbols are found by.
gcc -O1 -w -no-pie -fno-pie -pthread -D_GNU_SOURCE -fno-builtin-malloc -Wl,--hash-style=sysv \
    -o sysv "$TOP/test/prog/familynopie.c"
unset GLIBC_TUNABLES
for a in "" $(allocators); do
    LD_PRELOAD="$a $LIB" ./sysv >/dev/null 2>err
    if grep 'no heap profile' err; then exit 1; fi
done
