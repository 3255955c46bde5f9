/* SPDX-License-Identifier: MIT */
/*
 * helper.h - a program run beside the host, unseen by it
 *
 * Context  CONTROL: blocking, bounded by the caller's time.
 * Holds    The host gets no signal, no zombie and no child that its wait() could find; but one
 *          that asks for any child with __WALL or __WCLONE, as tracers do, may be given the
 *          keeper. One descriptor is open while the program lives. It dies with the host.
 */
#ifndef CP_CONTROL_HELPER_H
#define CP_CONTROL_HELPER_H

#include "../rt/mem.h"

struct cp_helper {
	int fd; /* its standard input and output; -1: it does not run */
	long keeper;
	struct cp_helper_shared *shared;
};

/* Starts argv[0] with argv and an empty environment; 0 or -errno. */
int cp_helper_start(struct cp_helper *h, const char *const *argv);
/* Ends it, and waits until nothing is left of it, if it had begun. */
void cp_helper_stop(struct cp_helper *h);

/* Moves bytes, until CLOCK_MONOTONIC says `until`. Answers how many (some, for read),
 * 0 when the program is gone, or -errno: -ETIMEDOUT. */
long cp_helper_write(struct cp_helper *h, const char *p, size_t n, int64_t until);
long cp_helper_read(struct cp_helper *h, char *p, size_t n, int64_t until);

#endif
