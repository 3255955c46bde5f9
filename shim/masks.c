/* SPDX-License-Identifier: MIT */
/*
 * masks.c - calls that let signals in, or take them, while the thread blocks them
 *
 * Context  HOST; SIGNAL where the host's own handlers wait.
 * Calls    cp_real, probe.h, and for what the host points to a probe (sys.h) or two; not where
 *          it has shut itself in; and /proc, for what is pending.
 * Holds    A sample's signal is never an answer to the host, nor the end of a wait. In a
 *          thread that blocks it one may be pending, since the thread has computed:
 *          it stays so while the thread waits with another mask; one that
 *          sigwait() takes is dropped, and the wait goes on with the time left; so is one
 *          that sigpending() would show.
 *          Its time is not lost: it is in the next reading.
 *          Nothing is held across the real call, which may be cancelled.
 * Why      What is sent to the process by others is still taken by sigwait, which can tell
 *          it from ours. A descriptor can't, and of most signals a second one is dropped
 *          while the first is pending: so once the host asks for the one we have,
 *          samples come by a realtime one, which no descriptor gets.
 */
#include "../agent/probe.h"
#include "../agent/rt/filter.h"
#include "../agent/rt/hex.h"
#include "../agent/rt/sys.h"
#include "masks.h"
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define SECOND 1000000000

static uint64_t bit(int sig)
{
	return sig ? 1ULL << (sig - 1) : 0;
}

bool cp_masks_is_there(const void *p, size_t n)
{
	uintptr_t at = (uintptr_t)p;

	return cp_filter_is_own() || (cp_sys_readable(at) && cp_sys_readable(at + n - 1));
}

/* The kernel's part of a set: its first 64 bits. */
static uint64_t bits_of(const sigset_t *set)
{
	uint64_t bits;

	memcpy(&bits, set, sizeof(bits));
	return bits;
}

static bool is_set(const sigset_t *set)
{
	return set && cp_masks_is_there(set, sizeof(uint64_t));
}

static const sigset_t *set_of(uint64_t bits, sigset_t *room)
{
	*room = (sigset_t){0};
	memcpy(room, &bits, sizeof(bits));
	return room;
}

const sigset_t *cp_masks_and_ours(const sigset_t *mask, sigset_t *room)
{
	uint64_t ours = bit(cp_agent_sample_signal());

	return ours && is_set(mask) ? set_of(bits_of(mask) | ours, room) : mask;
}

/* --- waits with a mask of their own ------------------------------------------- */

CP_EXPORT int sigsuspend(const sigset_t *mask)
{
	sigset_t room;

	return cp_real.sigsuspend(cp_masks_and_ours(mask, &room));
}

CP_EXPORT int __sigsuspend(const sigset_t *mask)
{
	sigset_t room;

	return cp_real.__sigsuspend(cp_masks_and_ours(mask, &room));
}

/* --- signals taken by hand -------------------------------------------------------- */

/* Does the host wait for ours, and be it among all others? Or for what once was ours, and
 * still is pending? */
static bool has_ours(const sigset_t *set)
{
	uint64_t ever = cp_agent_sample_signals();
	int sig = cp_agent_sample_signal();

	if (!ever || !is_set(set))
		return false;
	if (bits_of(set) & bit(sig))
		cp_agent_signal_read(sig);
	return bits_of(set) & ever;
}

static struct timespec time_left(int64_t end)
{
	int64_t left = CP_MAX(end - cp_now_ns(CLOCK_MONOTONIC), (int64_t)0);

	return (struct timespec){left / SECOND, left % SECOND};
}

/* sigtimedwait, as if no signal were ours; NULL: for ever. */
static int take(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	bool valid = timeout && timeout->tv_sec >= 0 && timeout->tv_sec < INT64_MAX / SECOND / 2;
	int64_t end =
		valid ? cp_now_ns(CLOCK_MONOTONIC) + timeout->tv_sec * SECOND + timeout->tv_nsec
		      : 0;
	struct timespec left;
	siginfo_t got;
	int sig;

	while ((sig = cp_real.sigtimedwait(set, &got, timeout)) > 0 && cp_agent_sample_is(&got)) {
		if (!valid)
			continue;
		left = time_left(end);
		timeout = &left;
	}
	if (sig > 0 && info)
		*info = got;
	return sig;
}

static bool takes(const siginfo_t *info)
{
	return !info || cp_masks_is_there(info, sizeof(*info));
}

CP_EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	if (has_ours(set) && takes(info) &&
	    (!timeout || cp_masks_is_there(timeout, sizeof(*timeout))))
		return take(set, info, timeout);
	return cp_real.sigtimedwait(set, info, timeout);
}

CP_EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
	if (has_ours(set) && takes(info))
		return take(set, info, NULL);
	return cp_real.sigwaitinfo(set, info);
}

/* As libc's own: an error is its answer, and EINTR none. */
CP_EXPORT int sigwait(const sigset_t *set, int *sig)
{
	int got;

	if (!has_ours(set))
		return cp_real.sigwait(set, sig);
	do
		got = take(set, NULL, NULL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno;
	*sig = got;
	return 0;
}

/* What is pending for this thread alone, where samples are: 0 where it can't be told. */
static uint64_t own_pending(void)
{
	static const char key[] = "\nSigPnd:\t";
	char text[4096];
	long fd = cp_sys_open("/proc/thread-self/status", O_RDONLY, 0);
	long n = fd < 0 ? 0 : cp_sys_read((int)fd, text, sizeof(text) - 1);
	uint64_t bits = 0;
	const char *at;

	if (fd >= 0)
		cp_sys_close((int)fd);
	text[CP_MAX(n, 0L)] = 0;
	at = strstr(text, key);
	if (at)
		cp_hex_read(at + sizeof(key) - 1, &bits);
	return bits;
}

/* Takes all of that kind which is the thread's own, and gives back what isn't ours, in order: of
 * most signals a second one is dropped while ours is there. What was sent to the process comes
 * after these, and isn't touched. */
static void drop_ours(int sig)
{
	const struct timespec now = {0, 0};
	const uint64_t set = bit(sig);
	long pid = cp_sys_getpid(), tid = cp_sys_gettid();
	siginfo_t got[8];
	unsigned n = 0;

	while (n < CP_ARRAY_LEN(got) && own_pending() & set &&
	       CP_SYS(SYS_rt_sigtimedwait, &set, &got[n], &now, sizeof(set)) > 0)
		n += !cp_agent_sample_is(&got[n]);
	for (unsigned i = 0; i < n; i++)
		CP_SYS(SYS_rt_tgsigqueueinfo, pid, tid, sig, &got[i]);
}

/* Where the host has shut itself in, it is told what the kernel says. */
CP_EXPORT int sigpending(sigset_t *set)
{
	int result = cp_real.sigpending(set);
	uint64_t ours = result ? 0 : bits_of(set) & cp_agent_sample_signals();

	if (!ours || cp_filter_is_own())
		return result;
	ours &= own_pending();
	if (!ours)
		return result;
	for (int sig = 1; sig <= 64; sig++)
		if (ours & bit(sig))
			drop_ours(sig);
	return cp_real.sigpending(set);
}

CP_EXPORT int signalfd(int fd, const sigset_t *mask, int flags)
{
	sigset_t room;

	if (has_ours(mask))
		mask = set_of(bits_of(mask) & ~bit(cp_agent_sample_signal()), &room);
	return cp_real.signalfd(fd, mask, flags);
}
