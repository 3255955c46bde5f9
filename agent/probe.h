/* SPDX-License-Identifier: MIT */
/*
 * probe.h - the one seam between shim/ and agent/
 *
 * The shim knows the agent through this header alone; the agent knows nothing
 * of which functions are interposed.
 *
 * Context  as each function says. EARLY: ld.so may still be at work.
 */
#ifndef CP_PROBE_H
#define CP_PROBE_H

#include "rt/atomic.h"
#include "rt/base.h"
#include "rt/thread.h"
#include "sample/fds.h"
#include "sample/live.h"
#include "sample/marks.h"
#include "sample/waiting.h"
#include "sample/walk.h"

#include <signal.h>

/* --- life ------------------------------------------------------------- */

/* [EARLY] Called by the shim when libc is usable (environ is there), from the
 * first allocation or from the constructor, whichever comes first; once. Reads the
 * configuration and makes the tables. Afterwards the agent is on, or inert. */
void cp_agent_init(void);
/* [HOST] After cp_agent_init: is it on, and are allocations sampled? If not they never will be. */
bool cp_agent_samples_heap(void);
/* [HOST] From the constructor, after cp_agent_init: what needs a finished libc
 * (signal handler, control thread). */
void cp_agent_start(void);
/* [HOST] The process is about to end; returns within some 300 ms. Nothing need ask for it, nor by
 * a system call find out whose end it is, unless the agent hears of ends. */
bool cp_agent_hears_of_end(void);
void cp_agent_exit(void);
/* [HOST] The host makes a thread that begins in start: before, a number for whose call
 * does (0: none); after, when it succeeded; and in the thread itself. */
uint32_t cp_agent_thread_making(const struct cp_regs *caller, uintptr_t start);
void cp_agent_thread_made(uint32_t creation);
void cp_agent_thread_begins(uintptr_t start, uint32_t creation);
/* [HOST] Around a fork, in the parent and the child: no sample is taken within, since
 * a signal would make the kernel begin anew. They nest, where a handler forks within one. */
void cp_agent_fork_begins(void);
void cp_agent_fork_ends(void);
/* [FORK] In a child made by fork, before it returns to the host. */
void cp_agent_forked(void);
/* [HOST] A library is about to be unloaded: waits 10 ms at most for walks that read
 * its tables. It has been, or not: always called after the first. */
void cp_agent_unload_begin(void);
void cp_agent_unload_end(void);

/* [HOST] The host is about to shut itself in, where a system call may kill; timeless: so does
 * to read the processor's counter, and with it the clocks. */
void cp_agent_shut_in(bool timeless);

/* [HOST] The kernel has refused something to a process of more threads than one. If that is the
 * job's beside this one, it leaves until it has been tried again, and signals wait: true. */
bool cp_agent_alone_begin(void);
void cp_agent_alone_end(void);

/* [EARLY] These bytes are about to be unreadable: if the stack that the thread is on is among them,
 * it is none from now on that may be read where it is. Async-signal-safe. */
void cp_probe_unreadable(uintptr_t addr, size_t n);

/* --- signals ----------------------------------------------------------- */

/* [ANY] Does the agent have, or want, a handler on this signal at this moment?
 * Then the shim keeps what the host asks for and reports that back; a SIG_DFL is
 * kept and never installed. Async-signal-safe. */
bool cp_agent_owns_signal(int sig);
/* [HOST] The host is about to install a handler of its own, or SIG_IGN, on a
 * signal the agent owns: from now on it does not, and says so in one line.
 * Async-signal-safe: sigaction is. */
void cp_agent_signal_taken(int sig);
/* [HOST] The host is about to install a handler on a signal the agent does not own: from now on
 * it never interrupts one of the agent's. Async-signal-safe. sig is from 1 to 64. */
void cp_agent_signal_handled(int sig);
/* [ANY] The signal CPU samples come by at this moment; 0: none. */
int cp_agent_sample_signal(void);
/* [ANY] All they have come by so far, as bits: one may still be pending. */
uint64_t cp_agent_sample_signals(void);
/* [ANY] Is it one of these samples', which nobody sent to the host? */
bool cp_agent_sample_is(const siginfo_t *info);
/* [HOST] The host reads this signal from a descriptor: samples come by another one, if
 * they came by the one that was asked for. */
void cp_agent_signal_read(int sig);

/* [HOST] The thread is about to have a signal stack here; 0: none. Answers where it had one. */
uintptr_t cp_agent_signal_stack_at(uintptr_t sp);
/* [HOST] The thread is about to have a signal stack that is too small for a sample, or was refused
 * it. Answers what was so before. */
#define CP_SIGNAL_STACK_LEAST 6144U
bool cp_agent_signal_stack(bool small);

/* --- heap ------------------------------------------------------------- */

/* May this block be a sampled one, or one of the start-up arena? free() looks at one
 * byte (marks.h), relaxed: whoever frees a block got its address from the thread
 * that allocated it, after that thread's store. */
CP_INLINE bool cp_probe_marked(const void *p)
{
	return CP_UNLIKELY(cp_load_rlx(&cp_page_marks[cp_marks_index((uintptr_t)p)]));
}

/* [EARLY] Marks a range for good: blocks the shim itself must recognise. */
void cp_probe_mark_forever(const void *p, size_t n);

/* True when an allocation of this size is to be sampled; else it is deducted. A hit wraps the rest
 * around until it is given back; what a handler takes of it meanwhile may make the sum wrap again,
 * and nothing would be sampled any more. CP_MIN: at most size was left. */
CP_INLINE bool cp_probe_hit(size_t size)
{
	if (CP_LIKELY(!cp_cpu_spend(&cp_self.heap_left, size)))
		return false;
	cp_self.heap_left = CP_MIN(cp_self.heap_left + size, size);
	return true;
}

/* [HOST] After a hit: the real call has been made and gave p (or NULL). Draws
 * the next interval, and records the block if it really is a sample. */
void cp_probe_alloc(void *p, size_t size, const struct cp_regs *caller);
/* [HOST] Before the real free of a marked block. */
void cp_probe_free(void *p);
/* [HOST] Around a realloc of a marked block: take its record out before the real
 * call; put it back when that fails. A block without a record gives an empty one. */
struct cp_live cp_probe_take(void *p);
void cp_probe_put_back(struct cp_live block);
/* [HOST] The taken block is gone for good: count it as freed. */
void cp_probe_drop(struct cp_live block);

/* --- waits and locks --------------------------------------------------- */

/* A call of the host's: what was called, and from where. */
struct cp_call {
	uintptr_t fn; /* the real function: the leaf of the recorded stack; 0: the caller is */
	uintptr_t sp; /* by CP_CALLER_SP, of a function that hasn't returned */
};

/* A wait of this thread's, kept on its stack by the wrapper. What is touched lies at the end,
 * beside the registers it has saved. */
struct cp_waiter {
	struct cp_wait outer; /* which a handler interrupted, if any: */
	bool within;	      /* this tells */
	uint8_t kind;
	uint16_t ticket;
	struct cp_call call;
	uint64_t began; /* by cp_ticks_now */
	uintptr_t object;
};

/* rel by cp_contend_init. */
extern __attribute__((visibility("hidden"))) bool cp_waits_on;

/* [ANY] Is anyone interested in waits? If not, none begins; an unlock finds nobody. */
CP_INLINE bool cp_probe_waits(void)
{
	return cp_load_acq(&cp_waits_on); /* pairs with cp_contend_init */
}

/* And in those for time and descriptors? rel by cp_contend_init / acq by who records. */
enum {
	CP_IO_IGNORED,
	CP_IO_WATCHED, /* by the thread dump alone */
	CP_IO_SAID,    /* the same, and the processor's counter tells the time */
	CP_IO_RECORDED,
};
extern __attribute__((visibility("hidden"))) uint32_t cp_io_interest;

/* [ANY] Is a wait for one of them only to be said (waiting.h), and within no other? Then
 * that is all there is to it: such calls are many, and most don't wait. */
CP_INLINE bool cp_probe_only_says_io(void)
{
	return cp_load_rlx(&cp_io_interest) == CP_IO_SAID && !cp_waiting.said.kind;
}

CP_INLINE bool cp_probe_waits_for_io(void)
{
	return cp_load_acq(&cp_io_interest) != CP_IO_IGNORED; /* pairs with cp_contend_init */
}

/* [ANY] Is the descriptor one that doesn't block, so far as is known (fds.h), and a wait for it
 * nothing that is recorded? Then a call that reads it is only passed on. */
CP_INLINE bool cp_probe_never_waits(int fd)
{
	return cp_fds_bit(cp_fds.never_waits, fd);
}

/* [HOST] Before one is waited for: is it to be known as such? Async-signal-safe. */
CP_INLINE void cp_probe_ask_of(int fd)
{
	uint32_t interest = cp_load_rlx(&cp_io_interest);

	if (interest == CP_IO_WATCHED || interest == CP_IO_SAID)
		cp_fds_ask(fd);
}

/* [HOST] Around a call that is about to block; what, and `with`: see waiting.h. Nothing is held
 * between the two: a wait that is cancelled or jumped out of needs no end. They nest, by
 * handlers. waited: it did block, and not just fail. */
void cp_probe_wait_begin(struct cp_waiter *w, struct cp_call call, unsigned what,
			 const void *object, const void *with);
void cp_probe_wait_end(const struct cp_waiter *w, bool waited);

/* [HOST] A lock was initialised by code that returns to pc; it is about to be destroyed. */
void cp_probe_lock_made(const void *lock, uintptr_t pc);
void cp_probe_lock_gone(const void *lock);

/* [HOST] Before a lock is released: does anyone wait for it who is looked at? Cheaper than to
 * find that nobody has waited. */
bool cp_probe_is_awaited(const void *lock);

/* [HOST] Before a lock that others may wait for is released: what they have waited.
 * After the release, when there was a hit, it is charged to the caller. The lock is
 * not looked at by the second, and may be gone. */
struct cp_handover {
	bool hit;
	uintptr_t lock;
	uint64_t fresh; /* waiters no unlock has met before */
	uint64_t ticks;
};
struct cp_handover cp_probe_unlock_begin(const void *lock);
void cp_probe_unlock_end(const struct cp_handover *h, struct cp_call call);

#endif
