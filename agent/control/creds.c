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
 *          its host must end; and where a filter may kill for the asking, any.
 * Why      What is opened before a chroot() can still be read after it: workers are made that
 *          way, and give up their user next.
 */
#include "creds.h"

#include "../rt/atomic.h"
#include "../rt/buf.h"
#include "../rt/filter.h"
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

#define GROUPS_MAX 1024
#define WAIT_MAX   100000000LL

struct creds {
	uint32_t uid[4], gid[4]; /* real, effective, saved, of the file system */
	uint32_t groups[GROUPS_MAX];
	uint32_t ngroups;
	uint64_t rights[3]; /* inheritable, permitted, effective capabilities */
	bool left;	    /* it was a thread */
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
static bool read_rights(const char *s, uint64_t rights[3])
{
	for (int i = 0; s && i < 3; i++) {
		s = strchr(s, '\t');
		rights[i] = 0;
		for (s = s ? s + 1 : NULL; s && *s && *s != '\n'; s++)
			rights[i] =
				rights[i] << 4 | (uint64_t)(*s <= '9' ? *s - '0' : *s - 'a' + 10);
	}
	return s;
}

static bool read_status(int fd, struct creds *c)
{
	char text[16384]; /* of some hundreds of groups too */
	const char *state, *uid, *gid, *groups;
	long n = cp_sys_pread(fd, text, sizeof(text) - 1, 0);

	text[CP_MAX(n, 0)] = 0;
	state = strstr(text, "\nState:\t");
	uid = strstr(text, "\nUid:");
	gid = strstr(text, "\nGid:");
	groups = strstr(text, "\nGroups:");
	if (!state || !uid || !gid || !groups)
		return false;
	c->left = state[8] == 'Z' || state[8] == 'X';
	c->ngroups = read_line(groups + 8, c->groups, GROUPS_MAX);
	return read_line(uid + 5, c->uid, 4) == 4 && read_line(gid + 5, c->gid, 4) == 4 &&
	       read_rights(strstr(text, "\nCapInh:"), c->rights);
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

	if (s->found || cp_bare_is(tid))
		return;
	cp_buf_fmt(&b, "%u/status", tid);
	fd = (int)cp_sys_openat(s->tasks, path, O_RDONLY, 0);
	s->found = fd >= 0 && read_status(fd, s->out) && !s->out->left;
	s->refused |= fd < 0 && fd != -ENOENT;
	if (fd >= 0)
		cp_sys_close(fd);
}

/* The kernel itself was asked to end the host's last thread, for libc would have ended the
 * process. So that ends with ours, and what its last thread ended with is its exit status: as far
 * as can be told, that of the first. */
static CP_COLD _Noreturn void end_with_host(void)
{
	int fd = (int)cp_sys_open("/proc/self/stat", O_RDONLY, 0);
	char text[1024];
	long n = fd < 0 ? fd : cp_sys_read(fd, text, sizeof(text) - 1);
	const char *last, *end;
	uint64_t status = 0;

	text[CP_MAX(n, 0)] = 0;
	last = strrchr(text, ' ');
	if (last)
		cp_parse_number(last + 1, &status, &end);
	for (;;)
		CP_SYS(SYS_exit, status >> 8 & 255);
}

static bool read_host(const struct cp_creds *c, struct creds *host)
{
	struct search s = {.tasks = c->tasks, .out = host};

	if (!read_status(c->host, host))
		return false;
	if (!host->left)
		return true;
	cp_tasks_each_in(c->tasks, look_at, &s);
	if (!s.found && !s.refused)
		end_with_host();
	return s.found;
}

/* Has the host's first thread the capabilities that ours has? A filter may kill for the asking. */
static bool has_its_rights(void)
{
	struct __user_cap_header_struct who = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct host[2], own[2];

	if (cp_filtered() || CP_SYS(SYS_capget, &who, own) < 0)
		return false;
	who.pid = (int)cp_sys_getpid();
	return CP_SYS(SYS_capget, &who, host) == 0 && !memcmp(host, own, sizeof(host));
}

/* --- taking them on ---------------------------------------------------------- */

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

static bool has_more(const struct creds *own, const struct creds *host)
{
	bool more = false;

	for (int i = 0; i < 3; i++)
		more |= own->rights[i] & ~host->rights[i];
	return more;
}

/* What it hasn't, by a change of user that the host kept them over, it isn't given. */
static void give_up_rights(const struct creds *own, const struct creds *host)
{
	struct __user_cap_header_struct who = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].inheritable = (uint32_t)((own->rights[0] & host->rights[0]) >> 32 * i);
		data[i].permitted = (uint32_t)((own->rights[1] & host->rights[1]) >> 32 * i);
		data[i].effective = (uint32_t)((own->rights[2] & host->rights[2]) >> 32 * i);
	}
	if (!cp_filtered())
		CP_SYS(SYS_capset, &who, data);
}

/* Only calls that the host has made: a filter may kill for others. Who took on another user for
 * a while gets the right to change from his saved one. */
static void become(const struct creds *host, const struct creds *own)
{
	bool regains = own->uid[1] && (!own->uid[0] || !own->uid[2]);

	if (regains)
		CP_SYS(SYS_setresuid, -1, 0, -1);
	if (!in_groups_alike(host, own))
		CP_SYS(SYS_setgroups, host->ngroups, host->groups);
	if (memcmp(host->gid, own->gid, 3 * sizeof(*host->gid)))
		CP_SYS(SYS_setresgid, host->gid[0], host->gid[1], host->gid[2]);
	if (regains || memcmp(host->uid, own->uid, 3 * sizeof(*host->uid)))
		CP_SYS(SYS_setresuid, host->uid[0], host->uid[1], host->uid[2]);
}

/* Is it like the host now? */
static bool go_after(const struct cp_creds *c, const struct creds *host)
{
	struct creds own;
	long dumpable;

	if (!read_status(c->own, &own))
		return false;
	if (!are_alike(host, &own)) {
		dumpable = CP_SYS(SYS_prctl, PR_GET_DUMPABLE);
		become(host, &own);
		if (dumpable == 1 && CP_SYS(SYS_prctl, PR_GET_DUMPABLE) != 1)
			CP_SYS(SYS_prctl, PR_SET_DUMPABLE, 1);
		if (!read_status(c->own, &own))
			return false;
	}
	if (has_more(&own, host)) {
		give_up_rights(&own, host);
		if (!read_status(c->own, &own))
			return false;
	}
	return are_alike(host, &own) && !has_more(&own, host);
}

static bool follow(const struct cp_creds *c)
{
	struct creds host;

	if (c->host < 0 || c->own < 0 || c->tasks < 0)
		return has_its_rights();
	return read_host(c, &host) && go_after(c, &host);
}

static void open_all(struct cp_creds *c)
{
	c->host = (int)cp_sys_open("/proc/self/status", O_RDONLY, 0);
	c->own = (int)cp_sys_open("/proc/thread-self/status", O_RDONLY, 0);
	c->tasks = (int)cp_sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY, 0);
}

static void close_all(const struct cp_creds *c)
{
	if (c->host >= 0)
		cp_sys_close(c->host);
	if (c->own >= 0)
		cp_sys_close(c->own);
	if (c->tasks >= 0)
		cp_sys_close(c->tasks);
}

void cp_creds_open(struct cp_creds *c)
{
	*c = (struct cp_creds){-1, -1, -1, 0};
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

/* In the host's table nothing is kept: it would meet it. */
bool cp_creds_follow(const struct cp_creds *c)
{
	struct cp_creds once;
	bool known;

	if (cp_self.own_files)
		return follow(c);
	open_all(&once);
	known = follow(&once);
	close_all(&once);
	return known;
}
