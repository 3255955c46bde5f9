/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - picks the one file that knows this processor's registers and frames
 *
 * Context  ANY: includes only.
 */
#ifndef CP_SAMPLE_CPU_H
#define CP_SAMPLE_CPU_H

#if defined(__x86_64__)
#include "cpu_x86_64.h"
#elif defined(__aarch64__)
#include "cpu_aarch64.h"
#else
#error "cprof walks stacks on x86-64 and arm64"
#endif

#endif
