/* SPDX-License-Identifier: MIT */
/*
 * stacks.c - every thread's stack and what it waits for, for people: what ?debug=2 answers
 *
 * Context  CONTROL, one thread inside cp_exclusive
 * Calls    dump.c, the stack table, made.h, maps.c, modfile.c, symbols.c, out.c.
 * Holds    The form is that of Go's dumps, so that what reads those reads these: a line
 *          about the thread, two for each frame, who created it, an empty line. What is
 *          ours begins with "# ". Deadlocks are told before all that, and their threads
 *          come first.
 * Fails    -ENOMEM: nothing usable was written. Threads for which there is no more room
 *          are counted at the end.
 */
#include "stacks.h"

#include "../rt/sys.h"
#include "../rt/ticks.h"
#include "../sample/made.h"
#include "../sample/module.h"
#include "../sample/rules.h"
#include "../sample/stack.h"
#include "deadlock.h"
#include "frames.h"
#include "maps.h"
#include "modfile.h"
#include "symbols.h"
#include "waittext.h"

#include <errno.h>
#include <string.h>

#define MS     1000000L
#define MINUTE (60000 * MS)
/* Of one thread, at most; kept free for the lines at the end. */
#define ROOM (128UL * 1024)

struct stacks {
	struct cp_out *out;
	struct cp_arena *job;
	const struct cp_dump *dump;
	struct cp_frames frames;
	const struct cp_symbol **symbol;
	char program[1024]; /* its file: the loader has no name for it */
};

/* --- names ----------------------------------------------------------------- */

static cp_frame frame_of_object(uintptr_t addr)
{
	return cp_frame_make(cp_rules_module(addr), addr);
}

static bool is_named(uintptr_t addr)
{
	return addr && cp_rules_module(addr) != CP_MODULE_NONE;
}

static bool want(struct stacks *s, cp_frame frame)
{
	return cp_frames_number(&s->frames, frame) != 0;
}

static bool want_object(struct stacks *s, uintptr_t addr)
{
	return !is_named(addr) || want(s, frame_of_object(addr));
}

static const struct cp_stack *stack_of(cp_sid sid)
{
	return sid == CP_SID_NONE || sid == CP_SID_FULL ? NULL : cp_stack_get(sid);
}

static bool want_stack(struct stacks *s, cp_sid sid, unsigned most)
{
	const struct cp_stack *stack = stack_of(sid);

	for (unsigned i = 0; stack && i < CP_MIN(stack->n, most); i++)
		if (!want(s, stack->frame[i]))
			return false;
	return true;
}

static cp_sid creator_of(const struct cp_dump_thread *t)
{
	return t->creation ? cp_made_stack(t->creation) : CP_SID_NONE;
}

static int name_all(struct stacks *s)
{
	s->frames.job = s->job;
	for (uint32_t i = 0; i < s->dump->n; i++) {
		const struct cp_dump_thread *t = &s->dump->thread[i];

		if (!want_stack(s, t->sid, UINT32_MAX) || !want_stack(s, creator_of(t), 1) ||
		    (cp_waittext_has_object(&t->wait) &&
		     (!want_object(s, t->wait.object) || !want_object(s, t->wait.with))))
			return -ENOMEM;
	}
	s->symbol = cp_arena_alloc(s->job, s->frames.n * sizeof(*s->symbol));
	if (!s->symbol)
		return -ENOMEM;
	return cp_symbols_resolve(s->job, s->frames.frame, s->frames.n, s->symbol);
}

/* NULL for one that name_all() didn't see: objects come and go with their modules. */
static const struct cp_symbol *symbol_of(const struct stacks *s, cp_frame frame)
{
	uint64_t number = cp_frames_find(&s->frames, frame);

	return number ? s->symbol[number - 1] : NULL;
}

/* --- a thread ---------------------------------------------------------------- */

static const char *name_of(const struct stacks *s, uintptr_t addr)
{
	const struct cp_symbol *symbol =
		is_named(addr) ? symbol_of(s, frame_of_object(addr)) : NULL;

	return symbol ? symbol->line[0].name : NULL;
}

/* In ns; a wait may have begun since the dump did. */
static int64_t waited(const struct stacks *s, const struct cp_dump_thread *t)
{
	int64_t ticks = (int64_t)(s->dump->now - t->wait.start);

	return t->wait.start && ticks > 0 ? (int64_t)cp_ticks_ns((uint64_t)ticks) : 0;
}

static void write_head(struct stacks *s, const struct cp_dump_thread *t)
{
	char state[CP_STATE_TEXT], line[128];
	struct cp_buf b = CP_BUF(line);
	int64_t minutes = waited(s, t) / MINUTE;

	cp_buf_fmt(&b, "goroutine %u [%s", t->tid, cp_state_text(t->state, state));
	if (minutes > 0)
		cp_buf_fmt(&b, ", %ld minutes", minutes);
	cp_buf_str(&b, ", thread ");
	cp_waittext_name(&b, t->name);
	cp_buf_str(&b, "]:\n");
	cp_out_write(s->out, b.p, b.len);
}

static void write_wait(struct stacks *s, const struct cp_dump_thread *t, const char *before)
{
	char line[1024];
	struct cp_buf b = CP_BUF(line);
	bool named = cp_waittext_has_object(&t->wait); /* as name_all() asked */

	cp_waittext(&b, s->dump, t, named ? name_of(s, t->wait.object) : NULL,
		    named ? name_of(s, t->wait.with) : NULL);
	if (!b.len)
		return;
	cp_out_str(s->out, before);
	cp_out_write(s->out, b.p, b.len);
	if (t->wait.start && s->dump->now)
		cp_out_fmt(s->out, ", for %ld ms", waited(s, t) / MS);
	cp_out_str(s->out, "\n");
}

/* Where the code is: a line of source, or a place in a file that has been loaded. */
static void write_place(struct stacks *s, cp_frame frame, const struct cp_symbol_line *l)
{
	const struct cp_module *m = cp_module_get(cp_frame_module(frame));
	uintptr_t addr = cp_frame_addr(frame);

	cp_out_str(s->out, "\t");
	if (l->file) {
		cp_out_str(s->out, l->file);
		cp_out_fmt(s->out, ":%u", l->line);
	} else if (m) {
		cp_out_str(s->out, m->path[0] ? m->path : s->program);
	} else {
		cp_out_str(s->out, "?");
	}
	cp_out_fmt(s->out, " +0x%lx\n", (uint64_t)(m ? addr - m->base : addr));
}

static void write_frame(struct stacks *s, cp_frame frame)
{
	const struct cp_symbol *symbol = symbol_of(s, frame);

	for (unsigned i = 0; symbol && i < symbol->nlines; i++) {
		cp_out_str(s->out, symbol->line[i].name);
		cp_out_str(s->out, "(...)\n");
		write_place(s, frame, &symbol->line[i]);
	}
}

static void write_stack(struct stacks *s, cp_sid sid)
{
	const struct cp_stack *stack = stack_of(sid);

	for (unsigned i = 0; stack && i < stack->n; i++)
		write_frame(s, stack->frame[i]);
	if (stack && stack->cut)
		cp_out_str(s->out, "...additional frames elided...\n");
}

static void write_creator(struct stacks *s, const struct cp_dump_thread *t)
{
	const struct cp_stack *stack = stack_of(creator_of(t));
	const struct cp_symbol *symbol;

	if (!stack || !stack->n)
		return;
	symbol = symbol_of(s, stack->frame[0]);
	if (!symbol)
		return;
	cp_out_str(s->out, "created by ");
	cp_out_str(s->out, symbol->line[0].name);
	cp_out_str(s->out, "\n");
	write_place(s, stack->frame[0], &symbol->line[0]);
}

static void write_block(struct stacks *s, const struct cp_dump_thread *t)
{
	write_head(s, t);
	write_wait(s, t, "# ");
	write_stack(s, t->sid);
	write_creator(s, t);
	cp_out_str(s->out, "\n");
}

/* --- all of them ---------------------------------------------------------------- */

static void write_deadlock(struct stacks *s, uint32_t number)
{
	const struct cp_dump_thread *first = cp_deadlock_first(s->dump, number), *t = first;
	char line[64];

	cp_out_str(s->out, first->holder == first->tid ? "deadlock: a thread waits for itself\n"
						       : "deadlock: threads wait for each other\n");
	do {
		struct cp_buf b = CP_BUF(line);

		cp_buf_str(&b, "# ");
		cp_waittext_thread(&b, s->dump, t->tid);
		cp_buf_char(&b, ' ');
		write_wait(s, t, b.p);
		t = cp_dump_find(s->dump, t->holder);
	} while (t != first);
	cp_out_str(s->out, "\n");
}

/* Those in a deadlock first, in the order in which they wait for each other. */
static uint32_t order(const struct cp_dump *d, const struct cp_dump_thread **list)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i <= d->ndeadlocks; i++) {
		const struct cp_dump_thread *first = cp_deadlock_first(d, i), *t = first;

		do {
			list[n++] = t;
			t = cp_dump_find(d, t->holder);
		} while (t != first);
	}
	for (uint32_t i = 0; i < d->n; i++)
		if (!d->thread[i].deadlock)
			list[n++] = &d->thread[i];
	return n;
}

static int write_dump(struct stacks *s)
{
	const struct cp_dump_thread **list = cp_arena_alloc(s->job, s->dump->n * sizeof(*list));
	uint32_t i, n;
	int err = list ? name_all(s) : -ENOMEM;

	if (err)
		return err;
	n = order(s->dump, list);
	cp_out_share(s->out, ROOM);
	for (i = 1; i <= s->dump->ndeadlocks && cp_out_has_room(s->out, ROOM); i++)
		write_deadlock(s, i);
	for (i = 0; i < n && cp_out_has_room(s->out, ROOM); i++)
		write_block(s, list[i]);
	n += s->dump->more;
	if (i < n)
		cp_out_fmt(s->out, "...%u more threads elided: no room for them...\n", n - i);
	return 0;
}

/* Where /proc is not mounted, as it was started. */
static void find_program(struct stacks *s)
{
	struct cp_buf b = CP_BUF(s->program);

	cp_modfile_exe(s->program, sizeof(s->program));
	if (!s->program[0])
		cp_buf_str(&b, cp_maps_program());
}

int cp_stacks_write(struct cp_out *o, struct cp_arena *job)
{
	struct cp_dump dump;
	struct stacks s = {.out = o, .job = job, .dump = &dump};
	int err = cp_dump_take(job, &dump);

	find_program(&s);
	return err ? err : write_dump(&s);
}
