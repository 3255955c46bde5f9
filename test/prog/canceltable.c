/* SPDX-License-Identifier: MIT */
/*
 * canceltable.c - threads cancelled in every call that waits: what becomes of them
 *
 * Prints a line for each. Its output is compared with and without the agent, and the
 * profiles must know nothing of these waits: they never ended, and nobody ended them.
 *
 * Context  TEST
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* of the conditions */
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t read_held = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t write_held = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, old_cond;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static once_flag flag = ONCE_FLAG_INIT;
static mtx_t c11, c11_held;
static cnd_t cnd;
static sem_t never;
static pthread_t stays;
static int word, in[2], heard, polled;
static char byte;
static struct iovec iov = {&byte, 1};
static struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
static struct mmsghdr mmsg = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
static struct pollfd fds = {.events = POLLIN};
static struct epoll_event event;
static struct timespec real, mono, hours = {86400, 0};
static struct timeval hours_tv = {86400, 0};
static int cleaned;

#if defined(__x86_64__)
int old_wait(pthread_cond_t *c, pthread_mutex_t *m);
int old_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);
__asm__(".symver old_wait, pthread_cond_wait@GLIBC_2.2.5");
__asm__(".symver old_timedwait, pthread_cond_timedwait@GLIBC_2.2.5");
#else
#define old_wait      pthread_cond_wait
#define old_timedwait pthread_cond_timedwait
#endif

static void unlock(void *m)
{
	pthread_mutex_unlock(m);
}

static void unlock_c11(void *m)
{
	mtx_unlock(m);
}

static void waits_too(void)
{
	sem_wait(&never);
}

#define UNDER(lock, unlock, m, call)             \
	do {                                     \
		lock(m);                         \
		pthread_cleanup_push(unlock, m); \
		call;                            \
		pthread_cleanup_pop(1);          \
	} while (0)
#define WITH_MUTEX(call) UNDER(pthread_mutex_lock, unlock, &mutex, call)
#define WITH_MTX(call)	 UNDER(mtx_lock, unlock_c11, &c11, call)

/* Those that are cancelled when they are told to be. */
#define POINTS(F)                                                                    \
	F(cond_wait, WITH_MUTEX(pthread_cond_wait(&cond, &mutex)))                   \
	F(cond_timedwait, WITH_MUTEX(pthread_cond_timedwait(&cond, &mutex, &real)))  \
	F(cond_clockwait,                                                            \
	  WITH_MUTEX(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &mono))) \
	F(old_cond_wait, WITH_MUTEX(old_wait(&old_cond, &mutex)))                    \
	F(old_cond_timedwait, WITH_MUTEX(old_timedwait(&old_cond, &mutex, &real)))   \
	F(cnd_wait, WITH_MTX(cnd_wait(&cnd, &c11)))                                  \
	F(cnd_timedwait, WITH_MTX(cnd_timedwait(&cnd, &c11, &real)))                 \
	F(sem_wait, sem_wait(&never))                                                \
	F(sem_timedwait, sem_timedwait(&never, &real))                               \
	F(sem_clockwait, sem_clockwait(&never, CLOCK_MONOTONIC, &mono))              \
	F(join, pthread_join(stays, NULL))                                           \
	F(timedjoin, pthread_timedjoin_np(stays, NULL, &real))                       \
	F(clockjoin, pthread_clockjoin_np(stays, NULL, CLOCK_MONOTONIC, &mono))      \
	F(thrd_join, thrd_join(stays, NULL))                                         \
	F(sleep, sleep(86400))                                                       \
	F(usleep, usleep(999999999))                                                 \
	F(nanosleep, nanosleep(&hours, NULL))                                        \
	F(clock_nanosleep, clock_nanosleep(CLOCK_MONOTONIC, 0, &hours, NULL))        \
	F(thrd_sleep, thrd_sleep(&hours, NULL))                                      \
	F(poll, poll(&fds, 1, -1))                                                   \
	F(ppoll, ppoll(&fds, 1, &hours, NULL))                                       \
	F(select, select(0, NULL, NULL, NULL, &hours_tv))                            \
	F(pselect, pselect(0, NULL, NULL, NULL, &hours, NULL))                       \
	F(epoll_wait, epoll_wait(polled, &event, 1, -1))                             \
	F(epoll_pwait, epoll_pwait(polled, &event, 1, -1, NULL))                     \
	F(epoll_pwait2, epoll_pwait2(polled, &event, 1, &hours, NULL))               \
	F(read, read(in[0], &byte, 1))                                               \
	F(readv, readv(in[0], &iov, 1))                                              \
	F(recv, recv(in[0], &byte, 1, 0))                                            \
	F(recvfrom, recvfrom(in[0], &byte, 1, 0, NULL, NULL))                        \
	F(recvmsg, recvmsg(in[0], &msg, 0))                                          \
	F(recvmmsg, recvmmsg(in[0], &mmsg, 1, 0, NULL))                              \
	F(accept, accept(heard, NULL, NULL))                                         \
	F(accept4, accept4(heard, NULL, NULL, SOCK_CLOEXEC))

/* Those that are only while a thread may be cancelled anywhere. */
#define ANYWHERE(F)                                                                     \
	F(mutex_lock, pthread_mutex_lock(&held))                                        \
	F(mutex_timedlock, pthread_mutex_timedlock(&held, &real))                       \
	F(mutex_clocklock, pthread_mutex_clocklock(&held, CLOCK_MONOTONIC, &mono))      \
	F(rdlock, pthread_rwlock_rdlock(&write_held))                                   \
	F(timedrdlock, pthread_rwlock_timedrdlock(&write_held, &real))                  \
	F(clockrdlock, pthread_rwlock_clockrdlock(&write_held, CLOCK_MONOTONIC, &mono)) \
	F(wrlock, pthread_rwlock_wrlock(&read_held))                                    \
	F(timedwrlock, pthread_rwlock_timedwrlock(&read_held, &real))                   \
	F(clockwrlock, pthread_rwlock_clockwrlock(&read_held, CLOCK_MONOTONIC, &mono))  \
	F(mtx_lock, mtx_lock(&c11_held))                                                \
	F(mtx_timedlock, mtx_timedlock(&c11_held, &real))                               \
	F(barrier, pthread_barrier_wait(&barrier))                                      \
	F(once, pthread_once(&once, waits_too))                                         \
	F(call_once, call_once(&flag, waits_too))                                       \
	F(futex, syscall(SYS_futex, &word, FUTEX_WAIT, word, NULL, NULL, 0))

#define DEFINE(name, call)                      \
	NOINLINE void cancelled_in_##name(void) \
	{                                       \
		call;                           \
		__asm__ volatile("");           \
	}
POINTS(DEFINE)
ANYWHERE(DEFINE)

struct wait {
	const char *name;
	void (*fn)(void);
	int anywhere;
};

#define POINT_ROW(name, call)	 {#name, cancelled_in_##name, 0},
#define ANYWHERE_ROW(name, call) {#name, cancelled_in_##name, 1},
static const struct wait waits[] = {POINTS(POINT_ROW) ANYWHERE(ANYWHERE_ROW)};

/* --- one of them ----------------------------------------------------------------- */

static struct {
	const struct wait *wait;
	int before, tid, told; /* cancelled before it waits; who it is; it has been */
} now;

static void clean(void *arg)
{
	cleaned += arg != NULL;
}

static void *waits_for_ever(void *arg)
{
	int tid = (int)syscall(SYS_gettid);

	pthread_cleanup_push(clean, &now);
	if (now.wait->anywhere)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	if (now.before)
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	__atomic_store_n(&now.tid, tid, __ATOMIC_RELEASE);
	while (now.before && !__atomic_load_n(&now.told, __ATOMIC_ACQUIRE))
		sched_yield();
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	now.wait->fn();
	pthread_cleanup_pop(0);
	return arg;
}

/* Several looks in a row find it in the same call: that's the one it waits in. */
static void let_it_wait(int tid)
{
	char path[64], text[256], last[256] = "";

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	for (int same = 0; same < 4;) {
		struct timespec ms = {0, 1000000};
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

		close(fd);
		text[n > 0 ? n : 0] = 0;
		same = n > 0 && text[0] != 'r' && !strcmp(text, last) ? same + 1 : 0;
		memcpy(last, text, sizeof(last));
		syscall(SYS_nanosleep, &ms, NULL);
	}
}

static void cancel_one(const struct wait *wait, int before)
{
	void *out = NULL;
	pthread_t t;
	int tid;

	memset(&now, 0, sizeof(now));
	now.wait = wait;
	now.before = before;
	pthread_create(&t, NULL, waits_for_ever, NULL);
	while (!(tid = __atomic_load_n(&now.tid, __ATOMIC_ACQUIRE)))
		sched_yield();
	if (!before)
		let_it_wait(tid);
	pthread_cancel(t);
	__atomic_store_n(&now.told, 1, __ATOMIC_RELEASE);
	pthread_join(t, &out);
	printf("cancelled %s %s: %d, cleaned up %d\n", before ? "before" : "in", wait->name,
	       out == PTHREAD_CANCELED, cleaned);
}

/* --- all of them ------------------------------------------------------------------ */

static void *first_of_all(void *arg)
{
	if (!arg)
		waits_too();
	else if (arg == &once)
		pthread_once(&once, waits_too);
	else
		call_once(&flag, waits_too);
	return NULL;
}

static void listens(void)
{
	struct sockaddr_un any = {.sun_family = AF_UNIX};

	heard = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bind(heard, (void *)&any, sizeof(any.sun_family)); /* a name of the kernel's choice */
	listen(heard, 1);
}

static void set_up(void)
{
	pthread_t t;

	sem_init(&never, 0, 0);
	pthread_barrier_init(&barrier, NULL, 100);
	mtx_init(&c11, mtx_plain);
	mtx_init(&c11_held, mtx_timed);
	cnd_init(&cnd);
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	real.tv_sec += 86400;
	mono.tv_sec += 86400;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, in))
		perror("socketpair");
	fds.fd = in[0];
	polled = epoll_create1(EPOLL_CLOEXEC);
	listens();
	pthread_create(&stays, NULL, first_of_all, NULL);
	pthread_create(&t, NULL, first_of_all, &once);
	pthread_create(&t, NULL, first_of_all, &flag);
	while (!__atomic_load_n((int *)&once, __ATOMIC_ACQUIRE) ||
	       !__atomic_load_n((int *)&flag, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void take_all(void)
{
	pthread_mutex_lock(&held);
	pthread_rwlock_rdlock(&read_held);
	pthread_rwlock_wrlock(&write_held);
	mtx_lock(&c11_held);
}

/* Whoever waited is gone: nobody is to be charged for. */
NOINLINE void let_all_go(void)
{
	printf("afterwards: %d %d %d %d\n", pthread_mutex_unlock(&held),
	       pthread_rwlock_unlock(&read_held), pthread_rwlock_unlock(&write_held),
	       mtx_unlock(&c11_held));
	printf("to be had: %d %d %d %d %d %d\n", pthread_mutex_trylock(&held),
	       pthread_mutex_trylock(&mutex), pthread_rwlock_trywrlock(&read_held),
	       pthread_rwlock_trywrlock(&write_held), mtx_trylock(&c11), mtx_trylock(&c11_held));
}

int main(void)
{
	set_up();
	take_all();
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		cancel_one(&waits[i], 0);
		if (!waits[i].anywhere)
			cancel_one(&waits[i], 1);
	}
	syscall(SYS_futex, &word, FUTEX_WAKE, 100, NULL, NULL, 0);
	let_all_go();
	return 0;
}
