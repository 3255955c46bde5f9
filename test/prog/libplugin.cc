// SPDX-License-Identifier: MIT
/*
 * libplugin.cc - a C++ library for a C program that knows of no operator new
 *
 * Context  TEST: loaded by dlopen.
 */
#include <cstdio>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

extern "C" int plugin_run(int n)
{
	std::map<std::string, std::unique_ptr<std::vector<int>>> m;

	for (int i = 0; i < n; i++)
		m[std::to_string(i) + " a key too long for the string itself"] =
			std::make_unique<std::vector<int>>(i % 100, i);
	try {
		volatile std::size_t huge = std::size_t(1) << 62;
		void *volatile p = ::operator new[](huge);
		std::printf("plugin: %p\n", p);
	} catch (const std::bad_alloc &e) {
		std::printf("plugin: %s\n", e.what());
	}
	return int(m.size());
}

extern "C" void *plugin_new(std::size_t n)
{
	return ::operator new[](n);
}

extern "C" void plugin_delete(void *p)
{
	::operator delete[](static_cast<char *>(p));
}
