#!/bin/sh
# SPDX-License-Identifier: MIT
# exe-name - files are named after the program as it was started
set -eu

# expect PREFIX PROGRAM...: a heap file of that name is there afterwards, and only that one.
# A busy machine may make a snapshot at exit come too late: then it runs again.
expect() {
    name=$1
    shift
    rm -f -- *.pb.gz
    for _ in 1 2 3 4 5 6 7 8 9; do
        LD_PRELOAD=$LIB CPROF_ATEXIT=1 CPROF_LOG=none "$@" >/dev/null
        ls ./*.heap.pb.gz >/dev/null 2>&1 && break
    done
    set -- ./*.heap.pb.gz
    case $1 in
    ./"$name".[0-9]*.heap.pb.gz) ;;
    *)
        echo "wanted $name.PID...., got $*"
        exit 1
        ;;
    esac
}

ln -s /usr/bin/sort other-name
printf '#!/usr/bin/sort\n' >script
chmod +x script

expect sort /usr/bin/sort /dev/null
# A link is what the user called: Debian's redis-server is one to redis-check-rdb.
expect other-name ./other-name /dev/null
# So is a script, whatever interpreter runs it.
expect script ./script
# A leading dot is a temporary's: a program wrapped by a script has one.
ln -s /usr/bin/sort .sort-wrapped
expect _sort-wrapped ./.sort-wrapped /dev/null
# Older ones are found, and pruned.
for _ in 1 2 3 4; do
    LD_PRELOAD=$LIB CPROF_ATEXIT=1 CPROF_LOG=none CPROF_KEEP=1 ./.sort-wrapped /dev/null
done
set -- ./_sort-wrapped.*.heap.pb.gz
if [ $# != 1 ]; then
    echo "kept: $*"
    exit 1
fi
