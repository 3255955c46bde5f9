/* SPDX-License-Identifier: MIT */
/*
 * spoil.c - runs a program in which some system calls fail
 *
 * usage: spoil FIRST/N PROGRAM...        of the agent's own mappings the FIRST succeed, and
 *                                        of those that follow every N-th fails
 *        spoil CALL=ERROR PROGRAM...     a call that always fails with that errno; with 0:
 *                                        it kills
 *
 * Context  TEST: a filter of the kernel's, so that nothing of it is in the agent. The agent's
 *          mappings are those to read and write, without reserve: libc's have no access
 *          first, or a reserve.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OURS_PROT  (PROT_READ | PROT_WRITE)
#define OURS_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

#define LOAD(field)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(v, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, 0, skip)
#define ANSWER(v)	BPF_STMT(BPF_RET | BPF_K, v)

static const struct {
	const char *name;
	unsigned nr;
} calls[] = {
#define CALL(name)                \
	{                         \
#name, SYS_##name \
	}
	CALL(timer_create),
	CALL(timer_settime),
	CALL(timer_delete),
	CALL(getrandom),
	CALL(madvise),
	CALL(prlimit64),
	CALL(process_vm_readv),
	CALL(pidfd_open),
	CALL(pidfd_getfd),
	CALL(rt_sigpending),
	CALL(rt_sigtimedwait),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(flock),
	CALL(fsync),
	CALL(fchmod),
	CALL(renameat2),
	CALL(linkat),
	CALL(mkdirat),
	CALL(unlinkat),
	CALL(readlinkat),
	CALL(getdents64),
	CALL(getcwd),
	CALL(prctl),
	CALL(ppoll),
	CALL(fcntl),
	CALL(clock_nanosleep),
	CALL(socket),
	CALL(close_range),
	CALL(eventfd2),
	CALL(dup3),
	CALL(getppid),
	CALL(faccessat),
	CALL(newfstatat),
	CALL(clock_gettime),
};

static int install(struct sock_filter *rule, unsigned short n, unsigned flags)
{
	struct sock_fprog program = {n, rule};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static int deny(int error, const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		struct sock_filter rule[] = {
			LOAD(nr),
			UNLESS(calls[i].nr, 1),
			ANSWER(error ? SECCOMP_RET_ERRNO | (unsigned)error
				     : SECCOMP_RET_KILL_PROCESS),
			ANSWER(SECCOMP_RET_ALLOW),
		};

		if (!strcmp(calls[i].name, name))
			return install(rule, 4, 0);
	}
	errno = EINVAL;
	return -1;
}

/* --- every n-th ------------------------------------------------------------- */

/* A descriptor on which the kernel asks of each of the agent's mappings. */
static int ask_of_mappings(void)
{
	struct sock_filter rule[] = {
		LOAD(nr),
		UNLESS(SYS_mmap, 5),
		LOAD(args[2]),
		UNLESS(OURS_PROT, 3),
		LOAD(args[3]),
		UNLESS(OURS_FLAGS, 1),
		ANSWER(SECCOMP_RET_USER_NOTIF),
		ANSWER(SECCOMP_RET_ALLOW),
	};

	return install(rule, 8, SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

static int send_descriptor(int to, int fd)
{
	char byte = 0, room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof(room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(to, &m, 0) == 1 ? 0 : -1;
}

static int receive_descriptor(int from)
{
	char byte = 0, room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof(room)};
	int fd = -1;

	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

/* Answers until all who could ask are gone. */
static void answer(int fd, long first, long n)
{
	struct pollfd p = {fd, POLLIN, 0};
	long asked = 0;

	while (poll(&p, 1, -1) >= 0 || errno == EINTR) {
		struct seccomp_notif ask = {0};
		struct seccomp_notif_resp say = {0};

		if (p.revents & POLLHUP)
			break;
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &ask))
			continue;
		asked++;
		say.id = ask.id;
		if (asked > first && (asked - first) % n == 0)
			say.error = -ENOMEM;
		else
			say.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &say);
	}
}

static int run_watched(long first, long n, char **program)
{
	int pair[2], status = 0, fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return 99;
	pid = fork();
	if (!pid) {
		fd = ask_of_mappings();
		if (fd < 0 || send_descriptor(pair[1], fd))
			_exit(77);
		close(fd);
		execvp(program[0], program);
		_exit(98);
	}
	close(pair[1]);
	fd = receive_descriptor(pair[0]);
	if (fd >= 0)
		answer(fd, first, n);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	const char *preload = getenv("SPOILED_PRELOAD");
	char call[32] = "";
	long first, n;
	int error;

	if (argc < 3)
		return 2;
	if (preload)
		setenv("LD_PRELOAD", preload, 1);
	if (sscanf(argv[1], "%ld/%ld", &first, &n) == 2)
		return run_watched(first, n, argv + 2);
	if (sscanf(argv[1], "%31[a-z0-9_]=%d", call, &error) != 2)
		return 2;
	if (deny(error, call))
		return errno == EINVAL ? 2 : 77;
	execvp(argv[2], argv + 2);
	return 98;
}
