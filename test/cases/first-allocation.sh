#!/bin/sh
# SPDX-License-Identifier: MIT
# first-allocation - made under a lock of libc's: start-up takes none, and leaves no dlerror
set -eu

"$PROG/dlerrors" >plain
for preload in "$LIB" "$LIB:$PROG/libctor_gettext.so"; do
    timeout 10 env LD_PRELOAD="$preload" "$PROG/dlerrors" >with
    cmp plain with
done
"$PROG/ownmalloc" >plain
timeout 10 env LD_PRELOAD="$LIB:$PROG/libctor_array.so" "$PROG/ownmalloc" >with
cmp plain with
[ ! -x /usr/lib/postgresql/15/bin/postgres ] ||
    timeout 10 env LD_PRELOAD="$LIB" /usr/lib/postgresql/15/bin/postgres -V
if driver=$(command -v chromedriver); then
    timeout 10 env LD_PRELOAD="$LIB" "$driver" --version
fi
