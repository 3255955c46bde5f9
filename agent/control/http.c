/* SPDX-License-Identifier: MIT */
/*
 * http.c - /debug/pprof over HTTP: the server's life
 *
 * Context  EARLY, HOST, FORK, EXIT as http.h says; serve() and what it calls on the server's
 *          thread
 * Calls    bare.c, creds.c, http_listen.c, http_loop.c.
 * Shared   st.server, in memory a forked child finds zeroed. held: relaxed.
 *          *st.told, in memory parent and children share: one of them says it.
 * Holds    The server's thread has a table of descriptors of its own: the host sees none
 *          of ours, can't close or replace them, gives none to its children, and its
 *          limit of open files is not ours to fill.
 * Fails    No address, no thread: one line, no HTTP, the rest goes on.
 * Why      A thread that libc never learns of keeps a host of one thread what it is. It looks
 *          every second, and before it does anything, whether its process has changed user.
 */
#include "http.h"

#include "../rt/atomic.h"
#include "../rt/log.h"
#include "../rt/mem.h"
#include "../rt/sys.h"
#include "../rt/thread.h"
#include "bare.h"
#include "config.h"
#include "creds.h"
#include "http_conn.h"
#include "http_listen.h"
#include "http_loop.h"
#include "reason.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#define MS	    1000000LL
#define CHILD_RESTS (50 * MS)	/* one that execs at once never gets a socket */
#define CHILD_TRIES (3000 * MS) /* for its parent's address: it may be a daemon's child */

struct server {
	uint32_t held;	   /* it is to end */
	bool child, again; /* its address was its parent's; it was there before */
	struct cp_creds creds;
	struct cp_http_addr addr;
	struct cp_http_left left;
};

static struct {
	struct server *server;
	uint32_t *told;
	struct cp_bare serving; /* a room */
} st;

/* A child whose parent ends at once, as daemons are made, takes the address over; one
 * whose parent stays leaves it alone. */
static int listen_patiently(struct server *s)
{
	int64_t until = cp_now_ns(CLOCK_MONOTONIC) + CHILD_TRIES;
	int fd = cp_http_listen(&s->addr, &s->left);

	while (s->child && fd == -EADDRINUSE && cp_now_ns(CLOCK_MONOTONIC) < until) {
		cp_http_sleep(2 * CHILD_RESTS);
		if (cp_load_rlx(&s->held) || !cp_http_follow(&s->creds))
			return -ECANCELED; /* nothing more to say */
		fd = cp_http_listen(&s->addr, &s->left);
	}
	return fd;
}

static void report(const struct server *s, int err)
{
	char where[160];
	struct cp_buf b = CP_BUF(where);

	cp_http_addr_show(&b, &s->addr);
	if (!err && !s->again && (!s->child || s->addr.sa.any.sa_family != AF_UNIX))
		cp_log("profiles at %s%s", where,
		       s->addr.sa.any.sa_family == AF_UNIX ? "" : "/debug/pprof/");
	else if (err == -EADDRINUSE && s->child) {
		if (!cp_xchg_acqrel(st.told, 1)) /* of no order but its own */
			cp_log("%s is the parent's: a child needs unix:/PATH.%%p.sock or port 0 "
			       "to have HTTP too",
			       where);
	} else if (err && err != -ECANCELED) {
		cp_log("no HTTP at %s: %s%s", where, cp_reason(err),
		       err == -EADDRINUSE ? "; name another in CPROF_HTTP, or port 0" : "");
	}
}

/* The listening socket, or -errno. */
static int open_all(struct server *s)
{
	bool port_0 = !s->addr.port && s->addr.sa.any.sa_family != AF_UNIX;
	int err, fd;

	/* A kernel that can't do it: with the host's table ours would be in its way. */
	if (!cp_self.own_files)
		return -ENOSYS;
	err = cp_http_loop_open();
	if (err)
		return err;
	fd = listen_patiently(s);
	if (fd >= 0 && port_0)
		cp_http_listen_tell(&s->addr, &s->left);
	return fd;
}

/* What is open ends with the thread. */
static void serve(void *arg)
{
	struct server *s = arg;
	int fd;

	/* Soon, for it may have another root next, without /proc. */
	CP_SYS(SYS_prctl, PR_SET_NAME, "cprof");
	cp_bare_part_files();
	cp_creds_open(&s->creds);
	if (s->child)
		cp_http_sleep(CHILD_RESTS);
	if (!cp_http_follow(&s->creds))
		return;
	fd = cp_http_addr_parse(cp_config.http, (uint32_t)cp_sys_getpid(), &s->addr);
	if (!fd)
		fd = open_all(s);
	report(s, CP_MIN(fd, 0));
	if (fd >= 0)
		cp_http_loop_run(fd, &s->creds, &s->held);
	if (cp_load_rlx(&s->held))
		cp_http_listen_forget(&s->left);
}

bool cp_http_is_on(void)
{
	return strcmp(cp_config.http, "off") != 0;
}

int cp_http_init(void)
{
	int err;

	if (!cp_http_is_on())
		return 0;
	err = cp_bare_init(&st.serving);
	if (!err)
		err = cp_http_loop_init();
	if (!err)
		st.server = cp_mem_wiped(sizeof(*st.server));
	return err || st.server ? err : -ENOMEM;
}

void cp_http_start(void)
{
	struct cp_http_addr addr;
	int err;

	if (!st.server)
		return;
	if (!cp_http_addr_parse(cp_config.http, (uint32_t)cp_sys_getpid(), &addr))
		cp_http_listen_expect(&addr, &st.server->left);
	st.told = cp_mem_shared(sizeof(*st.told));
	if (!cp_http_guard_init() || !st.told) {
		st.server = NULL; /* for children too */
		return;
	}
	err = cp_bare_start(&st.serving, serve, st.server);
	if (err)
		cp_log("no HTTP: can't make a thread: %s", cp_reason(err));
	else
		cp_creds_await(&st.server->creds);
}

void cp_http_forked(void)
{
	if (!st.server)
		return;
	st.server->child = true;
	if (cp_bare_start(&st.serving, serve, st.server) == 0)
		cp_creds_await(&st.server->creds);
}

bool cp_http_hold(void)
{
	if (!st.server || !cp_bare_is_used(&st.serving))
		return false;
	cp_store_rlx(&st.server->held, 1U);
	return true;
}

bool cp_http_left(void)
{
	return !st.server || (cp_bare_left(&st.serving) && cp_http_loop_left());
}

void cp_http_release(bool was)
{
	struct server *s = st.server;

	if (!was)
		return;
	cp_store_rlx(&s->held, 0U);
	if (cp_bare_is_used(&st.serving))
		return; /* it was too long at it, and goes on */
	memset(&s->left, 0, sizeof(s->left));
	cp_store_rlx(&s->creds.opened, 0U);
	s->child = s->again = true;
	if (cp_bare_start(&st.serving, serve, s) == 0)
		cp_creds_await(&s->creds);
}

void cp_http_exit(void)
{
	if (st.server)
		cp_http_listen_forget(&st.server->left);
}
