/* SPDX-License-Identifier: MIT */
/*
 * sample.c - compares both walkers where random interrupts find a program
 *
 * Context  TEST: SIGPROF handler of the main thread alone, since the oracle locks.
 * Why      A monotonic timer with SIGEV_THREAD_ID: the CPU clocks' timers fire
 *          at the kernel's tick only, 250 a second, in step with it.
 */
#include "modes.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SHORTEST_NS 20000
#define SPREAD_NS   131072

static struct {
	struct record *record;
	uint64_t limit; /* samples; then the timer stays off */
	uint64_t random;
	timer_t timer;
	pid_t pid;
} st;

static void rearm(void)
{
	struct itimerspec when = {{0, 0}, {0, 0}};

	st.random = st.random * 6364136223846793005ULL + 1442695040888963407ULL;
	when.it_value.tv_nsec = SHORTEST_NS + (long)(st.random >> 40) % SPREAD_NS;
	timer_settime(st.timer, 0, &when, NULL);
}

static void compare(const ucontext_t *uc)
{
	static struct both_stack ours, theirs;
	unsigned at;

	both_ours(uc, &ours);
	both_theirs(uc, &theirs, BOTH_MAX);
	if (!record_compare(st.record, &ours, &theirs, &at))
		record_diff(st.record, &ours, &theirs, at, RECORD_NOT_COUNTED);
}

static void on_prof(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	int saved = errno;

	(void)sig;
	(void)info;
	if (getpid() != st.pid)
		return;
	record_pc(st.record, (uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);
	compare(uc);
	if (++st.record->seen < st.limit)
		rearm();
	errno = saved;
}

void sample_init(struct record *record)
{
	struct sigaction sa = {.sa_sigaction = on_prof, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
	const char *limit = getenv("UW_SAMPLES");

	st.record = record;
	st.limit = limit ? strtoull(limit, NULL, 10) : 20000;
	st.pid = getpid();
	st.random = (uint64_t)st.pid;
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	sigemptyset(&sa.sa_mask);
	sigaction(SIGPROF, &sa, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &st.timer) == 0)
		rearm();
}
