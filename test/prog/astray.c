/* SPDX-License-Identifier: MIT */
/*
 * astray.c - a program that computes with another thread pointer than libc's
 *
 * Context  TEST: samples and requests come meanwhile. astray SIGNAL: sends itself that, too.
 */
#include <asm/prctl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long call(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "0"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}

/* Nothing in here may be libc's. */
static void compute(unsigned turns)
{
	for (volatile unsigned i = 0; i < turns; i++)
		continue;
}

static void *run(void *arg)
{
	static _Thread_local int own = 7;
	long pid = getpid(), tid = syscall(SYS_gettid), sig = *(int *)arg;
	unsigned long home;

	call(SYS_arch_prctl, ARCH_GET_FS, (long)&home, 0);
	for (int i = 0; i < 3; i++) {
		call(SYS_arch_prctl, ARCH_SET_FS, 0x1000L * i, 0);
		if (sig)
			call(SYS_tgkill, pid, tid, sig);
		compute(30000000);
		call(SYS_arch_prctl, ARCH_SET_FS, (long)home, 0);
		compute(30000000);
	}
	printf("%d\n", own);
	return NULL;
}

int main(int argc, char **argv)
{
	int sig = argc > 1 ? atoi(argv[1]) : 0;
	pthread_t t;

	pthread_create(&t, NULL, run, &sig);
	pthread_join(t, NULL);
	run(&sig);
	return 0;
}
