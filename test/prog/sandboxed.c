/* SPDX-License-Identifier: MIT */
/*
 * sandboxed.c - allocates and computes where all but the usual system calls kill
 *
 * Context  TEST: argv[1] is libwalk_one.so, which no allocation has come from before. Then
 *          from code made at run time. argv[2], by-number or by-prctls-number: the filter is
 *          asked for by syscall(2);
 *          timeless: clock_gettime kills too, while it allocates much, and waits for a lock.
 *          Or sandboxed vfork: a child that has its parent's memory takes a signal by hand, shuts
 *          itself in, and reads; its parent goes on.
 *          Or sandboxed private: gives up new privileges, and no more.
 *          Or sandboxed strict, strict-by-number or uncounted: where the processor's counter
 *          can't be read, it allocates, reads and locks; strict: no system call but read, write.
 *          Or sandboxed vfork-uncounted: a child that has its parent's memory does so, and sleeps.
 * Why      As in OpenSSH's, a signal handler's return is none of the usual.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ALLOW(call)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

enum how { BY_PRCTL, BY_NUMBER, BY_PRCTLS_NUMBER, HOWS };

static int install(enum how how, struct sock_fprog *program)
{
	if (how == BY_NUMBER)
		return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
	if (how == BY_PRCTLS_NUMBER)
		return (int)syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program);
}

static int shut_in(enum how how, bool timeless)
{
	/* What allocating, printing and ending take; OpenSSH's list allows these too. */
	static struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(read),
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

	for (size_t i = 0; timeless && i < program.len; i++)
		if (rule[i].k == SYS_clock_gettime)
			rule[i].k = SYS_getppid;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return install(how, &program);
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

/* A lock that looks who has it, when somebody else has. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

static void *keeps_lock(void *arg)
{
	pthread_mutex_lock(&lock);
	sem_post(arg);
	while (pause())
		;
	return arg;
}

/* Before the filter: it is for the calling thread alone. */
static void have_lock_kept(void)
{
	pthread_t t;
	sem_t kept;

	sem_init(&kept, 0, 0);
	pthread_create(&t, NULL, keeps_lock, &kept);
	sem_wait(&kept);
}

static bool allocate_and_wait(void)
{
	for (int i = 0; i < 200; i++)
		allocate();
	return pthread_mutex_timedlock(&lock, &(struct timespec){1, 0}) == ETIMEDOUT;
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

static int only_a_child(void)
{
	struct timespec at_once = {0, 0};
	sigset_t all;
	int status = 0, end[2];
	char c;
	pid_t pid;

	if (pipe(end) || write(end[1], "", 1) != 1)
		return 8;
	compute(50000000);
	sigfillset(&all);
	pid = vfork();
	if (!pid) {
		sigtimedwait(&all, NULL, &at_once);
		_exit(shut_in(BY_PRCTL, false) ? 5 : read(end[0], &c, 1) - 1);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return WEXITSTATUS(status);
	compute(250000000);
	puts("still there");
	return 0;
}

/* As servers do that never install one. */
static int only_private(void)
{
	for (enum how how = 0; how < HOWS; how++)
		if (!install(how, NULL) || (errno != EFAULT && errno != EINVAL))
			return 6;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 7;
	compute(250000000);
	puts("still there");
	return 0;
}

/* Many sampled blocks at once, from what the heap has already. */
static void allocate_from(size_t blocks, void **block)
{
	for (size_t i = 0; i < blocks; i++)
		free(block[i]);
	for (size_t i = 0; i < blocks; i++)
		block[i] = malloc(100);
}

static bool forbids_counter(const char *how)
{
	return !strncmp(how, "strict", 6) || !strcmp(how, "uncounted");
}

static bool forbid_counter(const char *how)
{
	if (!strcmp(how, "strict"))
		return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	if (!strcmp(how, "strict-by-number"))
		return !syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
	return !prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
}

/* What a strict host can't do at all: children of both kinds, and a signal taken by hand. */
static bool goes_on_uncounted(void)
{
	struct timespec a_while = {0, 1000000};
	sigset_t all;
	int status;
	pid_t pid = fork();

	if (!pid) {
		nanosleep(&a_while, NULL);
		free(malloc(1 << 20));
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return false;
	sigfillset(&all);
	sigtimedwait(&all, NULL, &a_while);
	return errno == EAGAIN;
}

static int only_a_childs_counter(void)
{
	struct timespec a_while = {0, 1000000};
	int status = 0;
	pid_t pid = vfork();

	if (!pid)
		_exit(prctl(PR_SET_TSC, PR_TSC_SIGSEGV) || nanosleep(&a_while, NULL));
	if (waitpid(pid, &status, 0) != pid || status)
		return 12;
	puts("still there");
	return 0;
}

static int without_counter(const char *how)
{
	static void *block[20000];
	pthread_mutex_t mine = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	char byte;
	int end[2];

	if (pipe(end) || write(end[1], how, 1) != 1)
		return 8;
	allocate_from(20000, block);
	if (!forbid_counter(how))
		return errno == EINVAL || errno == EACCES ? 77 : 9;
	allocate_from(20000, block);
	pthread_mutex_lock(&mine);
	pthread_mutex_lock(&mine);
	if (!strcmp(how, "uncounted") && !goes_on_uncounted())
		return 11;
	if (read(end[0], &byte, 1) == 1)
		write(1, "still there\n", 12);
	syscall(SYS_exit, 0);
	return 10;
}

/* Whoever serves its calls himself would serve those of a sample, had he a handler. */
static int dispatched(void)
{
	static volatile char selector = SYSCALL_DISPATCH_FILTER_ALLOW;

	compute(100000000);
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0UL, 0UL, &selector))
		return errno == EINVAL ? 77 : 13;
	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	for (volatile int i = 0; i < 200000000; i++)
		;
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	puts("still there");
	return 0;
}

int main(int argc, char **argv)
{
	void *lib = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	void (*call_back)(void (*)(void)) = NULL, (*made)(void (*)(void)) = NULL;
	const char *word = argc > 2 ? argv[2] : "";
	bool timeless = !strcmp(word, "timeless");
	enum how how = !strcmp(word, "by-number")	   ? BY_NUMBER
		       : !strcmp(word, "by-prctls-number") ? BY_PRCTLS_NUMBER
							   : BY_PRCTL;
	static char buffer[BUFSIZ];

	if (argc == 2 && !strcmp(argv[1], "vfork"))
		return only_a_child();
	if (argc == 2 && !strcmp(argv[1], "private"))
		return only_private();
	if (argc == 2 && !strcmp(argv[1], "vfork-uncounted"))
		return only_a_childs_counter();
	if (argc == 2 && !strcmp(argv[1], "dispatched"))
		return dispatched();
	if (argc == 2 && forbids_counter(argv[1]))
		return without_counter(argv[1]);
	if (lib)
		*(void **)&call_back = dlsym(lib, "call_back");
	*(void **)&made = generated();
	if (!call_back || !made)
		return 2;
	setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
	puts("going in");
	compute(100000000);
	if (timeless)
		have_lock_kept();
	if (shut_in(how, timeless))
		return errno == EINVAL || errno == EACCES ? 77 : 3;
	call_back(allocate);
	made(allocate);
	if (!timeless)
		compute(250000000);
	else if (!allocate_and_wait())
		return 4;
	puts("still there");
	return 0;
}
