/* SPDX-License-Identifier: MIT */
/*
 * io.c - threads that wait for descriptors
 *
 * Context  EARLY, HOST; SIGNAL where the host's own handlers read; vfork children.
 * Calls    cp_real, probe.h. Never: touch errno, hold anything across the call.
 * Holds    A call that says it won't wait is only passed on.
 * Why      Whether a read will wait is known to the kernel alone, so each says beforehand
 *          that it may. The __..._chk are what programs built with _FORTIFY_SOURCE call.
 */
#include "masks.h"
#include "wait.h"

/* The descriptor, as waiting.h keeps it. */
CP_INLINE void *one_more(int fd)
{
	return (void *)((uintptr_t)(unsigned)fd + 1);
}

/* The short ones enter the slow ones by a jump, whose caller so is the host too. */
#define POLLS(object, at_once, name, params, args, ...)                   \
	static CP_NOINLINE int name##_slow params                         \
	{                                                                 \
		__VA_ARGS__;                                              \
		if (!cp_probe_waits_for_io() || (at_once))                \
			return cp_real.name args;                         \
		return CP_WAITING(CP_WAIT_POLL, object, NULL, name, args, \
				  cp_has_waited_errno(result));           \
	}                                                                 \
	CP_EXPORT int name params                                         \
	{                                                                 \
		if (CP_UNLIKELY(!cp_probe_only_says_io() || (at_once)))   \
			return name##_slow args;                          \
		__VA_ARGS__;                                              \
		return CP_SAYING(CP_WAIT_POLL, object, name, args);       \
	}

#define READS(at_once, name, result_type, params, args)                      \
	static CP_NOINLINE result_type name##_slow params                    \
	{                                                                    \
		if (at_once)                                                 \
			return cp_real.name args;                            \
		cp_probe_ask_of(fd);                                         \
		return CP_WAITS_FOR_IO(CP_WAIT_IO, one_more(fd), name, args, \
				       cp_has_waited_errno(result));         \
	}                                                                    \
	CP_EXPORT result_type name params                                    \
	{                                                                    \
		if (CP_LIKELY(cp_probe_never_waits(fd)))                     \
			return cp_real.name args;                            \
		return name##_slow args;                                     \
	}

/* --- for one of several ------------------------------------------------------- */

static bool is_zero(const struct timespec *ts)
{
	return ts && !ts->tv_sec && !ts->tv_nsec;
}

#define POLL(name, at_once, params, args, ...) POLLS(NULL, at_once, name, params, args, __VA_ARGS__)
#define EPOLL(name, at_once, params, args, ...) \
	POLLS(one_more(fd), at_once, name, params, args, __VA_ARGS__)
/* The host's mask would let a sample's signal in, which ends the wait. */
#define MASKED         \
	sigset_t room; \
	mask = cp_masks_and_ours(mask, &room)

POLL(poll, !timeout, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))
POLL(__poll_chk, !timeout, (struct pollfd * fds, nfds_t n, int timeout, size_t size),
     (fds, n, timeout, size))
POLL(ppoll, is_zero(timeout),
     (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
     (fds, n, timeout, mask), MASKED)
POLL(__ppoll_chk, is_zero(timeout),
     (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
      size_t size),
     (fds, n, timeout, mask, size), MASKED)
POLL(select, timeout && !timeout->tv_sec && !timeout->tv_usec,
     (int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout),
     (n, in, out, except, timeout))
POLL(pselect, is_zero(timeout),
     (int n, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
      const sigset_t *mask),
     (n, in, out, except, timeout, mask), MASKED)
EPOLL(epoll_wait, !timeout, (int fd, struct epoll_event *events, int n, int timeout),
      (fd, events, n, timeout))
EPOLL(epoll_pwait, !timeout,
      (int fd, struct epoll_event *events, int n, int timeout, const sigset_t *mask),
      (fd, events, n, timeout, mask), MASKED)
/* The kernel itself looks at the time, which may lie nowhere. */
EPOLL(epoll_pwait2, false,
      (int fd, struct epoll_event *events, int n, const struct timespec *timeout,
       const sigset_t *mask),
      (fd, events, n, timeout, mask), MASKED)

/* --- for one ------------------------------------------------------------------ */

#define READ(name, params, args)   READS(false, name, ssize_t, params, args)
#define RECV(name, params, args)   READS((flags & MSG_DONTWAIT), name, ssize_t, params, args)
#define RECVS(name, params, args)  READS((flags & MSG_DONTWAIT), name, int, params, args)
#define ACCEPT(name, params, args) READS(false, name, int, params, args)

READ(read, (int fd, void *buf, size_t n), (fd, buf, n))
READ(__read_chk, (int fd, void *buf, size_t n, size_t size), (fd, buf, n, size))
READ(readv, (int fd, const struct iovec *iov, int n), (fd, iov, n))
RECV(recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags))
RECV(__recv_chk, (int fd, void *buf, size_t n, size_t size, int flags), (fd, buf, n, size, flags))
RECV(recvfrom, (int fd, void *buf, size_t n, int flags, __SOCKADDR_ARG addr, socklen_t *len),
     (fd, buf, n, flags, addr, len))
RECV(__recvfrom_chk,
     (int fd, void *buf, size_t n, size_t size, int flags, __SOCKADDR_ARG addr, socklen_t *len),
     (fd, buf, n, size, flags, addr, len))
RECV(recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags))
RECVS(recvmmsg, (int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout),
      (fd, msgs, n, flags, timeout))
ACCEPT(accept, (int fd, __SOCKADDR_ARG addr, socklen_t *len), (fd, addr, len))
ACCEPT(accept4, (int fd, __SOCKADDR_ARG addr, socklen_t *len, int flags), (fd, addr, len, flags))
