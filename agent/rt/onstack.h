/* SPDX-License-Identifier: MIT */
/*
 * onstack.h - calls a function on another stack, and leaves it from any depth
 *
 * Context  CONTROL, and separate programs. Not for handlers: a walker that meets
 *          such a stack ends there.
 * Why      Other people's recursive code (the demangler) gets a stack with a guard
 *          page and of a known size; the agent's own is small.
 */
#ifndef CP_RT_ONSTACK_H
#define CP_RT_ONSTACK_H

/* Calls fn(arg) with the stack pointer at top (16-aligned); *save is for leave. */
void cp_onstack_call(void **save, void *top, void (*fn)(void *), void *arg);
/* Inside such a call: abandons it; cp_onstack_call returns. */
_Noreturn void cp_onstack_leave(void **save);

#endif
