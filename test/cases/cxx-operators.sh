#!/bin/sh
# SPDX-License-Identifier: MIT
# cxx-operators - fm-019: operator new and delete, new_handler and bad_alloc, as without us
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

everywhere "$PROG/operators"
same "$LIB" "" "$PROG/operators"
grep -q "std::bad_alloc" with.out # it did run out
