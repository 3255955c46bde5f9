// SPDX-License-Identifier: MIT
/*
 * counts.cc - 1000 blocks of 80 bytes from each function, 400 of them given back
 *
 * Context  TEST: each from a function whose name says it; argv[1]: a library that
 *          allocates too, loaded at run time.
 */
// cflags: -std=c++17 -fsized-deallocation -O0
// libs: -ldl

#include <cstdlib>
#include <dlfcn.h>
#include <initializer_list>
#include <malloc.h>
#include <new>
#include <thread>

static const int all = 1000, given_back = 400;
static const auto al = std::align_val_t(64);
static const std::size_t size = 80;
static void *block[all];

template <class Get, class Put> static void many(Get get, Put put)
{
	for (auto &b : block)
		b = get();
	for (int i = 0; i < given_back; i++)
		put(block[i]);
}

#define FAMILY(name, get, put)                                 \
	extern "C" __attribute__((noinline)) void *by_##name() \
	{                                                      \
		void *volatile p = get;                        \
		return p;                                      \
	}                                                      \
	static void all_##name()                               \
	{                                                      \
		many(by_##name, [](void *p) { put; });         \
	}

static void *aligned()
{
	void *p = nullptr;

	return posix_memalign(&p, 64, size) ? nullptr : p;
}

FAMILY(malloc, std::malloc(size), std::free(p))
FAMILY(calloc, std::calloc(10, 8), std::free(p))
FAMILY(realloc, std::realloc(nullptr, size), std::free(std::realloc(p, 0)))
FAMILY(reallocarray, reallocarray(nullptr, 10, 8), std::free(p))
FAMILY(grown, std::realloc(std::malloc(0), size), std::free(p))
FAMILY(posix_memalign, aligned(), std::free(p))
FAMILY(aligned_alloc, aligned_alloc(16, size), std::free(p))
FAMILY(memalign, memalign(32, size), std::free(p))
FAMILY(valloc, valloc(size), std::free(p))
FAMILY(new, ::operator new(size), ::operator delete(p))
FAMILY(new_sized, ::operator new(size), ::operator delete(p, size))
FAMILY(new_nothrow, ::operator new(size, std::nothrow), ::operator delete(p, std::nothrow))
FAMILY(new_aligned, ::operator new(size, al), ::operator delete(p, al))
FAMILY(new_aligned_sized, ::operator new(size, al), ::operator delete(p, size, al))
FAMILY(array, ::operator new[](size), ::operator delete[](p))
FAMILY(array_sized, ::operator new[](size), ::operator delete[](p, size))
FAMILY(array_nothrow, ::operator new[](size, std::nothrow), ::operator delete[](p, std::nothrow))
FAMILY(array_aligned, ::operator new[](size, al), ::operator delete[](p, al))

static void *(*plugin_new)(std::size_t);
static void (*plugin_delete)(void *);
FAMILY(plugin, plugin_new(size), plugin_delete(p))

int main(int argc, char **argv)
{
	void *lib = argc > 1 ? dlopen(argv[1], RTLD_NOW) : nullptr;

	for (auto f : {all_malloc, all_calloc, all_realloc, all_reallocarray, all_grown,
		       all_posix_memalign, all_aligned_alloc, all_memalign, all_valloc, all_new,
		       all_new_sized, all_new_nothrow, all_new_aligned, all_new_aligned_sized,
		       all_array, all_array_sized, all_array_nothrow, all_array_aligned})
		std::thread(f).join();
	if (!lib)
		return 1;
	*(void **)&plugin_new = dlsym(lib, "plugin_new");
	*(void **)&plugin_delete = dlsym(lib, "plugin_delete");
	all_plugin();
	return 0;
}
