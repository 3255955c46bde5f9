#!/bin/sh
# SPDX-License-Identifier: MIT
# threads - fm-059: pthread_create, its errors and attributes, and every end of a thread
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

everywhere "$PROG/threads"
grep -q 'last thread' with.out
