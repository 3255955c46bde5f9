#!/bin/sh
# SPDX-License-Identifier: MIT
# checks-bite - every check fails when what it guards is broken
# timeout: 120
set -eu

cp -r "$TOP/agent" "$TOP/shim" "$TOP/cli" "$TOP/scripts" "$TOP/compile_flags.txt" \
    "$TOP/.clang-tidy" "$TOP/.clang-format" .
mkdir -p include man test build
ln -s "$BUILD/gen" build/gen
cp "$BUILD/libcprof.so" build/
failures=0

# bites CHECK WORDS...: the check must fail now, with the words (a pattern) in what it says.
bites() {
    check=$1
    shift
    if scripts/check-"$check" build >out 2>&1; then
        echo "check-$check passes, but: $*"
        failures=$((failures + 1))
    elif ! grep -qE "$*" out; then
        echo "check-$check fails, but not with: $*"
        cat out
        failures=$((failures + 1))
    fi
}

# with FILE CHECK WORDS...: the text on stdin is appended to FILE (a new one, or ours) while
# the check runs. FILE is put back afterwards.
with() {
    file=$1
    shift
    if [ -e "$file" ]; then cp "$file" kept; else rm -f kept; fi
    cat >>"$file"
    bites "$@"
    rm -f "$file"
    [ ! -e kept ] || cp kept "$file"
}

scripts/check-layers

echo '#include "../sample/cell.h"' | with agent/rt/buf.c layers 'may not include agent/sample'
echo '#include "agent/sample/cell.h"' | with shim/extra.h layers 'may not include agent/sample'
echo '#include "../agent/control/symbols.h"' | with cli/main.c layers 'may not include agent/control'
echo '#include "no/such.h"' | with agent/rt/mem.c layers 'is no file of ours'
echo 'int x = __atomic_load_n(&y, 0);' | with agent/sample/cell.c layers 'atomics go through'
echo 'static _Atomic int x;' | with agent/control/extra.c layers 'atomics go through'
echo 'void f(void) { __asm__("nop"); }' | with agent/sample/cell.c layers 'assembler belongs'
echo 'void f(void) { syscall (1); }' | with agent/sample/cell.c layers 'system calls go through'
printf '\n\n\n\n\n\n\n\n\nint x = cp_load_acq(&y);\n' | with agent/rt/buf.c layers 'say what this pairs'
printf '/* SPDX-License-Identifier: MIT */\n/*\n * other.c - not it\n * Context  ANY\n */\n' |
    with agent/rt/extra.c layers 'banner must begin'
printf '/* SPDX-License-Identifier: MIT */\n/*\n * extra.c - lacks it\n */\n' |
    with agent/rt/extra.c layers 'which Context'
echo '/* extra.c - no licence */' | with agent/rt/extra.c layers 'SPDX'
yes '' | head -n 600 | with agent/rt/buf.c layers 'more than 500 lines'
echo '/* TO''DO: later */' | with agent/rt/buf.c layers 'no promises'

echo 'cp_sid x;' | with agent/rt/extra.h headers 'cp_sid'
echo 'int  x ;' | with agent/rt/buf.c format 'clang-format'
# shellcheck disable=SC2016 # as is
printf '#!/bin/sh\nrm -rf $1/x\n' | with scripts/extra format 'SC2086'
# Alone, so that each run is quick.
find agent shim cli -name '*.c' -delete
echo 'int f(int *p); int f(int *p) { if (!p) return *p; return 0; }' |
    with agent/rt/extra.c tidy 'NullDereference'
echo 'int f(void); int f(void) { int a[2] = {0}; return a[2]; }' |
    with agent/rt/extra.c tidy 'out of bounds|arrayIndexOutOfBounds|undefined'

[ $failures = 0 ]
