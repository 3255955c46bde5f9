/* SPDX-License-Identifier: MIT */
/*
 * thread.c - an ordinary thread of the control room, which libc knows of
 *
 * Context  HOST: cp_thread_make      on such a thread: the rest
 * Calls    pthread_create and its attributes; system calls, parse.c, rights.c.
 * Shared   st.running, st.made (relaxed: a late sight costs a second).
 * Holds    Every signal is blocked on it but 32 and 33, by which libc reaches all
 *          threads: without them the host's setuid() would wait for ever. What that
 *          then does on ours must have the outcome it has on the host's: rights.h.
 * Fails    Without /proc nobody is ever alone.
 */
#include "thread.h"

#include "../rt/atomic.h"
#include "../rt/sys.h"
#include "parse.h"
#include "rights.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#define STACK_SIZE    (128UL << 10)
#define THREADS_FIELD 17 /* blanks between the state and the number of threads */

static struct {
	uint32_t running; /* such threads */
	uint32_t made;
} st;

void cp_thread_be_ordinary(void)
{
	const struct sched_param none = {0};
	long policy = CP_SYS(SYS_sched_getscheduler, 0);

	if (policy < 0)
		return;
	policy &= ~SCHED_RESET_ON_FORK;
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		CP_SYS(SYS_sched_setscheduler, 0, SCHED_OTHER, &none);
}

static void *counted(void *run)
{
	unsigned slot = cp_add_rlx(&st.made, 1);

	cp_rights_join(slot);
	cp_thread_be_ordinary();
	((cp_thread_main_fn *)run)();
	cp_rights_leave(slot);
	cp_sub_rlx(&st.running, 1);
	return NULL;
}

bool cp_thread_is_own(uintptr_t start)
{
	return start == (uintptr_t)counted;
}

static int make(cp_thread_main_fn *run, size_t stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (pthread_attr_init(&attr))
		return 12; /* ENOMEM */
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack)
		pthread_attr_setstacksize(&attr, stack);
	cp_add_rlx(&st.running, 1);
	r = pthread_create(&thread, &attr, counted, (void *)run);
	if (r)
		cp_sub_rlx(&st.running, 1);
	pthread_attr_destroy(&attr);
	return r;
}

int cp_thread_make(cp_thread_main_fn *run)
{
	const uint64_t ours = ~(3ULL << 31);
	uint64_t mask;
	int r;

	CP_SYS(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &ours, &mask, sizeof(mask));
	r = make(run, STACK_SIZE);
	if (r == 22 /* EINVAL: the host's thread-local variables need more */)
		r = make(run, 0);
	if (!r)
		cp_rights_share();
	cp_sys_restore_signals(&mask);
	return r;
}

bool cp_thread_alone(void)
{
	int fd = (int)cp_sys_open("/proc/self/stat", O_RDONLY, 0);
	const char *s, *end;
	char text[512];
	uint64_t threads;
	long n;

	if (fd < 0)
		return false;
	n = cp_sys_read(fd, text, sizeof(text) - 1);
	cp_sys_close(fd);
	text[CP_MAX(n, 0)] = 0;
	s = strrchr(text, ')'); /* the end of the name, which may hold anything */
	if (!s || strncmp(s, ") Z ", 4) != 0)
		return false;
	s += 2;
	for (unsigned i = 0; i < THREADS_FIELD && s; i++)
		s = strchr(s + 1, ' ');
	/* A main thread that has left still counts. */
	return s && !cp_parse_number(s + 1, &threads, &end) &&
	       threads == 1 + cp_load_rlx(&st.running);
}
