#!/bin/sh
# SPDX-License-Identifier: MIT
# exe-name - files are named after the program as it was started
set -eu

# expect PREFIX PROGRAM...: a heap file of that name is there afterwards, and only that one.
expect() {
    name=$1
    shift
    rm -f -- *.pb.gz
    LD_PRELOAD=$LIB CPROF_ATEXIT=1 CPROF_LOG=none "$@" >/dev/null
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
