// SPDX-License-Identifier: MIT
/*
 * operators.cc - every operator new and delete, with memory and without
 *
 * Context  TEST: prints what it got; the same must come out with the agent.
 */
// cflags: -std=c++17 -fsized-deallocation -Wno-alloc-size-larger-than

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

static volatile std::size_t huge = std::size_t(PTRDIFF_MAX) - 200;
static int handled;
static void *reserve;

static void handler()
{
	if (++handled == 3)
		throw std::bad_alloc();
}

// Gives up what makes the second attempt succeed? It can't for a huge size: it removes itself.
static void last_handler()
{
	std::free(reserve);
	reserve = nullptr;
	std::set_new_handler(nullptr);
	handled = 100;
}

static void *use(void *p, std::size_t n, std::size_t align)
{
	if (reinterpret_cast<std::uintptr_t>(p) % align)
		std::printf("misaligned to %zu\n", align);
	std::memset(p, 1, n);
	return p;
}

static void pairs()
{
	for (std::size_t n = 1; n < 200000; n = n * 2 + 1) {
		::operator delete(use(::operator new(n), n, 8));
		::operator delete(use(::operator new(n), n, 8), n);
		::operator delete[](use(::operator new[](n), n, 8));
		::operator delete[](use(::operator new[](n), n, 8), n);
		::operator delete(use(::operator new(n, std::nothrow), n, 8), std::nothrow);
		::operator delete[](use(::operator new[](n, std::nothrow), n, 8), std::nothrow);
		for (std::size_t a = 16; a <= 8192; a *= 8) {
			auto al = std::align_val_t(a);

			::operator delete(use(::operator new(n, al), n, a), al);
			::operator delete(use(::operator new(n, al), n, a), n, al);
			::operator delete[](use(::operator new[](n, al), n, a), al);
			::operator delete[](use(::operator new[](n, al), n, a), n, al);
			::operator delete(use(::operator new(n, al, std::nothrow), n, a), al,
					  std::nothrow);
			::operator delete[](use(::operator new[](n, al, std::nothrow), n, a), al,
					    std::nothrow);
		}
	}
	::operator delete(::operator new(0));
	::operator delete(nullptr);
	std::puts("pairs");
}

template <class F> static void without_memory(const char *what, F f)
{
	handled = 0;
	std::set_new_handler(handler);
	try {
		void *p = f();
		std::printf("%s: %s", what, p ? "block" : "NULL");
	} catch (const std::bad_alloc &e) {
		std::printf("%s: %s", what, e.what());
	}
	std::printf(", handler ran %d times\n", handled);
	std::set_new_handler(last_handler);
	reserve = std::malloc(100);
	try {
		void *p = f();
		std::printf("%s: %s", what, p ? "block" : "NULL");
	} catch (const std::bad_alloc &e) {
		std::printf("%s: %s", what, e.what());
	}
	std::printf(", handled %d\n", handled);
	std::set_new_handler(nullptr);
}

static void all_without_memory()
{
	const auto al = std::align_val_t(64);

	without_memory("new", [] { return ::operator new(huge); });
	without_memory("new[]", [] { return ::operator new[](huge); });
	without_memory("new nothrow", [] { return ::operator new(huge, std::nothrow); });
	without_memory("new[] nothrow", [] { return ::operator new[](huge, std::nothrow); });
	without_memory("new aligned", [=] { return ::operator new(huge, al); });
	without_memory("new[] aligned", [=] { return ::operator new[](huge, al); });
	without_memory("new aligned nothrow",
		       [=] { return ::operator new(huge, al, std::nothrow); });
	without_memory("new[] aligned nothrow",
		       [=] { return ::operator new[](huge, al, std::nothrow); });
}

int main()
{
	pairs();
	all_without_memory();
	std::vector<std::thread> threads;
	for (int i = 0; i < 4; i++)
		threads.emplace_back([] {
			std::vector<std::vector<int>> v;
			for (int j = 0; j < 3000; j++)
				v.emplace_back(std::size_t(j), j);
		});
	for (auto &t : threads)
		t.join();
	std::puts("threads");
}
