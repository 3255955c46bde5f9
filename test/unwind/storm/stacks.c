/* SPDX-License-Identifier: MIT */
/*
 * stacks.c - scenes on small, foreign, vanishing and exhausted stacks
 *
 * Context  TEST: victim threads.
 */
#include "storm.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define FIBRE_BYTES 8192
#define FIBRES	    4

/* By pointer: thread-local memory is taken from the small stacks. */
struct fibres {
	ucontext_t scheduler, fibre[FIBRES];
	int running;
	sigjmp_buf after_overflow;
};

static __thread struct fibres *mine;

static void small(void)
{
	for (int i = 0; i < 20; i++)
		storm_work(i);
}

static __attribute__((noinline)) long switches(long depth)
{
	volatile char frame[64];

	frame[depth & 31] = 1;
	if (depth == 0)
		swapcontext(&mine->fibre[mine->running], &mine->scheduler);
	else
		switches(depth - 1);
	return frame[depth & 31];
}

static STORM_ROOT void fibre_main(void)
{
	for (;;)
		switches(storm_random() % 6);
}

static void make_fibre(ucontext_t *f, void *stack)
{
	getcontext(f);
	f->uc_stack.ss_sp = stack;
	f->uc_stack.ss_size = FIBRE_BYTES;
	f->uc_link = NULL;
	makecontext(f, fibre_main, 0);
}

static void run_fibres(int turns)
{
	for (int i = 0; i < turns; i++) {
		mine->running = i % FIBRES;
		swapcontext(&mine->scheduler, &mine->fibre[mine->running]);
	}
}

static void have_mine(void)
{
	if (!mine)
		mine = calloc(1, sizeof(*mine)); /* as long as the thread, or longer */
	if (!mine)
		abort();
}

static void fibres(void)
{
	char *stacks = malloc(FIBRES * FIBRE_BYTES);

	have_mine();
	for (int i = 0; i < FIBRES; i++)
		make_fibre(&mine->fibre[i], stacks + (size_t)i * FIBRE_BYTES);
	run_fibres(400);
	free(stacks);
}

/* Each stack is gone as soon as it was used; what comes next lies there again. */
static void unmapped(void)
{
	char *stacks = mmap(NULL, FIBRES * FIBRE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stacks == MAP_FAILED)
		return;
	have_mine();
	for (int i = 0; i < FIBRES; i++)
		make_fibre(&mine->fibre[i], stacks + (size_t)i * FIBRE_BYTES);
	run_fibres(12);
	munmap(stacks, FIBRES * FIBRE_BYTES);
	storm_random();
}

static void on_overflow(int sig)
{
	(void)sig;
	siglongjmp(mine->after_overflow, 1);
}

static __attribute__((noinline)) long falls_deep(long depth)
{
	volatile char frame[2000];

	frame[depth % 2000] = 1;
	if (frame[depth % 2000] == 0) /* never */
		return depth;
	return falls_deep(depth + 1) + frame[depth % 2000];
}

static void overflows(void)
{
	struct sigaction sa = {.sa_handler = on_overflow, .sa_flags = SA_ONSTACK};

	have_mine();
	sigemptyset(&sa.sa_mask);
	sigaction(SIGSEGV, &sa, NULL);
	if (sigsetjmp(mine->after_overflow, 1) == 0)
		falls_deep(0);
}

/* overflow: with the stack pointer in the guard page there is no stack to read. */
const struct storm_scene storm_stacks[] = {
	{"small", small, 3, 0.90, false, false, true},
	{"fibres", fibres, 2, 0.80, false, false, false},
	{"unmapped", unmapped, 2, 0.50, false, false, false},
	{"overflow", overflows, 2, 0.50, false, true, false},
	{NULL, NULL, 0, 0, false, false, false},
};
