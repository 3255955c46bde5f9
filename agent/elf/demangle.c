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
 *          every few letters. What it does without output isn't: names that it would
 *          take more stack for than there is, or half of eternity, are told by their
 *          letters (is_harmful), as far as we know of such. No compiler makes them.
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

/* Copies of templates the demangler may make room for, each of 16 bytes, and four times as many
 * as is told by the letters. */
#define COPIES_MAX (16UL * 1024)
#define GUESS_MAX  12 /* templates it parses twice each, and so each of them within */

struct task {
	const char *symbol;
	struct cp_buf out;
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

static struct task run_on_stack(const char *symbol, bool rust, char *out, size_t cap)
{
	struct task t = {symbol, {out, 0, cap, false}, rust, false};

	out[0] = 0;
	cp_demangle_heap(st.room, HEAP_SIZE);
	cp_onstack_call(&st.save, st.room + HEAP_SIZE + CP_PAGE + STACK_SIZE, run, &t);
	return t;
}

static bool is_read(const char *symbol, bool rust, char *out, size_t cap)
{
	struct task t = run_on_stack(symbol, rust, out, cap);

	return t.ok && t.out.len;
}

static bool is_cut(const char *symbol, char *out, size_t cap)
{
	return run_on_stack(symbol, false, out, cap).out.cut;
}

/* --- names made to do harm ------------------------------------------------- */

/* How often one of `first` is followed by one of `second`. */
static size_t pairs(const char *s, const char *first, const char *second)
{
	size_t n = 0;

	for (; s[0] && s[1]; s++)
		n += strchr(first, s[0]) && strchr(second, s[1]);
	return n;
}

/* Where the first template parameter stands; NULL: there is none. */
static const char *first_parameter(const char *s)
{
	const char *t = strchr(s, 'T');

	while (t && t[1] != '_' && !(t[1] >= '0' && t[1] <= '9'))
		t = strchr(t + 1, 'T');
	return t;
}

/* It makes room on its stack for as many copies as there are templates, times references to what
 * may be a template's parameter: the first, or what comes behind it. */
static bool takes_stack(const char *s)
{
	const char *t = first_parameter(s);
	size_t templates = 0;

	for (const char *p = s; *p; p++)
		templates += *p == 'I';
	return t && templates * pairs(t > s ? t - 1 : t, "RO", "ST") > COPIES_MAX;
}

/* Within the name of a conversion, T_I may be a template or not: it tries. */
static bool is_guessed(const char *s)
{
	size_t n = 0;

	for (const char *p = strchr(s, '_'); p; p = strchr(p + 1, '_')) {
		const char *from = p;

		while (from > s && from[-1] >= '0' && from[-1] <= '9')
			from--;
		n += p[1] == 'I' && from > s && from[-1] == 'T';
	}
	return n > GUESS_MAX && strstr(s, "cv");
}

/* It looks for a pack in all of what is to be expanded, and again where that refers to what was
 * there before. Were it no pack but restrict and const, which is as many letters and as many
 * things to refer to, it would print that instead, and be stopped; an empty one has nothing to
 * print, so it is something. */
static bool is_searched(char *s, char *out, size_t cap)
{
	static const char pack[][3] = {"Dp", "sp", "sZ", "JE"};
	static const char other[][3] = {"rK", "ng", "ng", "Dn"};
	char *copy = s + strlen(s) + 1;
	bool any = false;

	memcpy(copy, s, strlen(s) + 1);
	for (size_t i = 0; i < CP_ARRAY_LEN(pack); i++)
		for (char *p = strstr(copy, pack[i]); p; p = strstr(p, pack[i])) {
			memcpy(p, other[i], 2);
			any = true;
		}
	return any && is_cut(copy, out, cap);
}

static bool is_harmful(char *s, char *out, size_t cap)
{
	return takes_stack(s) || is_guessed(s) || is_searched(s, out, cap);
}

/* --- what isn't part of a name ------------------------------------------- */

/* What compilers append to a function they split or copied, and what they write behind that: a
 * number after another dot, more of a processor's name, or nothing. */
static const struct {
	const char *text;
	enum { NUMBER, WORD, ALONE } then;
} clones[] = {
	{".cold", ALONE},	{".part", NUMBER}, {".isra", NUMBER},	 {".constprop", NUMBER},
	{".lto_priv", NUMBER},	{".llvm", NUMBER}, {".clone", NUMBER},	 {".unlikely", ALONE},
	{".localalias", ALONE}, {".warm", ALONE},  {".resolver", ALONE}, {".default", ALONE},
	{".avx", WORD},		{".sse", WORD},	   {".arch_", WORD},
};

size_t cp_demangle_unversioned(const char *symbol)
{
	const char *at = strchr(symbol, '@');

	return at && at != symbol ? (size_t)(at - symbol) : strlen(symbol);
}

static size_t number_after_dot(const char *s)
{
	size_t n = *s == '.' ? strspn(s + 1, "0123456789") : 0;

	return n ? n + 1 : 0;
}

/* Length of one such ending at s; 0: it is none. */
static size_t clone_suffix(const char *s)
{
	for (size_t i = 0; i < CP_ARRAY_LEN(clones); i++) {
		size_t n = strlen(clones[i].text), number;

		if (strncmp(s, clones[i].text, n) != 0)
			continue;
		if (clones[i].then == WORD)
			n += strspn(s + n, "abcdefghijklmnopqrstuvwxyz0123456789_-");
		number = number_after_dot(s + n);
		if (!number && clones[i].then == NUMBER)
			return 0;
		for (; number; number = number_after_dot(s + n))
			n += number;
		return n;
	}
	return 0;
}

/* Nothing but such endings, or it is a name with dots in it, as Go's and OCaml's are. */
static bool are_clones(const char *s, const char *end)
{
	size_t n = 1;

	while (s < end && n) {
		n = clone_suffix(s);
		s += n;
	}
	return s == end;
}

static size_t without_clones(const char *symbol, size_t len)
{
	const char *end = symbol + len;

	for (const char *dot = memchr(symbol, '.', len); dot;
	     dot = memchr(dot + 1, '.', (size_t)(end - dot - 1)))
		if (dot != symbol && are_clones(dot, end))
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
	char *bare = st.room; /* the heap's first bytes hold the name, and another one */

	if (!st.room || len > CP_DEMANGLE_MAX ||
	    (symbol[0] != '_' || (symbol[1] != 'Z' && symbol[1] != 'R')))
		return copy(symbol, len, out, cap);
	memcpy(bare, symbol, len);
	bare[len] = 0;
	if (is_read(bare, true, out, cap))
		return strlen(out);
	/* A name that is nothing but parameters comes from no compiler: it stays as it is. */
	if (bare[1] == 'Z' && !is_harmful(bare, out, cap) && is_read(bare, false, out, cap) &&
	    drop_parameters(out))
		return strlen(out);
	return copy(symbol, len, out, cap);
}
