// SPDX-License-Identifier: MIT
// named.cc - allocates in functions whose names are hard, says so, and waits to be asked
//
// usage: named [LIBRARY]    dlopens it, calls its work(), and closes it again
// libs: -ldl
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <new>
#include <unistd.h>

namespace shop
{
template <class T> struct Cart {
	T *kept = nullptr;
	__attribute__((noinline)) void add(std::size_t n)
	{
		kept = take(n);
		asm volatile("" ::"r"(kept) : "memory");
	}
	inline __attribute__((always_inline)) T *take(std::size_t n)
	{
		return static_cast<T *>(std::malloc(n)); // the line of take
	}
	__attribute__((noinline)) Cart &operator<<(std::size_t n)
	{
		add(n);
		asm volatile("" ::"r"(this) : "memory");
		return *this;
	}
};
namespace
{
__attribute__((noinline)) void hidden(Cart<long> &c)
{
	c << 100000;
	asm volatile("");
}
} // namespace
} // namespace shop

int main(int argc, char **argv)
{
	shop::Cart<long> cart;
	auto fill = [&](int n) __attribute__((noinline))
	{
		shop::hidden(cart);
		asm volatile("" ::"r"(n));
	};

	fill(argc);
	if (argc > 1) {
		void *library = dlopen(argv[1], RTLD_NOW);

		if (!library)
			return 1;
		reinterpret_cast<void (*)()>(dlsym(library, "work"))();
		dlclose(library);
	}
	std::puts("ready");
	std::fflush(stdout);
	for (;;)
		pause();
}
