/* SPDX-License-Identifier: MIT */
/*
 * sys.h - the system calls the agent makes, straight to the kernel
 *
 * Context  ANY: async-signal-safe, usable before libc is ready and on the
 *          agent's own threads, which libc does not know of.
 * Fails    Each answers a value or -errno. errno is the host's and stays as it was.
 */
#ifndef CP_RT_SYS_H
#define CP_RT_SYS_H

#include "arch.h"
#include "atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#define CP_SYS(nr, ...) CP_SYS_(nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CP_SYS_(nr, a, b, c, d, e, f, ...) \
	cp_syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* mmap and friends answer an address; only the top page's worth are errors. */
CP_INLINE bool cp_sys_failed(long r)
{
	return (unsigned long)r >= -4095UL;
}

CP_INLINE long cp_sys_getpid(void)
{
	return CP_SYS(SYS_getpid);
}

CP_INLINE long cp_sys_gettid(void)
{
	return CP_SYS(SYS_gettid);
}

CP_INLINE long cp_sys_close(int fd)
{
	return CP_SYS(SYS_close, fd);
}

/* Never answers 0, 1 or 2: in a host that closed one of them, what it prints would
 * go to our file. */
CP_INLINE long cp_sys_openat(int dir, const char *path, int flags, int mode)
{
	long fd = CP_SYS(SYS_openat, dir, path, flags | O_CLOEXEC, mode);
	long low = fd;

	if (fd < 0 || fd > 2)
		return fd;
	fd = CP_SYS(SYS_fcntl, low, F_DUPFD_CLOEXEC, 3);
	cp_sys_close((int)low);
	return fd == -EINVAL /* 3 is beyond the limit */ ? -EMFILE : fd;
}

CP_INLINE long cp_sys_open(const char *path, int flags, int mode)
{
	return cp_sys_openat(AT_FDCWD, path, flags, mode);
}

CP_INLINE long cp_sys_read(int fd, void *buf, size_t n)
{
	return CP_SYS(SYS_read, fd, buf, n);
}

CP_INLINE long cp_sys_pread(int fd, void *buf, size_t n, uint64_t off)
{
	return CP_SYS(SYS_pread64, fd, buf, n, off);
}

CP_INLINE long cp_sys_write(int fd, const void *buf, size_t n)
{
	return CP_SYS(SYS_write, fd, buf, n);
}

CP_INLINE long cp_sys_fstat(int fd, struct stat *st)
{
	return CP_SYS(SYS_fstat, fd, st);
}

CP_INLINE long cp_sys_futex_wait(uint32_t *word, uint32_t seen, const struct timespec *timeout)
{
	return CP_SYS(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, seen, timeout);
}

CP_INLINE long cp_sys_futex_wake(uint32_t *word, int n)
{
	return CP_SYS(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n);
}

/* A signal may end it early. */
CP_INLINE void cp_sys_nap(int64_t ns)
{
	struct timespec ts = {ns / 1000000000, ns % 1000000000};

	CP_SYS(SYS_nanosleep, &ts, 0);
}

/* Blocks every signal of this thread, and answers the mask it had. */
CP_INLINE void cp_sys_block_signals(uint64_t *old)
{
	uint64_t all = ~0ULL;

	CP_SYS(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, &all, old, sizeof(all));
}

CP_INLINE void cp_sys_restore_signals(const uint64_t *old)
{
	CP_SYS(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, old, 0, sizeof(*old));
}

/* One signal of this thread. */
CP_INLINE bool cp_sys_blocks_signal(int sig)
{
	uint64_t mask = 0;

	CP_SYS(SYS_rt_sigprocmask, 0, 0, &mask, sizeof(mask));
	return mask >> (sig - 1) & 1;
}

CP_INLINE void cp_sys_block_signal(int sig)
{
	uint64_t one = 1ULL << (sig - 1);

	CP_SYS(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, &one, 0, sizeof(one));
}

CP_INLINE void cp_sys_unblock_signal(int sig)
{
	uint64_t one = 1ULL << (sig - 1);

	CP_SYS(SYS_rt_sigprocmask, 1 /* SIG_UNBLOCK */, &one, 0, sizeof(one));
}

/* Can the eight bytes at addr be read? The kernel copies the set in before it
 * looks at the impossible first argument: EFAULT means no, EINVAL means yes. Anything
 * else is a sandbox that doesn't say: then it can't be relied on. */
CP_INLINE bool cp_sys_readable(uintptr_t addr)
{
	return CP_SYS(SYS_rt_sigprocmask, -1, addr & ~7UL, 0, 8) == -EINVAL;
}

/* Copies from our own address space; an unreadable byte is an error, not a fault. */
CP_INLINE long cp_sys_copy(void *dst, uintptr_t src, size_t n)
{
	struct iovec to = {dst, n};
	struct iovec from = {(void *)src, n};

	return CP_SYS(SYS_process_vm_readv, cp_sys_getpid(), &to, 1, &from, 1, 0);
}

/* The host forbids itself the processor's counter (ticks.h): the vDSO would read it; or libc's
 * clock_gettime is another library's, which can't run on each of our threads. */
extern __attribute__((visibility("hidden"))) bool cp_timeless;

CP_INLINE int64_t cp_now_ns(clockid_t clock)
{
	struct timespec ts;

	/* libc's clock_gettime reads the vDSO and is async-signal-safe. */
	if (CP_LIKELY(!cp_load_rlx(&cp_timeless)))
		clock_gettime(clock, &ts);
	else
		CP_SYS(SYS_clock_gettime, clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

#endif
