/* SPDX-License-Identifier: MIT */
/*
 * dlerrors.c - what dlerror says first thing in main: nothing went wrong yet
 *
 * Context  TEST: a program the agent is loaded into.
 */
#include <dlfcn.h>
#include <stdio.h>

int main(void)
{
	const char *said = dlerror();

	puts(said ? said : "nothing");
	dlsym(RTLD_DEFAULT, "no_such_name");
	said = dlerror();
	puts(said ? said : "nothing");
	return 0;
}
