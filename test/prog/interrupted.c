/* SPDX-License-Identifier: MIT */
// cflags: -mavx2
// libs: -lm
/*
 * interrupted.c - what a signal must not disturb: interrupted SECONDS
 *
 * Context  TEST: prints what it found; the same must come out with the agent. Registers keep
 *          what they held, errno and the rounding mode too; restartable sequences count right;
 *          threads end, ten thousand of them, with signals on their way, and the host takes
 *          SIGPROF for itself and gives it back as often.
 */
#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/rseq.h>
#include <time.h>

#define CPUS 4096

static double seconds;
static int bad;
static struct {
	long n;
	char apart[56];
} counter[CPUS];

static void complain(int where)
{
	__atomic_fetch_or(&bad, 1 << where, __ATOMIC_RELAXED);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- registers -------------------------------------------------------------- */

/* All of them at once, for a while, in one piece. */
static int ymm_are_kept(const unsigned char in[16][32], unsigned char out[16][32], long turns)
{
#define MOVE_IN(r)  "vmovdqu " #r "*32(%[in]), %%ymm" #r "\n\t"
#define MOVE_OUT(r) "vmovdqu %%ymm" #r ", " #r "*32(%[out])\n\t"
#define ALL(F)	    F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)
	__asm__ volatile(ALL(MOVE_IN) "1: dec %[turns]\n\t"
				      "jnz 1b\n\t" ALL(MOVE_OUT)
			 : [turns] "+r"(turns)
			 : [in] "r"(in), [out] "r"(out)
			 : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
			   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15");
	return !memcmp(in, out, 16 * 32);
}

static void *keeps_registers(void *arg)
{
	unsigned char in[16][32], out[16][32];
	double end = now() + seconds;
	unsigned seed = 1;

	fesetround(FE_UPWARD);
	while (now() < end) {
		for (size_t i = 0; i < sizeof(in); i++)
			in[i / 32][i % 32] = (unsigned char)rand_r(&seed);
		errno = 4711;
		if (__builtin_cpu_supports("avx2") && !ymm_are_kept(in, out, 500000))
			complain(0);
		if (errno != 4711 || fegetround() != FE_UPWARD)
			complain(1);
	}
	return arg;
}

/* --- restartable sequences ----------------------------------------------------- */

/* Adds one, if this still is the processor it was read on: 0 when it isn't, or when
 * anything came between. */
static int add_here(struct rseq *r, long *v, uint32_t cpu)
{
	__asm__ goto(
		".pushsection __rseq_cs, \"aw\"\n\t"
		".balign 32\n"
		"3:\t.long 0, 0\n\t"
		".quad 1f, 2f - 1f, 4f\n\t"
		".popsection\n\t"
		"leaq 3b(%%rip), %%rax\n\t"
		"movq %%rax, %c[cs](%[r])\n"
		"1:\tcmpl %[cpu], %c[id](%[r])\n\t"
		"jnz %l[aborted]\n\t"
		"movq (%[v]), %%rax\n\t"
		"pause\n\tpause\n\tpause\n\tpause\n\t"
		"addq $1, %%rax\n\t"
		"movq %%rax, (%[v])\n"
		"2:\n\t"
		".pushsection __rseq_failure, \"ax\"\n\t"
		".byte 0x0f, 0xb9, 0x3d\n\t"
		".long 0x53053053\n"
		"4:\tjmp %l[aborted]\n\t"
		".popsection"
		:
		: [r] "r"(r), [v] "r"(v), [cpu] "r"(cpu), [cs] "i"(offsetof(struct rseq, rseq_cs)),
		  [id] "i"(offsetof(struct rseq, cpu_id))
		: "memory", "cc", "rax"
		: aborted);
	return 1;
aborted:
	return 0;
}

static void *counts_here(void *arg)
{
	struct rseq *r =
		(struct rseq *)(void *)((char *)__builtin_thread_pointer() + __rseq_offset);
	double end = now() + seconds;
	long *done = arg;

	if (!__rseq_size)
		return NULL;
	do {
		for (int i = 0; i < 1000; i++) {
			uint32_t cpu;

			do
				cpu = __atomic_load_n(&r->cpu_id_start, __ATOMIC_RELAXED);
			while (!add_here(r, &counter[cpu % CPUS].n, cpu));
			++*done;
		}
	} while (now() < end);
	return NULL;
}

/* --- signals on their way ---------------------------------------------------------- */

static void spin(long turns)
{
	for (volatile long i = 0; i < turns; i++)
		;
}

/* Ends with the signal blocked, and so, often, pending. */
static void *ends_deaf(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	spin((long)(size_t)arg * 1000);
	return NULL;
}

static void on_prof(int sig)
{
	(void)sig;
}

static void churn(int n)
{
	pthread_t t;

	for (int i = 0; i < n; i++) {
		if (pthread_create(&t, NULL, ends_deaf, (void *)(size_t)(i % 40)) ||
		    pthread_join(t, NULL))
			complain(2);
		if (signal(SIGPROF, on_prof) == SIG_ERR || signal(SIGPROF, SIG_DFL) != on_prof)
			complain(3);
	}
}

int main(int argc, char **argv)
{
	long done[3] = {0}, sum = 0;
	pthread_t t[4];

	seconds = argc > 1 ? atof(argv[1]) : 1;
	pthread_create(&t[3], NULL, keeps_registers, NULL);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, counts_here, &done[i]);
	churn(argc > 2 ? atoi(argv[2]) : 1000);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < CPUS; i++)
		sum += counter[i].n;
	if (sum != done[0] + done[1] + done[2])
		complain(4);
	printf("complaints %x, %s\n", bad, sum ? "counted" : "no restartable sequences");
	return 0;
}
