#!/bin/sh
# SPDX-License-Identifier: MIT
# plugins - a C program that loads C++ libraries; fm-073: ours itself loaded so
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

everywhere "$PROG/plugins" "$PROG/libplugin.so"
same "" "" "$PROG/plugins" "$PROG/libplugin.so"
grep -q 'plugin: std::bad_alloc' with.out
# The library may have a C++ library within itself.
g++ -O1 -shared -fPIC -static-libstdc++ -static-libgcc -o alone.so "$TOP/test/prog/libplugin.cc"
same "$LIB" "" "$PROG/plugins" ./alone.so
grep -q 'plugin: std::bad_alloc' with.out
# Loaded instead of preloaded, unloaded, loaded again; and twice in LD_PRELOAD, also as a copy.
cat >load.py <<'END'
import ctypes, _ctypes, os, sys
for _ in range(5):
    lib = ctypes.CDLL(os.environ["LIB"])
    _ctypes.dlclose(lib._handle)
print("loaded")
END
python3 load.py >out 2>err
grep -q loaded out
cp "$LIB" copy.so
for preload in "$LIB $LIB" "$LIB $PWD/copy.so" "$PWD/copy.so $LIB"; do
    CPROF_HEAP_RATE=1 same "$preload" "" "$PROG/family"
done
