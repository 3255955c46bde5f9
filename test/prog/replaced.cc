// SPDX-License-Identifier: MIT
/*
 * replaced.cc - a program that replaces two of the operators, as the standard allows: the
 * others lead to these
 *
 * Context  TEST: prints how often its own were called; the same must come out with the agent.
 *          replaced LIBRARY: loads that, and runs what is in it.
 */
// cflags: -std=c++17 -fsized-deallocation

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <new>
#include <vector>

static const std::size_t header = 64;
static long news, deletes;

void *operator new(std::size_t n)
{
	char *p = static_cast<char *>(std::malloc(n + header));

	if (!p)
		throw std::bad_alloc();
	news++;
	return p + header;
}

void operator delete(void *p) noexcept
{
	deletes += p != nullptr;
	std::free(p ? static_cast<char *>(p) - header : nullptr);
}

struct with_destructor {
	int value = 1;
	~with_destructor()
	{
		value = 0;
	}
};

static void told(const char *what)
{
	std::printf("%s: %ld new, %ld delete\n", what, news, deletes);
}

static void run(const char *library)
{
	void *loaded = dlopen(library, RTLD_NOW);

	std::printf("of the library: %d\n",
		    loaded ? reinterpret_cast<int (*)(int)>(dlsym(loaded, "plugin_run"))(100) : -1);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		run(argv[1]);
	news = deletes = 0;
	{
		std::vector<int> sized(1000);
	}
	told("sized");
	delete[] new with_destructor[100];
	told("array");
	delete new (std::nothrow) int;
	told("nothrow");
	delete[] new (std::nothrow) int[100];
	told("nothrow array");
	::operator delete(::operator new(100), std::nothrow);
	told("nothrow delete");
	return 0;
}
