/* SPDX-License-Identifier: MIT */
/*
 * tick.h - CPU time by stack: a timer on each thread's own CPU clock
 *
 * Context  HOST: cp_tick_arm, _leave      SIGNAL: cp_tick_on_signal
 *          CONTROL: cp_tick_settle, _charge and the readers
 * Holds    What is in the counters of a thread never exceeds the kernel's count of its
 *          CPU time; once it is settled the two are equal.
 * Fails    The kernel refuses a timer, or we have half as many as the user may have signals
 *          queued: said once; that thread's time is charged to its start routine when
 *          it is settled.
 */
#ifndef CP_SAMPLE_TICK_H
#define CP_SAMPLE_TICK_H

#include "cell.h"
#include "threads.h"

#include <signal.h>

/* [EARLY] hz 0: off, for good. 0 or -errno. */
int cp_tick_init(uint64_t hz, size_t bytes);
/* [EARLY] Threads may be asked where they are (cp_tick_ask), even if that is off. */
void cp_tick_init_asking(void);
/* Nanoseconds between a thread's samples; 0: off. */
uint64_t cp_tick_period(void);
bool cp_tick_needs_signal(void);
/* CPU time of the thread without a sample that only a blocked signal, or a very long system
 * call, explains. */
uint64_t cp_tick_limit(const struct cp_thread_slot *s);

/* [HOST] From here on samples come by this signal (0: none), in every thread that has a
 * slot. Its handler, cp_tick_on_signal, must be in place. Async-signal-safe. */
void cp_tick_use_signal(int sig);
int cp_tick_signal(void);
/* [HOST] The process is about to enter a sandbox, where a system call may kill: no timer, and
 * no call of ours when a thread ends. Threads' time is in the sums only. */
void cp_tick_shut_in(void);
void cp_tick_on_signal(int sig, siginfo_t *info, void *context);
/* [ANY] Is the signal one of these timers'? */
bool cp_tick_is(const siginfo_t *info);
/* [ANY] Gives the slot's thread its timer, unless it has one. */
void cp_tick_arm(struct cp_thread_slot *s);
/* [ANY] The end of it. */
void cp_tick_disarm(struct cp_thread_slot *s);
/* [CONTROL] Has the thread, one that was found, ended without a word? */
bool cp_tick_lost(const struct cp_thread_slot *s);
/* [HOST] The thread ends: its time is settled. */
void cp_tick_leave(struct cp_thread_slot *s);

/* [CONTROL] A round of questions where threads are: its number. Then, for each that
 * runs: its timer goes off at the kernel's next tick that finds it running. */
uint32_t cp_tick_round(void);
void cp_tick_ask(struct cp_thread_slot *s);
void cp_tick_asked(struct cp_thread_slot *s); /* no answer is waited for any more */
/* Has it taken a sample since the round began? Then that is its stack. */
bool cp_tick_answered(const struct cp_thread_slot *s, uint32_t round, cp_sid *sid);

/* [CONTROL] cpu_ns, the thread's clock, is what its counters come to: what is missing goes
 * to `sid`, CP_SID_NONE: to its last stack. */
void cp_tick_settle(struct cp_thread_slot *s, uint64_t cpu_ns, cp_sid sid);
/* [CONTROL] Time that is no slot's. */
void cp_tick_charge(cp_sid sid, uint16_t label, uint64_t ns);
/* All that is in the counters, in ns. */
uint64_t cp_tick_charged(void);
/* The stack of one frame that stands for something nobody executed. */
cp_sid cp_tick_synth(enum cp_synth what);
/* [ANY] The name as the kernel has it: a new one makes a new label. */
void cp_tick_name(struct cp_thread_slot *s, const char name[16]);

struct cp_tick_row {
	cp_sid sid;
	uint16_t label;
	uint64_t ns, ns_before; /* now, and when the last cpu profile was written */
};

/* [CONTROL] Cells 0 .. cp_tick_cells()-1. What is read is noted: cp_tick_written makes
 * the last reading that of the last profile. */
uint32_t cp_tick_cells(void);
void cp_tick_row(uint32_t cell, struct cp_tick_row *row);
void cp_tick_note(uint32_t cell, uint64_t ns);
void cp_tick_written(void);

#endif
