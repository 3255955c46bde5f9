/* SPDX-License-Identifier: MIT */
/*
 * creds.c - a bare thread goes where its process goes
 *
 * Context  CONTROL, on the bare thread itself; HOST: cp_creds_await
 * Calls    system calls, parse.c, tasks.c, bare.c. The set*id calls are raw: they change this
 *          thread alone.
 * Order    opened: rel by cp_creds_open / acq by cp_creds_await, for no more than the word
 * Holds    Groups before group before user: the last one takes away the right to
 *          do the others. The process stays as dumpable as it was: the kernel takes that
 *          away at every change of user, also from a host that asked for it after its
 *          own, as servers do that want core files.
 *          The host is its first thread, or, when that has left and is told of as it was
 *          then, any other that libc knows of.
 * Fails    Where there was no /proc from the start, capabilities alone can be asked for. Who
 *          changes user loses some, or had none to lose: a thread that has others than
 *          its host must end; and where the host has put itself behind a filter, any.
 * Why      What is opened before a chroot() can still be read after it: workers are made that
 *          way, and give up their user next.
 */
#include "creds.h"

#include "../rt/atomic.h"
#include "../rt/buf.h"
#include "../rt/filter.h"
#include "../rt/hex.h"
#include "../rt/sys.h"
#include "../rt/thread.h"
#include "bare.h"
#include "parse.h"
#include "tasks.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/single_threaded.h>

#define GROUPS_MAX 4096
#define WAIT_MAX   100000000LL
#define READINGS   64
#define TRIES	   40 /* to follow the host, WHILE_NS apart; then it ends */
#define WHILE_NS   50000000

enum { INHERITABLE, PERMITTED, EFFECTIVE, CP_RIGHTS };

struct creds {
	uint32_t uid[4], gid[4]; /* real, effective, saved, of the file system */
	uint32_t groups[GROUPS_MAX];
	uint32_t ngroups;
	uint64_t rights[CP_RIGHTS];
	uint32_t tid;	  /* as its own namespace numbers it */
	uint32_t threads; /* of the process; those that have left are counted */
	bool left;	  /* it was a thread */
};

/* --- reading them ---------------------------------------------------------- */

/* Numbers up to the end of the line, at most max; how many. */
static uint32_t read_line(const char *s, uint32_t *out, uint32_t max)
{
	const char *end;
	uint32_t n = 0;
	uint64_t v;

	for (s += strspn(s, "\t "); n < max && !cp_parse_number(s, &v, &end); n++) {
		out[n] = (uint32_t)v;
		s = end + strspn(end, "\t ");
	}
	return n;
}

/* CapInh, CapPrm and CapEff stand one below the other. */
static bool read_rights(const char *s, uint64_t rights[CP_RIGHTS])
{
	for (int i = 0; s && i < CP_RIGHTS; i++) {
		s = strchr(s, '\t');
		s = s ? cp_hex_read(s + 1, &rights[i]) : NULL;
	}
	return s;
}

/* What the key's line, which begins with "\n", has; how many numbers. */
static uint32_t read_numbers(const char *text, const char *key, uint32_t *out, uint32_t max)
{
	const char *line = strstr(text, key);

	return line ? read_line(line + strlen(key), out, max) : 0;
}

static bool read_status(int fd, struct creds *c)
{
	char text[64 << 10]; /* of thousands of groups too */
	uint32_t pid[33];    /* in each of the namespaces there may be */
	long n = cp_sys_pread(fd, text, sizeof(text) - 1, 0);
	const char *state;

	text[CP_MAX(n, 0)] = 0;
	state = strstr(text, "\nState:\t");
	c->left = state && (state[8] == 'Z' || state[8] == 'X');
	c->ngroups = read_numbers(text, "\nGroups:", c->groups, GROUPS_MAX);
	n = read_numbers(text, "\nNSpid:", pid, CP_ARRAY_LEN(pid));
	if (!n) /* a kernel without namespaces */
		n = read_numbers(text, "\nPid:", pid, 1);
	c->tid = n ? pid[n - 1] : 0;
	return n && state && c->ngroups < GROUPS_MAX &&
	       read_numbers(text, "\nUid:", c->uid, 4) == 4 &&
	       read_numbers(text, "\nGid:", c->gid, 4) == 4 &&
	       read_numbers(text, "\nThreads:", &c->threads, 1) == 1 &&
	       read_rights(strstr(text, "\nCapInh:"), c->rights);
}

/* --- comparing them ----------------------------------------------------------- */

static bool in_groups_alike(const struct creds *a, const struct creds *b)
{
	return a->ngroups == b->ngroups &&
	       !memcmp(a->groups, b->groups, a->ngroups * sizeof(*a->groups));
}

/* Those of the file system go with the effective ones, but where setfsuid() is used: by a
 * thread for itself. */
static bool are_alike(const struct creds *a, const struct creds *b)
{
	return in_groups_alike(a, b) && !memcmp(a->gid, b->gid, 3 * sizeof(*a->gid)) &&
	       !memcmp(a->uid, b->uid, 3 * sizeof(*a->uid));
}

/* --- the host's -------------------------------------------------------------- */

/* Two readings at once may differ, and one may be of two moments. */
static bool are_same(const struct creds *a, const struct creds *b)
{
	return a->left == b->left && are_alike(a, b) &&
	       !memcmp(a->rights, b->rights, sizeof(a->rights));
}

/* Read until two readings agree. */
static bool read_well(int fd, struct creds *c)
{
	struct creds last;

	if (!read_status(fd, &last))
		return false;
	for (int i = 0; i < READINGS; i++) {
		if (!read_status(fd, c))
			return false;
		if (are_same(c, &last))
			return true;
		last = *c;
	}
	return false;
}

struct search {
	int tasks;
	struct creds *out;
	bool found;
	bool refused; /* there was one that could not be asked */
};

static void look_at(void *ctx, uint32_t tid)
{
	struct search *s = ctx;
	char path[32];
	struct cp_buf b = CP_BUF(path);
	int fd;

	if (s->found)
		return;
	cp_buf_fmt(&b, "%u/status", tid);
	fd = (int)cp_sys_openat(s->tasks, path, O_RDONLY, 0);
	s->found = fd >= 0 && read_well(fd, s->out) && !s->out->left && !cp_bare_is(s->out->tid);
	s->refused |= fd < 0 && fd != -ENOENT;
	if (fd >= 0)
		cp_sys_close(fd);
}

/* The kernel itself was asked to end the host's last thread, for libc would have ended the
 * process. So that ends with ours, and its exit status is what its last thread ended with: that
 * of the first if there never was another, else most likely 0, as libc's threads end. */
static CP_COLD _Noreturn void end_with_host(const struct cp_creds *c)
{
	char text[1024];
	long n = cp_sys_pread(c->stat, text, sizeof(text) - 1, 0);
	const char *last, *end;
	uint64_t status = 0;

	text[CP_MAX(n, 0)] = 0;
	last = strrchr(text, ' ');
	if (last && __libc_single_threaded)
		cp_parse_number(last + 1, &status, &end);
	for (;;)
		CP_SYS(SYS_exit, status >> 8 & 255);
}

enum sight {
	SEEN,
	UNSEEN, /* it is there, but its threads come and go too fast */
	REFUSED,
};

/* Once its first thread has left: any other, unless there is none. */
static enum sight look_for_others(const struct cp_creds *c, struct creds *host)
{
	struct search s = {.tasks = c->tasks, .out = host};
	uint64_t were, are;
	uint32_t bare;

	for (int i = 0; i < READINGS && !s.found && !s.refused; i++) {
		bare = cp_bare_running(&were);
		if (!read_status(c->host, host))
			return REFUSED;
		if (host->threads == 1 + bare && cp_bare_running(&are) == bare && are == were)
			end_with_host(c);
		cp_tasks_each_in(c->tasks, look_at, &s);
	}
	return s.found ? SEEN : s.refused ? REFUSED : UNSEEN;
}

static enum sight see_host(const struct cp_creds *c, struct creds *host,
			   bool (*read)(int fd, struct creds *))
{
	if (!read(c->host, host))
		return REFUSED;
	return host->left ? look_for_others(c, host) : SEEN;
}

/* Has the host's first thread the capabilities that ours has? A filter may kill for the asking. */
static bool has_its_rights(void)
{
	struct __user_cap_header_struct who = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct host[2], own[2];

	if (cp_filter_is_own() || CP_SYS(SYS_capget, &who, own) < 0)
		return false;
	who.pid = (int)cp_sys_getpid();
	return CP_SYS(SYS_capget, &who, host) == 0 && !memcmp(host, own, sizeof(host));
}

/* --- taking them on ---------------------------------------------------------- */

static bool has_more(const struct creds *own, const struct creds *host)
{
	bool more = false;

	for (int i = 0; i < CP_RIGHTS; i++)
		more |= own->rights[i] & ~host->rights[i];
	return more;
}

static void set_rights(const uint64_t rights[CP_RIGHTS])
{
	struct __user_cap_header_struct who = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].inheritable = (uint32_t)(rights[INHERITABLE] >> 32 * i);
		data[i].permitted = (uint32_t)(rights[PERMITTED] >> 32 * i);
		data[i].effective = (uint32_t)(rights[EFFECTIVE] >> 32 * i);
	}
	CP_SYS(SYS_capset, &who, data);
}

/* What the host has, as far as ours may have it. */
static void share_rights(const struct creds *host, const struct creds *own)
{
	const uint64_t rights[CP_RIGHTS] = {
		[INHERITABLE] = own->rights[INHERITABLE] & host->rights[INHERITABLE],
		[PERMITTED] = own->rights[PERMITTED] & host->rights[PERMITTED],
		[EFFECTIVE] = own->rights[PERMITTED] & host->rights[EFFECTIVE],
	};

	if (memcmp(rights, own->rights, sizeof(rights)) && !cp_filtered())
		set_rights(rights);
}

/* To change user takes rights that the host may have lowered since it did, and may raise again:
 * what is permitted is used, and kept over it. Where a filter may kill, they go. */
static bool take_up_rights(const struct creds *own)
{
	uint64_t rights[CP_RIGHTS];

	if (cp_filtered())
		return false;
	memcpy(rights, own->rights, sizeof(rights));
	rights[EFFECTIVE] = rights[PERMITTED];
	if (memcmp(rights, own->rights, sizeof(rights)))
		set_rights(rights);
	return CP_SYS(SYS_prctl, PR_SET_KEEPCAPS, 1) == 0;
}

/* Else only calls that the host has made: a filter may kill for others. Who took on another user
 * for a while gets the right to change from his saved one. */
static void become(const struct creds *host, const struct creds *own)
{
	bool regains = own->uid[1] && (!own->uid[0] || !own->uid[2]);
	bool keeps = take_up_rights(own);

	if (regains)
		CP_SYS(SYS_setresuid, -1, 0, -1);
	if (!in_groups_alike(host, own))
		CP_SYS(SYS_setgroups, host->ngroups, host->groups);
	if (memcmp(host->gid, own->gid, 3 * sizeof(*host->gid)))
		CP_SYS(SYS_setresgid, host->gid[0], host->gid[1], host->gid[2]);
	if (regains || memcmp(host->uid, own->uid, 3 * sizeof(*host->uid)))
		CP_SYS(SYS_setresuid, host->uid[0], host->uid[1], host->uid[2]);
	if (keeps)
		CP_SYS(SYS_prctl, PR_SET_KEEPCAPS, 0);
}

static void become_dumpable_as_before(const struct creds *host, const struct creds *own)
{
	long dumpable = CP_SYS(SYS_prctl, PR_GET_DUMPABLE);

	become(host, own);
	if (dumpable == 1 && CP_SYS(SYS_prctl, PR_GET_DUMPABLE) != 1)
		CP_SYS(SYS_prctl, PR_SET_DUMPABLE, 1);
}

static bool is_like_host(const struct cp_creds *c, const struct creds *host, struct creds *own)
{
	return read_status(c->own, own) && are_alike(host, own) && !has_more(own, host);
}

static bool uses_its_rights(const struct creds *own, const struct creds *host)
{
	return own->rights[EFFECTIVE] == (own->rights[PERMITTED] & host->rights[EFFECTIVE]);
}

/* Is it like the host now? */
static bool go_after(const struct cp_creds *c, const struct creds *host)
{
	struct creds own;

	if (!read_status(c->own, &own))
		return false;
	if (!are_alike(host, &own)) {
		become_dumpable_as_before(host, &own);
		if (!read_status(c->own, &own))
			return false;
	}
	share_rights(host, &own);
	return is_like_host(c, host, &own);
}

static bool is_open(const struct cp_creds *c)
{
	return c->host >= 0 && c->own >= 0 && c->tasks >= 0;
}

static bool follow(const struct cp_creds *c)
{
	struct creds host, own;
	enum sight sight;

	if (!is_open(c))
		return has_its_rights();
	sight = see_host(c, &host, read_status);
	if (sight == SEEN && !(is_like_host(c, &host, &own) && uses_its_rights(&own, &host))) {
		sight = see_host(c, &host, read_well);
		if (sight == SEEN)
			return go_after(c, &host);
	}
	return sight != REFUSED;
}

/* What the kernel remembers of a look-up below /proc/PID/task it forgets as the thread ends; and
 * who waits for the process spins meanwhile, for whole time slices, since that lies below
 * /proc/PID. So this thread goes by its number, as /proc numbers it, where it may ask for that. */
static int open_own(void)
{
	char link[64], path[sizeof(link) + 16];
	struct cp_buf b = CP_BUF(path);
	long n = cp_filter_is_none() ? CP_SYS(SYS_readlinkat, AT_FDCWD, "/proc/thread-self", link,
					      sizeof(link) - 1)
				     : 0;
	const char *number;

	link[CP_MAX(n, 0L)] = 0;
	number = strrchr(link, '/');
	cp_buf_fmt(&b, "/proc%s/status", number ? number : "/thread-self");
	return (int)cp_sys_open(path, O_RDONLY, 0);
}

static void open_all(struct cp_creds *c)
{
	c->host = (int)cp_sys_open("/proc/self/status", O_RDONLY, 0);
	c->own = open_own();
	c->tasks = (int)cp_sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY, 0);
	c->stat = (int)cp_sys_open("/proc/self/stat", O_RDONLY, 0);
}

static void close_all(const struct cp_creds *c)
{
	if (c->host >= 0)
		cp_sys_close(c->host);
	if (c->own >= 0)
		cp_sys_close(c->own);
	if (c->tasks >= 0)
		cp_sys_close(c->tasks);
	if (c->stat >= 0)
		cp_sys_close(c->stat);
}

void cp_creds_open(struct cp_creds *c)
{
	*c = (struct cp_creds){-1, -1, -1, -1, 0};
	if (cp_self.own_files)
		open_all(c);
	cp_store_rel(&c->opened, 1U); /* see Order */
	cp_sys_futex_wake(&c->opened, INT_MAX);
}

void cp_creds_await(struct cp_creds *c)
{
	int64_t now = cp_now_ns(CLOCK_MONOTONIC), until = now + WAIT_MAX;

	while (!cp_load_acq(&c->opened) && now < until) { /* see Order */
		struct timespec ts = {0, until - now};

		cp_sys_futex_wait(&c->opened, 0, &ts);
		now = cp_now_ns(CLOCK_MONOTONIC);
	}
}

/* Who changes user does so in several steps, and some all the while. */
static bool follow_patiently(const struct cp_creds *c)
{
	for (int i = 0; i < (is_open(c) ? TRIES : 1); i++) {
		if (i)
			cp_sys_nap(WHILE_NS);
		if (follow(c))
			return true;
	}
	return false;
}

/* In the host's table nothing is kept: it would meet it. */
bool cp_creds_follow(const struct cp_creds *c)
{
	struct cp_creds once;
	bool known;

	if (cp_self.own_files)
		return follow_patiently(c);
	open_all(&once);
	known = follow(&once);
	close_all(&once);
	return known;
}
