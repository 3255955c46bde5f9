/* SPDX-License-Identifier: MIT */
/*
 * http_loop.c - the server at work: connections, one at a time, none waited for
 *
 * Context  EARLY: cp_http_loop_init; work_main() on the worker's thread; the rest on the server's
 * Calls    bare.c, creds.c, http_conn.c.
 * Shared   st.loop, in memory a forked child finds zeroed. The connection being worked
 *          on belongs to the worker from its start until `worked` is set.
 * Order    worked: rel by the worker / acq by the server
 * Holds    One thread reads and writes, and never waits for anything else: what takes
 *          time is a window, which is a time to wake at, or a piece of work for the
 *          worker, one at a time. At most CONNECTIONS, WINDOWS, QUEUE of each. The worker is made
 *          by the server, shares its table of descriptors, and ends with its piece of work.
 */
#include "http_loop.h"

#include "../rt/atomic.h"
#include "../rt/log.h"
#include "../rt/mem.h"
#include "../rt/sys.h"
#include "bare.h"
#include "config.h"
#include "http_conn.h"
#include "settle.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define CONNECTIONS 64
#define WINDOWS	    8
#define QUEUE	    32
#define FOLLOW	    CP_HTTP_SECOND /* how often a server looks at the process it is in */
#define RESTS	    50000000LL

struct loop {
	uint32_t worked;
	const uint32_t *held;
	const struct cp_creds *creds;
	int listener, event;
	int64_t accept_at; /* not before: descriptors ran out */
	uint64_t ticket;
	struct cp_http_conn *working; /* what the worker has; NULL: it rests */
	struct cp_window window[WINDOWS];
	struct cp_http_conn conn[CONNECTIONS];
};

static struct {
	struct loop *loop;
	struct cp_bare worker; /* its room */
} st;

/* --- resources -------------------------------------------------------------------- */

/* A window is taken while a connection has it: one that the worker opens isn't looked
 * into. */
struct cp_window *cp_http_window(unsigned *retry)
{
	struct loop *l = st.loop;
	int64_t now = cp_now_ns(CLOCK_MONOTONIC), soonest = INT64_MAX;
	bool taken[WINDOWS] = {false};

	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct cp_http_conn *c = &l->conn[i];

		if (c->window)
			taken[c->window - l->window] = true;
		if (c->state == CP_CONN_WINDOW)
			soonest = CP_MIN(soonest, c->deadline);
	}
	for (unsigned i = 0; i < WINDOWS; i++)
		if (!taken[i])
			return &l->window[i];
	*retry = soonest > now && soonest < INT64_MAX
			 ? (unsigned)((soonest - now) / CP_HTTP_SECOND) + 1
			 : 1;
	return NULL;
}

bool cp_http_may_queue(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CONNECTIONS; i++)
		n += st.loop->conn[i].state == CP_CONN_QUEUED;
	return n < QUEUE;
}

uint64_t cp_http_ticket(void)
{
	return ++st.loop->ticket;
}

size_t cp_http_room(void)
{
	size_t limit = cp_config.max_memory / 16 * 2, taken = 0;

	for (unsigned i = 0; i < CONNECTIONS; i++)
		taken += st.loop->conn[i].arena.mapped;
	for (unsigned i = 0; i < WINDOWS; i++)
		taken += st.loop->window[i].arena.mapped;
	/* Never 0, which would be no limit; a page holds no piece of an answer. */
	return taken < limit ? limit - taken : CP_PAGE;
}

/* --- the worker --------------------------------------------------------------------- */

static void work_main(void *arg)
{
	struct loop *l = arg;
	uint64_t one = 1;

	CP_SYS(SYS_prctl, PR_SET_NAME, "cprof-http");
	cp_http_work(l->working);
	cp_settle_own();
	cp_store_rel(&l->worked, 1); /* see Order */
	cp_sys_write(l->event, &one, sizeof(one));
}

static struct cp_http_conn *next_in_queue(struct loop *l)
{
	struct cp_http_conn *first = NULL;

	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (l->conn[i].state == CP_CONN_QUEUED &&
		    (!first || l->conn[i].ticket < first->ticket))
			first = &l->conn[i];
	return first;
}

static void start_work(struct loop *l, int64_t now)
{
	struct cp_http_conn *c;

	while (!l->working && (c = next_in_queue(l)) != NULL) {
		l->working = c;
		c->state = CP_CONN_WORKING;
		c->arena.limit = c->arena.mapped + cp_http_room();
		if (!cp_bare_start(&st.worker, work_main, l))
			return;
		l->working = NULL;
		c->out.error = -EAGAIN;
		cp_http_conn_worked(c, now);
	}
}

static void end_work(struct loop *l, int64_t now)
{
	struct cp_http_conn *c = l->working;
	uint64_t n;

	cp_sys_read(l->event, &n, sizeof(n));
	if (!c || !cp_load_acq(&l->worked)) /* see Order */
		return;
	l->worked = 0;
	l->working = NULL;
	cp_http_conn_worked(c, now);
}

/* --- connections ---------------------------------------------------------------------- */

/* Closes the one whose client has been waited for longest; NULL when none has. */
static struct cp_http_conn *close_idle(struct loop *l, int64_t now)
{
	struct cp_http_conn *idle = NULL;

	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct cp_http_conn *c = &l->conn[i];

		if (cp_http_conn_waits(c) && now - c->since > CP_HTTP_SECOND &&
		    (!idle || c->since < idle->since))
			idle = c;
	}
	if (idle)
		cp_http_conn_close(idle);
	return idle;
}

static struct cp_http_conn *find_room(struct loop *l, int64_t now)
{
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (l->conn[i].state == CP_CONN_FREE)
			return &l->conn[i];
	return close_idle(l, now);
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

static void accept_all(struct loop *l, int64_t now)
{
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		long fd = CP_SYS(SYS_accept4, l->listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct cp_http_conn *c;

		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS)
			l->accept_at = close_idle(l, now) ? 0 : now + CP_HTTP_SECOND;
		if (fd < 0)
			return;
		c = find_room(l, now);
		if (c)
			cp_http_conn_open(c, (int)fd, now);
		else
			turn_away((int)fd);
	}
}

void cp_http_sleep(int64_t ns)
{
	struct timespec ts = {ns / CP_HTTP_SECOND, ns % CP_HTTP_SECOND};

	CP_SYS(SYS_nanosleep, &ts, 0);
}

bool cp_http_follow(const struct cp_creds *creds)
{
	bool known = cp_creds_follow(creds);

	if (!known)
		cp_log("no HTTP: can't tell what user the program has become");
	return known;
}

/* --- the loop ------------------------------------------------------------------------- */

static void see_deadlines(struct loop *l, int64_t now)
{
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct cp_http_conn *c = &l->conn[i];

		if (c->state != CP_CONN_FREE && c->deadline && now >= c->deadline)
			cp_http_conn_due(c, now);
	}
}

static int64_t next_deadline(const struct loop *l, int64_t now)
{
	int64_t next = now + FOLLOW;

	if (l->accept_at > now)
		next = CP_MIN(next, l->accept_at);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (l->conn[i].state != CP_CONN_FREE && l->conn[i].deadline)
			next = CP_MIN(next, l->conn[i].deadline);
	return next;
}

/* What is waited for: the socket, the worker's word, and connections, without gaps, for
 * the kernel takes no more entries than a process may have files. */
struct waiting {
	struct pollfd p[2 + CONNECTIONS];
	struct cp_http_conn *conn[2 + CONNECTIONS];
	unsigned n;
};

static void gather(struct loop *l, struct waiting *w, int64_t now)
{
	w->p[0] = (struct pollfd){l->accept_at > now ? -1 : l->listener, POLLIN, 0};
	w->p[1] = (struct pollfd){l->event, POLLIN, 0};
	w->n = 2;
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		short events = cp_http_conn_events(&l->conn[i]);

		if (!events)
			continue;
		w->conn[w->n] = &l->conn[i];
		w->p[w->n++] = (struct pollfd){l->conn[i].fd, events, 0};
	}
}

/* Waits until something happens. */
static void wait_for_any(struct loop *l, struct waiting *w, int64_t now)
{
	int64_t until = next_deadline(l, now), left = CP_MAX(until - now, 0);
	struct timespec ts = {left / CP_HTTP_SECOND, left % CP_HTTP_SECOND};
	long r;

	gather(l, w, now);
	r = CP_SYS(SYS_ppoll, w->p, w->n, &ts, 0, 8);
	if (r >= 0)
		return;
	for (unsigned i = 0; i < w->n; i++)
		w->p[i].revents = 0;
	/* Short of memory, or the limit was lowered below what is open: not in a hurry. */
	if (r != -EINTR)
		cp_http_sleep(RESTS);
	if (r == -EINVAL)
		close_idle(l, INT64_MAX);
}

static void run(struct loop *l)
{
	struct waiting w;
	int64_t now = cp_now_ns(CLOCK_MONOTONIC), look_at = now + FOLLOW;

	while (l->working || !cp_load_rlx(l->held)) {
		see_deadlines(l, now);
		if (!cp_load_rlx(l->held))
			start_work(l, now);
		wait_for_any(l, &w, now);
		now = cp_now_ns(CLOCK_MONOTONIC);
		if (!cp_http_follow(l->creds))
			return;
		cp_settle_own();
		if (now >= look_at) {
			cp_log_follow();
			look_at = now + FOLLOW;
		}
		if (w.p[1].revents)
			end_work(l, now);
		/* A connection just closed has no descriptor, and none is opened here. */
		for (unsigned i = 2; i < w.n; i++)
			if (w.p[i].revents && w.conn[i]->fd == w.p[i].fd)
				cp_http_conn_ready(w.conn[i], w.p[i].revents, now);
		if (w.p[0].revents)
			accept_all(l, now);
	}
}

/* --- its life ------------------------------------------------------------------------- */

int cp_http_loop_init(void)
{
	int err = cp_bare_init(&st.worker);

	if (!err)
		st.loop = cp_mem_wiped(sizeof(*st.loop));
	return err || st.loop ? err : -ENOMEM;
}

int cp_http_loop_open(void)
{
	st.loop->event = (int)CP_SYS(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
	return CP_MIN(st.loop->event, 0);
}

void cp_http_loop_run(int listener, const struct cp_creds *creds, const uint32_t *held)
{
	struct loop *l = st.loop;

	l->listener = listener;
	l->creds = creds;
	l->held = held;
	run(l);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (l->conn[i].state != CP_CONN_FREE)
			cp_http_conn_close(&l->conn[i]);
}

bool cp_http_loop_left(void)
{
	return cp_bare_left(&st.worker);
}
