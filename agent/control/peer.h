/* SPDX-License-Identifier: MIT */
/*
 * peer.h - reads what other threads of this process have in their memory
 *
 * Context  CONTROL, one at a time for each struct cp_peer
 * Holds    What can't be read is an error, never a fault: the memory may be on its way
 *          out, with its thread.
 * Fails    Where neither way is open (a sandbox, in a process that may not be dumped)
 *          nothing is read.
 */
#ifndef CP_CONTROL_PEER_H
#define CP_CONTROL_PEER_H

#include "../rt/mem.h"
#include "../sample/walk.h"

struct cp_peer {
	int fd;	       /* /proc/thread-self/mem; -1: not to be had */
	bool may_call; /* process_vm_readv, where there is no fd */
	char *room;    /* for one stack */
};

/* 0 or -errno. */
int cp_peer_open(struct cp_peer *p, struct cp_arena *job);
void cp_peer_close(struct cp_peer *p);
/* How many of n bytes could be read; what lies beyond can't be. */
size_t cp_peer_read(const struct cp_peer *p, void *to, uintptr_t from, size_t n);

/* Where a thread waits. */
struct cp_peer_place {
	struct cp_regs regs;
	uintptr_t leaf;	    /* a function that has no frame; 0: none */
	uintptr_t stack_hi; /* 0: not known */
	bool exact;	    /* regs.pc is not a return address */
};

/* The thread's stack, or CP_SID_NONE. That it has waited there all the while is for
 * the caller to make sure of. */
cp_sid cp_peer_walk(const struct cp_peer *p, const struct cp_peer_place *at);

#endif
