/* SPDX-License-Identifier: MIT */
/*
 * state.c - what a thread does, in a word
 *
 * Context  CONTROL: pure
 * Calls    buf.c.
 * Why      The words are those a reader of Go's dumps knows, where there is one.
 */
#include "state.h"

#include "../rt/buf.h"
#include "../sample/waiting.h"

#include <sys/syscall.h>

static const char *const waits[] = {
	[CP_WAIT_NONE] = "waiting",	[CP_WAIT_MUTEX] = "mutex", [CP_WAIT_RWLOCK_RD] = "rwlock",
	[CP_WAIT_RWLOCK_WR] = "rwlock", [CP_WAIT_COND] = "cond",   [CP_WAIT_SEM] = "sem",
	[CP_WAIT_BARRIER] = "barrier",	[CP_WAIT_ONCE] = "once",   [CP_WAIT_JOIN] = "join",
	[CP_WAIT_FUTEX] = "futex",	[CP_WAIT_SLEEP] = "sleep", [CP_WAIT_POLL] = "poll",
	[CP_WAIT_IO] = "IO wait",
};

/* What a thread in this system call waits for, where it has said nothing itself. */
struct call {
	int nr;
	enum cp_wait_kind kind;
};

static const struct call calls[] = {
	{SYS_futex, CP_WAIT_FUTEX},
	{SYS_nanosleep, CP_WAIT_SLEEP},
	{SYS_clock_nanosleep, CP_WAIT_SLEEP},
	{SYS_ppoll, CP_WAIT_POLL},
	{SYS_pselect6, CP_WAIT_POLL},
	{SYS_epoll_pwait, CP_WAIT_POLL},
	{441 /* epoll_pwait2 */, CP_WAIT_POLL},
#ifdef SYS_poll
	{SYS_poll, CP_WAIT_POLL},
	{SYS_select, CP_WAIT_POLL},
	{SYS_epoll_wait, CP_WAIT_POLL},
#endif
	{SYS_read, CP_WAIT_IO},
	{SYS_readv, CP_WAIT_IO},
	{SYS_pread64, CP_WAIT_IO},
	{SYS_preadv, CP_WAIT_IO},
	{SYS_write, CP_WAIT_IO},
	{SYS_writev, CP_WAIT_IO},
	{SYS_pwrite64, CP_WAIT_IO},
	{SYS_pwritev, CP_WAIT_IO},
	{SYS_recvfrom, CP_WAIT_IO},
	{SYS_recvmsg, CP_WAIT_IO},
	{SYS_recvmmsg, CP_WAIT_IO},
	{SYS_sendto, CP_WAIT_IO},
	{SYS_sendmsg, CP_WAIT_IO},
	{SYS_sendmmsg, CP_WAIT_IO},
	{SYS_accept, CP_WAIT_IO},
	{SYS_accept4, CP_WAIT_IO},
	{SYS_connect, CP_WAIT_IO},
	{SYS_fsync, CP_WAIT_IO},
	{SYS_fdatasync, CP_WAIT_IO},
	{SYS_sendfile, CP_WAIT_IO},
	{SYS_splice, CP_WAIT_IO},
};

static enum cp_wait_kind kind_of(int nr)
{
	for (unsigned i = 0; i < CP_ARRAY_LEN(calls); i++)
		if (calls[i].nr == nr)
			return calls[i].kind;
	return CP_WAIT_NONE;
}

uint16_t cp_state_of_call(int nr)
{
	enum cp_wait_kind kind = kind_of(nr);

	if (nr < 0)
		return CP_STATE_STOPPED;
	return (uint16_t)(kind ? CP_STATE_WAITS + (int)kind : CP_STATE_SYSCALL + nr);
}

uint32_t cp_state_wait(uint16_t state)
{
	bool waits_so = state >= CP_STATE_WAITS && state < CP_STATE_SYSCALL;

	return waits_so ? (uint32_t)(state - CP_STATE_WAITS) : CP_WAIT_NONE;
}

bool cp_state_fits(uint32_t wait_kind, int nr)
{
	switch (wait_kind) {
	case CP_WAIT_SLEEP:
	case CP_WAIT_POLL:
	case CP_WAIT_IO:
		/* One may be made of the other, and of calls nobody foresaw. */
		return nr >= 0 && nr != SYS_futex;
	default:
		return nr == SYS_futex;
	}
}

const char *cp_state_text(uint16_t state, char *buf)
{
	struct cp_buf b = {buf, 0, CP_STATE_TEXT, false};

	switch (state) {
	case CP_STATE_RUNNING:
		return "running";
	case CP_STATE_NOT_REACHED:
		return "running, not reached";
	case CP_STATE_UNKNOWN:
		return "unknown";
	case CP_STATE_STOPPED:
		return "stopped";
	default:
		break;
	}
	if (state >= CP_STATE_SYSCALL) {
		cp_buf_fmt(&b, "syscall %d", state - CP_STATE_SYSCALL);
		return buf;
	}
	return waits[(unsigned)(state - CP_STATE_WAITS) % CP_ARRAY_LEN(waits)];
}
