/* SPDX-License-Identifier: MIT */
/*
 * iotable.c - every call that waits for time or descriptors, in every state: what it answers
 *
 * Prints a line for each. Its output is compared with and without the agent.
 *
 * Context  TEST
 */
#include "waittable.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t size, int flags, struct sockaddr *addr,
		       socklen_t *len);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
		size_t size);

/* --- time and descriptors ------------------------------------------------------------ */

static void sleeping(void)
{
	struct timespec ms = {0, 1000000}, bad = {0, 1000000000}, day = {86400, 0}, left;
	struct timespec past = {1, 0};

	SHOW(sleep(0));
	SHOW(usleep(1000));
	SHOW(nanosleep(&ms, NULL));
	SHOW(nanosleep(&bad, NULL));
	SHOW(nanosleep(NOWHERE, NULL));
	SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL));
	SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL));
	SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ms, NULL));
	SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL));
	interrupt(SA_RESTART, 3000);
	SHOW(sleep(86400));
	SHOW(usleep(999999999));
	SHOW_WITH("nanosleep", nanosleep(&day, &left), left.tv_sec);
	SHOW_WITH("clock_nanosleep", clock_nanosleep(CLOCK_MONOTONIC, 0, &day, &left), left.tv_sec);
	SHOW_WITH("thrd_sleep", thrd_sleep(&day, &left), left.tv_sec);
	interrupt(0, 0);
}

/* With a mask that lies nowhere. */
static void masked(struct pollfd *p, int ep)
{
	struct timespec ms = {0, 1000000};
	struct epoll_event e;
	sigset_t all;
	int sig;

	sigfillset(&all);
	SHOW(sigtimedwait(&all, NULL, NOWHERE));
	sigprocmask(SIG_BLOCK, &all, NULL);
	raise(SIGCONT);
	SHOW(sigwaitinfo(&all, NOWHERE));
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	SHOW(ppoll(p, 1, &ms, NOWHERE));
	SHOW(__ppoll_chk(p, 1, &ms, NOWHERE, sizeof(*p)));
	SHOW(pselect(0, NULL, NULL, NULL, &ms, NOWHERE));
	SHOW(epoll_pwait(ep, &e, 1, 1, NOWHERE));
	SHOW(epoll_pwait2(ep, &e, 1, &ms, NOWHERE));
	SHOW(sigsuspend(NOWHERE));
	SHOW(sigtimedwait(NOWHERE, NULL, &ms));
	SHOW(sigwaitinfo(NOWHERE, NULL));
	SHOW(sigwait(NOWHERE, &sig));
	SHOW(signalfd(-1, NOWHERE, 0));
}

static void polling(const int *pipes)
{
	struct timespec ms = {0, 1000000}, bad = {0, -1}, none = {0, 0};
	struct pollfd p[2] = {{pipes[0], POLLIN, 0}, {9999, POLLIN, 0}};
	struct timeval tv = {0, 1000}, bad_tv = {0, -1};
	int ep = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN};
	fd_set set;

	for (int timeout = 0; timeout < 2; timeout++) {
		SHOW_WITH("poll", poll(p, 2, timeout), p[1].revents);
		SHOW_WITH("poll of one", poll(p, 1, timeout), p[0].revents);
		SHOW_WITH("poll_chk", __poll_chk(p, 1, timeout, sizeof(p)), p[0].revents);
		SHOW(epoll_wait(ep, &e, 1, timeout));
		SHOW(epoll_wait(ep, &e, 0, timeout));
		SHOW(epoll_wait(pipes[0], &e, 1, timeout));
		SHOW(epoll_wait(-1, &e, 1, timeout));
		SHOW(epoll_pwait(ep, &e, 1, timeout, NULL));
	}
	SHOW(poll(NOWHERE, 1, 1));
	SHOW(ppoll(p, 1, &ms, NULL));
	SHOW(ppoll(p, 1, &none, NULL));
	SHOW(ppoll(p, 1, &bad, NULL));
	SHOW(__ppoll_chk(p, 1, &ms, NULL, sizeof(p)));
	SHOW_WITH("select", select(0, NULL, NULL, NULL, &tv), tv.tv_usec);
	SHOW(select(0, NULL, NULL, NULL, &bad_tv));
	SHOW(select(-1, NULL, NULL, NULL, &tv));
	FD_ZERO(&set);
	FD_SET(pipes[1], &set);
	SHOW(select(pipes[1] + 1, NULL, &set, NULL, NULL));
	SHOW(pselect(pipes[1] + 1, NULL, &set, NULL, NULL, NULL));
	SHOW(pselect(0, NULL, NULL, NULL, &ms, NULL));
	SHOW(pselect(0, NULL, NULL, NULL, &bad, NULL));
	SHOW(epoll_pwait2(ep, &e, 1, &ms, NULL));
	SHOW(epoll_pwait2(-1, &e, 1, &none, NULL));
	SHOW(epoll_pwait2(ep, &e, 1, NOWHERE, NULL));
	masked(p, ep);
	interrupt(SA_RESTART, 3000);
	SHOW(poll(p, 1, -1));
	SHOW(ppoll(p, 1, NULL, NULL));
	SHOW(select(0, NULL, NULL, NULL, NULL));
	SHOW(pselect(0, NULL, NULL, NULL, NULL, NULL));
	SHOW(epoll_wait(ep, &e, 1, -1));
	SHOW(epoll_pwait(ep, &e, 1, -1, NULL));
	SHOW(epoll_pwait2(ep, &e, 1, NULL, NULL));
	interrupt(0, 0);
	close(ep);
}

static void reading(const int *pipes, const int *sockets)
{
	char c[8];
	struct iovec v = {c, sizeof(c)};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	struct mmsghdr mm = {.msg_hdr = m};
	struct timeval tv = {0, 2000};

	SHOW(read(-1, c, 1));
	SHOW(__read_chk(-1, c, 1, sizeof(c)));
	SHOW(readv(-1, &v, 1));
	SHOW(recv(pipes[0], c, 1, 0));
	SHOW(recv(sockets[0], c, 1, MSG_DONTWAIT));
	SHOW(__recv_chk(sockets[0], c, 1, sizeof(c), MSG_DONTWAIT));
	SHOW(recvfrom(sockets[0], c, 1, MSG_DONTWAIT, NULL, NULL));
	SHOW(__recvfrom_chk(sockets[0], c, 1, sizeof(c), MSG_DONTWAIT, NULL, NULL));
	SHOW(recvmsg(sockets[0], &m, MSG_DONTWAIT));
	SHOW(recvmmsg(sockets[0], &mm, 1, MSG_DONTWAIT, NULL));
	SHOW(recvmmsg(sockets[0], &mm, 1, MSG_DONTWAIT, (void *)8));
	SHOW(accept(sockets[0], NULL, NULL));
	SHOW(accept4(-1, NULL, NULL, 0));
	if (write(sockets[1], "abcdefghijklmnopqrstu", 21) != 21)
		return;
	SHOW_WITH("recv", recv(sockets[0], c, 2, 0), c[1]);
	SHOW_WITH("recv_chk", __recv_chk(sockets[0], c, 2, sizeof(c), 0), c[1]);
	SHOW_WITH("recvfrom", recvfrom(sockets[0], c, 2, 0, NULL, NULL), c[1]);
	SHOW_WITH("recvfrom_chk", __recvfrom_chk(sockets[0], c, 2, sizeof(c), 0, NULL, NULL), c[1]);
	v.iov_len = 2;
	SHOW_WITH("recvmsg", recvmsg(sockets[0], &m, 0), c[1]);
	SHOW_WITH("recvmmsg", recvmmsg(sockets[0], &mm, 1, 0, NULL), c[1]);
	SHOW_WITH("read", read(sockets[0], c, 2), c[1]);
	SHOW_WITH("read_chk", __read_chk(sockets[0], c, 2, sizeof(c)), c[1]);
	SHOW_WITH("readv", readv(sockets[0], &v, 1), c[1]);
	SHOW_WITH("read the rest", read(sockets[0], c, 8), c[2]);
	setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	SHOW(recv(sockets[0], c, 1, 0));
	interrupt(0, 3000);
	SHOW(read(pipes[0], c, 1));
	SHOW(readv(pipes[0], &v, 1));
	SHOW(recv(sockets[1], c, 1, 0));
	SHOW(recvfrom(sockets[1], c, 1, 0, NULL, NULL));
	SHOW(recvmsg(sockets[1], &m, 0));
	SHOW(recvmmsg(sockets[1], &mm, 1, 0, NULL));
	interrupt(0, 0);
	close(pipes[1]);
	SHOW(read(pipes[0], c, 1));
	fcntl(sockets[1], F_SETFL, O_NONBLOCK);
	SHOW(read(sockets[1], c, 1));
}

static void accepting(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), got;

	bind(fd, (struct sockaddr *)&in, len);
	listen(fd, 4);
	getsockname(fd, (struct sockaddr *)&in, &len);
	interrupt(0, 3000);
	SHOW(accept(fd, NULL, NULL));
	SHOW(accept4(fd, NULL, NULL, 0));
	interrupt(0, 0);
	connect(client, (struct sockaddr *)&in, len);
	got = accept4(fd, (struct sockaddr *)&in, &len, SOCK_CLOEXEC);
	printf("accept4: %d, %u bytes, flags %d\n", got > 0, len, fcntl(got, F_GETFD));
}

/* A buffer too small: libc ends the program, as without us. */
static void overflows(void)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		char c[16];

		close(2);
		_exit(__read_chk(0, c, sizeof(c), 8) != 0);
	}
	waitpid(pid, &status, 0);
	printf("overflow: signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int main(void)
{
	int pipes[2], sockets[2];

	if (pipe(pipes) || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		return 1;
	sleeping();
	polling(pipes);
	reading(pipes, sockets);
	accepting();
	overflows();
	return 0;
}
