/* SPDX-License-Identifier: MIT */
/*
 * snap.c - cprof snap: asks a running process for a snapshot, and waits for it
 *
 * Context  the cprof program.
 * Holds    Nothing is sent to a process that would die of it: the library must be
 *          mapped there, and the signal have a handler, each time that it is sent.
 *          Whose handler it is only the library knows: where that can't be asked,
 *          servers known to have their own are not sent theirs.
 * Fails    A signal can get lost in another one of its kind that was not taken yet (one
 *          that isn't ours, see process.h), so half-way a request is sent once more. Not so
 *          one for a span of time, which would open a second span.
 */
#include "../agent/control/parse.h"
#include "../agent/control/request.h"
#include "answer.h"
#include "command.h"
#include "inside.h"
#include "options.h"
#include "process.h"
#include "types.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 20
#define UIDS_MS 2000

struct request {
	const char *profiles, *signal, *dir, *seconds_text, *timeout_text;
	long seconds, timeout;
	struct cp_words pids;
	int sig;
	struct cp_request packed;
};

static bool parse(struct request *r)
{
	long pid;

	r->timeout = 10;
	if (r->seconds_text &&
	    !cp_options_seconds("--seconds", r->seconds_text, CP_REQUEST_MAX_SECONDS, &r->seconds))
		return false;
	if (r->timeout_text &&
	    !cp_options_seconds("--timeout", r->timeout_text, 100000, &r->timeout))
		return false;
	if (r->signal && (cp_parse_signal(r->signal, &r->sig) || !r->sig)) {
		cp_complain("--signal '%s': a signal's name or number is accepted", r->signal);
		return false;
	}
	if (r->dir && access(r->dir, R_OK | X_OK)) {
		cp_complain("--dir '%s': %s; name the folder the process writes to", r->dir,
			    strerror(errno));
		return false;
	}
	if (!r->pids.n) {
		cp_complain("snap: no process id given; 'cprof help snap' says more");
		return false;
	}
	for (size_t i = 0; i < r->pids.n; i++) {
		if (!cp_options_number("process id", r->pids.word[i], 1, INT32_MAX, &pid))
			return false;
	}
	return cp_types_parse(r->profiles, &r->packed.types);
}

/* What its environment says does not count where the program has written over it, as servers do
 * to show a title. */
static bool is_overwritten(const struct cp_process *p)
{
	return !cp_process_variable(p, "CPROF_SIGNAL") && !cp_process_variable(p, "CPROF_DIR") &&
	       !cp_process_variable(p, "LD_PRELOAD");
}

static int signal_of_environment(const struct cp_process *p)
{
	const char *name = cp_process_variable(p, "CPROF_SIGNAL");
	int sig = SIGUSR1; /* the library's default, for what it can't read, too */

	if (name && !cp_parse_signal(name, &sig) && !sig)
		cp_complain("%d: was started with CPROF_SIGNAL=none; it can't be asked",
			    (int)p->pid);
	return sig;
}

/* The signal it listens to; 0 after a complaint. */
static int signal_of(const struct request *r, const struct cp_process *p)
{
	bool overwritten = is_overwritten(p);
	int sig = r->sig;

	if (!sig && overwritten)
		sig = CP_MAX(cp_inside_signal(p), 0);
	if (overwritten && (!sig || !r->dir)) {
		cp_complain(
			"%d: has written over its environment; say what it was started with, as "
			"--signal SIGNAL --dir DIR",
			(int)p->pid);
		return 0;
	}
	return sig ? sig : signal_of_environment(p);
}

/* It would reopen its logs, or end. */
static bool has_other_use_for(const struct cp_process *p, int sig)
{
	static const char *const usr1[] = {"apache2",	"haproxy", "httpd",
					   "memcached", "nginx",   "postgres"};

	for (size_t i = 0; sig == SIGUSR1 && i < CP_ARRAY_LEN(usr1); i++) {
		if (!strcmp(p->program, usr1[i]))
			return true;
	}
	return false;
}

/* A program may have taken the signal since its start, for whatever it does by it. */
static bool library_has(const struct cp_process *p, int sig)
{
	int own = cp_inside_signal(p);

	if (own < 0 || own == sig)
		return true;
	if (own)
		cp_complain("%d: signal %d is not the library's, which listens to %d; nothing was "
			    "sent",
			    (int)p->pid, sig, own);
	else
		cp_complain("%d: signal %d is the program's own by now, or is not answered behind "
			    "its filter; nothing was sent; start it with CPROF_SIGNAL=RTMIN+5, say",
			    (int)p->pid, sig);
	return false;
}

static int check(const struct request *r, const struct cp_process *p)
{
	int sig;

	if (!p->has_library) {
		cp_complain("%d: libcprof.so is not in it; start it with 'cprof run' or LD_PRELOAD",
			    (int)p->pid);
		return 0;
	}
	sig = signal_of(r, p);
	if (sig && !(p->caught >> (sig - 1) & 1)) {
		cp_complain("%d: has no handler for signal %d, nothing was sent; its log says why, "
			    "or give the right one with --signal",
			    (int)p->pid, sig);
		return 0;
	}
	if (sig && has_other_use_for(p, sig)) {
		cp_complain("%d: %s has its own use for signal %d, nothing was sent; start it with "
			    "CPROF_SIGNAL=RTMIN+5, say",
			    (int)p->pid, p->program, sig);
		return 0;
	}
	return sig && library_has(p, sig) ? sig : 0;
}

enum asked { REFUSED, ASKED, NOT_YET };

static enum asked send(const struct cp_process *p, int sig, uint64_t word)
{
	union sigval value = {.sival_ptr = (void *)(uintptr_t)word};
	int err = cp_process_send(p, sig, value);

	if (!err)
		return ASKED;
	if (err == -EAGAIN)
		return NOT_YET; /* its queue is full, which passes */
	cp_complain("%d: %s", (int)p->pid, strerror(-err));
	return REFUSED;
}

/* Looks first: since the last time it may have become a program that would die of it. */
static enum asked ask(const struct request *r, struct cp_process *p)
{
	int sig = cp_process_read_again(p) ? check(r, p) : 0;

	return sig ? send(p, sig, cp_request_pack(r->packed)) : REFUSED;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static bool wait_for(const struct request *r, struct cp_process *p, struct cp_answer *a)
{
	const struct timespec pause = {0, POLL_MS * 1000000L};
	int64_t start = now_ms(), last = start + (r->timeout + r->seconds) * 1000;
	int64_t again = r->seconds ? last + 1 : start + r->timeout * 500, uids = start + UIDS_MS;
	enum asked asked = NOT_YET;

	/* By the clock: a look at a large folder takes longer than the pause. */
	for (int64_t now = start; now <= last; now = now_ms()) {
		if (asked == NOT_YET || now >= again) {
			again = now >= again ? last + 1 : again;
			asked = ask(r, p);
			if (asked == REFUSED)
				return false;
		}
		if (now >= uids) { /* it may have given up its user, whose folder may be another */
			cp_process_read_uids(p);
			uids = now + UIDS_MS;
		}
		nanosleep(&pause, NULL);
		if (cp_answer_is_there(a))
			return true;
		if (cp_process_has_ended(p)) {
			cp_complain("%d: ended before it answered", (int)p->pid);
			return false;
		}
	}
	cp_complain("%d: no answer in %ld s; its log says why, or name its folder with --dir",
		    (int)p->pid, r->timeout + r->seconds);
	return false;
}

/* Of those that were asked for by name. */
static void name_missing(const struct request *r, const struct cp_process *p,
			 const struct cp_answer *a)
{
	char missing[128] = "";
	size_t n = 0;

	for (unsigned i = 0; i < CP_TYPES; i++) {
		if (r->packed.types >> i & 1 && !cp_answer_has(a, cp_types_name(i)))
			n += (size_t)snprintf(missing + n, sizeof(missing) - n, "%s%s",
					      n ? ", " : "", cp_types_name(i));
	}
	if (n)
		cp_complain(
			"%d: no %s: it is not taken there, by CPROF_PROFILES or a rate of 0, or "
			"could not be written; its log says so",
			(int)p->pid, missing);
}

static bool snap(struct request *r, struct cp_process *p)
{
	struct cp_answer answer;
	uint32_t nonce = 0;

	while (!nonce) {
		if (getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
			nonce = (uint32_t)time(NULL);
		nonce &= CP_REQUEST_MAX_NONCE;
	}
	r->packed.nonce = nonce;
	r->packed.seconds = (uint16_t)r->seconds;
	if (!cp_answer_init(&answer, p, r->dir, nonce) || !wait_for(r, p, &answer))
		return false;
	cp_answer_print(&answer);
	fflush(stdout);
	name_missing(r, p, &answer);
	return true;
}

static bool snap_pid(struct request *r, const char *text)
{
	struct cp_process p;
	bool ok;

	if (!cp_process_read(&p, (pid_t)strtol(text, NULL, 10))) /* parse() has looked */
		return false;
	ok = snap(r, &p);
	cp_process_release(&p);
	return ok;
}

static int run(int argc, char **argv)
{
	struct request r = {.profiles = NULL};
	const struct cp_option options[] = {
		{"profiles", NULL, .text = &r.profiles},
		{"seconds", NULL, .text = &r.seconds_text},
		{"signal", NULL, .text = &r.signal},
		{"dir", NULL, .text = &r.dir},
		{"timeout", NULL, .text = &r.timeout_text},
		{.name = NULL},
	};
	int status = CP_STATUS_OK;

	if (!cp_options_parse(argc, argv, options, CP_OPERANDS_ANYWHERE, &r.pids) || !parse(&r))
		return CP_STATUS_USAGE;
	for (size_t i = 0; i < r.pids.n; i++) {
		if (!snap_pid(&r, r.pids.word[i]))
			status = CP_STATUS_FAILED;
	}
	return status;
}

const struct cp_command cp_command_snap = {
	.name = "snap",
	.synopsis = "[OPTIONS] PID...",
	.summary = "ask a running process for a snapshot, and print the files' names",
	.help = "  --profiles LIST   all, or only these: "
		"cpu,heap,allocs,threadcreate,mutex,block,goroutine\n"
		"  --seconds N       what happens in the next N seconds (or 5m), not the totals\n"
		"  --signal NAME     the signal it listens to; else as its environment says\n"
		"  --dir DIR         where it writes; else as its environment says\n"
		"  --timeout N       give up after N seconds (10)\n",
	.run = run,
};
