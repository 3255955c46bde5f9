#!/bin/sh
# SPDX-License-Identifier: MIT
# ends - fm-063 fm-066..068: fork, vfork, spawn, and every end of a process, as without us
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

export RATES=1
everywhere "$PROG/ends"
grep -q 'among threads' with.out

# A fork within another leaves no signal blocked.
same "$LIB" "" "$PROG/nested"
grep -q 'the inner child' with.out
