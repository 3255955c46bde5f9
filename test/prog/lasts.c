/* SPDX-License-Identifier: MIT */
/*
 * lasts.c - lasts HOW: the main thread leaves, another is the last, and has written something
 *
 * slow       the main thread's destructor takes longer than the other thread lives
 * cancelled  the other thread is cancelled where that doesn't reach it any more
 * others     threads that only libc knows of have come and gone
 * sandboxed  opening a file kills by then
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

static pthread_key_t key;
static int cancelled;

static void *prints(void *arg)
{
	pthread_t self = pthread_self();

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	usleep(30000);
	printf("the last\n");
	if (cancelled)
		pthread_cancel(self);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	return arg;
}

static void sleeps(void *arg)
{
	(void)arg;
	usleep(300000);
}

static int allocates(void *arg)
{
	free(malloc(100000));
	return arg != NULL;
}

/* Which has libc load what it needs for that. */
static void *leaves(void *arg)
{
	pthread_exit(arg);
}

static void make_others(int c11)
{
	pthread_t p;
	thrd_t t;

	for (int i = 0; i < c11; i++)
		if (thrd_create(&t, allocates, NULL) == thrd_success)
			thrd_join(t, NULL);
	for (int i = 0; i < 20; i++)
		if (!pthread_create(&p, NULL, leaves, NULL))
			pthread_join(p, NULL);
}

static void shut_in(void)
{
	struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(rule) / sizeof(rule[0]), rule};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(77);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	pthread_t t;

	if (!strcmp(how, "slow") && !pthread_key_create(&key, sleeps))
		pthread_setspecific(key, &key);
	cancelled = !strcmp(how, "cancelled");
	make_others(strcmp(how, "others") ? 0 : 3);
	if (!strcmp(how, "sandboxed"))
		shut_in();
	if (pthread_create(&t, NULL, prints, NULL))
		return 1;
	pthread_detach(t);
	pthread_exit(NULL);
}
