/* SPDX-License-Identifier: MIT */
/*
 * test_walk_modules.c - what is loaded gets a number, and keeps it
 *
 * Context  TEST: wants the libraries of test/prog (PROG).
 * Modes    fm-052 fm-071
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/probe.h"
#include "agent/rt/atomic.h"
#include "agent/rt/thread.h"
#include "agent/sample/loss.h"
#include "agent/sample/module.h"
#include "agent/sample/peek.h"
#include "agent/sample/rules.h"
#include "agent/sample/unload.h"
#include "agent/sample/walk.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static cp_frame frame[CP_WALK_MAX];
static unsigned count;
static bool cut;

static CP_NOINLINE void take(void)
{
	struct cp_regs here = CP_CALLER_REGS();

	count = cp_walk_caller(cp_thread_ready(), &here, frame, CP_WALK_MAX, &cut);
}

static CP_NOINLINE void called_back(void)
{
	take();
	__asm__ volatile("" ::: "memory");
}

static void *load(const char *name)
{
	const char *dir = getenv("PROG");
	char path[4096];
	void *lib;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "build/prog", name);
	lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		print_message("%s\n", dlerror());
	assert_non_null(lib);
	return lib;
}

static void unload(void *lib)
{
	cp_agent_unload_begin();
	dlclose(lib);
	cp_agent_unload_end();
}

/* Walks through the library; its number, and where it was. */
static unsigned number_of(void *lib, uintptr_t *start)
{
	void (*call_back)(void (*)(void)) = (void (*)(void (*)(void)))dlsym(lib, "call_back");
	const struct cp_module *m;

	assert_non_null(call_back);
	call_back(called_back);
	assert_in_range(count, 3, CP_WALK_MAX);
	m = cp_module_get(cp_frame_module(frame[1]));
	assert_non_null(m);
	assert_in_range((uintptr_t)call_back, m->start, m->end - 1);
	assert_int_equal(m->base, ((struct link_map *)lib)->l_addr);
	assert_string_equal(m->path, ((struct link_map *)lib)->l_name);
	assert_int_equal(m->build_id_len, 20);
	*start = m->start;
	return cp_frame_module(frame[1]);
}

static void test_reloaded(void **state)
{
	uintptr_t first_at, at;
	void *lib = load("libwalk_one.so");
	unsigned first = number_of(lib, &first_at), n;

	(void)state;
	assert_int_equal(number_of(lib, &at), first);
	for (int i = 0; i < 20; i++) {
		unload(lib);
		lib = load("libwalk_one.so");
		n = number_of(lib, &at);
		assert_int_equal(n == first, at == first_at);
	}
	unload(lib);
	assert_string_equal(strrchr(cp_module_get(first)->path, '/') + 1, "libwalk_one.so");
}

static void test_replaced(void **state)
{
	uintptr_t one_at, two_at;
	unsigned one, two, same_place = 0;
	void *lib;

	(void)state;
	for (int i = 0; i < 20; i++) {
		lib = load("libwalk_one.so");
		one = number_of(lib, &one_at);
		/* As libc itself does it, nobody tells us: the first new address does. */
		i % 2 ? unload(lib) : (void)dlclose(lib);
		lib = load("libwalk_two.so");
		two = number_of(lib, &two_at);
		assert_int_not_equal(one, two);
		same_place += one_at == two_at;
		unload(lib);
	}
	assert_true(same_place > 0);
}

static void test_own_and_libc(void **state)
{
	const struct cp_module *m = cp_module_get(cp_rules_module((uintptr_t)test_own_and_libc));

	(void)state;
	assert_non_null(m);
	assert_string_equal(m->path, "");
	m = cp_module_get(cp_rules_module((uintptr_t)dlsym(RTLD_DEFAULT, "l64a")));
	assert_non_null(strstr(m->path, "libc.so.6"));
	assert_true(m->eh_frame_hdr > m->cfi_lo - 1 && m->eh_frame_hdr < m->cfi_hi);
	assert_int_equal(cp_rules_module(0x1000), CP_MODULE_NONE);
	assert_int_equal(cp_rules_module((uintptr_t)&state), CP_MODULE_NONE);
	assert_null(cp_module_get(cp_module_count() + 1));
}

/* A walk during a dlclose reads copies, and finds the same. */
static void test_careful(void **state)
{
	cp_frame before[CP_WALK_MAX];
	unsigned n;

	(void)state;
	called_back();
	n = count;
	memcpy(before, frame, sizeof(before));
	cp_agent_unload_begin();
	cp_rules_forget();
	called_back();
	cp_agent_unload_end();
	assert_int_equal(count, n);
	assert_true(n > 4);
	/* Frame 1 is this function, at another call. */
	assert_int_equal(cp_frame_module(before[1]), cp_frame_module(frame[1]));
	before[1] = frame[1];
	assert_memory_equal(before, frame, n * sizeof(frame[0]));
}

/* A walk that never comes back from the tables is waited for once. */
static void test_gone(void **state)
{
	(void)state;
	assert_false(cp_unload_enter());
	cp_agent_unload_begin();
	assert_int_equal(cp_unload_state->gone, cp_unload_state->cold);
	assert_true(cp_unload_enter());
	cp_unload_leave();
	cp_agent_unload_end();
	cp_unload_leave(); /* it does come back */
	cp_agent_unload_begin();
	assert_int_equal(cp_unload_state->gone, 0);
	cp_agent_unload_end();
}

#define STORMS 300

static bool storming = true;

static void *walk_all_the_time(void *arg)
{
	uint64_t walks = 0;

	(void)arg;
	while (cp_load_rlx(&storming)) {
		struct cp_thread *t = cp_thread_ready();
		struct cp_regs here = {(uintptr_t)__builtin_return_address(0),
				       (uintptr_t)__builtin_frame_address(0) + 16,
				       *(uintptr_t *)__builtin_frame_address(0)};
		cp_frame f[CP_WALK_MAX];
		bool c;

		if (cp_walk_caller(t, &here, f, CP_WALK_MAX, &c) == 0)
			return NULL;
		walks++;
	}
	return (void *)(uintptr_t)walks;
}

/* Two libraries come and go while others walk; numbers stay few. */
static void test_storm(void **state)
{
	unsigned before = cp_module_count();
	pthread_t thread[2];
	void *walks;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, walk_all_the_time, NULL), 0);
	for (int i = 0; i < STORMS; i++) {
		uintptr_t at;
		void *lib = load(i % 2 ? "libwalk_one.so" : "libwalk_two.so");

		number_of(lib, &at);
		unload(lib);
	}
	cp_store_rlx(&storming, false);
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], &walks);
		assert_non_null(walks);
	}
	assert_in_range(cp_module_count(), before, before + 2 * STORMS);
}

/* A walk of another thread, inside the tables at the fork, is not there to leave them:
 * nobody in the child waits for it. */
static void test_forked(void **state)
{
	int status = -1;
	pid_t pid;

	(void)state;
	cp_unload_enter();
	cp_unload_begin();
	pid = fork();
	if (!pid)
		_exit(cp_unload_state->cold || cp_unload_state->unloading);
	cp_unload_end();
	cp_unload_leave();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_and_libc), cmocka_unit_test(test_reloaded),
		cmocka_unit_test(test_replaced),     cmocka_unit_test(test_careful),
		cmocka_unit_test(test_gone),	     cmocka_unit_test(test_storm),
		cmocka_unit_test(test_forked),
	};

	cp_thread_init();
	cp_loss_init();
	cp_walk_init(8 << 20);
	cp_peek_choose();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
