/* SPDX-License-Identifier: MIT */
/*
 * flow.cc - scenes that leave frames in unusual ways: throw, longjmp; and nested walks
 *
 * Context  TEST: victim threads.
 */
#include "storm.h"

#include <csetjmp>
#include <stdexcept>

namespace
{

struct guard {
	~guard()
	{
		storm_random();
	}
};

__attribute__((noinline)) long falls(long depth)
{
	guard g;

	if (depth == 0)
		throw std::runtime_error("storm");
	return falls(depth - 1) + 1;
}

void throws()
{
	try {
		falls(storm_random() % 24);
	} catch (const std::exception &e) {
		storm_random();
	}
}

__attribute__((noinline)) long jumps(jmp_buf &to, long depth)
{
	volatile char frame[48];

	frame[depth & 31] = static_cast<char>(depth);
	if (frame[depth & 31] == 0)
		longjmp(to, 1);
	return depth < 0 ? depth : jumps(to, depth - 1) + frame[depth & 31];
}

void longjumps()
{
	jmp_buf here;

	if (setjmp(here) == 0)
		jumps(here, storm_random() % 20);
}

__attribute__((noinline)) long nests(long depth)
{
	storm_walk_here();
	return depth == 0 ? storm_random() : nests(depth - 1) + 1;
}

void walks()
{
	nests(storm_random() % 40);
}

} // namespace

const struct storm_scene storm_flow[] = {
	{"throw", throws, 2, 0.99, false, false, false},
	{"longjmp", longjumps, 2, 0.90, false, false, false},
	{"nested", walks, 2, 0.99, false, false, false},
	{},
};
