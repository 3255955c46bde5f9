/* SPDX-License-Identifier: MIT */
/*
 * masks.h - the mask a thread waits with, when it is not the one it runs with
 *
 * Context  HOST; SIGNAL where the host's own handlers wait.
 */
#ifndef CP_SHIM_MASKS_H
#define CP_SHIM_MASKS_H

#include "../agent/rt/base.h"

#include <signal.h>

/* The host's mask for a wait, and our sampling signal: in room, when that changes it. */
const sigset_t *cp_masks_and_ours(const sigset_t *mask, sigset_t *room);

/* Can these n bytes be read? If not, the kernel is to say so: EFAULT. */
bool cp_masks_is_there(const void *p, size_t n);

#endif
