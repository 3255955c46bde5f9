/* SPDX-License-Identifier: MIT */
/*
 * reason.h - what an error number means, in words for the log
 *
 * Context  ANY: pure.
 * Why      libc's strerror translates, and so may allocate.
 */
#ifndef CP_CONTROL_REASON_H
#define CP_CONTROL_REASON_H

/* error: an errno value, of either sign. */
const char *cp_reason(int error);

#endif
