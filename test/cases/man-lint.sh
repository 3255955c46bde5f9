#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual pages are clean for both formatters, and name every command and option.
set -u
status=0

if ! command -v mandoc >/dev/null && ! command -v groff >/dev/null; then
    exit 77
fi
for page in "$TOP"/man/*.[1-9]; do
    : >said
    ! command -v mandoc >/dev/null || mandoc -T lint -W warning "$page" >>said 2>&1
    ! command -v groff >/dev/null || groff -ww -mandoc -Tutf8 -z "$page" >>said 2>&1
    if [ -s said ]; then
        cat said
        status=1
    fi
done

# Commands from `cprof help`, options from `cprof help COMMAND`.
"$CPROF" help | sed -n 's/^  \([a-z]*\) .*/\1/p' >commands
[ -s commands ] || exit 1
while read -r command; do
    grep -q "^\.Cm $command\$" "$TOP/man/cprof.1" || {
        echo "cprof(1) has no command $command" && status=1
    }
    for option in $("$CPROF" help "$command" | sed -n 's/^  --*\([a-z]*\).*/\1/p'); do
        grep -Eq "(^\.It|^\.Op) Fl -?$option( |\$)" "$TOP/man/cprof.1" || {
            echo "cprof(1) has no option $option of $command" && status=1
        }
    done
done <commands
exit $status
