/* SPDX-License-Identifier: MIT */
/*
 * storm.c - storm SCENE SECONDS: runs one scene under directed SIGPROFs, checks each walk
 *
 * Context  TEST: the handler runs on victims only, each with a record of its own.
 * Holds    Each walk answers at least the interrupted pc, exactly; in scenes that
 *          are not hostile every frame is code; and the part of the walks that
 *          ends where the thread began is at least what the scene names.
 * Why      The kernel's CPU timers stop at 250 a second: a thread of its own sends
 *          with tgkill, as fast as the signals are taken.
 */
#include "storm.h"

#include "agent/rt/atomic.h"
#include "agent/rt/thread.h"
#include "agent/sample/loss.h"
#include "agent/sample/module.h"
#include "agent/sample/rules.h"
#include "agent/sample/walk.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define VICTIMS	   64
#define WALK_BYTES (4UL << 20)
#define PAUSE_NS   40000
#define ALT_BYTES  65536
#define ALLOWED	   8

struct victim {
	pid_t tid; /* 0: free; -1: being set up */
	uint64_t walks, frames, complete, insane;
	cp_frame stack[STORM_FRAMES];
};

static struct {
	const struct storm_scene *scene;
	struct victim victim[VICTIMS];
	struct {
		uintptr_t start, end;
	} allowed[ALLOWED];
	unsigned n_allowed;
	bool stop;
	uint64_t sent;
	struct {
		int reason; /* 1 no frame, 2 another pc, 3 no code */
		unsigned n, at;
		uintptr_t pc;
		cp_frame stack[16];
	} first_insane;
} st;

static __thread struct victim *self;
static __thread uint32_t random_state;

extern const char __start_storm_root[], __stop_storm_root[];

uint32_t storm_random(void)
{
	if (random_state == 0)
		random_state = (uint32_t)syscall(SYS_gettid) * 2654435761U | 1;
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

void storm_allow(const void *start, const void *end)
{
	unsigned i = cp_add_rlx(&st.n_allowed, 1U);

	st.allowed[i % ALLOWED].start = (uintptr_t)start;
	cp_store_rlx(&st.allowed[i % ALLOWED].end, (uintptr_t)end);
}

void storm_unload(void)
{
	cp_rules_forget();
}

static bool is_code(uintptr_t pc)
{
	struct dl_find_object found;

	for (unsigned i = 0; i < CP_MIN(cp_load_rlx(&st.n_allowed), (unsigned)ALLOWED); i++)
		if (pc >= st.allowed[i].start && pc < cp_load_rlx(&st.allowed[i].end))
			return true;
	return _dl_find_object((void *)pc, &found) == 0;
}

static bool is_root(uintptr_t pc)
{
	return pc >= (uintptr_t)__start_storm_root && pc < (uintptr_t)__stop_storm_root;
}

static int insane(const struct victim *v, unsigned n, uintptr_t pc, unsigned *at)
{
	*at = 0;
	if (n == 0)
		return 1;
	if (cp_frame_addr(v->stack[0]) != (pc & CP_FRAME_ADDR_MASK))
		return 2;
	for (*at = 1; *at < n && !st.scene->hostile; ++*at)
		if (!is_code(cp_frame_addr(v->stack[*at])))
			return 3;
	return 0;
}

static bool has_root(const struct victim *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (is_root(cp_frame_addr(v->stack[i])))
			return true;
	return false;
}

/* cut: deeper than the walker goes, so as complete as it can be. */
static void judge(struct victim *v, unsigned n, uintptr_t pc, bool cut)
{
	unsigned at;
	int reason = insane(v, n, pc, &at);

	v->walks++;
	v->frames += n;
	if (reason && v->insane++ == 0 && st.first_insane.reason == 0) {
		st.first_insane.n = n;
		st.first_insane.at = at;
		st.first_insane.pc = pc;
		memcpy(st.first_insane.stack, v->stack, sizeof(st.first_insane.stack));
		st.first_insane.reason = reason;
	}
	v->complete += cut || has_root(v, n);
}

static void on_prof(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	struct victim *v = self;
	int saved = errno;
	bool cut = false;
	unsigned n;

	(void)sig;
	(void)info;
	if (v == NULL)
		return;
	n = cp_walk_signal(&cp_self, uc, v->stack, STORM_FRAMES, &cut);
	judge(v, n, (uintptr_t)uc->uc_mcontext.gregs[REG_RIP], cut);
	errno = saved;
}

CP_NOINLINE void storm_walk_here(void)
{
	cp_frame stack[STORM_FRAMES];
	struct cp_regs regs = CP_CALLER_REGS();
	bool cut = false;

	if (cp_walk_caller(&cp_self, &regs, stack, STORM_FRAMES, &cut) == 0 && self)
		self->insane++;
}

CP_NOINLINE long storm_work(long n)
{
	char text[64];
	volatile long sum = 0;

	for (long i = 0; i < 40; i++)
		sum += snprintf(text, sizeof(text), "%ld %s", n + i, "storm");
	return sum;
}

void storm_enter(bool known)
{
	if (known)
		cp_thread_ready();
	for (unsigned i = 0; i < VICTIMS; i++) {
		pid_t nobody = 0;

		if (cp_cas_acq(&st.victim[i].tid, &nobody, -1)) { /* pairs with storm_leave */
			self = &st.victim[i];
			cp_store_rlx(&st.victim[i].tid, (pid_t)syscall(SYS_gettid));
			return;
		}
	}
}

void storm_leave(void)
{
	struct victim *v = self;

	self = NULL;
	cp_fence_signal();
	if (v)
		cp_store_rel(&v->tid, 0); /* pairs with storm_enter: counters handed on */
}

static STORM_ROOT void *victim_main(void *number)
{
	stack_t alt = {.ss_size = ALT_BYTES};

	alt.ss_sp =
		mmap(NULL, ALT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (st.scene->beside)
		sigaltstack(&alt, NULL);
	storm_enter((uintptr_t)number % 2 == 0);
	while (!cp_load_rlx(&st.stop))
		st.scene->run();
	storm_leave();
	alt.ss_flags = SS_DISABLE;
	sigaltstack(&alt, NULL);
	munmap(alt.ss_sp, ALT_BYTES);
	return NULL;
}

static STORM_ROOT void *small_main(void *number)
{
	storm_enter((uintptr_t)number % 2 == 0);
	st.scene->run();
	storm_leave();
	return NULL;
}

static void *small_maker(void *number)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)sysconf(_SC_THREAD_STACK_MIN));
	while (!cp_load_rlx(&st.stop)) {
		if (pthread_create(&thread, &attr, small_main, number) != 0)
			return NULL;
		pthread_join(thread, NULL);
	}
	return NULL;
}

static void *sender_main(void *unused)
{
	const struct timespec pause = {0, PAUSE_NS};
	sigset_t all;
	pid_t tid, pid = getpid();

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_TIMERSLACK, 1UL);
	while (!cp_load_rlx(&st.stop)) {
		for (unsigned i = 0; i < VICTIMS; i++) {
			tid = cp_load_rlx(&st.victim[i].tid);
			if (tid > 0 && syscall(SYS_tgkill, pid, tid, SIGPROF) == 0)
				st.sent++;
		}
		nanosleep(&pause, NULL);
	}
	return unused;
}

static const struct storm_scene *find_scene(const char *name)
{
	const struct storm_scene *all[] = {storm_flow, storm_stacks, storm_code};

	for (unsigned i = 0; i < CP_ARRAY_LEN(all); i++)
		for (const struct storm_scene *s = all[i]; s->name; s++)
			if (strcmp(s->name, name) == 0)
				return s;
	return NULL;
}

static void run_scene(unsigned seconds)
{
	pthread_t victim[VICTIMS], sender;
	int n = st.scene->threads;

	for (int i = 0; i < n; i++)
		pthread_create(&victim[i], NULL, st.scene->small_stacks ? small_maker : victim_main,
			       (void *)(uintptr_t)i);
	pthread_create(&sender, NULL, sender_main, NULL);
	for (struct timespec left = {(time_t)seconds, 0}; nanosleep(&left, &left) != 0;)
		;
	cp_store_rlx(&st.stop, true);
	for (int i = 0; i < n; i++)
		pthread_join(victim[i], NULL);
	pthread_join(sender, NULL);
}

static void print_insane(void)
{
	printf("first insane stack: reason %d, %u frames, frame %u, pc %p\n",
	       st.first_insane.reason, st.first_insane.n, st.first_insane.at,
	       (void *)st.first_insane.pc);
	for (unsigned i = 0; i < CP_MIN(st.first_insane.n, 16U); i++)
		printf("  %p\n", (void *)cp_frame_addr(st.first_insane.stack[i]));
	fflush(stdout);
}

static int report(unsigned seconds)
{
	uint64_t walks = 0, frames = 0, complete = 0, bad = 0;
	double part;

	for (unsigned i = 0; i < VICTIMS; i++) {
		walks += st.victim[i].walks;
		frames += st.victim[i].frames;
		complete += st.victim[i].complete;
		bad += st.victim[i].insane;
	}
	part = walks ? (double)complete / (double)walks : 0;
	printf("%s: %llu signals sent, %llu walks (%llu a second), %.1f frames each, "
	       "%.3f complete (at least %.3f), %llu insane\n",
	       st.scene->name, (unsigned long long)st.sent, (unsigned long long)walks,
	       (unsigned long long)(walks / seconds), walks ? (double)frames / (double)walks : 0,
	       part, st.scene->complete, (unsigned long long)bad);
	for (int i = 0; i < CP_LOSS_COUNT; i++)
		if (cp_loss_read(i))
			printf("    %llu %s\n", (unsigned long long)cp_loss_read(i),
			       cp_loss_text(i));
	if (st.first_insane.reason)
		print_insane();
	return bad || walks < 100 || part < st.scene->complete;
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_sigaction = on_prof,
			       .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
	unsigned seconds = argc > 2 ? (unsigned)atoi(argv[2]) : 5;

	st.scene = argc > 1 ? find_scene(argv[1]) : NULL;
	if (st.scene == NULL || seconds == 0)
		return 2;
	if (cp_thread_init() || cp_loss_init() || cp_module_init() || cp_walk_init(WALK_BYTES))
		return 3;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGPROF, &sa, NULL);
	alarm(2 * seconds + 20); /* a hang ends in SIGALRM */
	run_scene(seconds);
	return report(seconds);
}
