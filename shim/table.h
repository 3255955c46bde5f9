/* SPDX-License-Identifier: MIT */
/*
 * table.h - every function we stand in front of, once
 *
 * Context  ANY: declarations only.
 * Shared   cp_real: each slot is one pointer, replaced once by boot.c (relaxed
 *          store; either value is right to call).
 * Holds    A slot is never NULL. It starts as the boot_ function that resolves the table, or
 *          but itself (stubs.c), and then calls, so no wrapper asks "resolved yet?".
 * Why      One list gives the pointers, the names to resolve, the versions and
 *          what to do where libc lacks one; the export check reads it as well.
 */
#ifndef CP_SHIM_TABLE_H
#define CP_SHIM_TABLE_H

#include "table_wait.h"

#include <sched.h>
#include <signal.h>
#include <sys/gmon.h>
#include <sys/profil.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <termios.h>
#include <unistd.h>

/* F(name, result, parameters, arguments, version, need)
 * version: of the symbol to resolve, NULL for the default one. need: REQUIRED
 * (without it we stay inert) or OPTIONAL. */

/* free first: while the table is being published, a block of the real
 * allocator can be returned before one can be had. */
#define CP_MALLOC_TABLE(F)                                                                      \
	F(free, void, (void *p), (p), NULL, REQUIRED)                                           \
	F(cfree, void, (void *p), (p), NULL, OPTIONAL)                                          \
	F(free_sized, void, (void *p, size_t n), (p, n), NULL, OPTIONAL)                        \
	F(free_aligned_sized, void, (void *p, size_t align, size_t n), (p, align, n), NULL,     \
	  OPTIONAL)                                                                             \
	F(malloc_usable_size, size_t, (void *p), (p), NULL, OPTIONAL)                           \
	F(realloc, void *, (void *p, size_t n), (p, n), NULL, REQUIRED)                         \
	F(reallocarray, void *, (void *p, size_t n, size_t size), (p, n, size), NULL, OPTIONAL) \
	F(malloc, void *, (size_t n), (n), NULL, REQUIRED)                                      \
	F(calloc, void *, (size_t n, size_t size), (n, size), NULL, REQUIRED)                   \
	F(memalign, void *, (size_t align, size_t n), (align, n), NULL, REQUIRED)               \
	F(aligned_alloc, void *, (size_t align, size_t n), (align, n), NULL, REQUIRED)          \
	F(posix_memalign, int, (void **out, size_t align, size_t n), (out, align, n), NULL,     \
	  REQUIRED)                                                                             \
	F(valloc, void *, (size_t n), (n), NULL, OPTIONAL)                                      \
	F(pvalloc, void *, (size_t n), (n), NULL, OPTIONAL)

/* operator new and delete, by their mangled names on 64-bit machines:
 * nw new, na new[], dl delete, da delete[]; m size_t, Pv void *. */
#define CP_NEW_SIMPLE_TABLE(F)                                                              \
	F(_Znwm, void *, (size_t n), (n), NULL, OPTIONAL)                                   \
	F(_Znam, void *, (size_t n), (n), NULL, OPTIONAL)                                   \
	F(_ZnwmRKSt9nothrow_t, void *, (size_t n, const void *nt), (n, nt), NULL, OPTIONAL) \
	F(_ZnamRKSt9nothrow_t, void *, (size_t n, const void *nt), (n, nt), NULL, OPTIONAL)

#define CP_NEW_ALIGNED_TABLE(F)                                                                 \
	F(_ZnwmSt11align_val_t, void *, (size_t n, size_t align), (n, align), NULL, OPTIONAL)   \
	F(_ZnamSt11align_val_t, void *, (size_t n, size_t align), (n, align), NULL, OPTIONAL)   \
	F(_ZnwmSt11align_val_tRKSt9nothrow_t, void *, (size_t n, size_t align, const void *nt), \
	  (n, align, nt), NULL, OPTIONAL)                                                       \
	F(_ZnamSt11align_val_tRKSt9nothrow_t, void *, (size_t n, size_t align, const void *nt), \
	  (n, align, nt), NULL, OPTIONAL)

#define CP_NEW_TABLE(F)        \
	CP_NEW_SIMPLE_TABLE(F) \
	CP_NEW_ALIGNED_TABLE(F)

#define CP_DELETE_TABLE(F)                                                                      \
	F(_ZdlPv, void, (void *p), (p), NULL, OPTIONAL)                                         \
	F(_ZdaPv, void, (void *p), (p), NULL, OPTIONAL)                                         \
	F(_ZdlPvm, void, (void *p, size_t n), (p, n), NULL, OPTIONAL)                           \
	F(_ZdaPvm, void, (void *p, size_t n), (p, n), NULL, OPTIONAL)                           \
	F(_ZdlPvRKSt9nothrow_t, void, (void *p, const void *nt), (p, nt), NULL, OPTIONAL)       \
	F(_ZdaPvRKSt9nothrow_t, void, (void *p, const void *nt), (p, nt), NULL, OPTIONAL)       \
	F(_ZdlPvSt11align_val_t, void, (void *p, size_t align), (p, align), NULL, OPTIONAL)     \
	F(_ZdaPvSt11align_val_t, void, (void *p, size_t align), (p, align), NULL, OPTIONAL)     \
	F(_ZdlPvmSt11align_val_t, void, (void *p, size_t n, size_t align), (p, n, align), NULL, \
	  OPTIONAL)                                                                             \
	F(_ZdaPvmSt11align_val_t, void, (void *p, size_t n, size_t align), (p, n, align), NULL, \
	  OPTIONAL)                                                                             \
	F(_ZdlPvSt11align_val_tRKSt9nothrow_t, void, (void *p, size_t align, const void *nt),   \
	  (p, align, nt), NULL, OPTIONAL)                                                       \
	F(_ZdaPvSt11align_val_tRKSt9nothrow_t, void, (void *p, size_t align, const void *nt),   \
	  (p, align, nt), NULL, OPTIONAL)

typedef void *cp_start_fn(void *);
typedef int cp_thrd_fn(void *);

/* pthread_create has one behaviour under all its versions; the default one also
 * chains to another preloaded wrapper, which a named version would miss. */
#define CP_PLAIN_TABLE(F)                                                                         \
	F(pthread_create, int,                                                                    \
	  (pthread_t * thread, const pthread_attr_t *attr, cp_start_fn *start, void *arg),        \
	  (thread, attr, start, arg), NULL, REQUIRED)                                             \
	F(thrd_create, int, (thrd_t * thread, cp_thrd_fn * start, void *arg),                     \
	  (thread, start, arg), NULL, OPTIONAL)                                                   \
	F(_Fork, pid_t, (void), (), NULL, OPTIONAL)                                               \
	F(_exit, void, (int status), (status), NULL, REQUIRED)                                    \
	F(_Exit, void, (int status), (status), NULL, REQUIRED)                                    \
	F(quick_exit, void, (int status), (status), NULL, OPTIONAL)                               \
	F(dlclose, int, (void *handle), (handle), NULL, REQUIRED)                                 \
	F(prctl, int,                                                                             \
	  (int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d),       \
	  (option, a, b, c, d), NULL, REQUIRED)                                                   \
	F(unshare, int, (int flags), (flags), NULL, OPTIONAL)                                     \
	F(setns, int, (int fd, int type), (fd, type), NULL, OPTIONAL)                             \
	F(sigaction, int, (int sig, const struct sigaction *act, struct sigaction *old),          \
	  (sig, act, old), NULL, REQUIRED)                                                        \
	F(__sigaction, int, (int sig, const struct sigaction *act, struct sigaction *old),        \
	  (sig, act, old), NULL, OPTIONAL)                                                        \
	F(signal, sighandler_t, (int sig, sighandler_t handler), (sig, handler), NULL, REQUIRED)  \
	F(bsd_signal, sighandler_t, (int sig, sighandler_t handler), (sig, handler), NULL,        \
	  OPTIONAL)                                                                               \
	F(ssignal, sighandler_t, (int sig, sighandler_t handler), (sig, handler), NULL, OPTIONAL) \
	F(sysv_signal, sighandler_t, (int sig, sighandler_t handler), (sig, handler), NULL,       \
	  OPTIONAL)                                                                               \
	F(__sysv_signal, sighandler_t, (int sig, sighandler_t handler), (sig, handler), NULL,     \
	  OPTIONAL)                                                                               \
	F(sigset, sighandler_t, (int sig, sighandler_t handler), (sig, handler), NULL, OPTIONAL)  \
	F(sigignore, int, (int sig), (sig), NULL, OPTIONAL)                                       \
	F(siginterrupt, int, (int sig, int flag), (sig, flag), NULL, OPTIONAL)                    \
	F(__monstartup, void, (u_long low, u_long high), (low, high), NULL, OPTIONAL)             \
	F(monstartup, void, (u_long low, u_long high), (low, high), NULL, OPTIONAL)               \
	F(moncontrol, void, (int mode), (mode), NULL, OPTIONAL)                                   \
	F(profil, int, (unsigned short *buffer, size_t size, size_t offset, u_int scale),         \
	  (buffer, size, offset, scale), NULL, OPTIONAL)                                          \
	F(sprofil, int, (struct prof * table, int n, struct timeval *period, u_int flags),        \
	  (table, n, period, flags), NULL, OPTIONAL)                                              \
	F(sigaltstack, int, (const stack_t *stack, stack_t *old), (stack, old), NULL, REQUIRED)   \
	F(sigpending, int, (sigset_t * set), (set), NULL, REQUIRED)                               \
	F(sigsuspend, int, (const sigset_t *mask), (mask), NULL, REQUIRED)                        \
	F(__sigsuspend, int, (const sigset_t *mask), (mask), NULL, OPTIONAL)                      \
	F(sigwait, int, (const sigset_t *set, int *sig), (set, sig), NULL, REQUIRED)              \
	F(sigwaitinfo, int, (const sigset_t *set, siginfo_t *info), (set, info), NULL, REQUIRED)  \
	F(sigtimedwait, int,                                                                      \
	  (const sigset_t *set, siginfo_t *info, const struct timespec *timeout),                 \
	  (set, info, timeout), NULL, REQUIRED)                                                   \
	F(signalfd, int, (int fd, const sigset_t *mask, int flags), (fd, mask, flags), NULL,      \
	  OPTIONAL)

#define CP_TABLE(F)        \
	CP_MALLOC_TABLE(F) \
	CP_NEW_TABLE(F)    \
	CP_DELETE_TABLE(F) \
	CP_PLAIN_TABLE(F)  \
	CP_WAIT_TABLE(F)

enum cp_fn {
#define F(name, ...) CP_FN_##name,
	CP_TABLE(F) CP_OLD_TABLE(F)
#undef F
		CP_FN_COUNT
};

union cp_real {
	struct {
#define F(name, result, params, ...) result(*name) params;
		CP_TABLE(F) CP_OLD_TABLE(F)
#undef F
	};
	void *slot[CP_FN_COUNT];
};

extern union cp_real cp_real __attribute__((visibility("hidden")));

/* Those no C header declares. */
#define F(name, result, params, ...) result name params;
CP_NEW_TABLE(F)
CP_DELETE_TABLE(F)
#undef F
void cfree(void *p);
void free_sized(void *p, size_t n);
void free_aligned_sized(void *p, size_t align, size_t n);
int __sigaction(int sig, const struct sigaction *act, struct sigaction *old);
sighandler_t bsd_signal(int sig, sighandler_t handler);
sighandler_t sysv_signal(int sig, sighandler_t handler);
int __sigsuspend(const sigset_t *mask);
void moncontrol(int mode);

#endif
