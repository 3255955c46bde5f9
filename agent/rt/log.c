/* SPDX-License-Identifier: MIT */
/*
 * log.c - one clear line, to where CPROF_LOG says
 *
 * Context  ANY; cp_log_init once, before other threads are ours.
 * Calls    rt only.
 * Shared   st: written by cp_log_init, read only after.
 * Holds    Descriptor 2 is written only while it is the file it was at start:
 *          a host may have closed it and got the number back for its data.
 * Fails    A file that can't be opened: to descriptor 2, and the line says so. Else in
 *          silence: there is nobody left to tell.
 */
#include "log.h"

#include "buf.h"
#include "filter.h"
#include "sys.h"
#include "thread.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

static struct {
	enum { OFF, STDERR, FILE_PATH } kind;
	bool has_stderr;
	dev_t dev;
	ino_t ino;
	char path[1024];
} st;

void cp_log_init(const char *where)
{
	struct stat sb;

	st.kind = OFF;
	if (where && !strcmp(where, "none"))
		return;
	st.kind = STDERR;
	st.has_stderr = cp_sys_fstat(2, &sb) == 0;
	if (st.has_stderr) {
		st.dev = sb.st_dev;
		st.ino = sb.st_ino;
	}
	if (where && *where && strlen(where) < sizeof(st.path)) {
		memcpy(st.path, where, strlen(where) + 1);
		st.kind = FILE_PATH;
	}
}

static bool is_its_file(const struct stat *sb)
{
	return sb->st_dev == st.dev && sb->st_ino == st.ino;
}

static bool is_stderr(int fd)
{
	struct stat sb;

	return cp_sys_fstat(fd, &sb) == 0 && is_its_file(&sb);
}

bool cp_log_is_stderr(void)
{
	return st.kind != OFF && st.has_stderr && is_stderr(2);
}

/* /proc/self is the main thread's table; of one that has left nothing can be read. */
static bool process_has_another(void)
{
	struct stat sb;
	char exe[8];
	long r = CP_SYS(SYS_newfstatat, AT_FDCWD, "/proc/self/fd/2", &sb, 0);

	if (r == 0)
		return !is_its_file(&sb);
	return r == -ENOENT &&
	       CP_SYS(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", exe, sizeof(exe)) > 0;
}

/* At the second look, for many put another file there for a moment. In its place comes what may
 * be written to: another thread of this table may be about to, and the number would be the next
 * connection's. */
void cp_log_follow(void)
{
	bool before = cp_self.own_stderr_ends;
	long null;

	cp_self.own_stderr_ends = cp_self.own_files && cp_log_is_stderr() && process_has_another();
	if (!before || !cp_self.own_stderr_ends)
		return;
	null = cp_sys_open("/dev/null", O_WRONLY, 0);
	if (null < 0) {
		cp_sys_close(2);
		return;
	}
	CP_SYS(SYS_dup3, null, 2, O_CLOEXEC);
	cp_sys_close((int)null);
}

/* The process's descriptor 2, for a thread whose table is its own: a copy of it, which
 * the caller closes. Few filters let this through; behind one, such a thread has kept it. */
static int borrow_stderr(void)
{
	int pidfd, fd;

	if (cp_filtered())
		return -1;
	pidfd = (int)CP_SYS(SYS_pidfd_open, cp_sys_getpid(), 0);
	if (pidfd < 0)
		return -1;
	fd = (int)CP_SYS(SYS_pidfd_getfd, pidfd, 2, 0);
	cp_sys_close(pidfd);
	if (fd >= 0 && !is_stderr(fd)) {
		cp_sys_close(fd);
		return -1;
	}
	return fd;
}

static int open_stderr(bool *borrowed)
{
	*borrowed = false;
	if (cp_log_is_stderr())
		return 2;
	*borrowed = st.has_stderr && cp_self.own_files;
	return *borrowed ? borrow_stderr() : -1;
}

/* A descriptor to write to; *borrowed: the caller closes it; *astray: it is not the
 * one that was asked for. */
static int open_log(bool *borrowed, bool *astray)
{
	int fd;

	*astray = false;
	if (st.kind == OFF)
		return -1;
	if (st.kind == STDERR)
		return open_stderr(borrowed);
	*borrowed = true;
	fd = (int)cp_sys_open(st.path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0600);
	*astray = fd < 0;
	return fd < 0 ? open_stderr(borrowed) : fd;
}

static bool is_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	struct timespec now = {0, 0};

	return CP_SYS(SYS_ppoll, &p, 1, &now, 0, 8) == 1 && (p.revents & POLLOUT);
}

/* A write may raise SIGPIPE (a broken pipe), SIGXFSZ (a file at its limit) or
 * SIGTTOU (a background terminal), any of which may kill the host. All are blocked
 * meanwhile, and one that our write raised is taken back: the kernel sends them to
 * the writing thread. One that was pending before is the host's and stays. */
static void write_quietly(int fd, const char *line, size_t n)
{
	const uint64_t ours = 1ULL << (SIGPIPE - 1) | 1ULL << (SIGXFSZ - 1);
	struct timespec now = {0, 0};
	uint64_t mask, before = 0, after = 0;

	/* A reader that doesn't read must not stop the host. */
	if (!is_writable(fd))
		return;
	cp_sys_block_signals(&mask);
	CP_SYS(SYS_rt_sigpending, &before, sizeof(before));
	if (cp_sys_write(fd, line, n) < 0) {
		CP_SYS(SYS_rt_sigpending, &after, sizeof(after));
		after &= ours & ~before;
		if (after)
			CP_SYS(SYS_rt_sigtimedwait, &after, 0, &now, sizeof(after));
	}
	cp_sys_restore_signals(&mask);
}

void cp_log(const char *fmt, ...)
{
	char line[1024];
	struct cp_buf b = CP_BUF(line);
	va_list ap;
	bool borrowed, astray;
	int fd = open_log(&borrowed, &astray);

	if (fd < 0)
		return;
	cp_buf_fmt(&b, "cprof[%ld]: ", cp_sys_getpid());
	va_start(ap, fmt);
	cp_buf_vfmt(&b, fmt, ap);
	va_end(ap);
	if (astray)
		cp_buf_fmt(&b, " (here, because the file of CPROF_LOG can't be opened)");
	line[CP_MIN(b.len, sizeof(line) - 1)] = '\n';
	write_quietly(fd, line, CP_MIN(b.len + 1, sizeof(line)));
	if (borrowed)
		cp_sys_close(fd);
}
