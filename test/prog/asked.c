/* SPDX-License-Identifier: MIT */
/*
 * asked.c - a host that does what its arguments say, one after another
 *
 * Each word is a command, some take the next word. See main's table.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *volatile kept;

/* 16 MB in 64 blocks that stay, so that some are sampled at the default rate. */
static void do_alloc(const char *arg)
{
	(void)arg;
	for (int i = 0; i < 64; i++) {
		void **p = malloc(256 << 10);

		*p = kept;
		kept = p;
	}
}

static void do_sleep(const char *ms)
{
	struct timespec left = {atoi(ms) / 1000, atoi(ms) % 1000 * 1000000L};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* Until a byte comes on standard input, or its end. */
static void do_pause(const char *arg)
{
	char c;

	(void)arg;
	while (read(0, &c, 1) < 0 && errno == EINTR)
		;
}

static void do_say(const char *text)
{
	if (write(1, text, strlen(text)) < 0 || write(1, "\n", 1) < 0)
		_exit(99);
}

static void do_single(const char *arg)
{
	(void)arg;
	do_say(__libc_single_threaded ? "single" : "threaded");
}

static volatile sig_atomic_t rings;

static void on_ring(int sig)
{
	(void)sig;
	if (!fork())
		_exit(0);
	rings++;
}

/* A handler that forks while it interrupts the allocator, as libc lets a program of one thread. */
static void do_ring(const char *times)
{
	struct itimerval soon = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};

	signal(SIGCHLD, SIG_IGN);
	signal(SIGALRM, on_ring);
	setitimer(ITIMER_REAL, &soon, NULL);
	while (rings < atoi(times))
		free(malloc(100000));
	setitimer(ITIMER_REAL, &never, NULL);
}

/* What a host with a second thread is refused. In a child: it is for ever. */
/* The next child is the first process of a namespace. */
static void do_newpid(const char *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWPID))
		exit(77);
}

static void do_unshare(const char *arg)
{
	pid_t pid;
	int status;

	(void)arg;
	if (!unshare(CLONE_NEWUSER))
		do_say("unshared");
	else
		do_say(errno == EINVAL ? "refused" : "forbidden");
	pid = fork();
	if (!pid)
		_exit(0);
	waitpid(pid, &status, 0);
}

static void do_raise(const char *sig)
{
	kill(getpid(), atoi(sig));
}

static void do_burst(const char *n)
{
	for (int i = atoi(n); i > 0; i--)
		kill(getpid(), SIGUSR1);
}

/* A request by value, as a hexadecimal word. */
static void do_queue(const char *word)
{
	union sigval v = {.sival_ptr = (void *)(uintptr_t)strtoull(word, NULL, 16)};

	sigqueue(getpid(), SIGUSR1, v);
}

static void do_errno(const char *arg)
{
	(void)arg;
	errno = 4242;
	raise(SIGUSR1);
	do_say(errno == 4242 ? "errno kept" : "errno lost");
}

static void on_signal(int sig)
{
	(void)sig;
	do_say("mine");
}

static void do_handle(const char *sig)
{
	do_say(signal(atoi(sig), on_signal) == SIG_DFL ? "was default" : "was something");
}

static void do_default(const char *sig)
{
	signal(atoi(sig), SIG_DFL);
}

static void do_block(const char *sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, atoi(sig));
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* The rest of the commands runs in a child; its end is ours. */
static void do_fork(const char *arg)
{
	pid_t pid = fork();
	int status;

	(void)arg;
	if (!pid)
		return;
	printf("child %d\n", (int)pid);
	fflush(stdout);
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status));
}

static void do_daemon(const char *arg)
{
	(void)arg;
	if (daemon(1, 1))
		_exit(98);
	printf("child %d\n", (int)getpid());
	fflush(stdout);
}

/* A signal to a vfork child, which shares our memory, is not for us. */
static void do_vfork(const char *sig)
{
	pid_t pid = vfork();

	if (!pid) {
		kill(getpid(), atoi(sig));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void *idle(void *arg)
{
	pause();
	return arg;
}

static void do_thread(const char *arg)
{
	pthread_t t;

	(void)arg;
	if (pthread_create(&t, NULL, idle, NULL))
		_exit(97);
}

/* The threads of this process, ours included. */
static void do_count(const char *arg)
{
	DIR *d = opendir("/proc/self/task");
	int n = -2;

	(void)arg;
	while (readdir(d))
		n++;
	closedir(d);
	printf("threads %d\n", n);
	fflush(stdout);
}

/* Until this process has one thread again: what it asked for has been done. */
static void do_idle(const char *arg)
{
	(void)arg;
	for (int tries = 0; tries < 3000; tries++) {
		struct stat sb;

		/* A directory's links: itself, its name, its directories. */
		if (!stat("/proc/self/task", &sb) && sb.st_nlink == 3)
			return;
		do_sleep("10");
	}
	_exit(94);
}

/* Highest descriptor in use, the listing's own left out. */
static void do_descriptors(const char *arg)
{
	int fd, top = -1;

	(void)arg;
	for (fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			top = fd;
	printf("descriptors %d\n", top + 1);
	fflush(stdout);
}

static void do_close(const char *fd)
{
	close(atoi(fd));
}

static void do_fsize(const char *bytes)
{
	struct rlimit lim = {(rlim_t)atol(bytes), (rlim_t)atol(bytes)};

	setrlimit(RLIMIT_FSIZE, &lim);
}

static void do_nofile(const char *n)
{
	struct rlimit lim = {(rlim_t)atol(n), (rlim_t)atol(n)};

	setrlimit(RLIMIT_NOFILE, &lim);
}

static void do_nproc(const char *n)
{
	struct rlimit lim = {(rlim_t)atol(n), (rlim_t)atol(n)};

	setrlimit(RLIMIT_NPROC, &lim);
}

/* Takes every descriptor there is. */
static void do_fill(const char *arg)
{
	(void)arg;
	while (dup(0) >= 0)
		;
}

static void do_setuid(const char *uid)
{
	if (setgid((gid_t)atoi(uid)) || setuid((uid_t)atoi(uid)))
		_exit(96);
}

/* As named and setpriv do: another user, with some rights of the old one. */
static void do_keep(const char *uid)
{
	struct __user_cap_header_struct self = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct some[2] = {
		{.effective = 1 << CAP_SETGID, .permitted = 1 << CAP_SETGID}};
	unsigned id = (unsigned)atoi(uid);

	if (prctl(PR_SET_KEEPCAPS, 1) || setresuid(id, id, id) ||
	    syscall(SYS_capset, &self, some) || setgroups(0, NULL) || setresgid(id, id, id) ||
	    !setuid(0))
		_exit(95);
}

static void do_dumpable(const char *arg)
{
	(void)arg;
	if (prctl(PR_SET_DUMPABLE, 1))
		_exit(94);
}

/* From here on the kernel refuses this call, with that errno: "linkat=1". It is told so by
 * libc's own function, for a host that shuts itself in is left alone. */
static void do_refuse(const char *call)
{
	static const struct {
		const char *name;
		unsigned number;
	} known[] = {{"renameat2", SYS_renameat2}, {"linkat", SYS_linkat}, {"close", SYS_close}};
	long (*libc)(long, ...) = dlsym(dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD), "syscall");
	size_t len = strcspn(call, "="), i = 0;
	unsigned answer = SECCOMP_RET_ERRNO | (unsigned)atoi(call + len + 1);

	while (strncmp(known[i].name, call, len) != 0)
		i++;
	struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, known[i].number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(rule) / sizeof(*rule), rule};

	if (libc(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    libc(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(77);
}

static void *last_thread(void *arg)
{
	(void)arg;
	do_say("last thread");
	return NULL;
}

/* The main thread leaves; the process ends with the other. */
static void do_leave(const char *arg)
{
	pthread_t t;

	(void)arg;
	if (pthread_create(&t, NULL, last_thread, NULL))
		_exit(93);
	pthread_exit(NULL);
}

/* The old way to make something standard input, again and again, with snapshots meanwhile: how
 * often is it another number? */
static void do_reopen(const char *ms)
{
	struct timespec ts;
	long end, now, wrong = 0;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	for (end = now + atoi(ms); now < end; now = ts.tv_sec * 1000 + ts.tv_nsec / 1000000) {
		raise(SIGUSR1);
		for (int i = 0; i < 50; i++) {
			int fd;

			close(0);
			for (volatile int k = 0; k < 300; k++)
				;
			fd = open("/dev/null", O_RDWR);
			wrong += fd != 0;
			if (fd > 0) {
				dup2(fd, 0);
				close(fd);
			}
		}
		clock_gettime(CLOCK_MONOTONIC, &ts);
	}
	printf("%ld\n", wrong);
}

static void do_chdir(const char *dir)
{
	if (chdir(dir))
		_exit(95);
}

static void do_umask(const char *mask)
{
	umask((mode_t)strtoul(mask, NULL, 8));
}

static void do_exit(const char *status)
{
	exit(atoi(status));
}

static void do_end(const char *status)
{
	_exit(atoi(status));
}

/* Its only thread, and with it the process. */
static void do_vanish(const char *status)
{
	syscall(SYS_exit, atoi(status));
}

static void do_quick(const char *status)
{
	quick_exit(atoi(status));
}

static void do_abort(const char *arg)
{
	(void)arg;
	abort();
}

static void do_fault(const char *arg)
{
	(void)arg;
	*(volatile int *)8 = 1;
}

static void do_exec(const char *program)
{
	execlp(program, program, NULL);
}

static const struct command {
	const char *name;
	void (*run)(const char *arg);
	int takes_arg;
} commands[] = {
	{"alloc", do_alloc, 0},	  {"sleep", do_sleep, 1},	{"pause", do_pause, 0},
	{"say", do_say, 1},	  {"single", do_single, 0},	{"unshare", do_unshare, 0},
	{"raise", do_raise, 1},	  {"burst", do_burst, 1},	{"queue", do_queue, 1},
	{"errno", do_errno, 0},	  {"handle", do_handle, 1},	{"default", do_default, 1},
	{"block", do_block, 1},	  {"fork", do_fork, 0},		{"daemon", do_daemon, 0},
	{"vfork", do_vfork, 1},	  {"thread", do_thread, 0},	{"count", do_count, 0},
	{"close", do_close, 1},	  {"fsize", do_fsize, 1},	{"nofile", do_nofile, 1},
	{"setuid", do_setuid, 1}, {"dumpable", do_dumpable, 0}, {"leave", do_leave, 0},
	{"chdir", do_chdir, 1},	  {"umask", do_umask, 1},	{"exit", do_exit, 1},
	{"_exit", do_end, 1},	  {"quick_exit", do_quick, 1},	{"abort", do_abort, 0},
	{"fault", do_fault, 0},	  {"exec", do_exec, 1},		{"descriptors", do_descriptors, 0},
	{"fill", do_fill, 0},	  {"keep", do_keep, 1},		{"idle", do_idle, 0},
	{"nproc", do_nproc, 1},	  {"reopen", do_reopen, 1},	{"newpid", do_newpid, 0},
	{"refuse", do_refuse, 1}, {"ring", do_ring, 1},		{"vanish", do_vanish, 1},
};

int main(int argc, char **argv)
{
	const size_t n = sizeof(commands) / sizeof(*commands);

	for (int i = 1; i < argc; i++) {
		size_t c = 0;

		while (c < n && strcmp(argv[i], commands[c].name))
			c++;
		if (c == n || (commands[c].takes_arg && i + 1 >= argc)) {
			fprintf(stderr, "asked: what is %s?\n", argv[i]);
			return 90;
		}
		i += commands[c].takes_arg;
		commands[c].run(argv[i]);
	}
	return 0;
}
