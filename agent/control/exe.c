/* SPDX-License-Identifier: MIT */
/*
 * exe.c - the names of the program we are in
 *
 * Context  EARLY: cp_exe_init, cp_exe_file      ANY: cp_exe_name after the first
 * Calls    readlink(2), getauxval.
 * Shared   st: written EARLY, read only after.
 * Fails    Each name stands in for the other; without both, "unknown".
 * Why      Debian's redis-server is a link to redis-check-rdb: people look for
 *          the name they started, the kernel knows the file. That is asked only where it
 *          matters (peek.h says why).
 */
#include "exe.h"

#include "../rt/sys.h"

#include <string.h>
#include <sys/auxv.h>

#define NAME_MAX_BYTES 96

static struct {
	char started[NAME_MAX_BYTES + 1]; /* as it was named when it was started */
	char file[NAME_MAX_BYTES + 1];	  /* the executable's own */
} st;

static void take_name(char *name, const char *path)
{
	static const char gone[] = " (deleted)";
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t len = strlen(base);

	if (len > sizeof(gone) - 1 && !strcmp(base + len - (sizeof(gone) - 1), gone))
		len -= sizeof(gone) - 1;
	len = CP_MIN(len, (size_t)NAME_MAX_BYTES);
	for (size_t i = 0; i < len; i++)
		name[i] = (unsigned char)base[i] <= ' ' || base[i] == 127 ? '_' : base[i];
	if (*name == '.') /* a temporary's, name.h; and nobody looks for hidden profiles */
		*name = '_';
	name[len] = 0;
}

static void read_file(void)
{
	char path[4096];
	long n = CP_SYS(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, sizeof(path) - 1);

	if (n > 0) {
		path[n] = 0;
		take_name(st.file, path);
	}
}

void cp_exe_init(void)
{
	const char *started = (const char *)getauxval(AT_EXECFN);

	/* A program started from a descriptor is called by its number. */
	if (started && strncmp(started, "/dev/fd/", 8))
		take_name(st.started, started);
	if (!*st.started)
		read_file();
}

const char *cp_exe_name(void)
{
	if (*st.started)
		return st.started;
	return *st.file ? st.file : "unknown";
}

const char *cp_exe_file(void)
{
	if (!*st.file)
		read_file();
	return *st.file ? st.file : cp_exe_name();
}
