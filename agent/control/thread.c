/* SPDX-License-Identifier: MIT */
/*
 * thread.c - an ordinary thread of the control room, which libc knows of
 *
 * Context  HOST: cp_thread_make, cp_thread_hosts_leaves, cp_thread_shut_in
 *          on such a thread: the rest
 * Calls    pthread_create and its attributes, dl_iterate_phdr, exit; system calls, parse.c,
 *          rights.c.
 * Shared   st, relaxed: a late sight costs a second, and who is the last the kernel decides. pid
 *          and epoch are set before there is a thread of ours.
 * Holds    Every signal is blocked on it but 32 and 33, by which libc reaches all
 *          threads: without them the host's setuid() would wait for ever. What that
 *          then does on ours must have the outcome it has on the host's: rights.h.
 * Fails    Without /proc nobody is ever alone.
 */
#include "thread.h"

#include "../rt/atomic.h"
#include "../rt/filter.h"
#include "../rt/sys.h"
#include "../rt/thread.h"
#include "../sample/threads.h"
#include "bare.h"
#include "parse.h"
#include "rights.h"

#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define STACK_SIZE    (128UL << 10)
#define THREADS_FIELD 17 /* blanks between the state and the number of threads */

#define READY_NS    50000
#define READY_LOOKS 2000

#define WAY_OUT_NS    1000000
#define WAY_OUT_LOOKS 100

static struct {
	uint32_t running;     /* such threads */
	uint32_t made, ready; /* ready: for what libc may ask of them */
	uint32_t pid, epoch;  /* of the process they are in */
	uint32_t shut_in;
	size_t stack_size; /* 0: not known yet */
	/* Of the host's, from when its main thread leaves: */
	uint32_t main_left;
	uint32_t leaving; /* in a destructor, and not in its last round */
	uint32_t turn;	  /* whose it is to decide: of who found nobody else leaving, counted */
} st;

void cp_thread_be_ordinary(void)
{
	const struct sched_param none = {0};
	long policy = CP_SYS(SYS_sched_getscheduler, 0);

	if (policy < 0)
		return;
	policy &= ~SCHED_RESET_ON_FORK;
	if ((policy == SCHED_FIFO || policy == SCHED_RR) && !cp_filtered())
		CP_SYS(SYS_sched_setscheduler, 0, SCHED_OTHER, &none);
}

static void *counted(void *run)
{
	unsigned slot = cp_add_rlx(&st.made, 1);

	cp_rights_join(slot);
	cp_rights_share();
	cp_add_rlx(&st.ready, 1);
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

static int add_tls(struct dl_phdr_info *info, size_t size, void *sum)
{
	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			*(size_t *)sum += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
	return 0;
}

/* Libc takes the host's thread-local variables out of a stack, and is content if little is left.
 * Found once: what is loaded later lies elsewhere. And a child, where the first one is mostly not
 * made, may have been forked while another thread had the lock that this takes. */
static size_t stack_size(void)
{
	size_t size = cp_load_rlx(&st.stack_size);

	if (!size) {
		size = STACK_SIZE;
		dl_iterate_phdr(add_tls, &size);
		size = CP_ALIGN_UP(size, CP_PAGE);
		cp_store_rlx(&st.stack_size, size);
	}
	return size;
}

static int make(cp_thread_main_fn *run, size_t stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	uint64_t floats;
	int r;

	if (pthread_attr_init(&attr))
		return 12; /* ENOMEM */
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack)
		pthread_attr_setstacksize(&attr, stack);
	st.pid = (uint32_t)cp_sys_getpid();
	st.epoch = cp_epoch();
	cp_add_rlx(&st.running, 1);
	floats = cp_cpu_floats_begin(); /* it has what its maker traps on */
	r = pthread_create(&thread, &attr, counted, (void *)run);
	cp_cpu_floats_end(floats);
	if (r)
		cp_sub_rlx(&st.running, 1);
	pthread_attr_destroy(&attr);
	return r;
}

/* A change of user it wasn't ready for would take its rights away, and libc ends a process whose
 * threads don't agree; the caller is who will change it, if any. */
static void wait_until_ready(uint32_t before)
{
	const struct timespec ts = {0, READY_NS};

	for (unsigned i = 0; i < READY_LOOKS && cp_load_rlx(&st.ready) == before; i++)
		CP_SYS(SYS_nanosleep, &ts, 0);
}

int cp_thread_make(cp_thread_main_fn *run)
{
	const uint64_t ours = ~(3ULL << 31);
	uint32_t before = cp_load_rlx(&st.ready);
	uint64_t mask;
	int r;

	/* Not 33: who changes user meanwhile has a lock that libc wants for a new thread. */
	CP_SYS(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &ours, &mask, sizeof(mask));
	r = make(run, stack_size());
	if (r == 22 /* EINVAL: it needs more */)
		r = make(run, 0);
	if (!r)
		wait_until_ready(before);
	mask &= ~(1ULL << 32); /* 33, which libc opens with the first thread */
	cp_sys_restore_signals(&mask);
	return r;
}

/* How many threads the process has but for bare ones, by the kernel's count, which has a main
 * thread that has left in it; 0: not known, since bare ones came or went meanwhile. That one
 * has gone and another come leaves their number, and would hide a thread of the host. */
static uint64_t count_all(bool *main_left)
{
	uint64_t were, are;
	uint32_t bare = cp_bare_running(&were);
	int fd = (int)cp_sys_open("/proc/self/stat", O_RDONLY, 0);
	const char *s, *end;
	char text[512];
	uint64_t threads;
	long n;

	if (fd < 0)
		return 0;
	n = cp_sys_read(fd, text, sizeof(text) - 1);
	cp_sys_close(fd);
	text[CP_MAX(n, 0)] = 0;
	s = strrchr(text, ')'); /* the end of the name, which may hold anything */
	if (!s || s[1] != ' ')
		return 0;
	*main_left = s[2] == 'Z';
	s += 2;
	for (unsigned i = 0; i < THREADS_FIELD && s; i++)
		s = strchr(s + 1, ' ');
	if (!s || cp_parse_number(s + 1, &threads, &end) || cp_bare_running(&are) != bare ||
	    are != were)
		return 0;
	return threads - bare;
}

bool cp_thread_alone(void)
{
	bool main_left = false;
	uint64_t all = count_all(&main_left);

	return main_left && all == 1 + cp_load_rlx(&st.running);
}

/* --- the host's own ------------------------------------------------------- */

/* Of those that said when they began. */
static bool anyone_lives(void)
{
	uint32_t at = 0, slot;

	while ((slot = cp_threads_look(&at)) < CP_THREADS_MAX)
		if (!(cp_load_rlx(&cp_threads_slot(slot)->state) & CP_THREAD_FOUND))
			return true;
	return false;
}

/* Are there but the calling thread, the main one if that has left, and ours? Who has been here
 * before may be on his way out, which takes no time; who comes after will ask for himself. */
static bool is_last(void)
{
	bool is_main = cp_self.tid == st.pid, main_left = false;
	uint64_t want = cp_load_rlx(&st.running) + (is_main ? 1 : 2);
	const struct timespec a_while = {0, WAY_OUT_NS};
	uint32_t turn;

	/* The turn after that, or of two in this round neither might have the last. */
	if (cp_sub_rlx(&st.leaving, 1) != 1 || anyone_lives())
		return false;
	turn = cp_add_rlx(&st.turn, 1) + 1;
	for (int looks = 0; looks < WAY_OUT_LOOKS && cp_load_rlx(&st.turn) == turn; looks++) {
		if (count_all(&main_left) == want && (is_main || main_left))
			return true;
		CP_SYS(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &a_while, 0);
	}
	return false;
}

/* The host's keys may lie behind ours: so only in the last round that libc makes have its
 * destructors had all but one of theirs. Until the main thread leaves, which few do, nobody is the
 * last. */
void cp_thread_hosts_leaves(void)
{
	if (!cp_load_rlx(&st.running) || st.epoch != cp_epoch() || cp_load_rlx(&st.shut_in))
		return;
	if (cp_self.tid == st.pid)
		cp_store_rlx(&st.main_left, 1);
	if (!cp_load_rlx(&st.main_left))
		return;
	if (!cp_self.rounds)
		cp_add_rlx(&st.leaving, 1);
	if (++cp_self.rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
		cp_thread_leave_again();
	} else if (is_last()) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
		exit(0);
	}
}

void cp_thread_shut_in(void)
{
	cp_store_rlx(&st.shut_in, 1);
}
