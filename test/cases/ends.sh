#!/bin/sh
# SPDX-License-Identifier: MIT
# ends - fm-063 fm-066..068: fork, vfork, spawn, and every end of a process, as without us
set -eu
. "$TOP/test/lib/same.sh"

RATES=1
everywhere "$PROG/ends"
grep -q 'among threads' with.out
