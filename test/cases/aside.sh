#!/bin/sh
# SPDX-License-Identifier: MIT
# aside - a program's calls go past us where nothing is to be seen, and only there
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

# where KIND OBJECT: the functions whose calls, or pointers, lead there
where() {
    sed -n "s/^$1 \([a-z_]*\) $2.*/\1/p" out | sort -u | tr '\n' ' '
}

# A program may compare its pointers to a library's: they all stay what they are.
stays() {
    [ "$(where pointer libcprof)" = 'free malloc_usable_size ' ] || { cat out; exit 1; }
}
all='calloc free malloc malloc_usable_size realloc '

for a in "" $(allocators); do
    CPROF_PROFILES=heap LD_PRELOAD="$LIB $a" "$PROG/slots" >out
    [ "$(where call libcprof)" = 'calloc free malloc realloc ' ] || { cat out; exit 1; }
    stays
    for off in CPROF_PROFILES=cpu CPROF_HEAP_RATE=0 CPROF_ONLY=nobody; do
        env "$off" LD_PRELOAD="$LIB $a" "$PROG/slots" >out
        [ -z "$(where call libcprof)" ] || { echo "$off"; cat out; exit 1; }
        [ "$(where call lib)" = "$all" ] || { echo "$off"; cat out; exit 1; }
        stays
    done
done

# So go those that may wait for descriptors, but for those whose mask of signals we mend.
io='epoll_wait poll read recv '
for off in CPROF_PROFILES=cpu CPROF_PROFILES=heap,block CPROF_ONLY=nobody; do
    env "$off" LD_PRELOAD="$LIB" "$PROG/slots" all >out
    [ "$(where io libcprof)" = '' ] || { echo "$off"; cat out; exit 1; }
    [ "$(where io libc.so)" = "$io" ] || { echo "$off"; cat out; exit 1; }
    [ "$(where masked libcprof)" = 'ppoll ' ] || { echo "$off"; cat out; exit 1; }
    if grep 'another function' out; then exit 1; fi
done
for on in CPROF_PROFILES=goroutine CPROF_BLOCK_IO=1; do
    env CPROF_PROFILES=block "$on" LD_PRELOAD="$LIB" "$PROG/slots" all >out
    [ "$(where io libcprof)" = "$io" ] || { echo "$on"; cat out; exit 1; }
done

# And locks, where nobody asks who waits for what.
locks='pthread_mutex_lock pthread_mutex_trylock pthread_mutex_unlock '
locks="${locks}pthread_rwlock_rdlock pthread_rwlock_unlock pthread_rwlock_wrlock "
for off in CPROF_PROFILES=cpu CPROF_PROFILES=heap,threadcreate CPROF_ONLY=nobody; do
    env "$off" LD_PRELOAD="$LIB" "$PROG/slots" all >out
    [ "$(where lock libcprof)" = '' ] || { echo "$off"; cat out; exit 1; }
    [ "$(where lock libc.so)" = "$locks" ] || { echo "$off"; cat out; exit 1; }
    if grep -E "another function|don't lock" out; then exit 1; fi
done
for on in goroutine mutex block; do
    env CPROF_PROFILES=$on LD_PRELOAD="$LIB" "$PROG/slots" all >out
    [ "$(where lock libcprof)" = "$locks" ] || { echo "$on"; cat out; exit 1; }
done

# Who has a block of ours must reach us.
CPROF_PROFILES=cpu LD_PRELOAD="$LIB $PROG/libarena.so" "$PROG/slots" all >out
[ "$(where call libcprof)" = "$all" ] || { cat out; exit 1; }
[ "$(where io libc.so)" = "$io" ] || { cat out; exit 1; }

# What the loader has not bound yet is the loader's to bind.
CPROF_PROFILES=cpu LD_PRELOAD="$LIB" "$PROG/slotslazy" all >out
[ "$(where call libcprof)" = "$all" ] || { cat out; exit 1; }
[ "$(where io libcprof)" = "$io" ] || { cat out; exit 1; }

# So it finds who has only old versions of the names, and whose blocks are his own.
debug=/lib/$(uname -m)-linux-gnu/libc_malloc_debug.so.0
for off in CPROF_PROFILES=cpu CPROF_ONLY=nobody; do
    for program in slots slotslazy; do
        same "$debug $LIB" "$debug" env GLIBC_TUNABLES=glibc.malloc.check=3 "$off" "$PROG/$program"
    done
done
for off in CPROF_PROFILES=cpu CPROF_PROFILES=heap CPROF_ONLY=nobody; do
    # Nothing is looked up on the way: a thread may be in dlopen, and wait for main.
    (export "${off?}" && same "$LIB $PROG/libopening.so" "$PROG/libopening.so" "$PROG/opening")
    grep -q opened with.out
done
for program in slots slotslazy; do
    GLIBC_TUNABLES=glibc.malloc.check=3 CPROF_PROFILES=heap LD_PRELOAD="$debug $LIB" \
        "$PROG/$program" >out
    [ "$(where call libcprof)" = 'calloc free malloc realloc ' ] || { cat out; exit 1; }
done

# And what they answer is the same.
export CPROF_PROFILES=cpu
everywhere "$PROG/family"
everywhere "$PROG/familynopie"
everywhere "$PROG/operators"

# A library before us has one of them, and keeps it.
for off in CPROF_PROFILES=cpu CPROF_PROFILES=heap; do
    export "${off?}"
    for program in family familynopie; do
        same "$PROG/libusable.so $LIB" "$PROG/libusable.so" "$PROG/$program"
        grep -q 'asked [1-9]' with.out || { cat with.out; exit 1; }
    done
done

# Where allocations aren't sampled, whose malloc it is is nobody's business.
CPROF_PROFILES=cpu LD_PRELOAD=$LIB "$PROG/ownmalloc" >/dev/null 2>err
if grep 'no heap profile' err; then exit 1; fi
