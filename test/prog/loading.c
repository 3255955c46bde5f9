/* SPDX-License-Identifier: MIT */
/*
 * loading.c - loads and unloads libraries without pause: loading TURNS DIR
 *
 * Context  TEST: DIR has the libraries of test/prog. In two threads, in namespaces of their
 *          own, deeply bound, while others ask the loader and allocate; prints what it
 *          counted, and the same must come out with the agent.
 */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int call_fn(int);

static const char *dir;
static int turns, over, bad;

static void complain(int where)
{
	__atomic_fetch_or(&bad, 1 << where, __ATOMIC_RELAXED);
}

static int is_over(void)
{
	return __atomic_load_n(&over, __ATOMIC_RELAXED);
}

static void *loads(void *arg)
{
	static const int how[] = {RTLD_NOW, RTLD_LAZY, RTLD_NOW | RTLD_DEEPBIND,
				  RTLD_LAZY | RTLD_GLOBAL};
	char path[4096];

	snprintf(path, sizeof(path), "%s/libctor.so", dir);
	for (int i = 0; i < turns; i++) {
		void *lib = dlopen(path, how[i % 4]);
		call_fn *call = NULL;

		if (lib)
			*(void **)&call = dlsym(lib, "ctor_call");
		if (!call || call(i % 100) != i % 100)
			complain(0);
		if (dlopen(path, RTLD_NOLOAD | RTLD_LAZY) != lib || dlclose(lib))
			complain(1);
		if (dlclose(lib))
			complain(2);
	}
	return arg;
}

static void *loads_apart(void *arg)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/libwalk_two.so", dir);
	for (int i = 0; i < turns / 10; i++) {
		void *lib = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);

		if (!lib || !dlsym(lib, "call_back"))
			complain(3);
		if (lib && dlclose(lib))
			complain(4);
	}
	return arg;
}

static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)info;
	(void)size;
	++*(int *)arg;
	free(malloc(10));
	return 0;
}

static void *asks(void *arg)
{
	while (!is_over()) {
		int n = 0;

		dl_iterate_phdr(visit, &n);
		if (n < 3 || dlsym(RTLD_DEFAULT, "no such name") || !dlerror())
			complain(5);
	}
	return arg;
}

static void *allocates(void *arg)
{
	while (!is_over())
		free(realloc(malloc(100), 3000));
	return arg;
}

int main(int argc, char **argv)
{
	static void *(*const all[])(void *) = {loads, loads, loads_apart, asks, allocates};
	pthread_t t[5];

	if (argc < 3)
		return 2;
	turns = atoi(argv[1]);
	dir = argv[2];
	for (int i = 0; i < 5; i++)
		if (pthread_create(&t[i], NULL, all[i], NULL))
			return 9;
	for (int i = 0; i < 5; i++) {
		if (i == 3)
			__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
		pthread_join(t[i], NULL);
	}
	printf("complaints %x\n", bad);
	return 0;
}
