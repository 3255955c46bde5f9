#!/bin/sh
# SPDX-License-Identifier: MIT
# malloc-family - fm-006 fm-018..022 fm-024: every corner of malloc answers as without us
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

everywhere "$PROG/family"
everywhere "$PROG/familynopie"
grep -q 'errno after free 4711' with.out # it did look
