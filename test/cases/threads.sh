#!/bin/sh
# SPDX-License-Identifier: MIT
# threads - fm-059: pthread_create, its errors and attributes, and every end of a thread
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

everywhere "$PROG/threads"
grep -q 'last thread' with.out

# Who makes threads is known, however they are made. A busy machine may drop a last snapshot.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    CPROF_ATEXIT=1 CPROF_DIR=made LD_PRELOAD=$LIB "$PROG/threads" >/dev/null 2>&1
    if ls made/*.threadcreate.pb.gz >/dev/null 2>&1; then break; fi
done
for start in plain by_c11; do
    "$CPROF" raw made/*.threadcreate.pb.gz | grep -q " $start "
done
