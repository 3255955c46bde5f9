/* SPDX-License-Identifier: MIT */
/*
 * agent.c - the agent's life: on or inert, started, forked, ended
 *
 * Context  as probe.h says of each
 * Calls    every module's init; getauxval.
 * Shared   st.on: written by cp_agent_init before other threads are ours.
 *          st.filtered: set once by any thread, relaxed; to see it late is to meet the kernel's
 *          answer, as before it was set.
 * Holds    Inert means: no sampler, no handler, no thread, no file, nothing on the log
 *          but the one line that says why, and none where that is as it should be
 *          (CPROF_ONLY, a set-uid program).
 * Fails    Anything missing at the start: inert, with one line; the host runs on.
 */
#include "../probe.h"
#include "../rt/atomic.h"
#include "../rt/filter.h"
#include "../rt/log.h"
#include "../rt/mem.h"
#include "../rt/sys.h"
#include "../rt/ticks.h"
#include "../sample/contend.h"
#include "../sample/fds.h"
#include "../sample/govern.h"
#include "../sample/heap.h"
#include "../sample/labels.h"
#include "../sample/loss.h"
#include "../sample/made.h"
#include "../sample/module.h"
#include "../sample/peek.h"
#include "../sample/rules.h"
#include "../sample/stack.h"
#include "../sample/threads.h"
#include "../sample/tick.h"
#include "../sample/unload.h"
#include "census.h"
#include "config.h"
#include "dump.h"
#include "exclusive.h"
#include "exe.h"
#include "files.h"
#include "helper.h"
#include "http.h"
#include "job.h"
#include "lines.h"
#include "parse.h"
#include "reason.h"
#include "settle.h"
#include "sigstack.h"
#include "symbols.h"
#include "ticker.h"
#include "trigger.h"
#include "underway.h"

#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

static struct {
	bool on;
	uint32_t ended; /* the process this is set in has taken its last snapshot */
	bool filtered;	/* the host has shut itself in: nothing that takes a system call */
} st;

static bool is_filtered(void)
{
	return cp_load_rlx(&st.filtered);
}

/* --- threads ------------------------------------------------------------ */

static void thread_leaves(struct cp_thread *t)
{
	struct cp_thread_slot *s = cp_threads_of(t);

	cp_sigstack_is(t, 0);
	t->slot = 0;
	if (s) {
		cp_tick_leave(s);
		cp_made_left(s->creation);
		cp_threads_leave(s);
	}
}

/* Gives it a slot; has it a timer by then? */
static bool enter(uintptr_t start, uint32_t creation)
{
	struct cp_thread *t = cp_thread_ready();
	struct cp_thread_slot *s = cp_threads_of(t);

	if (!s)
		s = cp_threads_enter(t, start);
	if (!s)
		return false;
	cp_store_rlx(&s->creation, creation); /* a dump may look already */
	cp_store_rlx(&s->stack_hi, t->stack_hi);
	cp_store_rlx(&s->waiting, &cp_waiting.said);
	cp_ticker_check();
	cp_tick_arm(s);
	return cp_load_rlx(&s->timer);
}

/* A child of vfork runs on our memory, and has a signal stack of its own. */
bool cp_agent_signal_stack(bool small)
{
	struct cp_thread *t = &cp_self;
	struct cp_thread_slot *s;
	bool was = t->small_signal_stack;

	if (small == was || (st.on && !cp_job_at_home()))
		return was;
	t->small_signal_stack = small;
	if (!st.on || is_filtered())
		return was;
	s = cp_threads_of(t);
	if (!s) {
		enter(0, 0); /* or a reading gives it a slot, which wouldn't know */
	} else if (small) {
		cp_or_rlx(&s->small, CP_SMALL_SIGNAL_STACK);
		cp_fence_seq(); /* pairs with arm(): one of the two takes its timer away */
		cp_tick_disarm(s);
	} else {
		cp_and_rlx(&s->small, ~(uint32_t)CP_SMALL_SIGNAL_STACK);
		cp_tick_arm(s);
	}
	return was;
}

uintptr_t cp_agent_signal_stack_at(uintptr_t sp)
{
	if (!st.on || is_filtered() || !cp_job_at_home())
		return 0;
	return cp_sigstack_is(&cp_self, sp);
}

uint32_t cp_agent_thread_making(const struct cp_regs *caller, uintptr_t start)
{
	if (!st.on)
		return 0;
	if (!is_filtered())
		cp_peek_choose();
	return cp_made_find(caller, start);
}

void cp_agent_thread_made(uint32_t creation)
{
	cp_made_count(creation);
}

void cp_agent_thread_begins(uintptr_t start, uint32_t creation)
{
	if (st.on)
		enter(start, creation);
}

/* --- life ----------------------------------------------------------------- */

/* Where the host's memory is limited, an eighth of it at most is ours; less than the
 * least there is to work with: none. False then. */
static bool fit_in(unsigned resource)
{
	struct rlimit lim;

	if (CP_SYS(SYS_prlimit64, 0, resource, 0, &lim) < 0)
		return true;
	cp_config.max_memory = CP_MIN(cp_config.max_memory, lim.rlim_cur / 8);
	return cp_config.max_memory >= CP_CONFIG_MEMORY_MIN;
}

/* Where the kernel promises no memory twice, each process has what it maps for itself, touched
 * or not; a server of hundreds could then not fork. So the least, unless somebody has said more. */
static void be_modest(void)
{
	int fd = (int)cp_sys_open("/proc/sys/vm/overcommit_memory", O_RDONLY, 0);
	char mode = 0;

	if (fd < 0)
		return;
	cp_sys_read(fd, &mode, 1);
	cp_sys_close(fd);
	if (mode == '2' && !cp_config_is_given(&cp_config.max_memory))
		cp_config.max_memory = CP_CONFIG_MEMORY_MIN;
}

static int init_heap(void)
{
	bool wanted = cp_config.types & (1U << CP_TYPE_HEAP | 1U << CP_TYPE_ALLOCS);

	return cp_heap_init(
		wanted ? cp_config.heap_rate : 0,
		cp_config_memory(CP_MEMORY_HEAP - (cp_http_is_on() ? CP_MEMORY_HTTP : 0)));
}

static int init_stacks(void)
{
	int r = cp_walk_init(cp_config_memory(CP_MEMORY_WALK));

	return r ? r : cp_stack_init(cp_config_memory(CP_MEMORY_STACKS));
}

static bool is_wanted_type(enum cp_type type)
{
	return cp_config.types & 1U << type;
}

static int init_contend(void)
{
	struct cp_contend_config c = {
		.fraction = is_wanted_type(CP_TYPE_MUTEX) ? cp_config.mutex_fraction : 0,
		.rate = is_wanted_type(CP_TYPE_BLOCK) ? cp_config.block_rate : 0,
		.io = cp_config.block_io,
		.watched = is_wanted_type(CP_TYPE_GOROUTINE),
	};
	int err = cp_underway_init();

	return err ? err : cp_contend_init(&c, cp_config_memory(CP_MEMORY_CONTEND));
}

/* Of the share for CPU and threads: half for the time, a quarter for the threads, and
 * half of what is left for those that were made, and where they all are. */
static int init_threads(void)
{
	int r = cp_threads_init(cp_config_memory(CP_MEMORY_CPU) / 4);

	r = r ? r : cp_label_init();
	r = r ? r : cp_settle_init();
	if (!r && is_wanted_type(CP_TYPE_CPU))
		r = cp_tick_init(cp_config.cpu_hz, cp_config_memory(CP_MEMORY_CPU) / 2);
	if (!r && is_wanted_type(CP_TYPE_THREADCREATE))
		r = cp_made_init(cp_config_memory(CP_MEMORY_CPU) / 8);
	if (!r && is_wanted_type(CP_TYPE_GOROUTINE)) {
		cp_tick_init_asking();
		r = cp_dump_init();
		r = r ? r : cp_census_init(cp_config_memory(CP_MEMORY_CPU) / 8);
	}
	cp_thread_on_leave(thread_leaves);
	return r;
}

/* How far a rate can be lowered before it reaches `rarest`. One that somebody set is his,
 * unless he set a budget too. */
static uint8_t steps(const uint64_t *field, uint64_t rate, uint64_t rarest)
{
	uint8_t n = 0;

	if (!rate || (cp_config_is_given(field) && !cp_config_is_given(&cp_config.budget)))
		return 0;
	while (rate << (n + 1) <= rarest)
		n++;
	return n;
}

static int init_govern(void)
{
	const struct cp_config *c = &cp_config;
	const uint8_t most[CP_COST_RATES] = {
		[CP_COST_CPU] = steps(&c->cpu_hz, cp_tick_period(), 200000000),
		[CP_COST_HEAP] = steps(&c->heap_rate, c->heap_rate, 64 << 20),
		[CP_COST_MUTEX] = steps(&c->mutex_fraction, c->mutex_fraction, 10000),
		[CP_COST_BLOCK] = steps(&c->block_rate, c->block_rate, 1000000000),
	};
	int r = cp_cost_init();

	return r ? r : cp_govern_init(c->budget, most);
}

static int init_symbols(void)
{
	cp_lines_set(cp_config.lines);
	return cp_symbols_init(cp_config_memory(CP_MEMORY_SYMBOLS));
}

/* About what is asked for at the start, and no more: a host may lock all that is mapped into
 * memory. The heap's tables grow in maps of their own. */
static size_t lasting(void)
{
	bool contends = is_wanted_type(CP_TYPE_MUTEX) || is_wanted_type(CP_TYPE_BLOCK);

	return cp_config_memory(CP_MEMORY_WALK + CP_MEMORY_STACKS + CP_MEMORY_CPU +
				CP_MEMORY_SYMBOLS + (contends ? CP_MEMORY_CONTEND : 0));
}

/* The heap comes last: with it sampling begins. */
static int init_modules(void)
{
	static int (*const init[])(void) = {
		cp_thread_init, cp_loss_init,  cp_module_init,	  init_stacks,	  init_threads,
		init_symbols,	cp_files_init, cp_exclusive_init, cp_helper_init, cp_job_init,
		cp_http_init,	init_govern,   init_contend,	  init_heap,
	};
	int r = 0;

	cp_mem_make_room(lasting());
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

/* On, or inert and why: nothing to say where that is as it should be. */
static bool begin(void)
{
	int r;

	if (!is_wanted())
		return false;
	be_modest();
	if (!fit_in(RLIMIT_AS) || !fit_in(RLIMIT_DATA)) {
		cp_log("staying inert: the limit on this program's memory (ulimit -v, -d) has no "
		       "room for more than the program");
		return false;
	}
	r = init_modules();
	if (r)
		cp_log("staying inert: %s", cp_reason(r));
	return !r;
}

void cp_agent_init(void)
{
	st.on = begin();
	if (!st.on)
		cp_heap_init(0, 0); /* so that no allocation asks again */
}

bool cp_agent_samples_heap(void)
{
	return st.on && cp_heap_rate();
}

void cp_agent_start(void)
{
	if (!st.on)
		return;
	cp_helper_sweep();
	cp_trigger_install();
	enter(getauxval(AT_ENTRY), 0);
	cp_ticker_start();
	cp_job_start();
	cp_http_start();
}

bool cp_agent_hears_of_end(void)
{
	return st.on && !is_filtered();
}

void cp_agent_exit(void)
{
	uint32_t seen = 0;

	if (!cp_agent_hears_of_end() || !cp_job_at_home() || !cp_cas_rlx(&st.ended, &seen, 1))
		return;
	cp_govern_ended();
	cp_http_exit();
	cp_helper_end(); /* before: the job, and so the last snapshot, may be waiting for it */
	if (cp_config.atexit)
		cp_job_ask_last();
	else
		cp_files_abandon();
	cp_helper_bury();
}

/* A handler may fork within a fork, on a stack of its own too; or jump out of one, which is
 * over then: mostly the mask is as before it. */
static bool is_within_fork(const struct cp_thread *t, uintptr_t sp)
{
	return t->forks && (sp < t->fork_sp || (t->held && cp_sys_blocks_signal(t->held)));
}

void cp_agent_fork_begins(void)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	int sig = st.on ? cp_tick_signal() : 0;
	struct cp_thread *t = &cp_self;

	if (is_within_fork(t, sp)) {
		t->forks++;
		return;
	}
	t->fork_sp = sp;
	t->held = 0;
	cp_store_rlx(&t->forks, 1);
	cp_fence_signal();
	if (st.on && !is_filtered())
		cp_govern_forks();
	if (!sig || cp_sys_blocks_signal(sig))
		return;
	/* Noted first: the child of a handler that comes between the two is not to go without. */
	cp_store_rlx(&t->held, (uint8_t)sig);
	cp_fence_signal();
	cp_sys_block_signal(sig);
}

void cp_agent_fork_ends(void)
{
	struct cp_thread *t = &cp_self;

	if (t->forks > 1) {
		t->forks--;
		return;
	}
	if (t->held)
		cp_sys_unblock_signal(t->held);
	cp_store_rlx(&t->held, 0);
	cp_fence_signal(); /* who forks before this is within it */
	cp_store_rlx(&t->forks, 0);
}

void cp_agent_forked(void)
{
	if (!st.on)
		return;
	cp_store_rlx(&st.ended, 0);
	/* A handler's child may exec before the fork around its own ends here too. */
	if (cp_self.forks > 1 && cp_self.held)
		cp_sys_unblock_signal(cp_self.held);
	cp_sigstack_forked(&cp_self);
	cp_govern_forked();
	cp_heap_forked();
	cp_contend_forked();
	cp_settle_forked();
	cp_fds_forked(enter(getauxval(AT_ENTRY), 0));
	cp_job_forked();
	cp_http_forked();
	cp_trigger_forked();
}

/* On or not: a walk counts itself in either way, and so must we. */
void cp_agent_unload_begin(void)
{
	cp_unload_begin();
}

void cp_agent_unload_end(void)
{
	cp_rules_forget(); /* what went may soon be another's */
	cp_unload_end();
}

/* Behind a filter there is no job either: it would be killed, and the host with it. A vfork
 * child goes in alone, and has our memory from its parent; but one without clocks would die of
 * what we measure, so its parent goes without that too. */
void cp_agent_shut_in(bool timeless)
{
	cp_filter_shut_in();
	cp_fds_stop();
	if (timeless) {
		uint64_t floats = cp_cpu_floats_begin();

		cp_ticks_forbid();
		cp_cpu_floats_end(floats);
		cp_contend_stop();
		cp_heap_stop();
	}
	if (st.on && !is_filtered() && !cp_job_at_home())
		return;
	cp_store_rlx(&st.filtered, true);
	cp_ticks_shut_in();
	if (st.on)
		cp_trigger_shut_in();
	cp_peek_by_probes();
	cp_ticker_stop();
	cp_govern_stop();
}
