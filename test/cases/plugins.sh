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
# And another one may have another, which hears its own handler and throws by itself.
cat >other.cc <<'END'
#include <cstdio>
#include <new>
extern "C" int plugin_run(int n)
{
	std::set_new_handler([] { std::puts("handler"); std::set_new_handler(nullptr); });
	try {
		volatile std::size_t huge = std::size_t(1) << 62;
		void *volatile p = ::operator new(huge);
		std::printf("%p\n", p);
	} catch (const std::bad_alloc &e) {
		std::puts(e.what());
	}
	return n;
}
extern "C" void *plugin_new(std::size_t n) { return ::operator new(n); }
extern "C" void plugin_delete(void *p) { ::operator delete(p); }
END
g++ -O1 -shared -fPIC -static-libstdc++ -static-libgcc -o other.so other.cc
cat >both.py <<'END'
import ctypes, sys
for name in sys.argv[1:]:
    lib = ctypes.CDLL(name)
    print(name, lib.plugin_run(1), flush=True)
END
# Its own operator may not be malloc's.
cat >pool.cc <<'END'
#include <cstdio>
#include <cstdlib>
#include <new>
#include <sys/resource.h>
static char pool[32 << 20] __attribute__((aligned(16)));
static std::size_t used;
void *operator new(std::size_t n)
{
	void *p = pool + used;

	used += (n + 15) & ~std::size_t(15);
	return p;
}
void operator delete(void *) noexcept {}
void operator delete(void *, std::size_t) noexcept {}
extern "C" int plugin_run(int n)
{
	struct rlimit is, none = {1 << 20, 0};

	getrlimit(RLIMIT_AS, &is);
	none.rlim_max = is.rlim_max;
	setrlimit(RLIMIT_AS, &none);
	void *volatile p = ::operator new(8 << 20);
	::operator delete(p);
	setrlimit(RLIMIT_AS, &is);
	std::puts("given back");
	return n;
}
END
g++ -O1 -shared -fPIC -static-libstdc++ -static-libgcc -o pool.so pool.cc
same "$LIB" "" python3 both.py ./pool.so
for order in './alone.so ./other.so' './other.so ./alone.so'; do
    for rate in 1 524288; do
        # shellcheck disable=SC2086 # two words
        CPROF_HEAP_RATE=$rate same "$LIB" "" python3 both.py $order
    done
done
grep -q handler with.out
# Its own operators are its libraries' too, whether it calls them directly or not.
cat >own.cc <<'END'
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
static const std::size_t header = 64;
static int out;
void *operator new(std::size_t n)
{
	out++;
	return static_cast<char *>(std::malloc(n + header)) + header;
}
void operator delete(void *p) noexcept
{
	out -= p != nullptr;
	std::free(p ? static_cast<char *>(p) - header : nullptr);
}
void operator delete(void *p, std::size_t) noexcept { ::operator delete(p); }
extern "C" int plugin_run(int n)
{
	{
		std::string *s = new std::string; // grown by libstdc++, and ended here
		for (int i = 0; i < n * 100; i++)
			s->push_back('x');
		std::string *t = new std::string(s->substr(1) + *s);
		delete s;
		t->reserve(100000);
		delete t;
	}
	std::printf("%d are out\n", out);
	return n;
}
END
for how in -Bsymbolic -Bsymbolic-functions -O1; do
    g++ -O2 -shared -fPIC "-Wl,$how" -o own.so own.cc
    same "$LIB" "" python3 both.py ./own.so
    grep -q "^0 are out" with.out
done
# Out of memory, and nobody throws.
cat >none.cc <<'END'
#include <cstdio>
#include <new>
#include <sys/resource.h>
int main()
{
	struct rlimit none = {1 << 20, 1 << 20};

	setrlimit(RLIMIT_AS, &none);
	void *volatile p = ::operator new(8 << 20, std::nothrow);
	std::puts(p ? "some" : "none");
	return 0;
}
END
g++ -O1 -o none none.cc
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
    same "$preload" "" "$PROG/plugins" "$PROG/libplugin.so"
    CPROF_HEAP_RATE=1 same "$preload" "" ./none
done
# Who asked for memory is the leaf, as in a program that is in C++ itself; and where a snapshot at
# exit comes too late, as on a busy machine, the next one doesn't.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    CPROF_HEAP_RATE=1 CPROF_ATEXIT=1 CPROF_PROFILES=allocs LD_PRELOAD=$LIB \
        "$PROG/plugins" "$PROG/libplugin.so" >/dev/null 2>&1
    set -- plugins.*.allocs.pb.gz
    [ ! -f "$1" ] || break
done
"$CPROF" top -n 1000 "$1" >table
grep -qE "^ *[1-9][0-9.]*kB .*plugin_run$" table || { cat table; exit 1; }
if grep "operator new" table; then
    exit 1
fi
