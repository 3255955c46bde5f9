/* SPDX-License-Identifier: MIT */
/*
 * both.c - runs the agent's walker and libunwind over the same context
 *
 * Context  TEST: as both.h says.
 * Fails    Without libunwind or a working walker both_init answers false.
 */
#define UNW_LOCAL_ONLY
#include "both.h"

#include "agent/rt/thread.h"
#include "agent/sample/loss.h"
#include "agent/sample/module.h"
#include "agent/sample/walk.h"

#include <dlfcn.h>
#include <libunwind.h>

#define NAME_OF(call)  NAME_OF_(call)
#define NAME_OF_(name) #name
#define WALK_BYTES     (4UL << 20)

static struct {
	int (*init)(unw_cursor_t *, unw_context_t *, int);
	int (*step)(unw_cursor_t *);
	int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
	int (*is_signal)(unw_cursor_t *);
	struct cp_thread *thread;
} st;

static bool oracle_init(void)
{
	void *lib = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);

	if (lib == NULL)
		return false;
	*(void **)&st.init = dlsym(lib, NAME_OF(unw_init_local2));
	*(void **)&st.step = dlsym(lib, NAME_OF(unw_step));
	*(void **)&st.get_reg = dlsym(lib, NAME_OF(unw_get_reg));
	*(void **)&st.is_signal = dlsym(lib, NAME_OF(unw_is_signal_frame));
	return st.init && st.step && st.get_reg && st.is_signal;
}

bool both_init(void)
{
	if (!oracle_init())
		return false;
	if (cp_thread_init() || cp_loss_init() || cp_module_init() || cp_walk_init(WALK_BYTES))
		return false;
	st.thread = cp_thread_ready();
	return true;
}

void both_ours(const ucontext_t *uc, struct both_stack *out)
{
	cp_frame frame[BOTH_MAX];

	out->cut = false;
	out->n = cp_walk_signal(&cp_self, uc, frame, BOTH_MAX, &out->cut);
	for (unsigned i = 0; i < out->n; i++)
		out->pc[i] = cp_frame_addr(frame[i]);
}

/* The oracle answers return addresses; ours lie inside the call. What a signal
 * interrupted is exact for both, and so is frame 0. */
void both_theirs(const ucontext_t *uc, struct both_stack *out, unsigned max)
{
	unw_cursor_t cursor;
	unw_word_t pc;
	bool exact = true;

	out->n = 0;
	out->cut = false;
	if (st.init(&cursor, (unw_context_t *)uc, UNW_INIT_SIGNAL_FRAME) < 0)
		return;
	for (;;) {
		if (out->n >= max) {
			out->cut = true;
			return;
		}
		if (st.get_reg(&cursor, UNW_REG_IP, &pc) < 0 || pc == 0)
			return;
		out->pc[out->n++] = (pc - !exact) & CP_FRAME_ADDR_MASK;
		if (st.step(&cursor) <= 0)
			return;
		/* True of the frame a signal interrupted, not of the trampoline. */
		exact = st.is_signal(&cursor) > 0;
	}
}
