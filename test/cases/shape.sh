#!/bin/sh
# SPDX-License-Identifier: MIT
# fm-080
# shape - the fast paths keep their shape: so many instructions, one jump out, nothing that waits
set -eu

# Entries whose fast path may be LIMIT instructions, the jump to the real function included.
limits() {
    echo "malloc 4 calloc 8 realloc 11 free 7 cfree 7 free_sized 7 memalign 4 aligned_alloc 4
        posix_memalign 4 _Znwm 4 _Znam 4 _ZnwmRKSt9nothrow_t 4 _ZnwmSt11align_val_t 4
        _ZdlPv 7 _ZdaPv 7 _ZdlPvm 7 _ZdaPvm 7 _ZdlPvSt11align_val_t 7
        _ZdlPvmSt11align_val_t 7 _ZdlPvRKSt9nothrow_t 7
        pthread_mutex_lock 4 pthread_mutex_timedlock 4 pthread_mutex_clocklock 4
        pthread_mutex_trylock 1 pthread_mutex_unlock 4
        pthread_rwlock_rdlock 4 pthread_rwlock_wrlock 4 pthread_rwlock_timedrdlock 4
        pthread_rwlock_timedwrlock 4 pthread_rwlock_clockrdlock 4 pthread_rwlock_clockwrlock 4
        pthread_rwlock_tryrdlock 1 pthread_rwlock_trywrlock 1 pthread_rwlock_unlock 4
        sem_wait 4 sem_timedwait 4 sem_clockwait 4 pthread_once 4 mtx_lock 4 mtx_trylock 1
        mtx_timedlock 4 mtx_unlock 4 syscall 7
        read 9 readv 9 recv 9 recvfrom 9 recvmsg 9 recvmmsg 9 accept 9 accept4 9"
}

[ "$(uname -m)" = x86_64 ] || { echo "x86-64 only"; exit 77; }
objdump -d --no-show-raw-insn "$LIB" >text

# The instructions of FUNCTION up to its jump through cp_real: what comes after is the slow path.
fast_path() {
    awk -v name="<$1>:" '
        $2 == name { on = 1; next }
        on && NF == 0 { exit }
        on { sub(/^[^:]*:\t/, ""); sub(/<.*/, ""); print }
        on && /jmp +\*/ { exit }' text
}

# A wait for a descriptor is said by stores: the real function is all that is called.
for name in poll select epoll_wait; do
    awk -v name="<$name>:" '$2 == name { on = 1; next } on && NF == 0 { exit } on' text >path
    n=$(wc -l <path)
    if [ "$(grep -c call path)" != 1 ] || ! grep -q 'call  *\*' path || [ "$n" -gt 95 ] ||
        grep -nE 'lock |xchg .*[(]|mfence' path; then
        echo "$name: more than stores around the real function, or too long: $n lines"
        cat path
        exit 1
    fi
done

# The same of a read that is not passed on; besides, the descriptor may be asked of, and the wait
# recorded.
for name in read readv recv recvfrom recvmsg recvmmsg accept accept4; do
    awk -v name="<${name}_slow>:" '$2 == name { on = 1; next } on && NF == 0 { exit } on' text >path
    n=$(wc -l <path)
    if [ "$(grep -c 'call  *\*' path)" != 2 ] || [ "$(grep -c call path)" -gt 6 ] ||
        [ "$n" -gt 140 ] || grep -nE 'lock |xchg .*[(]|mfence' path; then
        echo "$name: more than stores around the real function, or too long: $n lines"
        cat path
        exit 1
    fi
done

# What every wait looks at is one line, and what calls look at besides is in its page; of what
# samples look at each file's own, and the constants of their arithmetic, are in the next.
objdump -h "$LIB" | awk '$2 ~ /^[.](data|cp_hot|cp_warm)$/ { print $2, $3, $4 }' >sections
objdump -t "$LIB" | awk '$2 == "l" && $3 == "df" { file = $NF }
                         $4 ~ /^[.]cp_/ { print $4, $1, $NF == "st" ? file : $NF }' >words
read -r _ size hot <<EOF
$(grep '^[.]cp_hot ' sections)
EOF
read -r _ _ at <<EOF
$(grep '^[.]data ' sections)
EOF
if [ $((0x$at % 4096)) -ne 0 ] || [ $((0x$hot + 0x$size)) -gt $((0x$at + 4096)) ]; then
    echo ".cp_hot: 0x$size bytes at 0x$hot: more than the page at 0x$at"
    exit 1
fi
for name in cp_ticks_source cp_io_interest cp_waits_on cp_waiters contend.c; do
    word=$(awk -v name="$name" '$1 == ".cp_hot" && $3 == name { print $2 }' words)
    if [ $((0x${word:-0} / 64)) -ne $((0x$hot / 64)) ]; then
        echo "$name: not in the line at 0x$hot"
        exit 1
    fi
done
grep -q '^[.]cp_hot .* cp_real$' words || { echo "cp_real: not in the page at 0x$at"; exit 1; }
read -r _ size at <<EOF
$(grep '^[.]cp_warm ' sections)
EOF
if [ $((0x$at % 4096)) -ne 0 ] || [ $((0x$size)) -gt 4096 ]; then
    echo ".cp_warm: 0x$size bytes at 0x$at: more than a page"
    exit 1
fi
for name in cp_fds cp_rules heap.c stack.c live.c memo.c walk.c cost.c govern.c loss.c thread.c \
    life.c; do
    grep -q "^[.]cp_warm .* $name$" words || { echo "$name: not in the page at 0x$at"; exit 1; }
done
for name in weigh cp_one_minus_exp cp_ln; do
    objdump -d --no-show-raw-insn --disassemble=$name "$LIB" | awk '/sd .*# / { print $(NF - 1), $NF }'
done >constants
if [ "$(wc -l <constants)" -lt 5 ] || grep -qv "^$(echo "$at" | sed 's/^0*//; s/...$//')" constants; then
    echo "constants elsewhere than in the page of 0x$at:"
    cat constants
    exit 1
fi

# What a wait costs that is not recorded: who comes back from it finds his caches cold.
for bound in cp_probe_wait_begin:140 cp_probe_wait_end:75; do
    awk -v name="<${bound%:*}>:" '$2 == name { on = 1; next } on && NF == 0 { exit } on' text >path
    n=$(wc -l <path)
    if [ "$n" -lt 20 ] || [ "$n" -gt "${bound#*:}" ] || grep -nE 'lock |xchg .*[(]|mfence|div|mul' path
    then
        echo "${bound%:*}: $n instructions of ${bound#*:}, or one that takes long"
        cat path
        exit 1
    fi
done

# shellcheck disable=SC2046 # pairs of words
set -- $(limits)
while [ $# -gt 0 ]; do
    fast_path "$1" >path
    grep -q 'jmp  *\*' path || { echo "$1: no jump to the real function"; cat path; exit 1; }
    if grep -nE 'call|lock|xchg|mfence|push|ret' path; then
        echo "$1: its fast path does more than subtract, or look, and jump"
        exit 1
    fi
    n=$(wc -l <path)
    [ "$n" -le "$2" ] || { echo "$1: $n instructions, $2 allowed"; cat path; exit 1; }
    # In one block of 32 bytes; a jump through memory takes 6.
    if [ "$2" -le 8 ] && [ "$1" != syscall ]; then
        read -r from to <<EOF
$(awk -v name="<$1>:" '$2 == name { on = 1; printf "%s", $1; next }
                       on && /jmp +\*/ { sub(/:.*/, ""); print " " $1; exit }' text)
EOF
        if [ $((0x$from % 32)) -ne 0 ] || [ $((0x$to + 6)) -gt $((0x$from + 32)) ]; then
            echo "$1: from 0x$from to a jump at 0x$to: more than a block of 32 bytes"
            exit 1
        fi
    fi
    shift 2
done
