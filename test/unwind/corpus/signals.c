/* SPDX-License-Identifier: MIT */
/*
 * signals.c - handlers, on the stack and beside it, nested, and left by longjmp
 *
 * Context  TEST: scenes of the stepped corpus.
 */
#include "corpus.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include <sys/syscall.h>

static volatile long count;
static sigjmp_buf back;
static ucontext_t main_context, fibre_context;

/* raise() blocks all signals for a moment, SIGTRAP too. */
static void send(int sig)
{
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), sig);
}

static NOINLINE long work(long n)
{
	char text[48];

	memset(text, (int)n, sizeof(text));
	return text[n & 31] + 1;
}

static void on_inner(int sig)
{
	if (step_on)
		step_on();
	count += work(sig);
}

static void on_outer(int sig)
{
	if (step_on)
		step_on();
	count += work(sig & 3);
	send(SIGUSR2);
}

static void on_leaving(int sig)
{
	if (step_on)
		step_on();
	count += work(sig);
	siglongjmp(back, 1);
}

static void handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static NOINLINE void in_a_leaf(volatile long *p)
{
	for (int i = 0; i < 3; i++)
		*p += i;
	*(volatile int *)p = 5 / (int)(*p != 0);
}

long scene_signals(long n)
{
	static char beside[65536];
	stack_t alt = {.ss_sp = beside, .ss_size = sizeof(beside)};
	volatile long v = n;

	count = 0;
	sigaltstack(&alt, NULL);
	handle(SIGUSR1, on_outer, 0);
	handle(SIGUSR2, on_inner, SA_ONSTACK);
	send(SIGUSR1);
	handle(SIGUSR1, on_outer, SA_ONSTACK);
	send(SIGUSR1);
	handle(SIGSEGV, on_leaving, SA_NODEFER);
	if (sigsetjmp(back, 1) == 0)
		*(volatile long *)8 = n;
	handle(SIGSEGV, on_leaving, SA_ONSTACK);
	if (sigsetjmp(back, 1) == 0)
		((void (*)(void))8)();
	in_a_leaf(&v);
	return count + v;
}

static void fibre(void)
{
	for (int i = 0; i < 3; i++) {
		count += work(i);
		swapcontext(&fibre_context, &main_context);
	}
}

long scene_contexts(long n)
{
	static char stack[16384];
	volatile int rounds = 0;

	count = 0;
	getcontext(&fibre_context);
	fibre_context.uc_stack.ss_sp = stack;
	fibre_context.uc_stack.ss_size = sizeof(stack);
	fibre_context.uc_link = &main_context;
	makecontext(&fibre_context, fibre, 0);
	for (int i = 0; i < 4; i++)
		swapcontext(&main_context, &fibre_context);
	getcontext(&main_context);
	if (++rounds < n)
		setcontext(&main_context);
	return count + rounds;
}

static NOINLINE void jumps(jmp_buf to, long n)
{
	work(n);
	if (n == 0)
		longjmp(to, 2);
	jumps(to, n - 1);
	work(n);
}

long scene_jumps(long n)
{
	jmp_buf here;
	int way = setjmp(here);

	if (way == 0)
		jumps(here, n + 3);
	return way;
}
