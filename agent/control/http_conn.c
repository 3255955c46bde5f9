/* SPDX-License-Identifier: MIT */
/*
 * http_conn.c - one connection, from its first byte to its last
 *
 * Context  CONTROL, the server's thread
 * Calls    output/, http_route.c, http_work.c, system calls. Nothing here blocks.
 * Holds    READING -> BODY -> [QUEUED -> WORKING -> WINDOW] -> [QUEUED -> WORKING] ->
 *          SENDING -> READING, or CLOSING and free. One request is in work at a time; what
 *          was sent after it waits in `in`, and what does not fit there, in the kernel. Each
 *          state has a deadline: a client that does nothing costs nothing for long.
 * Fails    A broken connection is closed; nobody else notices. SIGPIPE is never raised.
 */
#include "http_conn.h"

#include "../output/flame_page.h"
#include "../rt/sys.h"
#include "reason.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* How long a client may take, in seconds. */
enum { FOR_HEAD = 10, FOR_BODY = 30, FOR_READING = 30, FOR_ALL = 300, IDLE = 75, FOR_CLOSING = 2 };

static void enter(struct cp_http_conn *c, enum cp_http_state state, int64_t now, int seconds)
{
	c->state = state;
	c->since = now;
	c->deadline = seconds ? now + seconds * CP_HTTP_SECOND : 0;
}

void cp_http_conn_open(struct cp_http_conn *c, int fd, int64_t now)
{
	c->fd = fd;
	enter(c, CP_CONN_READING, now, FOR_HEAD);
}

/* What belongs to one request and its answer. */
static void forget_request(struct cp_http_conn *c)
{
	if (c->window)
		cp_window_close(c->window);
	c->window = NULL;
	cp_arena_release(&c->arena);
	memset(&c->out, 0, sizeof(c->out));
	c->piece = NULL;
	c->address = NULL;
	c->naddress = c->nword = 0;
	c->body_seen = 0;
	c->keep = c->head_only = c->opening = false;
}

void cp_http_conn_close(struct cp_http_conn *c)
{
	if (c->state == CP_CONN_WORKING) { /* closed when the worker gives it back */
		c->gone = true;
		return;
	}
	forget_request(c);
	cp_sys_close(c->fd);
	c->fd = -1;
	c->have = 0;
	c->gone = false;
	c->state = CP_CONN_FREE;
}

/* --- sending ------------------------------------------------------------------ */

/* What is not in `out`: it takes no memory, so there is always some for an error. */
static struct cp_slice fixed_body(const struct cp_http_conn *c)
{
	bool flame = c->plan.what == CP_PLAN_FLAME;

	if (c->plan.what == CP_PLAN_TEXT)
		return (struct cp_slice){c->plan.text, strlen(c->plan.text)};
	return (struct cp_slice){cp_flame_page, flame ? cp_flame_page_size : 0};
}

static void start_sending(struct cp_http_conn *c, int64_t now)
{
	struct cp_http_reply *r = &c->plan.reply;
	struct cp_buf b = CP_BUF(c->head);

	r->close = !c->keep;
	r->keep_alive = c->keep && c->http10;
	r->length = fixed_body(c).n + c->out.total;
	r->now = cp_now_ns(CLOCK_REALTIME) / CP_HTTP_SECOND;
	cp_http_reply(&b, r);
	c->head_len = b.len;
	c->head_at = c->piece_at = 0;
	c->piece = c->head_only ? NULL : c->out.first;
	c->send_by = now + FOR_ALL * CP_HTTP_SECOND;
	enter(c, CP_CONN_SENDING, now, FOR_READING);
}

/* An error instead of what was planned. The text must last as long as the connection. */
static void send_error(struct cp_http_conn *c, int64_t now, int status, const char *text,
		       unsigned retry)
{
	if (c->window)
		cp_window_close(c->window);
	c->window = NULL;
	cp_arena_release(&c->arena);
	memset(&c->out, 0, sizeof(c->out));
	cp_http_refuse(&c->plan, status, text);
	c->plan.reply.retry_after = retry;
	start_sending(c, now);
}

/* Ours: `what` is Go's text, which scripts look for; the reason says what can be done. */
static void send_failure(struct cp_http_conn *c, int64_t now, const char *what)
{
	struct cp_buf b = CP_BUF(c->said);

	cp_buf_fmt(&b, "%s: %s\n", what, cp_reason(c->out.error));
	send_error(c, now, 500, c->said, 0);
}

/* The answered request is over. */
static void finish(struct cp_http_conn *c, int64_t now)
{
	bool keep = c->keep;

	forget_request(c);
	if (keep) {
		enter(c, CP_CONN_READING, now, c->have ? FOR_HEAD : IDLE);
		return;
	}
	/* Closed at once with bytes unread, the client might never see the answer. */
	CP_SYS(SYS_shutdown, c->fd, SHUT_WR);
	c->have = 0;
	enter(c, CP_CONN_CLOSING, now, FOR_CLOSING);
}

/* Bytes sent, 0 when the client is not ready, below that when it is gone. */
static long send_some(struct cp_http_conn *c, const char *p, size_t n, bool more)
{
	long r = CP_SYS(SYS_sendto, c->fd, p, n,
			MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0), 0, 0);

	return r == -EAGAIN || r == -EINTR ? 0 : r ? r : -EPIPE;
}

/* What is to be sent next: 0 bytes when that was all. */
static size_t next_bytes(struct cp_http_conn *c, const char **p)
{
	struct cp_slice fixed = c->head_only ? (struct cp_slice){NULL, 0} : fixed_body(c);

	if (c->head_at < c->head_len) {
		*p = c->head + c->head_at;
		return c->head_len - c->head_at;
	}
	if (fixed.n) {
		*p = fixed.p + c->piece_at;
		return fixed.n - c->piece_at;
	}
	for (; c->piece && c->piece_at == c->piece->used; c->piece_at = 0)
		c->piece = c->piece->next;
	*p = c->piece ? c->piece->bytes + c->piece_at : NULL;
	return c->piece ? c->piece->used - c->piece_at : 0;
}

static void send_more(struct cp_http_conn *c, int64_t now)
{
	const char *p;
	size_t n;

	while ((n = next_bytes(c, &p)) != 0) {
		bool head = c->head_at < c->head_len;
		long r = send_some(c, p, n, head && !c->head_only && c->plan.reply.length);

		if (r < 0) {
			cp_http_conn_close(c);
			return;
		}
		if (!r)
			return;
		*(head ? &c->head_at : &c->piece_at) += (size_t)r;
		c->since = now;
		c->deadline = CP_MIN(now + FOR_READING * CP_HTTP_SECOND, c->send_by);
	}
	finish(c, now);
}

/* --- answering ------------------------------------------------------------------ */

static void queue(struct cp_http_conn *c, int64_t now)
{
	c->ticket = cp_http_ticket();
	enter(c, CP_CONN_QUEUED, now, 0);
}

static void ask_to_queue(struct cp_http_conn *c, int64_t now)
{
	if (cp_http_may_queue())
		queue(c, now);
	else
		send_error(c, now, 429, "too many requests are being worked on\n", 1);
}

static void take_window(struct cp_http_conn *c, int64_t now)
{
	unsigned retry;

	c->window = cp_http_window(&retry);
	if (!c->window) {
		send_error(c, now, 429, "too many profiles with seconds= are being taken\n", retry);
		return;
	}
	c->opening = true;
	ask_to_queue(c, now);
}

/* The worker has opened it, or could not. */
static void begin_window(struct cp_http_conn *c, int64_t now)
{
	c->opening = false;
	if (c->out.error) {
		send_failure(c, now, "failed to collect profile");
		return;
	}
	enter(c, CP_CONN_WINDOW, now, 0);
	c->deadline = c->window->ends_ns;
}

/* As Go's html package has it: any byte may be in a query. */
static void write_escaped(struct cp_out *o, const char *p, size_t n)
{
	static const char special[] = "&<>\"'";
	static const char *const as[] = {"&amp;", "&lt;", "&gt;", "&#34;", "&#39;"};

	for (size_t i = 0; i < n; i++) {
		const char *s = memchr(special, p[i], sizeof(special) - 1);

		if (s)
			cp_out_str(o, as[s - special]);
		else
			cp_out_write(o, p + i, 1);
	}
}

static void write_redirect(struct cp_http_conn *c)
{
	const struct cp_http_reply *r = &c->plan.reply;

	cp_out_fmt(&c->out, "<a href=\"%s", r->location);
	write_escaped(&c->out, r->location_query, r->location_query_len);
	cp_out_str(&c->out, "\">Moved Permanently</a>.\n\n");
}

/* The request is read whole. */
static void answer(struct cp_http_conn *c, int64_t now)
{
	c->arena.limit = c->arena.mapped + cp_http_room();
	switch (c->plan.what) {
	case CP_PLAN_REDIRECT:
		write_redirect(c);
		break;
	case CP_PLAN_CMDLINE:
		cp_http_cmdline(&c->out, c->plan.separator);
		break;
	case CP_PLAN_TEXT:
	case CP_PLAN_FLAME:
		break;
	case CP_PLAN_SYMBOL:
		cp_http_symbol_end(c);
		ask_to_queue(c, now);
		return;
	case CP_PLAN_INDEX: /* counts all there is */
		ask_to_queue(c, now);
		return;
	case CP_PLAN_PROFILE:
		if (c->plan.seconds)
			take_window(c, now);
		else
			ask_to_queue(c, now);
		return;
	}
	if (c->out.error)
		send_error(c, now, 503, "no memory for this answer; try again\n", 1);
	else
		start_sending(c, now);
}

void cp_http_conn_worked(struct cp_http_conn *c, int64_t now)
{
	c->state = CP_CONN_SENDING;
	if (c->gone) {
		cp_http_conn_close(c);
		return;
	}
	if (c->opening) {
		begin_window(c, now);
		return;
	}
	if (c->window)
		cp_window_close(c->window);
	c->window = NULL;
	if (c->out.error)
		send_failure(c, now,
			     c->plan.seconds ? "failed to compute delta"
					     : "failed to collect profile");
	else
		start_sending(c, now);
}

/* --- reading ---------------------------------------------------------------------- */

static void drop(struct cp_http_conn *c, size_t n)
{
	c->have -= n;
	memmove(c->in, c->in + n, c->have);
}

/* What can't be understood is answered, and then there is no knowing where the next
 * request would begin. */
static void give_up(struct cp_http_conn *c, int64_t now, int status)
{
	struct cp_buf b = CP_BUF(c->said);

	cp_buf_fmt(&b, "%s\n", cp_http_reason(status));
	c->keep = c->head_only = false;
	send_error(c, now, status, c->said, 0);
}

static void begin_request(struct cp_http_conn *c, const struct cp_http_request *r, int64_t now)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	c->arena = (struct cp_arena){.limit = cp_http_room(), .stays = true};
	c->out = (struct cp_out){.arena = &c->arena};
	c->keep = r->keep;
	c->http10 = r->http10;
	c->head_only = r->method == CP_HTTP_HEAD;
	cp_http_route(c, r);
	cp_http_body_start(&c->body, r);
	enter(c, CP_CONN_BODY, now, FOR_BODY);
	if (!r->expect || cp_http_body_done(&c->body))
		return;
	if (c->plan.reply.status >= 400)
		c->keep = false; /* the body may come or not: its bytes are not looked for */
	else
		send_some(c, go_on, sizeof(go_on) - 1, false);
}

/* Reads a head off the buffer; false when there is none yet. */
static bool take_head(struct cp_http_conn *c, int64_t now)
{
	struct cp_http_request r;
	long n = cp_http_parse(c->in, c->have, &r);

	if (n > 0) {
		begin_request(c, &r, now);
		drop(c, (size_t)n);
	} else if (n < 0) {
		give_up(c, now, (int)-n);
	} else if (c->have == sizeof(c->in)) {
		give_up(c, now, 431);
	} else {
		return false;
	}
	return true;
}

/* Reads the body off the buffer; false when more of it is to come. */
static bool take_body(struct cp_http_conn *c, int64_t now)
{
	size_t at = 0;
	struct cp_slice data;
	long n = 0;

	/* A refused request that asked first whether to send its body. */
	if (!c->keep && c->plan.reply.status >= 400) {
		answer(c, now);
		return true;
	}
	while (!cp_http_body_done(&c->body) && at < c->have) {
		n = cp_http_body_take(&c->body, c->in + at, c->have - at, &data);
		if (n < 0)
			break;
		at += (size_t)n;
		c->body_seen += data.n;
		if (c->plan.what == CP_PLAN_SYMBOL)
			cp_http_symbol_take(c, data.p, data.n);
	}
	drop(c, at);
	if (n < 0 ||
	    c->body_seen + (c->body.state == CP_BODY_PLAIN ? c->body.left : 0) > CP_HTTP_BODY)
		give_up(c, now, n < 0 ? 400 : 413);
	else if (cp_http_body_done(&c->body))
		answer(c, now);
	else
		return false;
	return true;
}

/* Goes as far as what has arrived allows. */
static void advance(struct cp_http_conn *c, int64_t now)
{
	for (bool going = true; going;) {
		if (c->state == CP_CONN_READING)
			going = c->have && take_head(c, now);
		else if (c->state == CP_CONN_BODY)
			going = take_body(c, now);
		else if (c->state == CP_CONN_SENDING) {
			send_more(c, now);
			going = c->state == CP_CONN_READING;
		} else
			going = false;
	}
}

static void receive(struct cp_http_conn *c, int64_t now)
{
	bool first = c->state == CP_CONN_READING && !c->have;
	long r = CP_SYS(SYS_recvfrom, c->fd, c->in + c->have, sizeof(c->in) - c->have, MSG_DONTWAIT,
			0, 0);

	if (r == -EAGAIN || r == -EINTR)
		return;
	if (r <= 0) {
		cp_http_conn_close(c);
		return;
	}
	if (c->state == CP_CONN_CLOSING)
		return;
	if (first)
		enter(c, CP_CONN_READING, now, FOR_HEAD);
	c->have += (size_t)r;
	advance(c, now);
}

bool cp_http_conn_waits(const struct cp_http_conn *c)
{
	return c->state == CP_CONN_READING || c->state == CP_CONN_BODY ||
	       c->state == CP_CONN_SENDING || c->state == CP_CONN_CLOSING;
}

short cp_http_conn_events(const struct cp_http_conn *c)
{
	switch (c->state) {
	case CP_CONN_READING:
	case CP_CONN_BODY:
	case CP_CONN_CLOSING:
		return POLLIN;
	case CP_CONN_SENDING:
		return POLLOUT;
	case CP_CONN_WINDOW:
		return POLLRDHUP;
	case CP_CONN_QUEUED: /* who has no more to ask may still wait for this */
		return POLLHUP;
	case CP_CONN_WORKING:
		return c->gone ? 0 : POLLHUP;
	default:
		return 0;
	}
}

void cp_http_conn_ready(struct cp_http_conn *c, short events, int64_t now)
{
	switch (c->state) {
	case CP_CONN_READING:
	case CP_CONN_BODY:
	case CP_CONN_CLOSING:
		receive(c, now);
		break;
	case CP_CONN_SENDING:
		advance(c, now);
		break;
	default: /* nothing but its end is waited for */
		if (events)
			cp_http_conn_close(c);
	}
}

void cp_http_conn_due(struct cp_http_conn *c, int64_t now)
{
	if (c->state == CP_CONN_WINDOW)
		queue(c, now); /* who has waited for it is not sent away */
	else if (c->state == CP_CONN_BODY || (c->state == CP_CONN_READING && c->have))
		give_up(c, now, 408);
	else
		cp_http_conn_close(c);
	if (c->state == CP_CONN_SENDING)
		advance(c, now);
}
