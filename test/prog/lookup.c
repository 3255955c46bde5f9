// SPDX-License-Identifier: MIT
//
// lookup.c - our own look-ups against the loader's, of every name that we stand in front of
//
// usage: lookup [LIBRARY], which is opened first, for itself
//
// Prints those that differ, and how many are there. What is preloaded comes behind this program,
// as it would behind the library.
//
#include "../../shim/lookup.c"
#include "../../shim/object.c"

#include <stdio.h>

#define REQUIRED
#define OPTIONAL
#define F(name, result, params, args, version, need)	   {#name, version},
#define O(slot, result, params, args, version, need, name) {#name, version},
static const struct cp_wanted wanted[] = {CP_TABLE(F) CP_OLD_TABLE(O)};

union cp_real cp_real;

int main(int argc, char **argv)
{
	void *next[CP_FN_COUNT];
	int there = 0;

	if (argc > 1 && !dlopen(argv[1], RTLD_NOW | RTLD_LOCAL))
		return 1;
	cp_shim_next_all(wanted, CP_FN_COUNT, next);
	for (int i = 0; i < CP_FN_COUNT; i++) {
		void *loaders = cp_shim_next_of(&wanted[i]);

		if (next[i] != loaders)
			printf("%s: %p, the loader says %p\n", wanted[i].name, next[i], loaders);
		there += loaders != NULL;
	}
	cp_shim_next("no_such_function");
	printf("%d are there%s\n", there, dlerror() ? ", and a message" : "");
	return 0;
}
