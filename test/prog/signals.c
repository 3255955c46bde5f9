/* SPDX-License-Identifier: MIT */
/*
 * signals.c - sets and asks every signal's disposition in every way libc has
 *
 * Context  TEST: argv[1] is how; prints what it got, and raises what it may.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

extern sighandler_t bsd_signal(int sig, sighandler_t handler);
extern sighandler_t sysv_signal(int sig, sighandler_t handler);
extern sighandler_t __sysv_signal(int sig, sighandler_t handler);
extern int __sigaction(int sig, const struct sigaction *act, struct sigaction *old);

static volatile sig_atomic_t runs;

static void first(int sig)
{
	runs += sig ? 1 : 0;
}

static void second(int sig)
{
	runs += sig ? 100 : 0;
}

static const char *name(sighandler_t h)
{
	return h == SIG_DFL    ? "default"
	       : h == SIG_IGN  ? "ignored"
	       : h == SIG_ERR  ? "error"
	       : h == SIG_HOLD ? "hold"
	       : h == first    ? "first"
	       : h == second   ? "second"
			       : "SOMEBODY ELSE'S";
}

/* The libc's restorer, and the bit that says so, are no business of the host's. */
#define SHOWN_FLAGS (~0x04000000)

static void ask(const char *what, int sig)
{
	struct sigaction now;
	unsigned long mask = 0;
	int err;

	memset(&now, 0x77, sizeof(now));
	errno = 0;
	err = sigaction(sig, NULL, &now);
	if (!err)
		memcpy(&mask, &now.sa_mask, sizeof(mask));
	printf("%s %d: %d errno %d", what, sig, err, errno);
	if (!err)
		printf(" %s flags %x mask %lx", name(now.sa_handler), now.sa_flags & SHOWN_FLAGS,
		       mask);
	puts("");
}

/* On a signal whose default action leaves us alive, or on a handler. */
static void raise_it(int sig)
{
	struct sigaction now;

	if (sigaction(sig, NULL, &now) || now.sa_handler == SIG_DFL)
		return;
	runs = 0;
	raise(sig);
	printf("raised %d: %d\n", sig, (int)runs);
	ask("after it", sig);
}

typedef sighandler_t signal_fn(int sig, sighandler_t handler);

static void by_signal(const char *what, signal_fn *fn, int sig)
{
	static const sighandler_t steps[] = {NULL,  first,   NULL, second, SIG_IGN,
					     first, SIG_ERR, NULL, NULL};

	ask(what, sig);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		errno = 0;
		printf("%s(%d, %s) was %s", what, sig, name(steps[i]), name(fn(sig, steps[i])));
		printf(" errno %d\n", errno);
		ask(what, sig);
		raise_it(sig);
	}
}

static void by_sigaction(int sig)
{
	struct sigaction act = {.sa_handler = SIG_DFL, .sa_flags = SA_NODEFER}, old;

	sigaddset(&act.sa_mask, SIGUSR2);
	printf("set default %d\n", sigaction(sig, &act, NULL));
	ask("default", sig);
	sigfillset(&act.sa_mask);
	act.sa_flags = SA_NODEFER | 0x800 /* SA_EXPOSE_TAGBITS */;
	printf("set default with all masked %d\n", sigaction(sig, &act, NULL));
	ask("all masked", sig);
	sigemptyset(&act.sa_mask);
	sigaddset(&act.sa_mask, SIGUSR2);
	act.sa_handler = first;
	act.sa_flags = SA_RESTART | SA_ONSTACK;
	printf("set first %d", sigaction(sig, &act, &old));
	printf(" was %s flags %x\n", name(old.sa_handler), old.sa_flags & SHOWN_FLAGS);
	ask("first", sig);
	raise_it(sig);
	act.sa_handler = second;
	act.sa_flags = (int)SA_RESETHAND;
	printf("set second, both at one place %d", __sigaction(sig, &act, &act));
	printf(" was %s\n", name(act.sa_handler));
	raise_it(sig);
	ask("reset", sig);
}

static void system_v(int sig)
{
	sigset_t set;

	printf("sigset default %s\n", name(sigset(sig, SIG_DFL)));
	printf("sigset hold %s\n", name(sigset(sig, SIG_HOLD)));
	printf("sigset hold again %s\n", name(sigset(sig, SIG_HOLD)));
	printf("sigset default %s\n", name(sigset(sig, SIG_DFL)));
	sigprocmask(SIG_BLOCK, NULL, &set);
	printf("blocked %d\n", sigismember(&set, sig));
	printf("siginterrupt %d\n", siginterrupt(sig, 1));
	ask("interrupts", sig);
	printf("signal %s\n", name(signal(sig, first)));
	ask("signal after siginterrupt", sig);
	printf("siginterrupt %d\n", siginterrupt(sig, 0));
	ask("restarts", sig);
	printf("sigset second %s\n", name(sigset(sig, second)));
	raise_it(sig);
	printf("sigignore %d\n", sigignore(sig));
	ask("ignored", sig);
	raise_it(sig);
}

/* As many daemons begin. */
static void loop(void)
{
	for (int sig = -1; sig < 70; sig++) {
		sighandler_t was;

		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		was = signal(sig, SIG_DFL);
		if (was != SIG_DFL)
			printf("%d was %s\n", sig, name(was));
		if (sig != SIGCONT && sig > 0 && sig < 65 && sig != 32 && sig != 33)
			ask("loop", sig);
	}
	ask("none", 0);
	ask("none", 65);
	ask("none", 1000000);
	ask("none", -5);
}

static void children(int sig)
{
	int status = 0;
	pid_t pid;

	signal(sig, SIG_DFL);
	pid = vfork();
	if (!pid) {
		printf("in vfork: was %s\n", name(signal(sig, SIG_IGN)));
		ask("in vfork", sig);
		execl("/bin/sh", "sh", "-c", "kill -USR1 $$; exit 3", NULL);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	printf("ignored in the child of vfork: %d\n", status == 3 << 8);
	ask("in the parent", sig);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		ask("in fork", sig);
		printf("was %s\n", name(signal(sig, first)));
		raise_it(sig);
		exit(4);
	}
	waitpid(pid, &status, 0);
	printf("child %d\n", status == 4 << 8);
	ask("in the parent", sig);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	const int sig = SIGUSR1;

	if (!strcmp(how, "signal"))
		by_signal(how, signal, sig);
	else if (!strcmp(how, "bsd_signal"))
		by_signal(how, bsd_signal, sig);
	else if (!strcmp(how, "ssignal"))
		by_signal(how, ssignal, sig);
	else if (!strcmp(how, "sysv_signal"))
		by_signal(how, sysv_signal, sig);
	else if (!strcmp(how, "__sysv_signal"))
		by_signal(how, __sysv_signal, sig);
	else if (!strcmp(how, "sigset"))
		by_signal(how, sigset, sig);
	else if (!strcmp(how, "sigaction"))
		by_sigaction(sig);
	else if (!strcmp(how, "systemv"))
		system_v(sig);
	else if (!strcmp(how, "loop"))
		loop();
	else if (!strcmp(how, "children"))
		children(sig);
	else if (!strcmp(how, "prof"))
		by_signal("signal", signal, SIGPROF);
	return 0;
}
