/* SPDX-License-Identifier: MIT */
/*
 * gprof.c - programs built with -pg, and others that have libc count for them by SIGPROF
 *
 * Context  HOST
 * Why      libc installs its handler from within, past our sigaction: our samples would
 *          be counted as the program's. So SIGPROF is the program's before libc asks.
 */
#include "../agent/probe.h"
#include "table.h"

static void give_up_signal(void)
{
	if (cp_agent_owns_signal(SIGPROF))
		cp_agent_signal_taken(SIGPROF);
}

/* What the start-up code of a program built with -pg calls. */
CP_EXPORT void __monstartup(u_long low, u_long high)
{
	give_up_signal();
	cp_real.__monstartup(low, high);
}

CP_EXPORT void monstartup(u_long low, u_long high)
{
	give_up_signal();
	cp_real.monstartup(low, high);
}

CP_EXPORT void moncontrol(int mode)
{
	if (mode)
		give_up_signal();
	cp_real.moncontrol(mode);
}

CP_EXPORT int profil(unsigned short *buffer, size_t size, size_t offset, u_int scale)
{
	give_up_signal();
	return cp_real.profil(buffer, size, offset, scale);
}

CP_EXPORT int sprofil(struct prof *table, int n, struct timeval *period, u_int flags)
{
	give_up_signal();
	return cp_real.sprofil(table, n, period, flags);
}
