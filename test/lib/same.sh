# SPDX-License-Identifier: MIT
# same.sh - to be sourced: the host behaves as it does without us
# shellcheck shell=sh

# Where Debian keeps the other allocators; those not installed are left out.
allocators() {
    for lib in libjemalloc.so.2 libtcmalloc.so.4 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
        ldconfig -p | awk -v lib="$lib" '$1 == lib { print $NF; exit }'
    done
}

# same PRELOAD WITHOUT COMMAND...: runs it with LD_PRELOAD=WITHOUT, then with PRELOAD, and
# compares output and exit status. stderr goes to with.err, whose lines from us are allowed.
same() {
    with=$1
    without=$2
    shift 2
    want=0
    got=0
    LD_PRELOAD=$without "$@" >without.out 2>without.err || want=$?
    LD_PRELOAD=$with "$@" >with.out 2>with.err || got=$?
    grep -v '^cprof\[' with.err >with.host || :
    if [ "$want" != "$got" ] || ! cmp -s without.out with.out ||
        ! cmp -s without.err with.host; then
        echo "differs under LD_PRELOAD=$with: $* (status $want, then $got)"
        diff without.out with.out | head -n 40
        diff without.err with.err | head -n 40
        exit 1
    fi
}

# everywhere COMMAND...: same, over glibc and each allocator, before and after us, with every
# allocation sampled and with hardly any (or at the rates of RATES).
everywhere() {
    for rate in ${RATES:-1 4096 524288}; do
        export CPROF_HEAP_RATE=$rate
        same "$LIB" "" "$@"
        for a in $(allocators); do
            same "$LIB $a" "$a" "$@"
            same "$a $LIB" "$a" "$@"
        done
    done
    unset CPROF_HEAP_RATE
}
