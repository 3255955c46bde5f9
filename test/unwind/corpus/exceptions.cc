/* SPDX-License-Identifier: MIT */
/*
 * exceptions.cc - thrown, caught, rethrown, and passed through destructors
 *
 * Context  TEST: a scene of the stepped corpus.
 */
#include "corpus.h"

#include <stdexcept>
#include <string>

namespace
{

struct guard {
	long *count;
	~guard()
	{
		++*count;
	}
};

struct shape {
	virtual ~shape() = default;
	virtual long area(long n) const
	{
		return n;
	}
};

struct square : shape {
	long area(long n) const override
	{
		return n * n;
	}
};

NOINLINE void thrower(long n)
{
	if (n & 1)
		throw std::runtime_error("odd");
	throw n;
}

NOINLINE long passes_through(long n, long *count)
{
	guard g{count};
	std::string text(static_cast<size_t>(n) + 20, 'x');

	thrower(n);
	return static_cast<long>(text.size());
}

NOINLINE long rethrows(long n, long *count)
{
	try {
		return passes_through(n, count);
	} catch (const std::exception &) {
		guard g{count};
		throw;
	}
}

NOINLINE long catches(long n)
{
	long count = 0;

	try {
		rethrows(n, &count);
	} catch (const std::exception &e) {
		count += e.what()[0];
	} catch (long v) {
		count += v;
	}
	return count;
}

} // namespace

long scene_exceptions(long n)
{
	square s;
	const shape *p = &s;
	auto lambda = [&](long v) { return p->area(v) + catches(v); };

	return lambda(n) + lambda(n + 1);
}
