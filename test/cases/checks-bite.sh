#!/bin/sh
# SPDX-License-Identifier: MIT
# checks-bite - fm-036 fm-044 fm-074: every check fails when what it guards is broken
# timeout: 300
set -eu

cp -r "$TOP/agent" "$TOP/shim" "$TOP/cli" "$TOP/scripts" \
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
# The library, linked otherwise than it should be. Objects are the real ones.
objects=$(cd "$BUILD" && find agent-obj -name '*.o')
cp -r "$BUILD/agent-obj" build/
link() { # FLAGS... > a library that differs from ours by them
    # shellcheck disable=SC2086 # a list
    (cd build && gcc -shared -o libcprof.so $objects "$BUILD/demangler/libdemangle.a" \
        -Wl,--version-script="$TOP/shim/libcprof.map" -Wl,-soname,libcprof.so -Wl,-z,now \
        -Wl,-z,relro -Wl,-z,nodelete -Wl,--as-needed -Wl,--exclude-libs,ALL -Wl,--gc-sections "$@" \
        -l:libprotobuf-c.a -l:libz.a)
}
link -Wl,-O1
scripts/check-exports build >/dev/null || { scripts/check-exports build; exit 1; }
link -Wl,-z,lazy
bites exports BIND_NOW
link -Wl,--no-as-needed -lm
bites exports 'needs libm'
link -Wl,-soname,other.so
bites exports SONAME
link -Wl,-z,execstack
bites exports 'executable stack'
link -Wl,-z,norelro
bites exports RELRO
# extra CODE: one more object, whose functions are exported
extra() {
    echo "#pragma GCC visibility push(default)
        $1" | gcc -fPIC -x c -c -o build/extra.o -
    link extra.o
}
extra 'void surprise(void); void surprise(void) {}'
bites exports 'not in shim/table.h: surprise$'
extra 'void abort(void); void surprise(void) { abort(); }'
bites exports 'uses abort: not in'
extra '__thread char big[4096]; char *at(void) { return big; }'
bites exports '__tls_get_addr'
bites exports '4[0-9]* bytes of every thread'
cp "$BUILD/libcprof.so" build/

# An object of a room that calls what it may not.
calls() { # ROOM CODE WORDS
    echo "$2" | gcc -x c -c -o "build/agent-obj/$1/extra.c.o" -
    echo "$2" >"$1/extra.c"
    bites exports "$3"
    rm "build/agent-obj/$1/extra.c.o" "$1/extra.c"
}
calls agent/sample 'void *fopen(void); void *f(void) { return fopen(); }' \
    'sample/extra.c uses fopen: not in'
calls agent/rt 'void cp_heap_read(void); void f(void) { cp_heap_read(); }' \
    'rt/extra.c calls cp_heap_read of sample'
calls shim 'void cp_stack_intern(void); void f(void) { cp_stack_intern(); }' \
    'shim/extra.c calls cp_stack_intern of sample'
echo 'getpid once upon a time' | with scripts/allow-sample.txt exports 'getpid is not used any more'
echo 'strlen' | with scripts/allow-sample.txt exports 'strlen has no reason'

mkdir -p test/lib
cp -r "$TOP/test/cases" "$TOP/test/unit" test/
cp "$TOP/test/lib/modes.py" test/lib/
cp "$TOP/test/modes.txt" test/
cp "$TOP"/man/*.[1-9] man/
scripts/check-modes >/dev/null || { scripts/check-modes; exit 1; }
echo '103 one more' | with test/modes.txt modes 'rows 001 to 102'
echo 'one more' | with test/modes.txt modes 'not a row'
echo '    refused: as it likes' | with test/modes.txt modes "the manual doesn't say 'as it likes'"
sed -i 's/ fm-1.0$//' test/cases/edges.py
bites modes 'fm-1.0 has no test'
printf '# fm-%s\n' 123 | with test/cases/extra.sh modes 'names fm-1.3, which has no row'

# Alone, so that each run is quick.
find agent shim cli -name '*.c' -delete
echo 'int f(int *p); int f(int *p) { if (!p) return *p; return 0; }' |
    with agent/rt/extra.c tidy 'NullDereference'
echo 'int f(void); int f(void) { int a[2] = {0}; return a[2]; }' |
    with agent/rt/extra.c tidy 'out of bounds|arrayIndexOutOfBounds|undefined'

[ $failures = 0 ]
