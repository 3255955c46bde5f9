#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual's variables and defaults are those of the code's table, in number and
# value; nothing else in the documents names a variable that does not exist.
set -eu

# {"CPROF_X", "default", ...  ->  CPROF_X default
tr '\n' ' ' <"$TOP/agent/control/config.c" | grep -o '{"CPROF_[A-Z_]*",[[:space:]]*"[^"]*"' |
    sed 's/^{"\(.*\)",[[:space:]]*"\(.*\)"$/\1 \2/' | sort >code
# .It Ev CPROF_X Pq Ql default
sed -n 's/^\.It Ev \(CPROF_[A-Z_]*\) Pq Ql \(.*\)$/\1 \2/p' "$TOP/man/libcprof.7" |
    sed 's/\\&//g' | sort >manual
[ -s code ] || { echo "no table of variables found in agent/control/config.c" && exit 1; }
diff -u code manual || { echo "man/libcprof.7 and agent/control/config.c disagree" && exit 1; }

cut -d' ' -f1 code >known
printf '%s\n' CPROF_ CPROF_VARIABLE >>known # CPROF_* for all of them; the synopsis
status=0
for f in "$TOP"/man/*.[1-9] "$TOP/README.md" "$TOP/CHANGELOG.md" "$TOP/CONTRIBUTING.md" \
    "$TOP"/cli/*.c; do
    grep -ow 'CPROF_[A-Z_]*' "$f" | sort -u | grep -vxF -f known >unknown || continue
    echo "${f#"$TOP/"} names what does not exist: $(tr '\n' ' ' <unknown)"
    status=1
done
exit $status
