/* SPDX-License-Identifier: MIT */
/*
 * agent.c - the agent's life: on or inert, started, forked, ended
 *
 * Context  as probe.h says of each
 * Calls    every module's init; getauxval.
 * Shared   st.on: written by cp_agent_init before other threads are ours.
 * Holds    Inert means: no sampler, no handler, no thread, no file, nothing on the log
 *          but the one line that says why, and none where that is as it should be
 *          (CPROF_ONLY, a set-uid program).
 * Fails    Anything missing at the start: inert, with one line; the host runs on.
 */
#include "../probe.h"
#include "../rt/atomic.h"
#include "../rt/log.h"
#include "../sample/heap.h"
#include "../sample/loss.h"
#include "../sample/module.h"
#include "../sample/stack.h"
#include "config.h"
#include "exclusive.h"
#include "exe.h"
#include "files.h"
#include "http.h"
#include "interval.h"
#include "job.h"
#include "parse.h"
#include "reason.h"
#include "symbols.h"
#include "trigger.h"

#include <sys/auxv.h>
#include <unistd.h>

static struct {
	bool on;
	uint32_t ended; /* the process this is set in has taken its last snapshot */
} st;

/* CPROF_MAX_MEMORY in sixteenths; three more are snapshot.c's, one is work.c's. With
 * HTTP on the heap leaves it two. */
enum { WALK = 1, STACKS = 4, HEAP = 5, SYMBOLS = 2, HTTP = 2 };

static size_t share(unsigned sixteenths)
{
	return cp_config.max_memory / 16 * sixteenths;
}

static int init_heap(void)
{
	bool wanted = cp_config.types & (1U << CP_TYPE_HEAP | 1U << CP_TYPE_ALLOCS);

	return cp_heap_init(wanted ? cp_config.heap_rate : 0,
			    share(HEAP - (cp_http_is_on() ? HTTP : 0)));
}

static int init_stacks(void)
{
	int r = cp_walk_init(share(WALK));

	return r ? r : cp_stack_init(share(STACKS));
}

static int init_symbols(void)
{
	cp_symbols_set_lines(cp_config.lines);
	return cp_symbols_init(share(SYMBOLS));
}

/* The heap comes last: with it sampling begins. */
static int init_modules(void)
{
	static int (*const init[])(void) = {
		cp_thread_init, cp_loss_init,	   cp_module_init, init_stacks,	 init_symbols,
		cp_files_init,	cp_exclusive_init, cp_job_init,	   cp_http_init, init_heap,
	};
	int r = 0;

	if (cp_config.seed)
		cp_thread_seed(cp_config.seed);
	for (unsigned i = 0; !r && i < CP_ARRAY_LEN(init); i++)
		r = init[i]();
	return r;
}

/* Is this a program we are asked to profile, and may? */
static bool is_wanted(void)
{
	if (getauxval(AT_SECURE))
		return false;
	cp_exe_init();
	cp_config_init(environ);
	return cp_glob_list_match(cp_config.only, cp_exe_name()) ||
	       cp_glob_list_match(cp_config.only, cp_exe_file());
}

void cp_agent_init(void)
{
	int r;

	if (!is_wanted()) {
		cp_heap_init(0, 0);
		return;
	}
	r = init_modules();
	if (r) {
		cp_heap_init(0, 0);
		cp_log("staying inert: %s", cp_reason(r));
		return;
	}
	st.on = true;
}

bool cp_agent_is_on(void)
{
	return st.on;
}

void cp_agent_start(void)
{
	if (!st.on)
		return;
	cp_trigger_install();
	cp_interval_start();
	cp_http_start();
}

void cp_agent_exit(void)
{
	uint32_t seen = 0;

	if (!st.on || !cp_job_at_home() || !cp_cas_rlx(&st.ended, &seen, 1))
		return;
	cp_http_exit();
	if (cp_config.atexit)
		cp_job_ask_last();
	else
		cp_job_abandon();
}

void cp_agent_thread_made(void)
{
	/* Nothing waits for a second thread: jobs bring their own. */
}

void cp_agent_forked(void)
{
	if (!st.on)
		return;
	cp_store_rlx(&st.ended, 0);
	cp_heap_forked();
	cp_job_forked();
	cp_http_forked();
}

/* On or not: a walk counts itself in either way, and so must we. */
void cp_agent_unload_begin(void)
{
	cp_walk_unload_begin();
}

void cp_agent_unload_end(void)
{
	cp_walk_unload_end();
}
