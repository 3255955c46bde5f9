/* SPDX-License-Identifier: MIT */
/*
 * debuginfod.c - files by their build-id, from the servers of DEBUGINFOD_URLS
 *
 * Context  the cprof program.
 * Calls    libdebuginfod, when it is installed.
 * Holds    The library keeps its own cache of files, and checks nothing of them:
 *          whoever uses one compares its build-id.
 * Why      Loaded at run time: who has gdb or elfutils has it, and cprof needs
 *          neither. It speaks https and knows about proxies; we need not.
 */
#include "debuginfod.h"

#include "buildid.h"
#include "command.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

typedef void *begin_fn(void);
typedef void end_fn(void *client);
typedef int find_fn(void *client, const unsigned char *id, int id_len, char **path);

static struct {
	bool tried;
	begin_fn *begin;
	end_fn *end;
	find_fn *find[2];
} st;

static void load(void)
{
	void *library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);

	st.tried = true;
	if (!library) {
		cp_complain("DEBUGINFOD_URLS is set, but libdebuginfod.so.1 is not installed");
		return;
	}
	*(void **)&st.end = dlsym(library, "debuginfod_end");
	*(void **)&st.find[CP_DEBUGINFOD_DEBUG] = dlsym(library, "debuginfod_find_debuginfo");
	*(void **)&st.find[CP_DEBUGINFOD_EXECUTABLE] = dlsym(library, "debuginfod_find_executable");
	if (st.end && st.find[0] && st.find[1])
		*(void **)&st.begin = dlsym(library, "debuginfod_begin");
}

char *cp_debuginfod_find(enum cp_debuginfod_kind kind, const char *build_id)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	char *path = NULL;
	void *client;
	int fd;

	if (!urls || !*urls || !cp_buildid_is_sound(build_id))
		return NULL;
	if (!st.tried)
		load();
	client = st.begin ? st.begin() : NULL;
	if (!client)
		return NULL;
	/* A length of 0 says that the id is text, in hex. */
	fd = st.find[kind](client, (const unsigned char *)build_id, 0, &path);
	st.end(client);
	if (fd < 0)
		return NULL;
	close(fd);
	return path;
}
