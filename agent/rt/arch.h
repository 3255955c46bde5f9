/* SPDX-License-Identifier: MIT */
/*
 * arch.h - picks the one file that knows this processor
 *
 * Context  ANY: includes only.
 */
#ifndef CP_RT_ARCH_H
#define CP_RT_ARCH_H

#if defined(__x86_64__)
#include "arch_x86_64.h"
#elif defined(__aarch64__)
#include "arch_aarch64.h"
#else
#error "cprof runs on x86-64 and arm64"
#endif

#endif
