/* SPDX-License-Identifier: MIT */
/*
 * http.c - /debug/pprof over HTTP: the server's life, and its loop
 *
 * Context  EARLY, HOST, FORK, EXIT as http.h says; serve() and below on the server's
 *          thread, work_main() on the worker's
 * Calls    bare.c, creds.c, http_conn.c, http_listen.c.
 * Shared   st.server, in memory a forked child finds zeroed. The connection being worked
 *          on belongs to the worker from its start until `worked` is set.
 *          *st.told, in memory parent and children share: one of them says it.
 * Order    worked: rel by the worker / acq by the server
 * Holds    The server's thread has a table of descriptors of its own: the host sees none
 *          of ours, can't close or replace them, gives none to its children, and its
 *          limit of open files is not ours to fill. The worker is made by the
 *          server, shares that table, and ends with its piece of work.
 *          One thread reads and writes, and never waits for anything else: what takes
 *          time is a window, which is a time to wake at, or a piece of work for the
 *          worker, one at a time. At most CONNECTIONS, WINDOWS, QUEUE of each.
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
#include "reason.h"
#include "settle.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define CONNECTIONS 64
#define WINDOWS	    8
#define QUEUE	    32
#define MS	    1000000LL
#define FOLLOW	    CP_HTTP_SECOND /* how often a server looks at the process it is in */
#define CHILD_RESTS (50 * MS)	   /* one that execs at once never gets a socket */
#define CHILD_TRIES (3000 * MS)	   /* for its parent's address: it may be a daemon's child */

struct server {
	uint32_t worked;
	bool child;
	struct cp_creds creds;
	int listener, event;
	struct cp_http_addr addr;
	struct cp_http_left left;
	int64_t accept_at; /* not before: descriptors ran out */
	uint64_t ticket;
	struct cp_http_conn *working; /* what the worker has; NULL: it rests */
	struct cp_window window[WINDOWS];
	struct cp_http_conn conn[CONNECTIONS];
};

static struct {
	struct server *server;
	uint32_t *told;
	struct cp_bare serving, worker; /* rooms */
} st;

/* --- resources -------------------------------------------------------------------- */

/* A window is taken while a connection has it: one that the worker opens isn't looked
 * into. */
struct cp_window *cp_http_window(unsigned *retry)
{
	struct server *s = st.server;
	int64_t now = cp_now_ns(CLOCK_MONOTONIC), soonest = INT64_MAX;
	bool taken[WINDOWS] = {false};

	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct cp_http_conn *c = &s->conn[i];

		if (c->window)
			taken[c->window - s->window] = true;
		if (c->state == CP_CONN_WINDOW)
			soonest = CP_MIN(soonest, c->deadline);
	}
	for (unsigned i = 0; i < WINDOWS; i++)
		if (!taken[i])
			return &s->window[i];
	*retry = soonest > now && soonest < INT64_MAX
			 ? (unsigned)((soonest - now) / CP_HTTP_SECOND) + 1
			 : 1;
	return NULL;
}

bool cp_http_may_queue(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CONNECTIONS; i++)
		n += st.server->conn[i].state == CP_CONN_QUEUED;
	return n < QUEUE;
}

uint64_t cp_http_ticket(void)
{
	return ++st.server->ticket;
}

size_t cp_http_room(void)
{
	size_t limit = cp_config_memory(CP_MEMORY_HTTP), taken = 0;

	for (unsigned i = 0; i < CONNECTIONS; i++)
		taken += st.server->conn[i].arena.mapped;
	for (unsigned i = 0; i < WINDOWS; i++)
		taken += st.server->window[i].arena.mapped;
	/* Never 0, which would be no limit; a page holds no piece of an answer. */
	return taken < limit ? limit - taken : CP_PAGE;
}

/* --- the worker --------------------------------------------------------------------- */

static void work_main(void *arg)
{
	struct server *s = arg;
	uint64_t one = 1;

	CP_SYS(SYS_prctl, PR_SET_NAME, "cprof-http");
	cp_http_work(s->working);
	cp_settle_own();
	cp_store_rel(&s->worked, 1); /* see Order */
	cp_sys_write(s->event, &one, sizeof(one));
}

static struct cp_http_conn *next_in_queue(struct server *s)
{
	struct cp_http_conn *first = NULL;

	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (s->conn[i].state == CP_CONN_QUEUED &&
		    (!first || s->conn[i].ticket < first->ticket))
			first = &s->conn[i];
	return first;
}

static void start_work(struct server *s, int64_t now)
{
	struct cp_http_conn *c;

	while (!s->working && (c = next_in_queue(s)) != NULL) {
		s->working = c;
		c->state = CP_CONN_WORKING;
		c->arena.limit = c->arena.mapped + cp_http_room();
		if (!cp_bare_start(&st.worker, work_main, s))
			return;
		s->working = NULL;
		c->out.error = -EAGAIN;
		cp_http_conn_worked(c, now);
	}
}

static void end_work(struct server *s, int64_t now)
{
	struct cp_http_conn *c = s->working;
	uint64_t n;

	cp_sys_read(s->event, &n, sizeof(n));
	if (!c || !cp_load_acq(&s->worked)) /* see Order */
		return;
	s->worked = 0;
	s->working = NULL;
	cp_http_conn_worked(c, now);
}

/* --- connections ---------------------------------------------------------------------- */

/* Closes the one whose client has been waited for longest; NULL when none has. */
static struct cp_http_conn *close_idle(struct server *s, int64_t now)
{
	struct cp_http_conn *idle = NULL;

	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct cp_http_conn *c = &s->conn[i];

		if (cp_http_conn_waits(c) && now - c->since > CP_HTTP_SECOND &&
		    (!idle || c->since < idle->since))
			idle = c;
	}
	if (idle)
		cp_http_conn_close(idle);
	return idle;
}

static struct cp_http_conn *find_room(struct server *s, int64_t now)
{
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (s->conn[i].state == CP_CONN_FREE)
			return &s->conn[i];
	return close_idle(s, now);
}

static void turn_away(int fd)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
				   "Content-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n"
				   "X-Content-Type-Options: nosniff\r\nX-Go-Pprof: 1\r\n"
				   "Content-Length: 21\r\n\r\ntoo many connections\n";
	char asked[2048];

	/* What is left unread when it is closed would take the answer with it. */
	CP_SYS(SYS_recvfrom, fd, asked, sizeof(asked), MSG_DONTWAIT, 0, 0);
	CP_SYS(SYS_sendto, fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
	cp_sys_close(fd);
}

static void accept_all(struct server *s, int64_t now)
{
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		long fd = CP_SYS(SYS_accept4, s->listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct cp_http_conn *c;

		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS)
			s->accept_at = close_idle(s, now) ? 0 : now + CP_HTTP_SECOND;
		if (fd < 0)
			return;
		c = find_room(s, now);
		if (c)
			cp_http_conn_open(c, (int)fd, now);
		else
			turn_away((int)fd);
	}
}

/* Nobody else knows of this thread. False: it must end. */
static bool follow(struct server *s)
{
	bool known = cp_creds_follow(&s->creds);

	if (!known)
		cp_log("no HTTP: can't tell what user the program has become");
	return known;
}

/* --- the loop ------------------------------------------------------------------------- */

static void see_deadlines(struct server *s, int64_t now)
{
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct cp_http_conn *c = &s->conn[i];

		if (c->state != CP_CONN_FREE && c->deadline && now >= c->deadline)
			cp_http_conn_due(c, now);
	}
}

static int64_t next_deadline(const struct server *s, int64_t now)
{
	int64_t next = now + FOLLOW;

	if (s->accept_at > now)
		next = CP_MIN(next, s->accept_at);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (s->conn[i].state != CP_CONN_FREE && s->conn[i].deadline)
			next = CP_MIN(next, s->conn[i].deadline);
	return next;
}

/* What is waited for: the socket, the worker's word, and connections, without gaps, for
 * the kernel takes no more entries than a process may have files. */
struct waiting {
	struct pollfd p[2 + CONNECTIONS];
	struct cp_http_conn *conn[2 + CONNECTIONS];
	unsigned n;
};

static void gather(struct server *s, struct waiting *w, int64_t now)
{
	w->p[0] = (struct pollfd){s->accept_at > now ? -1 : s->listener, POLLIN, 0};
	w->p[1] = (struct pollfd){s->event, POLLIN, 0};
	w->n = 2;
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		short events = cp_http_conn_events(&s->conn[i]);

		if (!events)
			continue;
		w->conn[w->n] = &s->conn[i];
		w->p[w->n++] = (struct pollfd){s->conn[i].fd, events, 0};
	}
}

/* Waits until something happens. */
static void wait_for_any(struct server *s, struct waiting *w, int64_t now)
{
	int64_t until = next_deadline(s, now), left = CP_MAX(until - now, 0);
	struct timespec ts = {left / CP_HTTP_SECOND, left % CP_HTTP_SECOND};
	long r;

	gather(s, w, now);
	r = CP_SYS(SYS_ppoll, w->p, w->n, &ts, 0, 8);
	if (r >= 0)
		return;
	for (unsigned i = 0; i < w->n; i++)
		w->p[i].revents = 0;
	/* Short of memory, or the limit was lowered below what is open: not in a hurry. */
	if (r != -EINTR)
		cp_sys_nap(CHILD_RESTS);
	if (r == -EINVAL)
		close_idle(s, INT64_MAX);
}

static void run(struct server *s)
{
	struct waiting w;
	int64_t now = cp_now_ns(CLOCK_MONOTONIC), look_at = now + FOLLOW;

	for (;;) {
		see_deadlines(s, now);
		start_work(s, now);
		wait_for_any(s, &w, now);
		now = cp_now_ns(CLOCK_MONOTONIC);
		if (!follow(s))
			return;
		cp_settle_own();
		if (now >= look_at) {
			cp_log_follow();
			look_at = now + FOLLOW;
		}
		if (w.p[1].revents)
			end_work(s, now);
		/* A connection just closed has no descriptor, and none is opened here. */
		for (unsigned i = 2; i < w.n; i++)
			if (w.p[i].revents && w.conn[i]->fd == w.p[i].fd)
				cp_http_conn_ready(w.conn[i], w.p[i].revents, now);
		if (w.p[0].revents)
			accept_all(s, now);
	}
}

/* --- its start ------------------------------------------------------------------------- */

/* A child whose parent ends at once, as daemons are made, takes the address over; one
 * whose parent stays leaves it alone. */
static int listen_patiently(struct server *s)
{
	int64_t until = cp_now_ns(CLOCK_MONOTONIC) + CHILD_TRIES;
	int fd = cp_http_listen(&s->addr, &s->left);

	while (s->child && fd == -EADDRINUSE && cp_now_ns(CLOCK_MONOTONIC) < until) {
		cp_sys_nap(2 * CHILD_RESTS);
		if (!follow(s))
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
	if (!err && (!s->child || s->addr.sa.any.sa_family != AF_UNIX))
		cp_log("profiles at %s%s", where,
		       s->addr.sa.any.sa_family == AF_UNIX ? "" : "/debug/pprof/");
	else if (err == -EADDRINUSE && s->child) {
		if (!cp_xchg_rlx(st.told, 1))
			cp_log("%s is the parent's: a child needs unix:/PATH.%%p.sock or port 0 "
			       "to have HTTP too",
			       where);
	} else if (err && err != -ECANCELED) {
		cp_log("no HTTP at %s: %s%s", where, cp_reason(err),
		       err == -EADDRINUSE ? "; name another in CPROF_HTTP, or port 0" : "");
	}
}

static int open_all(struct server *s)
{
	bool port_0 = !s->addr.port && s->addr.sa.any.sa_family != AF_UNIX;

	/* A kernel that can't do it: with the host's table ours would be in its way. */
	if (!cp_self.own_files)
		return -ENOSYS;
	s->event = (int)CP_SYS(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->event < 0)
		return s->event;
	s->listener = listen_patiently(s);
	if (s->listener < 0)
		return s->listener;
	if (port_0)
		cp_http_listen_tell(&s->addr, &s->left);
	return 0;
}

static void serve(void *arg)
{
	struct server *s = arg;
	int err;

	/* Soon, for it may have another root next, without /proc. */
	CP_SYS(SYS_prctl, PR_SET_NAME, "cprof");
	cp_bare_part_files();
	cp_creds_open(&s->creds);
	if (s->child)
		cp_sys_nap(CHILD_RESTS);
	if (!follow(s))
		return;
	err = cp_http_addr_parse(cp_config.http, (uint32_t)cp_sys_getpid(), &s->addr);
	if (!err)
		err = open_all(s);
	report(s, err);
	if (!err)
		run(s);
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
		err = cp_bare_init(&st.worker);
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
	st.told = cp_mem_map_shared(CP_PAGE);
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

void cp_http_exit(void)
{
	if (st.server)
		cp_http_listen_forget(&st.server->left);
}
