#!/bin/sh
# SPDX-License-Identifier: MIT
# cxx-operators - fm-019: operator new and delete, new_handler and bad_alloc, as without us
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

everywhere "$PROG/operators"
same "$LIB" "" "$PROG/operators"
grep -q "std::bad_alloc" with.out # it did run out

# Where the program replaces two of them, the others lead there.
for how in replaced replacedalone; do
    same "$LIB" "" "$PROG/$how"
    grep -q "nothrow delete: 5 new, 5 delete" with.out
    same "$LIB" "" "$PROG/$how" "$PROG/libplugin.so"
    grep -q "of the library: 100" with.out
done
# With an allocator before us, whose operators aren't what the program's delete takes.
cat >marked.cc <<'END'
#include <cstdio>
#include <cstdlib>
#include <new>
static const long mark = 0x1234567;
void *operator new(std::size_t n)
{
	long *p = static_cast<long *>(std::malloc(n + 16));

	*p = mark;
	return p + 2;
}
void operator delete(void *p) noexcept
{
	long *q = static_cast<long *>(p) - 2;

	if (!p)
		return;
	if (*q != mark)
		std::abort();
	std::free(q);
}
void operator delete(void *p, std::size_t) noexcept { ::operator delete(p); }
int main()
{
	int *volatile one = new int(1), *volatile some = new int[100]();

	delete one;
	delete[] some;
	std::puts("fine");
	return 0;
}
END
g++ -O1 -o marked marked.cc
everywhere ./marked
# And a C program with a library that has some of them only.
cat >some.c <<'END'
#include <stdlib.h>
void *_Znam(size_t n) { return (char *)malloc(n + 64) + 64; }
void _ZdaPv(void *p) { free((char *)p - 64); }
END
cat >uses.c <<'END'
#include <stddef.h>
#include <stdio.h>
void *_Znam(size_t n);
void _ZdaPv(void *p);
void (*volatile give)(void *) = _ZdaPv;
int main(void)
{
	give(_Znam(100));
	_ZdaPv(_Znam(100));
	puts("fine");
	return 0;
}
END
gcc -O1 -shared -fPIC -o libsome.so some.c
for how in lazy now; do
    gcc -O1 "-Wl,-z,$how" -o uses uses.c -L. -lsome -Wl,-rpath,.
    everywhere ./uses
done
CPROF_HEAP_RATE=1 CPROF_ATEXIT=1 CPROF_PROFILES=allocs LD_PRELOAD=$LIB "$PROG/replaced" >/dev/null
"$CPROF" top replaced.*.allocs.pb.gz >table
grep -q "operator new" table || { cat table; exit 1; }
