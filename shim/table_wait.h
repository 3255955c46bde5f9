/* SPDX-License-Identifier: MIT */
/*
 * table_wait.h - the functions of table.h that lock, or wait, or protect memory
 *
 * Context  ANY: declarations only.
 */
#ifndef CP_SHIM_TABLE_WAIT_H
#define CP_SHIM_TABLE_WAIT_H

#include "../agent/rt/base.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

typedef void cp_once_fn(void);

#define CP_UNTIL const struct timespec *until

#define CP_LOCK_TABLE(F)                                                                       \
	F(pthread_mutex_lock, int, (pthread_mutex_t * m), (m), NULL, REQUIRED)                 \
	F(pthread_mutex_trylock, int, (pthread_mutex_t * m), (m), NULL, REQUIRED)              \
	F(pthread_mutex_unlock, int, (pthread_mutex_t * m), (m), NULL, REQUIRED)               \
	F(pthread_mutex_timedlock, int, (pthread_mutex_t * m, CP_UNTIL), (m, until), NULL,     \
	  OPTIONAL)                                                                            \
	F(pthread_mutex_clocklock, int, (pthread_mutex_t * m, clockid_t clock, CP_UNTIL),      \
	  (m, clock, until), NULL, OPTIONAL)                                                   \
	F(pthread_rwlock_rdlock, int, (pthread_rwlock_t * l), (l), NULL, REQUIRED)             \
	F(pthread_rwlock_wrlock, int, (pthread_rwlock_t * l), (l), NULL, REQUIRED)             \
	F(pthread_rwlock_tryrdlock, int, (pthread_rwlock_t * l), (l), NULL, REQUIRED)          \
	F(pthread_rwlock_trywrlock, int, (pthread_rwlock_t * l), (l), NULL, REQUIRED)          \
	F(pthread_rwlock_unlock, int, (pthread_rwlock_t * l), (l), NULL, REQUIRED)             \
	F(pthread_rwlock_timedrdlock, int, (pthread_rwlock_t * l, CP_UNTIL), (l, until), NULL, \
	  OPTIONAL)                                                                            \
	F(pthread_rwlock_timedwrlock, int, (pthread_rwlock_t * l, CP_UNTIL), (l, until), NULL, \
	  OPTIONAL)                                                                            \
	F(pthread_rwlock_clockrdlock, int, (pthread_rwlock_t * l, clockid_t clock, CP_UNTIL),  \
	  (l, clock, until), NULL, OPTIONAL)                                                   \
	F(pthread_rwlock_clockwrlock, int, (pthread_rwlock_t * l, clockid_t clock, CP_UNTIL),  \
	  (l, clock, until), NULL, OPTIONAL)

#define CP_INIT_TABLE(F)                                                                           \
	F(pthread_mutex_init, int, (pthread_mutex_t * l, const pthread_mutexattr_t *a), (l, a),    \
	  NULL, REQUIRED)                                                                          \
	F(pthread_mutex_destroy, int, (pthread_mutex_t * l), (l), NULL, REQUIRED)                  \
	F(pthread_rwlock_init, int, (pthread_rwlock_t * l, const pthread_rwlockattr_t *a), (l, a), \
	  NULL, REQUIRED)                                                                          \
	F(pthread_rwlock_destroy, int, (pthread_rwlock_t * l), (l), NULL, REQUIRED)                \
	F(pthread_cond_init, int, (pthread_cond_t * l, const pthread_condattr_t *a), (l, a), NULL, \
	  REQUIRED)                                                                                \
	F(pthread_cond_destroy, int, (pthread_cond_t * l), (l), NULL, REQUIRED)

#define CP_COND_TABLE(F)                                                                           \
	F(pthread_cond_wait, int, (pthread_cond_t * c, pthread_mutex_t * m), (c, m), NULL,         \
	  REQUIRED)                                                                                \
	F(pthread_cond_timedwait, int, (pthread_cond_t * c, pthread_mutex_t * m, CP_UNTIL),        \
	  (c, m, until), NULL, REQUIRED)                                                           \
	F(pthread_cond_clockwait, int,                                                             \
	  (pthread_cond_t * c, pthread_mutex_t * m, clockid_t clock, CP_UNTIL),                    \
	  (c, m, clock, until), NULL, OPTIONAL)                                                    \
	F(sem_wait, int, (sem_t * s), (s), NULL, REQUIRED)                                         \
	F(sem_timedwait, int, (sem_t * s, CP_UNTIL), (s, until), NULL, OPTIONAL)                   \
	F(sem_clockwait, int, (sem_t * s, clockid_t clock, CP_UNTIL), (s, clock, until), NULL,     \
	  OPTIONAL)                                                                                \
	F(pthread_barrier_wait, int, (pthread_barrier_t * b), (b), NULL, OPTIONAL)                 \
	F(pthread_join, int, (pthread_t t, void **out), (t, out), NULL, REQUIRED)                  \
	F(pthread_timedjoin_np, int, (pthread_t t, void **out, CP_UNTIL), (t, out, until), NULL,   \
	  OPTIONAL)                                                                                \
	F(pthread_clockjoin_np, int, (pthread_t t, void **out, clockid_t clock, CP_UNTIL),         \
	  (t, out, clock, until), NULL, OPTIONAL)                                                  \
	F(pthread_once, int, (pthread_once_t * control, cp_once_fn * routine), (control, routine), \
	  NULL, REQUIRED)

#define CP_C11_TABLE(F)                                                                          \
	F(mtx_lock, int, (mtx_t * m), (m), NULL, OPTIONAL)                                       \
	F(mtx_trylock, int, (mtx_t * m), (m), NULL, OPTIONAL)                                    \
	F(mtx_timedlock, int, (mtx_t * m, CP_UNTIL), (m, until), NULL, OPTIONAL)                 \
	F(mtx_unlock, int, (mtx_t * m), (m), NULL, OPTIONAL)                                     \
	F(cnd_wait, int, (cnd_t * c, mtx_t * m), (c, m), NULL, OPTIONAL)                         \
	F(cnd_timedwait, int, (cnd_t * c, mtx_t * m, CP_UNTIL), (c, m, until), NULL, OPTIONAL)   \
	F(thrd_join, int, (thrd_t t, int *out), (t, out), NULL, OPTIONAL)                        \
	F(thrd_sleep, int, (const struct timespec *ts, struct timespec *left), (ts, left), NULL, \
	  OPTIONAL)                                                                              \
	F(call_once, void, (once_flag * flag, cp_once_fn * routine), (flag, routine), NULL,      \
	  OPTIONAL)

/* O(slot, result, parameters, arguments, version, need, name): another function that goes
 * by the name of one above, under the version old programs ask for. */
#define CP_OLD_TABLE(O)                                                                         \
	O(old_cond_wait, int, (pthread_cond_t * c, pthread_mutex_t * m), (c, m), "GLIBC_2.2.5", \
	  OPTIONAL, pthread_cond_wait)                                                          \
	O(old_cond_timedwait, int, (pthread_cond_t * c, pthread_mutex_t * m, CP_UNTIL),         \
	  (c, m, until), "GLIBC_2.2.5", OPTIONAL, pthread_cond_timedwait)

#define CP_SLEEP_TABLE(F)                                                                       \
	F(sleep, unsigned, (unsigned seconds), (seconds), NULL, REQUIRED)                       \
	F(usleep, int, (useconds_t us), (us), NULL, REQUIRED)                                   \
	F(nanosleep, int, (const struct timespec *ts, struct timespec *left), (ts, left), NULL, \
	  REQUIRED)                                                                             \
	F(clock_nanosleep, int,                                                                 \
	  (clockid_t clock, int flags, const struct timespec *ts, struct timespec *left),       \
	  (clock, flags, ts, left), NULL, REQUIRED)

#define CP_PROTECT_TABLE(F)                                                                    \
	F(mprotect, int, (void *addr, size_t n, int prot), (addr, n, prot), NULL, REQUIRED)    \
	F(pkey_mprotect, int, (void *addr, size_t n, int prot, int key), (addr, n, prot, key), \
	  NULL, OPTIONAL)

#define CP_POLL_TABLE(F)                                                                          \
	F(poll, int, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout), NULL,       \
	  REQUIRED)                                                                               \
	F(__poll_chk, int, (struct pollfd * fds, nfds_t n, int timeout, size_t size),             \
	  (fds, n, timeout, size), NULL, OPTIONAL)                                                \
	F(select, int, (int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout), \
	  (n, in, out, except, timeout), NULL, REQUIRED)                                          \
	F(epoll_wait, int, (int fd, struct epoll_event *events, int n, int timeout),              \
	  (fd, events, n, timeout), NULL, REQUIRED)

/* They wait under another mask of signals. */
#define CP_MASKED_TABLE(F)                                                                       \
	F(ppoll, int,                                                                            \
	  (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask), \
	  (fds, n, timeout, mask), NULL, REQUIRED)                                               \
	F(__ppoll_chk, int,                                                                      \
	  (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,  \
	   size_t size),                                                                         \
	  (fds, n, timeout, mask, size), NULL, OPTIONAL)                                         \
	F(pselect, int,                                                                          \
	  (int n, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,       \
	   const sigset_t *mask),                                                                \
	  (n, in, out, except, timeout, mask), NULL, REQUIRED)                                   \
	F(epoll_pwait, int,                                                                      \
	  (int fd, struct epoll_event *events, int n, int timeout, const sigset_t *mask),        \
	  (fd, events, n, timeout, mask), NULL, REQUIRED)                                        \
	F(epoll_pwait2, int,                                                                     \
	  (int fd, struct epoll_event *events, int n, const struct timespec *timeout,            \
	   const sigset_t *mask),                                                                \
	  (fd, events, n, timeout, mask), NULL, OPTIONAL)

#define CP_READ_TABLE(F)                                                                          \
	F(read, ssize_t, (int fd, void *buf, size_t n), (fd, buf, n), NULL, REQUIRED)             \
	F(__read_chk, ssize_t, (int fd, void *buf, size_t n, size_t size), (fd, buf, n, size),    \
	  NULL, OPTIONAL)                                                                         \
	F(readv, ssize_t, (int fd, const struct iovec *iov, int n), (fd, iov, n), NULL, REQUIRED) \
	F(recv, ssize_t, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags), NULL,     \
	  REQUIRED)                                                                               \
	F(__recv_chk, ssize_t, (int fd, void *buf, size_t n, size_t size, int flags),             \
	  (fd, buf, n, size, flags), NULL, OPTIONAL)                                              \
	F(recvfrom, ssize_t,                                                                      \
	  (int fd, void *buf, size_t n, int flags, __SOCKADDR_ARG addr, socklen_t *len),          \
	  (fd, buf, n, flags, addr, len), NULL, REQUIRED)                                         \
	F(__recvfrom_chk, ssize_t,                                                                \
	  (int fd, void *buf, size_t n, size_t size, int flags, __SOCKADDR_ARG addr,              \
	   socklen_t *len),                                                                       \
	  (fd, buf, n, size, flags, addr, len), NULL, OPTIONAL)                                   \
	F(recvmsg, ssize_t, (int fd, struct msghdr *msg, int flags), (fd, msg, flags), NULL,      \
	  REQUIRED)                                                                               \
	F(recvmmsg, int,                                                                          \
	  (int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout),        \
	  (fd, msgs, n, flags, timeout), NULL, REQUIRED)                                          \
	F(accept, int, (int fd, __SOCKADDR_ARG addr, socklen_t *len), (fd, addr, len), NULL,      \
	  REQUIRED)                                                                               \
	F(accept4, int, (int fd, __SOCKADDR_ARG addr, socklen_t *len, int flags),                 \
	  (fd, addr, len, flags), NULL, REQUIRED)

#define CP_SYSCALL_TABLE(F)                                                         \
	F(syscall, long, (long nr, long a, long b, long c, long d, long e, long f), \
	  (nr, a, b, c, d, e, f), NULL, REQUIRED)

/* All of them, but the old ones. */
#define CP_WAIT_TABLE(F)    \
	CP_LOCK_TABLE(F)    \
	CP_INIT_TABLE(F)    \
	CP_COND_TABLE(F)    \
	CP_C11_TABLE(F)     \
	CP_SLEEP_TABLE(F)   \
	CP_PROTECT_TABLE(F) \
	CP_MASKED_TABLE(F)  \
	CP_POLL_TABLE(F)    \
	CP_READ_TABLE(F)    \
	CP_SYSCALL_TABLE(F)

/* Those no header declares. */
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
		size_t size);
ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t size, int flags, __SOCKADDR_ARG addr,
		       socklen_t *len);

#endif
