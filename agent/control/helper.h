/* SPDX-License-Identifier: MIT */
/*
 * helper.h - a program run beside the host, unseen by it
 *
 * Context  CONTROL: blocking, bounded by the caller's time. EARLY: cp_helper_init
 *          HOST: cp_helper_sweep      EXIT: cp_helper_end, cp_helper_bury
 * Holds    The host gets no signal, no zombie and no child that its wait() could find; but one
 *          that asks for any child with __WALL or __WCLONE, as tracers do, may be given the
 *          keeper. One descriptor is open while the program lives.
 *          The program dies with the host. A host that exits leaves nothing behind; one that is
 *          killed leaves the keeper to whoever inherits its children; one that execs has the
 *          keeper as a zombie until the library starts there.
 * Fails    An end that would have to wait for long leaves what a killed one does.
 */
#ifndef CP_CONTROL_HELPER_H
#define CP_CONTROL_HELPER_H

#include "../rt/mem.h"

struct cp_helper {
	int fd; /* its standard input and output; -1: it does not run */
	long keeper;
	struct cp_helper_shared *shared;
};

/* [EARLY] 0 or -errno. */
int cp_helper_init(void);
/* Starts argv[0] with argv and an empty environment; 0 or -errno: -ECANCELED at the end of the
 * process. One at a time. */
int cp_helper_start(struct cp_helper *h, const char *const *argv);
/* Ends it, and waits until nothing is left of it, if it had begun. */
void cp_helper_stop(struct cp_helper *h);

/* Moves bytes, until CLOCK_MONOTONIC says `until`. Answers how many (some, for read),
 * 0 when the program is gone, or -errno: -ETIMEDOUT. */
long cp_helper_write(struct cp_helper *h, const char *p, size_t n, int64_t until);
long cp_helper_read(struct cp_helper *h, char *p, size_t n, int64_t until);

/* [EXIT] From here on none is started, and the one there is ends. System calls only. */
void cp_helper_end(void);
/* [EXIT] Waits for that, till 50 ms after it at most. */
void cp_helper_bury(void);
/* [ANY] Has the process come to its end? */
bool cp_helper_is_over(void);
/* [HOST] At the start: reaps what the program that was here before has left, and nothing else.
 * One system call where there is nothing; 20 ms at most. None behind a filter. */
void cp_helper_sweep(void);
/* [CONTROL] The same for what was not gone then; not even that call where all was. */
void cp_helper_sweep_again(void);

#endif
