/* SPDX-License-Identifier: MIT */
/*
 * lines_limit.c - cprof-lines must not hurt the machine it runs on
 *
 * Context  a separate program, one thread
 * Calls    libc; jemalloc's statistics.
 * Holds    jemalloc's allocated bytes stay below the bound: whoever allocates much asks
 *          first, and looks at the real figure, not at a sum of its own.
 * Fails    A limit the kernel refuses is not set; the others still hold.
 */
#include "lines.h"

#include "agent/rt/filter.h"

#include <fcntl.h>
#include <jemalloc/jemalloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Object files are mapped beside the heap, and jemalloc keeps address space. */
#define ADDRESS_SPACE (4UL << 30)
/* How much may be handed out between two looks at the statistics. */
#define LOOK_EVERY (1UL << 20)

static struct {
	size_t bound;
	size_t allocated; /* at the last look */
	size_t since;	  /* handed out since then */
} st;

static void set_limit(int what, rlim_t value)
{
	struct rlimit l;

	if (getrlimit(what, &l))
		return;
	l.rlim_cur = value < l.rlim_max ? value : l.rlim_max;
	l.rlim_max = l.rlim_cur;
	setrlimit(what, &l);
}

static void first_for_the_oom_killer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1000", 4) != 4) {
		/* Then we are as likely to go as anyone. */
	}
	close(fd);
}

void cp_lines_limit(size_t heap_bytes, unsigned cpu_seconds)
{
	st.bound = heap_bytes;
	set_limit(RLIMIT_AS, heap_bytes + ADDRESS_SPACE);
	set_limit(RLIMIT_CPU, cpu_seconds);
	set_limit(RLIMIT_CORE, 0);
	if (!cp_filtered())
		nice(10);
	first_for_the_oom_killer();
}

static void look(void)
{
	uint64_t epoch = 1;
	size_t size = sizeof(st.allocated);

	/* jemalloc's figures are those of the last epoch. */
	if (mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch)) == 0)
		mallctl("stats.allocated", &st.allocated, &size, NULL, 0);
	st.since = 0;
}

bool cp_lines_room(size_t n)
{
	if (st.since + n > LOOK_EVERY)
		look();
	st.since += n;
	return st.allocated + st.since <= st.bound;
}
