/* SPDX-License-Identifier: MIT */
/*
 * expr.h - runs a DWARF expression of a call-frame rule
 *
 * Context  HOST, SIGNAL: reads of the stack go through the walk's span.
 * Fails    false: an operation we don't know, an unknown register, a read
 *          outside the stack, or too many operations.
 */
#ifndef CP_SAMPLE_EXPR_H
#define CP_SAMPLE_EXPR_H

#include "../rt/base.h"
#include "cpu.h"
#include "span.h"

/* expr: the length, then the operations, in memory that reaches to end. span NULL:
 * no memory may be read. first: what lies on the stack first (NULL: nothing). */
bool cp_expr_run(const uint8_t *expr, const uint8_t *end, const struct cp_full *f,
		 struct cp_span *span, const uintptr_t *first, uintptr_t *result);

#endif
