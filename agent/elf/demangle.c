/* SPDX-License-Identifier: MIT */
/*
 * demangle.c - readable names of C++ and Rust functions
 *
 * Context  CONTROL, and separate programs; one thread at a time
 * Calls    libiberty's callback demanglers, whose calls to malloc, sprintf and the
 *          like the Makefile turns into calls to demangle_libc.c.
 * Holds    Recursion is bounded by the length of the name, and has a stack of its
 *          own that suffices for CP_DEMANGLE_MAX; output is bounded by leaving the
 *          demangler in its middle, for names whose readable form doubles with
 *          every few letters.
 * Why      libiberty and not libstdc++'s: the latter only works with malloc. The two
 *          files used carry the FSF's permission to be linked into any program.
 */
#include "demangle.h"

#include "demangle_libc.h"

#include "../rt/atomic.h"
#include "../rt/buf.h"
#include "../rt/mem.h"
#include "../rt/onstack.h"
#include "../rt/sys.h"

#include <errno.h>
#include <libiberty/demangle.h>
#include <string.h>

/* The parser goes at most a few calls deep per letter, some 200 bytes each. */
#define STACK_SIZE (8UL * 1024 * 1024)
#define HEAP_SIZE  (256UL * 1024)

static struct {
	char *room; /* heap, a guard page, the stack */
	void *save;
	bool cut;
} st;

struct task {
	const char *symbol;
	struct cp_buf out;
	int options;
	bool rust, ok;
};

int cp_demangle_open(void)
{
	if (st.room)
		return 0;
	st.room = cp_mem_map(HEAP_SIZE + CP_PAGE + STACK_SIZE);
	if (!st.room)
		return -ENOMEM;
	CP_SYS(SYS_mprotect, st.room + HEAP_SIZE, CP_PAGE, PROT_NONE);
	return 0;
}

void cp_demangle_close(void)
{
	char *room = st.room;

	/* First: a child forked in between must not find what is gone. */
	cp_store_rlx(&st.room, NULL);
	cp_fence_signal();
	cp_mem_unmap(room, HEAP_SIZE + CP_PAGE + STACK_SIZE);
}

static void take(const char *s, size_t n, void *ctx)
{
	struct task *t = ctx;

	if (n) /* an empty piece may come without an address */
		cp_buf_mem(&t->out, s, n);
	if (t->out.cut)
		cp_onstack_leave(&st.save);
}

/* A stack protector that fired: libc's would end the host. */
void cp_demangle_smashed(void)
{
	cp_onstack_leave(&st.save);
}

static void run(void *arg)
{
	struct task *t = arg;

	if (t->rust)
		t->ok = rust_demangle_callback(t->symbol, 0, take, t) != 0;
	else
		t->ok = cplus_demangle_v3_callback(t->symbol, DMGL_ANSI | DMGL_NO_RECURSE_LIMIT,
						   take, t) != 0;
	t->ok = t->ok && !t->out.cut;
}

static bool run_on_stack(const char *symbol, bool rust, char *out, size_t cap)
{
	struct task t = {symbol, {out, 0, cap, false}, 0, rust, false};
	char *top = st.room + HEAP_SIZE + CP_PAGE + STACK_SIZE;

	out[0] = 0;
	cp_demangle_heap(st.room, HEAP_SIZE);
	cp_onstack_call(&st.save, top, run, &t);
	return t.ok && t.out.len;
}

/* What compilers append to a function they split or copied. */
static const char *const clone_suffixes[] = {
	".cold",     ".part.", ".isra.",    ".constprop.", ".lto_priv.",
	".llvm.",    ".clone", ".unlikely", ".localalias", ".warm",
	".resolver", ".avx",   ".sse",	    ".default",	   ".arch_",
};

size_t cp_demangle_unversioned(const char *symbol)
{
	const char *at = strchr(symbol, '@');

	return at && at != symbol ? (size_t)(at - symbol) : strlen(symbol);
}

static size_t without_clones(const char *symbol, size_t len)
{
	for (const char *dot = memchr(symbol, '.', len); dot;
	     dot = memchr(dot + 1, '.', (size_t)(symbol + len - dot - 1)))
		for (size_t i = 0; i < CP_ARRAY_LEN(clone_suffixes) && dot != symbol; i++)
			if (!strncmp(dot, clone_suffixes[i], strlen(clone_suffixes[i])))
				return (size_t)(dot - symbol);
	return len;
}

/* Length of what follows "operator" and is its name rather than punctuation. */
static size_t operator_name(const char *s)
{
	return !strncmp(s, "()", 2) ? 2 : strspn(s, "<>=!+-*/%^&|~,[]");
}

/* Length of a parameter list in brackets, with the qualifiers of its function. */
static size_t parameter_list(const char *s)
{
	static const char *const qualifiers[] = {" const", " volatile", " &&", " &"};
	size_t n = 0;
	int depth = 0;

	do {
		depth += (s[n] == '(') - (s[n] == ')');
		n++;
	} while (s[n] && depth > 0);
	for (size_t i = 0; i < CP_ARRAY_LEN(qualifiers); i++)
		if (!strncmp(s + n, qualifiers[i], strlen(qualifiers[i])))
			n += strlen(qualifiers[i]);
	return n;
}

/* The demangler leaves the parameters of the function itself out, but not those of
 * functions around a local one: "main(int)::{lambda()#1}::operator()". */
static size_t drop_parameters(char *s)
{
	static const char anonymous[] = "(anonymous namespace)";
	int depth = 0;
	char *to = s;

	for (const char *p = s; *p;) {
		size_t n = 1;

		if (!depth && !strncmp(p, "operator", 8))
			n = 8 + operator_name(p + 8);
		else if (!strncmp(p, anonymous, sizeof(anonymous) - 1))
			n = sizeof(anonymous) - 1;
		else if (*p == '<' || *p == '{' || *p == '[')
			depth++;
		else if ((*p == '>' && p > s && p[-1] != '-') || *p == '}' || *p == ']')
			depth -= depth > 0;
		else if (*p == '(' && !depth) {
			p += parameter_list(p);
			continue;
		}
		memmove(to, p, n);
		to += n;
		p += n;
	}
	*to = 0;
	return (size_t)(to - s);
}

static size_t copy(const char *s, size_t n, char *out, size_t cap)
{
	n = CP_MIN(n, cap - 1);
	memcpy(out, s, n);
	out[n] = 0;
	return n;
}

size_t cp_demangle(const char *symbol, char *out, size_t cap)
{
	size_t len = without_clones(symbol, cp_demangle_unversioned(symbol));
	char *bare = st.room; /* the heap's first bytes hold the name */

	if (!st.room || len > CP_DEMANGLE_MAX ||
	    (symbol[0] != '_' || (symbol[1] != 'Z' && symbol[1] != 'R')))
		return copy(symbol, len, out, cap);
	memcpy(bare, symbol, len);
	bare[len] = 0;
	if (run_on_stack(bare, true, out, cap))
		return strlen(out);
	/* A name that is nothing but parameters comes from no compiler: it stays as it is. */
	if (bare[1] == 'Z' && run_on_stack(bare, false, out, cap) && drop_parameters(out))
		return strlen(out);
	return copy(symbol, len, out, cap);
}
