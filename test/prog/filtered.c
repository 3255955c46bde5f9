/* SPDX-License-Identifier: MIT */
/*
 * filtered.c - goes where making a thread, a file or a handler kills
 *
 * Context  TEST: filtered asked: and is sent SIGUSR1 there. filtered ends: and is ended
 *          by SIGTERM.
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

static int shut_in(void)
{
	static struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		KILL(clone),
		KILL(clone3),
		KILL(openat),
		KILL(rt_sigaction),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(rule) / sizeof(rule[0]), rule};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (shut_in())
		return errno == EINVAL || errno == EACCES ? 77 : 3;
	if (!strcmp(argv[1], "ends"))
		raise(SIGTERM);
	raise(SIGUSR1);
	usleep(300000); /* a snapshot's thread would have begun */
	puts("still there");
	return 0;
}
