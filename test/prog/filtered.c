/* SPDX-License-Identifier: MIT */
/*
 * filtered.c - goes where making a thread, a file or a handler kills
 *
 * Context  TEST: filtered asked: and is sent SIGUSR1 there. filtered ends: and is ended
 *          by SIGTERM. filtered leaves: and returns, where the calls that nothing of libc's
 *          makes then kill too.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KILL(call)                                             \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static int shut_in(int leaves)
{
	static struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		KILL(clone),
		KILL(clone3),
		KILL(openat),
		KILL(rt_sigaction),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static struct sock_filter more[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		KILL(getpid),
		KILL(gettid),
		KILL(rt_sigprocmask),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(rule) / sizeof(rule[0]), rule};
	struct sock_fprog stricter = {sizeof(more) / sizeof(more[0]), more};

	if (leaves)
		program = stricter;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (shut_in(!strcmp(argv[1], "leaves")))
		return errno == EINVAL || errno == EACCES ? 77 : 3;
	if (!strcmp(argv[1], "leaves"))
		return 5;
	if (!strcmp(argv[1], "ends"))
		raise(SIGTERM);
	raise(SIGUSR1);
	usleep(300000); /* a snapshot's thread would have begun */
	puts("still there");
	return 0;
}
