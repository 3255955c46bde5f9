/* SPDX-License-Identifier: MIT */
// libs: -Wl,--wrap=cp_span_foreign
/*
 * fuzz_walk.c - any bytes as a module's call-frame tables, any words as a stack
 *
 * The input: one byte of choice, 16 of registers, 256 of stack; the rest is the tables, or
 * the operations in tables laid properly. Words that end in 0xf0 or 0xf1 point into the
 * code or the stack, as most do in life.
 *
 * Context  TEST, libFuzzer
 * Holds    Whatever tables, stack and registers say, a walk ends, reads nothing outside
 *          its stack and the tables, and stays within the room it was given. Walked
 *          again along its memo, or with the rules forgotten, it is the same walk.
 * Why      The module finder is a stand-in: it puts the tables where a loaded object's
 *          would be. All of the walker behind it is the real one.
 */
#include "agent/rt/thread.h"
#include "agent/sample/module.h"
#include "agent/sample/peek.h"
#include "agent/sample/rules.h"
#include "agent/sample/span.h"
#include "agent/sample/unload.h"
#include "agent/sample/walk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CODE	(64UL << 10)
#define TABLES	(64UL << 10)
#define WORDS	32
#define GUARD	(4UL << 20) /* more than a walk may look at above a stack it doesn't know */
#define MODULE	1U
#define LEADING 17

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct cp_module module;
static uint8_t *code, *tables;
static uintptr_t *stack;

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* --- the stand-in: one object, where the code is ------------------------ */

bool cp_module_has(uintptr_t pc)
{
	return pc >= module.start && pc < module.end;
}

unsigned cp_module_find(uintptr_t pc, uint64_t gen, bool careful, const struct cp_module **m,
			bool *stale)
{
	(void)gen;
	(void)careful;
	*stale = false;
	if (!cp_module_has(pc))
		return CP_MODULE_NONE;
	*m = &module;
	return MODULE;
}

const struct cp_module *cp_module_get(unsigned id)
{
	return id == MODULE ? &module : NULL;
}

int cp_module_init(void)
{
	return 0;
}

/* Most addresses a hostile frame can name are the sanitizer's own memory: it can be
 * read, but not by what the sanitizer watches. Stacks are where ours may be. */
bool __real_cp_span_foreign(struct cp_span *s, uintptr_t sp);
bool __wrap_cp_span_foreign(struct cp_span *s, uintptr_t sp);
bool __wrap_cp_span_foreign(struct cp_span *s, uintptr_t sp)
{
	return sp + GUARD / 2 - (uintptr_t)stack < GUARD && __real_cp_span_foreign(s, sp);
}

/* --- the place --------------------------------------------------------- */

/* Memory with nothing around it. */
static void *island(size_t size)
{
	char *p = mmap(NULL, size + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	demand(p != MAP_FAILED && !mprotect(p + GUARD, size, PROT_READ | PROT_WRITE));
	return p + GUARD;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t sigreturn[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};

	(void)argc;
	(void)argv;
	demand(!cp_thread_init());
	code = island(CODE);
	tables = island(TABLES);
	stack = island(CP_PAGE);
	memset(code, 0xe8, CODE); /* behind each byte a call may lie ... */
	memset(code, 0x90, CODE / 4);
	memcpy(code + 0x1000, sigreturn, sizeof(sigreturn));
	module = (struct cp_module){.start = (uintptr_t)code, .end = (uintptr_t)code + CODE};
	demand(!cp_walk_init(8UL << 20));
	cp_peek_choose(); /* what reads after a probe, the sanitizer reads about first */
	return 0;
}

static uintptr_t word(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	if ((v & 0xff) == 0xf0)
		return (uintptr_t)code + (v >> 8) % CODE;
	if ((v & 0xff) == 0xf1)
		return (uintptr_t)stack + (v >> 8) % CP_PAGE;
	return v;
}

/* Tables grow here, towards the end of their island. */
struct laying {
	uint8_t *at;
};

static void lay(struct laying *l, const void *p, size_t n)
{
	memcpy(l->at, p, n);
	l->at += n;
}

static void lay_word(struct laying *l, intptr_t v)
{
	int32_t word = (int32_t)v;

	lay(l, &word, sizeof(word));
}

/* What two functions share: "zR" or "zRS", data in eights, and the operations. */
static void lay_common(struct laying *l, const uint8_t *ops, size_t n, bool signal)
{
	static const uint8_t plain[] = {1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b};
	static const uint8_t of_signal[] = {1, 'z', 'R', 'S', 0, 1, 0x78, 16, 1, 0x1b};
	const uint8_t *head = signal ? of_signal : plain;
	size_t size = signal ? sizeof(of_signal) : sizeof(plain);

	lay_word(l, (intptr_t)(4 + size + n));
	lay_word(l, 0);
	lay(l, head, size);
	lay(l, ops, n);
}

static void lay_function(struct laying *l, const uint8_t *common, const uint8_t *start,
			 const uint8_t *ops, size_t n)
{
	uint8_t none = 0;

	lay_word(l, (intptr_t)(4 + 8 + 1 + n));
	lay_word(l, l->at - common);
	lay_word(l, start - l->at);
	lay_word(l, CODE / 2);
	lay(l, &none, 1);
	lay(l, ops, n);
}

#define HEADER	 (12 + 2 * 8UL)	 /* of two entries */
#define ENTRIES	 (18 + 2 * 17UL) /* without their operations */
#define SPLIT(n) ((n) / 4)	 /* operations in common */

/* Proper tables of two functions, whose operations are the input's. */
static void lay_functions(struct laying *l, const uint8_t *ops, size_t n, bool signal)
{
	uint8_t *header = l->at, *common = header + HEADER, *one, *two;
	size_t shared = SPLIT(n), each = (n - shared) / 2;

	l->at = common;
	lay_common(l, ops, shared, signal);
	one = l->at;
	lay_function(l, common, code, ops + shared, each);
	two = l->at;
	lay_function(l, common, code + CODE / 2, ops + shared + each, n - shared - each);
	l->at = header;
	lay_word(l, 0x3b031b01);
	lay_word(l, 0);
	lay_word(l, 2);
	lay_word(l, code - header);
	lay_word(l, one - header);
	lay_word(l, code + CODE / 2 - header);
	lay_word(l, two - header);
}

/* The tables end where their island ends, so that a byte too far is seen. */
static void lay_tables(const uint8_t *data, size_t size, uint8_t choice)
{
	uint8_t *end = tables + TABLES;
	bool raw = choice & 1, signal = choice & 4;
	struct laying l = {end - size - (raw ? 0 : HEADER + ENTRIES + signal)};

	module.eh_frame_hdr = module.cfi_lo = (uintptr_t)l.at;
	module.cfi_hi = (uintptr_t)end;
	if (raw)
		lay(&l, data, size);
	else
		lay_functions(&l, data, size, signal);
}

/* --- walking ----------------------------------------------------------- */

static unsigned walk(const ucontext_t *uc, cp_frame *out)
{
	bool cut;
	unsigned n = cp_walk_signal(cp_thread_ready(), uc, out, CP_WALK_MAX, &cut);

	demand(n <= CP_WALK_MAX);
	for (unsigned i = 0; i < n; i++)
		demand(cp_frame_module(out[i]) == CP_MODULE_NONE ||
		       cp_module_has(cp_frame_addr(out[i])));
	return n;
}

static void same_again(const ucontext_t *uc, const cp_frame *first, unsigned n)
{
	cp_frame frame[CP_WALK_MAX];

	demand(walk(uc, frame) == n && !memcmp(frame, first, n * sizeof(*frame)));
}

static void walk_all(const ucontext_t *uc)
{
	cp_frame frame[CP_WALK_MAX];
	unsigned n = walk(uc, frame);

	same_again(uc, frame, n);
	cp_rules_forget();
	same_again(uc, frame, n);
	cp_rules_forget();
	cp_unload_state->unloading = 1; /* now each byte is copied before it is looked at */
	walk(uc, frame);
	cp_unload_state->unloading = 0;
	cp_rules_forget();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cp_thread *t = cp_thread_ready(), was = *t;
	static const int8_t regs[] = {REG_RBX, REG_RDI, REG_R12, REG_R10};
	ucontext_t uc = {0};

	if (size < LEADING + WORDS * 8 || size > TABLES / 2)
		return 0;
	uc.uc_mcontext.gregs[REG_RIP] = (greg_t)(code + (data[1] | data[2] << 8));
	uc.uc_mcontext.gregs[REG_RSP] = (greg_t)(stack + data[3] % WORDS);
	uc.uc_mcontext.gregs[REG_RBP] = (greg_t)(stack + data[4] % WORDS);
	for (unsigned i = 0; i < CP_ARRAY_LEN(regs); i++)
		uc.uc_mcontext.gregs[regs[i]] = (greg_t)word(data + 5 + i);
	memset(stack, 0, CP_PAGE);
	for (unsigned i = 0; i < WORDS; i++)
		stack[i] = word(data + LEADING + i * 8UL);
	lay_tables(data + LEADING + WORDS * 8, size - LEADING - WORDS * 8, data[0]);
	/* Its own stack, or one it knows nothing of. */
	t->stack_lo = data[0] & 2 ? 0 : (uintptr_t)stack;
	t->stack_hi = data[0] & 2 ? 0 : (uintptr_t)(stack + WORDS);
	walk_all(&uc);
	t->stack_lo = was.stack_lo;
	t->stack_hi = was.stack_hi;
	return 0;
}
