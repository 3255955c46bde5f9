/* SPDX-License-Identifier: MIT */
/*
 * exe.c - the name of the program we are in
 *
 * Context  EARLY: cp_exe_init
 * Calls    readlink(2), getauxval.
 * Shared   st: written by cp_exe_init, read only after.
 * Fails    Without /proc the kernel's note of how it was started serves; then "unknown".
 */
#include "exe.h"

#include "../rt/sys.h"

#include <string.h>
#include <sys/auxv.h>

static struct {
	char name[97];
} st = {"unknown"};

static void take_name(const char *path)
{
	static const char gone[] = " (deleted)";
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t len = strlen(base);

	if (len > sizeof(gone) - 1 && !strcmp(base + len - (sizeof(gone) - 1), gone))
		len -= sizeof(gone) - 1;
	len = CP_MIN(len, sizeof(st.name) - 1);
	if (!len)
		return;
	for (size_t i = 0; i < len; i++)
		st.name[i] = (unsigned char)base[i] <= ' ' || base[i] == 127 ? '_' : base[i];
	st.name[len] = 0;
}

void cp_exe_init(void)
{
	char path[4096];
	long n = CP_SYS(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, sizeof(path) - 1);
	const char *started = (const char *)getauxval(AT_EXECFN);

	if (n > 0) {
		path[n] = 0;
		take_name(path);
	} else if (started) {
		take_name(started);
	}
}

const char *cp_exe_name(void)
{
	return st.name;
}
