#!/bin/sh
# SPDX-License-Identifier: MIT
# timeout: 120
# eintr - fm-039 fm-040: at 1 kHz no call is broken off, and no wait answered, by a sample
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

export CPROF_CPU_HZ=1000 CPROF_LINES=0
if [ -n "${SOAK_SECONDS:-}" ]; then
    quiet=$((SOAK_SECONDS * 10)) kicks=1000 deaf=1000 forks=$((SOAK_SECONDS * 100))
else
    quiet=60 kicks=8 deaf=10 forks=300
fi
CPROF_INTERVAL=500ms same "$LIB" "" "$PROG/eintr" quiet $quiet
same "$LIB" "" "$PROG/eintr" kicked $kicks
same "$LIB" "" "$PROG/eintr" deaf $deaf
CPROF_PROFILES=cpu same "$LIB" "" "$PROG/eintr" deaf $deaf
same "$LIB" "" "$PROG/eintr" raw 1
CPROF_CPU_HZ=4000 CPROF_BUDGET=100 same "$LIB" "" "$PROG/eintr" children $forks
LD_PRELOAD=$LIB "$PROG/eintr" stale 1 >left
grep -q '^stale: -1, -1$' left || { cat left; exit 1; }
# The samples did come.
set -- eintr.*.cpu.pb.gz
"$CPROF" top "$1" >table
grep -q clock_gettime table || { cat table; exit 1; }
# What does nothing when it comes is let in while a sample is taken, what is handled is not.
cat >want <<'.'
at first: TERM USR2
WINCH by default: TERM USR2
CHLD handled: TERM USR2 CHLD
URG and HUP handled: TERM USR2 HUP CHLD URG
.
(trap '' HUP && LD_PRELOAD=$LIB "$PROG/eintr" mask 1) >told
cmp told want || { diff want told; exit 1; }
