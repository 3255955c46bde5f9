/* SPDX-License-Identifier: MIT */
/*
 * http_conn.h - one connection: what it asked, how far it is, what it gets
 *
 * Context  CONTROL: the server's thread; while a connection is WORKING its task, arena
 *          and out belong to the worker.
 * Holds    All zero is a free connection.
 */
#ifndef CP_CONTROL_HTTP_CONN_H
#define CP_CONTROL_HTTP_CONN_H

#include "../output/http_parse.h"
#include "../output/http_reply.h"
#include "out.h"
#include "window.h"

#define CP_HTTP_IN	  (16U * 1024)	/* longest head of a request */
#define CP_HTTP_BODY	  (16ULL << 20) /* longest body */
#define CP_HTTP_ADDRESSES 65536U	/* addresses in one POST */
#define CP_HTTP_SECOND	  1000000000LL

enum cp_http_state {
	CP_CONN_FREE = 0,
	CP_CONN_READING, /* a head */
	CP_CONN_BODY,
	CP_CONN_QUEUED,	 /* waits for the worker */
	CP_CONN_WORKING, /* the worker has it */
	CP_CONN_WINDOW,	 /* waits for its seconds to pass */
	CP_CONN_SENDING,
	CP_CONN_CLOSING, /* answered; what the client still sends is thrown away */
};

/* What a request is answered with, decided from its head alone. */
struct cp_http_plan {
	enum {
		CP_PLAN_TEXT = 0,
		CP_PLAN_INDEX,
		CP_PLAN_FLAME,
		CP_PLAN_CMDLINE,
		CP_PLAN_SYMBOL,
		CP_PLAN_PROFILE,
		CP_PLAN_REDIRECT
	} what;
	struct cp_http_reply reply;
	const char *text; /* of an error; not copied */
	const struct cp_profile_row *row;
	unsigned debug;	  /* 0: bytes; else the text form, 2: the longer one */
	uint32_t seconds; /* 0: totals */
	char separator;	  /* of the command line's words */
	char query[256];
};

struct cp_http_conn {
	enum cp_http_state state;
	int fd;
	bool keep, head_only, http10;
	bool gone;    /* the client left while the worker had it */
	bool opening; /* the work is to open the window */
	int64_t deadline;
	int64_t since;	 /* it has been waited for */
	int64_t send_by; /* the whole answer must be read */
	uint64_t ticket; /* order in the queue */
	struct cp_http_plan plan;
	struct cp_http_body body;
	uint64_t body_seen;
	/* the addresses of a request for symbols, and the one being read */
	uint64_t *address;
	unsigned naddress, nword;
	char word[24];
	struct cp_window *window;
	struct cp_arena arena; /* of the answer */
	struct cp_out out;
	struct cp_out_piece *piece; /* being sent, */
	size_t piece_at;	    /* from here */
	char said[128];		    /* a text of an error, made up of parts */
	char head[768];
	size_t head_len, head_at;
	size_t have;
	char in[CP_HTTP_IN];
};

/* http_route.c: fills in c->plan. */
void cp_http_route(struct cp_http_conn *c, const struct cp_http_request *r);
void cp_http_refuse(struct cp_http_plan *p, int status, const char *text);

/* http_guard.c. [HOST] Reads the token; false, with a line, when we must not listen. */
bool cp_http_guard_init(void);
/* May this be asked by who asks? If not, c->plan is the refusal. */
bool cp_http_guard_admits(struct cp_http_plan *p, const struct cp_http_request *r);

/* http_symbol.c: takes in a piece of a list of addresses, and its end. */
void cp_http_symbol_take(struct cp_http_conn *c, const char *p, size_t n);
void cp_http_symbol_end(struct cp_http_conn *c);

/* http_window.c: opens c->window, on the worker. 0 or -errno: then it is not open. */
int cp_http_window_open(struct cp_http_conn *c, struct cp_arena *job);

/* http_work.c: what takes time, on the worker; then what does not, on the server. */
void cp_http_work(struct cp_http_conn *c);
int64_t cp_http_soon(void); /* by when who asked now is to have it, for cp_exclusive_enter */
void cp_http_cmdline(struct cp_out *o, char separator);
void cp_http_symbols(struct cp_out *o, struct cp_arena *job, const uint64_t *address, unsigned n);

/* http_conn.c */
void cp_http_conn_open(struct cp_http_conn *c, int fd, int64_t now);
void cp_http_conn_close(struct cp_http_conn *c);
/* Its descriptor is ready, or has failed. */
void cp_http_conn_ready(struct cp_http_conn *c, short events, int64_t now);
/* Its deadline has passed. */
void cp_http_conn_due(struct cp_http_conn *c, int64_t now);
/* The worker is done with it. */
void cp_http_conn_worked(struct cp_http_conn *c, int64_t now);
/* Is it its client's turn? */
bool cp_http_conn_waits(const struct cp_http_conn *c);
/* What to poll it for; 0: leave it out. */
short cp_http_conn_events(const struct cp_http_conn *c);

/* http.c: the server's resources. NULL: all taken, and *retry says when to ask again. */
struct cp_window *cp_http_window(unsigned *retry);
bool cp_http_may_queue(void);
uint64_t cp_http_ticket(void);
/* Bytes answers and windows may still take, all together. */
size_t cp_http_room(void);

#endif
