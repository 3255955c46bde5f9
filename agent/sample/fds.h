/* SPDX-License-Identifier: MIT */
/*
 * fds.h - which descriptors don't block, so that hardly anybody who reads them waits
 *
 * Context  ANY
 * Shared   cp_fds, relaxed: a bit in each word for a descriptor, of the first CP_FDS.
 * Holds    What is known may be wrong: the flag is gone, the number is another file's by now, or
 *          in a vfork child, which has descriptors of its own; or the file, on a disk, blocks all
 *          the same. Then the thread dump has what the kernel says of such a wait, if it says
 *          anything, and not its time. So it's forgotten with the CPU samples, a word with each;
 *          and where waits are recorded nothing is learned.
 * Why      A server reads from its sockets all the while and waits for none of them: to say so
 *          each time was half of what it paid for the dump.
 */
#ifndef CP_SAMPLE_FDS_H
#define CP_SAMPLE_FDS_H

#include "../rt/atomic.h"
#include "../rt/base.h"

#define CP_FDS 1024

struct cp_fds {
	uint64_t never_waits[CP_FDS / 64], asked[CP_FDS / 64];
};

extern __attribute__((visibility("hidden"))) struct cp_fds cp_fds;

CP_INLINE bool cp_fds_bit(const uint64_t *words, int fd)
{
	unsigned i = (unsigned)fd;

	return CP_LIKELY(i < CP_FDS) && cp_load_rlx(&words[i / 64]) >> i % 64 & 1;
}

/* [HOST] Finds out, unless it has lately: a system call. Async-signal-safe. */
void cp_fds_ask(int fd);
/* [HOST] Samples will come: a young process need not wait for the first. */
void cp_fds_begin(void);
/* [FORK] The child soon has other files under these numbers: all is forgotten.
 * sampled: samples will come here too. */
void cp_fds_forked(bool sampled);
/* [SIGNAL] A CPU sample is taken. */
void cp_fds_sampled(void);
/* [HOST] There are none any more, or a system call may kill: nothing is known, for good. */
void cp_fds_stop(void);

#endif
