/* SPDX-License-Identifier: MIT */
/*
 * creds.c - a job's thread goes where its process goes
 *
 * Context  CONTROL, on the job's own thread
 * Calls    system calls, parse.c. The set*id calls are raw: they change this thread alone.
 * Holds    Groups before group before user: the last one takes away the right to
 *          do the others. The process stays as dumpable as it was: the kernel takes that
 *          away at every change of user, also from a host that asked for it after its
 *          own, as servers do that want core files.
 * Fails    Without /proc the thread stays what it was when its job began.
 */
#include "creds.h"

#include "../rt/sys.h"
#include "parse.h"

#include <string.h>
#include <sys/prctl.h>

#define GROUPS_MAX 1024

struct creds {
	uint32_t uid[4], gid[4]; /* real, effective, saved, of the file system */
	uint32_t groups[GROUPS_MAX];
	uint32_t ngroups;
};

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

static bool read_status(const char *path, struct creds *c)
{
	char text[8192];
	const char *uid, *gid, *groups;
	long n;
	int fd = (int)cp_sys_open(path, O_RDONLY, 0);

	if (fd < 0)
		return false;
	n = cp_sys_read(fd, text, sizeof(text) - 1);
	cp_sys_close(fd);
	text[CP_MAX(n, 0)] = 0;
	uid = strstr(text, "\nUid:");
	gid = strstr(text, "\nGid:");
	groups = strstr(text, "\nGroups:");
	if (!uid || !gid || !groups)
		return false;
	c->ngroups = read_line(groups + 8, c->groups, GROUPS_MAX);
	return read_line(uid + 5, c->uid, 4) == 4 && read_line(gid + 5, c->gid, 4) == 4;
}

static void become(const struct creds *host, const struct creds *own)
{
	if (host->ngroups != own->ngroups ||
	    memcmp(host->groups, own->groups, host->ngroups * sizeof(*host->groups)))
		CP_SYS(SYS_setgroups, host->ngroups, host->groups);
	if (memcmp(host->gid, own->gid, sizeof(host->gid)))
		CP_SYS(SYS_setresgid, host->gid[0], host->gid[1], host->gid[2]);
	if (memcmp(host->uid, own->uid, sizeof(host->uid)))
		CP_SYS(SYS_setresuid, host->uid[0], host->uid[1], host->uid[2]);
}

void cp_creds_follow(void)
{
	struct creds host, own;
	long dumpable;

	if (!read_status("/proc/self/status", &host) ||
	    !read_status("/proc/thread-self/status", &own))
		return;
	dumpable = CP_SYS(SYS_prctl, PR_GET_DUMPABLE);
	become(&host, &own);
	if (dumpable == 1 && CP_SYS(SYS_prctl, PR_GET_DUMPABLE) != 1)
		CP_SYS(SYS_prctl, PR_SET_DUMPABLE, 1);
}
