/* SPDX-License-Identifier: MIT */
/*
 * sandboxed.c - allocates and computes where all but the usual system calls kill
 *
 * Context  TEST: argv[1] is libwalk_one.so, which no allocation has come from before. Then
 *          from code made at run time. argv[2]: the filter is asked for by number.
 * Why      As in OpenSSH's, a signal handler's return is none of the usual.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ALLOW(call)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int shut_in(bool by_number)
{
	/* What allocating, printing and ending take; OpenSSH's list allows these too. */
	static struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(write),
		ALLOW(brk),
		ALLOW(mmap),
		ALLOW(munmap),
		ALLOW(madvise),
		ALLOW(futex),
		ALLOW(getpid),
		ALLOW(getrandom),
		ALLOW(clock_gettime),
		ALLOW(rt_sigprocmask),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {sizeof(rule) / sizeof(rule[0]), rule};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	if (by_number)
		return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void allocate(void)
{
	for (size_t i = 0; i < 1000; i++) {
		void *volatile p = malloc(i);

		free(p);
	}
}

/* Long enough for many samples, and for as many of those that would be on their way. */
static void compute(long until)
{
	struct timespec t;

	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	while (t.tv_sec == 0 && t.tv_nsec < until);
}

/* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret */
static void *generated(void)
{
	static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	memcpy(p, code, sizeof(code));
	return mprotect(p, 4096, PROT_READ | PROT_EXEC) ? NULL : p;
}

int main(int argc, char **argv)
{
	void *lib = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	void (*call_back)(void (*)(void)) = NULL, (*made)(void (*)(void)) = NULL;
	static char buffer[BUFSIZ];

	if (lib)
		*(void **)&call_back = dlsym(lib, "call_back");
	*(void **)&made = generated();
	if (!call_back || !made)
		return 2;
	setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
	puts("going in");
	compute(100000000);
	if (shut_in(argc > 2))
		return errno == EINVAL || errno == EACCES ? 77 : 3;
	call_back(allocate);
	made(allocate);
	compute(250000000);
	puts("still there");
	return 0;
}
