/* SPDX-License-Identifier: MIT */
/*
 * plugins.c - a C program that loads a C++ library, again and again
 *
 * Context  TEST: argv[1] is the library.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	void *block[8] = {0}, *lib = NULL;

	/* What a host asks to tell which allocator it has. */
	printf("mallocx %d\n", dlsym(RTLD_DEFAULT, "mallocx") != NULL);
	for (int i = 0; i < 8 && argc > 1; i++) {
		int (*run)(int);
		void *(*get)(size_t);
		void (*put)(void *);

		lib = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
		if (!lib) {
			puts(dlerror());
			return 1;
		}
		*(void **)&run = dlsym(lib, "plugin_run");
		*(void **)&get = dlsym(lib, "plugin_new");
		*(void **)&put = dlsym(lib, "plugin_delete");
		printf("run %d\n", run(500));
		block[i] = get(100);
		if (i % 2)
			put(block[i]);
		if (i % 4 == 0)
			free(block[i]); /* wrong, and works */
		printf("dlclose %d\n", dlclose(lib));
	}
	printf("dlopen %d\n", dlopen("/nonexistent.so", RTLD_NOW) != NULL);
	puts(dlerror());
	printf("no error left: %d\n", dlerror() == NULL);
	return 0;
}
