/* SPDX-License-Identifier: MIT */
/*
 * code.c - scenes with code that comes and goes, has no tables, or lies about its frame
 *
 * Context  TEST: victim threads.
 */
#include "storm.h"

#include "agent/rt/atomic.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define JIT_BYTES 4096

typedef long callback_fn(long);
typedef long library_fn(long n, callback_fn *call);

/* hostile_x86_64.S: spins `turns` times with these in rsp and rbp. */
void hostile_spin(uintptr_t sp, uintptr_t bp, long turns);
/* The same within code that has no call-frame table. */
void hostile_bare_spin(uintptr_t sp, uintptr_t bp, long turns);

static long small_callback(long n)
{
	return n + (storm_random() & 7);
}

/* Two libraries of other shape, so that one often lies where the other was. */
static void comes_and_goes(void)
{
	char path[512];
	void *lib;
	library_fn *f;

	snprintf(path, sizeof(path), "%s/libstorm%u.so", getenv("STORM_LIBS"), storm_random() % 2);
	lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL)
		abort();
	*(void **)&f = dlsym(lib, "library_entry");
	for (int i = 0; i < 20; i++)
		f(i, small_callback);
	storm_unload();
	dlclose(lib);
	storm_unload();
}

/* push rbp; mov rbp,rsp; mov rax,rsi; call rax; pop rbp; ret */
static const unsigned char with_frame[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x89,
					   0xf0, 0xff, 0xd0, 0x5d, 0xc3};
/* sub rsp,24; mov rax,rsi; call rax; add rsp,24; ret */
static const unsigned char without_frame[] = {0x48, 0x83, 0xec, 0x18, 0x48, 0x89, 0xf0,
					      0xff, 0xd0, 0x48, 0x83, 0xc4, 0x18, 0xc3};
/* 1: dec rdi; jnz 1b; ret */
static const unsigned char leaf_loop[] = {0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3};

static void generated(void)
{
	unsigned char *page = mmap(NULL, JIT_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	library_fn *f[3];

	if (page == MAP_FAILED)
		return;
	memcpy(page, with_frame, sizeof(with_frame));
	memcpy(page + 64, without_frame, sizeof(without_frame));
	memcpy(page + 128, leaf_loop, sizeof(leaf_loop));
	for (int i = 0; i < 3; i++) {
		void *at = page + (size_t)i * 64;

		memcpy(&f[i], &at, sizeof(at));
	}
	for (int i = 0; i < 30; i++) {
		f[0](i, storm_work);
		f[1](i, storm_work);
		f[2](2000, NULL);
	}
	munmap(page, JIT_BYTES);
}

static uintptr_t any_address(void *shaky)
{
	const uintptr_t bad[] = {0,
				 8,
				 0xdeadbeef,
				 0x7fffffffe000,
				 0x7ffffffff000,
				 0x800000000000,
				 (uintptr_t)-8,
				 (uintptr_t)-1,
				 0x8080808080808080,
				 (uintptr_t)shaky + 8 * (storm_random() % 4096),
				 (uintptr_t)&bad + 8 * (storm_random() % 64),
				 (uintptr_t)&bad + storm_random() % 4096,
				 (uintptr_t)any_address,
				 storm_random()};

	return bad[storm_random() % (sizeof(bad) / sizeof(bad[0]))];
}

/* Each turn maps and unmaps memory that some thread's rbp or rsp may point to. */
static void lies(void)
{
	static void *shaky;
	void *mine = mmap(NULL, 32768, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mine == MAP_FAILED)
		return;
	for (int i = 0; i < 4096; i += 2) {
		((uintptr_t *)mine)[i] = (uintptr_t) & ((uintptr_t *)mine)[i + 2];
		((uintptr_t *)mine)[i + 1] = (uintptr_t)lies + 4;
	}
	cp_store_rlx(&shaky, mine);
	for (int i = 0; i < 4; i++) {
		void *theirs = cp_load_rlx(&shaky);

		hostile_spin(any_address(theirs), any_address(theirs), 20000);
		hostile_bare_spin(any_address(theirs), any_address(theirs), 20000);
	}
	munmap(mine, 32768);
}

const struct storm_scene storm_code[] = {
	{"dlopen", comes_and_goes, 3, 0.95, false, false, false},
	{"generated", generated, 2, 0.30, true, false, false},
	{"lies", lies, 3, 0, true, true, false},
	{NULL, NULL, 0, 0, false, false, false},
};
