/* SPDX-License-Identifier: MIT */
/*
 * limits.c - a program that goes to the edges of its address space, its CPUs and its memory
 *
 * Context  TEST: each word is a thing to do; prints what it got, and the same must come out
 *          with the agent.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void allocate(void)
{
	void *keep[1000];

	for (int i = 0; i < 1000; i++)
		keep[i] = realloc(malloc((size_t)i), (size_t)i * 2 + 1);
	for (int i = 0; i < 1000; i++)
		free(keep[i]);
}

/* --- memory ----------------------------------------------------------------- */

static void locked(void)
{
	struct rlimit lim = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &lim);
	printf("mlockall %d\n", mlockall(MCL_CURRENT | MCL_FUTURE));
	allocate();
	printf("munlockall %d\n", munlockall());
}

/* Half of what there is, and the last pages below the top. */
static void high(void)
{
	char *top = (char *)0x7fff00000000 - (1L << 30), *p;
	void *half = mmap(NULL, 1UL << 46, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			  -1, 0);

	p = mmap(top, 1 << 20, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	printf("half %s, top %s\n", half != MAP_FAILED ? "mapped" : "refused",
	       p != MAP_FAILED ? "mapped" : "taken");
	allocate();
	if (half != MAP_FAILED)
		munmap(half, 1UL << 46);
}

/* --- code that is no file's --------------------------------------------------- */

__attribute__((noinline, aligned(4096), section(".moved"))) static void *moved(size_t n)
{
	void *p = malloc(n);

	__asm__ volatile("" ::: "memory");
	return p;
}

/* A copy of the code is put in its place, in huge pages or not. */
static void move_text(void)
{
	char *page = (char *)((uintptr_t)moved & ~4095UL);
	char *copy = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(copy, page, 4096);
	if (mprotect(copy, 4096, PROT_READ | PROT_EXEC) ||
	    mremap(copy, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, page) != page)
		puts("not moved");
	for (int i = 0; i < 100; i++)
		free(moved(100));
	puts("moved");
}

/* A library in memory alone. */
static void in_memory(void)
{
	char path[64], block[4096];
	int fd = memfd_create("library", 0), from;
	int (*call)(int) = NULL;
	void *lib;
	ssize_t n;

	from = open(getenv("LIMITS_LIB"), O_RDONLY);
	while ((n = read(from, block, sizeof(block))) > 0)
		if (write(fd, block, (size_t)n) != n)
			puts("short");
	close(from);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	lib = dlopen(path, RTLD_NOW);
	close(fd);
	if (lib)
		*(void **)&call = dlsym(lib, "ctor_call");
	for (int i = 0; call && i < 100; i++)
		call(i);
	printf("library %s\n", call ? "called" : "not called");
}

static void *deep(void *arg)
{
	char frame[1000];

	memset(frame, 1, sizeof(frame));
	allocate();
	return frame[10] ? arg : NULL;
}

static void huge_stack(void)
{
	size_t n = 8 << 20;
	char *stack = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	pthread_t t;

	madvise(stack, n, MADV_HUGEPAGE);
	pthread_attr_init(&attr);
	printf("stack %d", pthread_attr_setstack(&attr, stack, n));
	printf(" %d", pthread_create(&t, &attr, deep, NULL));
	printf(" %d\n", pthread_join(t, NULL));
}

/* --- processors ----------------------------------------------------------------- */

static void *busy(void *arg)
{
	for (int i = 0; i < 20; i++)
		allocate();
	return arg;
}

static void cpus(void)
{
	cpu_set_t had, one;
	pthread_t t[4];

	sched_getaffinity(0, sizeof(had), &had);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, busy, NULL);
	for (int turn = 0; turn < 50; turn++) {
		CPU_ZERO(&one);
		CPU_SET(turn % CPU_COUNT(&had), &one);
		sched_setaffinity(0, sizeof(one), &one);
		allocate();
	}
	sched_setaffinity(0, sizeof(had), &had);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	puts("on all of them");
}

/* A realtime thread that spins while we are asked, if it may. */
static void realtime(void)
{
	struct sched_param p = {.sched_priority = 1};
	int err = sched_setscheduler(0, SCHED_FIFO, &p);

	allocate();
	p.sched_priority = 0;
	if (!err)
		sched_setscheduler(0, SCHED_OTHER, &p);
	puts("realtime or not");
}

/* --- the stack, where nobody may read it -------------------------------------------- */

__attribute__((noinline)) static void allocate_below(char *page)
{
	if (mprotect(page, 4096, PROT_NONE))
		exit(1);
	allocate();
	if (mprotect(page, 4096, PROT_READ | PROT_WRITE))
		exit(1);
	puts("allocated below it");
}

/* Frames of a kilobyte: some of those in the middle return by the page. */
__attribute__((noinline)) static void go_below(int frames, char *page)
{
	char room[1000];

	__asm__ volatile("" : : "r"(room) : "memory");
	if (frames == 8)
		page = (char *)((uintptr_t)room & ~4095UL);
	if (frames)
		go_below(frames - 1, page);
	else
		allocate_below(page);
	__asm__ volatile("" : : "r"(room) : "memory");
}

static void guarded(void)
{
	go_below(14, NULL);
}

/* --- the rest ---------------------------------------------------------------------- */

/* The agent's variables are read once. */
static void rates(void)
{
	setenv("CPROF_HEAP_RATE", "100000000", 1);
	setenv("CPROF_ONLY", "nothing", 1);
	for (int i = 0; i < 1000; i++) {
		void *volatile p = malloc(1234);

		free(p);
	}
	puts("allocated a thousand");
}

static const struct {
	const char *name;
	void (*run)(void);
} things[] = {{"locked", locked},     {"high", high},	     {"moved", move_text},
	      {"memory", in_memory},  {"stack", huge_stack}, {"cpus", cpus},
	      {"realtime", realtime}, {"rates", rates},	     {"guarded", guarded}};

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		for (size_t k = 0; k < sizeof(things) / sizeof(*things); k++)
			if (!strcmp(argv[i], things[k].name))
				things[k].run();
	return 0;
}
