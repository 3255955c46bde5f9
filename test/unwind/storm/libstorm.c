/* SPDX-License-Identifier: MIT */
/*
 * libstorm.c - a library that is loaded and unloaded all the time; SHAPE 0 or 1
 *
 * Context  TEST: both shapes have the same entry with frames of other sizes, so
 *          that a call-frame rule left over from one is wrong in the other.
 */
typedef long callback_fn(long);

#if SHAPE
#define FRAME 88
#else
#define FRAME 24
#endif

long library_entry(long n, callback_fn *call);

static __attribute__((noinline)) long inner(long n, callback_fn *call)
{
	volatile char frame[FRAME];

	frame[n % FRAME] = (char)n;
	return n <= 0 ? call(n) : inner(n - 1, call) + frame[n % FRAME];
}

long library_entry(long n, callback_fn *call)
{
	volatile long sum = 0;

	for (int i = 0; i < 4; i++)
		sum += inner(n % 6, call);
	return sum;
}
