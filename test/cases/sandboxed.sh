#!/bin/sh
# SPDX-License-Identifier: MIT
# sandboxed - fm-089: a system call that kills is not made because an allocation, or CPU time, is sampled
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

export CPROF_CPU_HZ=1000
CPROF_HEAP_RATE=1 same "$LIB" "" "$PROG/sandboxed" "$PROG/libwalk_one.so"
[ "$got" != 77 ] || exit 77
grep -q 'still there' with.out
