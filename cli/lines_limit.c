/* SPDX-License-Identifier: MIT */
/*
 * lines_limit.c - cprof-lines must not hurt the machine it runs on
 *
 * Context  a separate program, one thread; be_nice: its signal handler, system calls only
 * Calls    libc; jemalloc's statistics.
 * Holds    jemalloc's allocated bytes stay below the bound: whoever allocates much asks
 *          first, and looks at the real figure, not at a sum of its own.
 * Fails    A limit the kernel refuses is not set; the others still hold.
 */
#include "lines.h"

#include "agent/rt/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <jemalloc/jemalloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

/* Object files are mapped beside the heap, and jemalloc keeps address space. */
#define ADDRESS_SPACE (4UL << 30)
/* How much may be handed out between two looks at the statistics. */
#define LOOK_EVERY (1UL << 20)
/* Microseconds of processor time: most objects' lines take a tenth of a second. */
#define SOON 250000

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

static void be_nice(int sig)
{
	int err = errno;

	(void)sig;
	nice(10);
	errno = err;
}

/* Where many want the processors, a nice one would keep who waits for the answer waiting for
 * many seconds; and what is soon over takes nothing from anyone that they would miss. */
static void be_nice_after(suseconds_t us)
{
	const struct sigaction act = {.sa_handler = be_nice, .sa_flags = SA_RESTART};
	const struct itimerval when = {.it_value.tv_usec = us};
	sigset_t set;

	/* All signals are blocked in who started us. */
	sigemptyset(&set);
	sigaddset(&set, SIGPROF);
	if (sigaction(SIGPROF, &act, NULL) || sigprocmask(SIG_UNBLOCK, &set, NULL) ||
	    setitimer(ITIMER_PROF, &when, NULL))
		nice(10);
}

void cp_lines_limit(size_t heap_bytes, unsigned cpu_seconds)
{
	st.bound = heap_bytes;
	set_limit(RLIMIT_AS, heap_bytes + ADDRESS_SPACE);
	set_limit(RLIMIT_CPU, cpu_seconds);
	set_limit(RLIMIT_CORE, 0);
	if (!cp_filtered())
		be_nice_after(SOON);
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
