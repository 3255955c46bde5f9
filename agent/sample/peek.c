/* SPDX-License-Identifier: MIT */
/*
 * peek.c - which of two ways memory that may not be there is copied
 *
 * Context  EARLY: cp_peek_init      ANY: cp_peek_by_probes
 * Calls    system calls only.
 * Shared   cp_peek_probes (relaxed: whoever shuts the process in sets it before).
 * Fails    Without /proc a sandbox that was there before us goes unnoticed.
 */
#include "peek.h"

bool cp_peek_probes;

void cp_peek_by_probes(void)
{
	cp_store_rlx(&cp_peek_probes, true);
}

/* Whoever started us may have shut us in. Opening files it allowed, or ld.so would not
 * have come this far. */
void cp_peek_init(void)
{
	static const char key[] = "\nSeccomp:\t";
	const long len = sizeof(key) - 1;
	char text[4096];
	int fd = (int)cp_sys_open("/proc/self/status", O_RDONLY, 0);
	long n = fd < 0 ? 0 : cp_sys_read(fd, text, sizeof(text));

	if (fd >= 0)
		cp_sys_close(fd);
	for (long i = 0; i + len < n; i++)
		if (!memcmp(text + i, key, (size_t)len) && text[i + len] != '0')
			cp_peek_by_probes();
}
