/* SPDX-License-Identifier: MIT */
/*
 * expr.c - runs a DWARF expression of a call-frame rule
 *
 * Context  HOST, SIGNAL
 * Calls    nothing.
 * Holds    0 <= depth <= STACK_MAX; at most OPS_MAX operations.
 * Why      PLT stubs, realigned frames and hand-written assembler compute their
 *          frame address. A stack machine of forty lines is all they need.
 */
#include "expr.h"

#include "../rt/leb.h"

#define STACK_MAX 16
#define OPS_MAX	  256

enum {
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08, /* ... CONST8S = 0x0f: sizes 1, 2, 4, 8, unsigned then signed */
	OP_CONST8S = 0x0f,
	OP_CONSTU = 0x10,
	OP_CONSTS = 0x11,
	OP_DUP = 0x12,
	OP_DROP = 0x13,
	OP_OVER = 0x14,
	OP_SWAP = 0x16,
	OP_AND = 0x1a,
	OP_MINUS = 0x1c,
	OP_MUL = 0x1e,
	OP_NEG = 0x1f,
	OP_NOT = 0x20,
	OP_OR = 0x21,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_SHL = 0x24,
	OP_SHR = 0x25,
	OP_SHRA = 0x26,
	OP_XOR = 0x27,
	OP_BRA = 0x28,
	OP_EQ = 0x29,
	OP_GE,
	OP_GT,
	OP_LE,
	OP_LT,
	OP_NE = 0x2e,
	OP_SKIP = 0x2f,
	OP_LIT0 = 0x30,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
	OP_BREGX = 0x92,
	OP_NOP = 0x96,
};

struct stack {
	uintptr_t v[STACK_MAX + 1];
	unsigned n;
	bool bad;
};

static void push(struct stack *s, uintptr_t v)
{
	if (s->n < STACK_MAX)
		s->v[s->n++] = v;
	else
		s->bad = true;
}

static uintptr_t pop(struct stack *s)
{
	if (s->n)
		return s->v[--s->n];
	s->bad = true;
	return 0;
}

static uintptr_t constant(struct cp_leb *in, uint8_t op)
{
	size_t size = 1UL << ((op - OP_CONST1U) / 2);
	uint64_t v = cp_leb_fixed(in, size);
	unsigned spare = 64 - 8 * (unsigned)size;

	/* Odd codes are the signed ones. */
	return op & 1 ? (uintptr_t)((int64_t)(v << spare) >> spare) : v;
}

static void push_register(struct stack *s, struct cp_leb *in, uint64_t reg, const struct cp_full *f)
{
	int64_t off = cp_leb_s(in);

	if (reg < CP_CPU_REGS && (f->known >> reg & 1))
		push(s, f->r[reg] + (uintptr_t)off);
	else
		s->bad = true;
}

static void deref(struct stack *s, struct cp_span *span)
{
	uintptr_t at = pop(s), v = 0;

	if (!span || !at || !cp_span_read(span, at, &v))
		s->bad = true;
	push(s, v);
}

static void binary(struct stack *s, uint8_t op)
{
	uintptr_t b = pop(s), a = pop(s);
	intptr_t sa = (intptr_t)a, sb = (intptr_t)b;

	switch (op) {
	case OP_AND:
		return push(s, a & b);
	case OP_MINUS:
		return push(s, a - b);
	case OP_MUL:
		return push(s, a * b);
	case OP_OR:
		return push(s, a | b);
	case OP_PLUS:
		return push(s, a + b);
	case OP_SHL:
		return push(s, b < 64 ? a << b : 0);
	case OP_SHR:
		return push(s, b < 64 ? a >> b : 0);
	case OP_SHRA:
		return push(s, (uintptr_t)(sa >> CP_MIN(b, 63UL)));
	case OP_XOR:
		return push(s, a ^ b);
	case OP_EQ:
		return push(s, sa == sb);
	case OP_GE:
		return push(s, sa >= sb);
	case OP_GT:
		return push(s, sa > sb);
	case OP_LE:
		return push(s, sa <= sb);
	case OP_LT:
		return push(s, sa < sb);
	case OP_NE:
		return push(s, sa != sb);
	default:
		s->bad = true;
	}
}

static void jump(struct stack *s, struct cp_leb *in, const uint8_t *begin, bool taken)
{
	int16_t by = (int16_t)cp_leb_fixed(in, 2);

	if (!taken)
		return;
	if (by < begin - in->p || by > in->end - in->p)
		s->bad = true;
	else
		in->p += by;
}

/* The operations that move what is on the stack, or control. */
static void shuffle(struct stack *s, struct cp_leb *in, const uint8_t *begin, uint8_t op)
{
	uintptr_t a, b;

	switch (op) {
	case OP_DUP:
		a = pop(s);
		push(s, a);
		return push(s, a);
	case OP_DROP:
		pop(s);
		return;
	case OP_OVER:
		b = pop(s);
		a = pop(s);
		push(s, a);
		push(s, b);
		return push(s, a);
	case OP_SWAP:
		b = pop(s);
		a = pop(s);
		push(s, b);
		return push(s, a);
	case OP_NEG:
		return push(s, -pop(s));
	case OP_NOT:
		return push(s, ~pop(s));
	case OP_PLUS_UCONST:
		a = pop(s);
		return push(s, a + cp_leb_u(in));
	case OP_SKIP:
		return jump(s, in, begin, true);
	case OP_BRA:
		return jump(s, in, begin, pop(s) != 0);
	case OP_NOP:
		return;
	default:
		binary(s, op);
	}
}

bool cp_expr_run(const uint8_t *expr, const uint8_t *end, const struct cp_full *f,
		 struct cp_span *span, const uintptr_t *first, uintptr_t *result)
{
	struct cp_leb in = {expr, end, false};
	uint64_t length = cp_leb_u(&in);
	const uint8_t *begin = in.p;
	struct stack s = {.n = 0};

	if (in.bad || length > (size_t)(end - in.p))
		return false;
	in.end = in.p + length;
	if (first)
		push(&s, *first);
	for (unsigned ops = 0; in.p < in.end && !s.bad; ops++) {
		uint8_t op = *in.p++;

		if (ops == OPS_MAX)
			return false;
		if (op >= OP_LIT0 && op <= OP_LIT31)
			push(&s, op - OP_LIT0);
		else if (op >= OP_BREG0 && op <= OP_BREG31)
			push_register(&s, &in, op - OP_BREG0, f);
		else if (op == OP_BREGX)
			push_register(&s, &in, cp_leb_u(&in), f);
		else if (op >= OP_CONST1U && op <= OP_CONST8S)
			push(&s, constant(&in, op));
		else if (op == OP_CONSTU)
			push(&s, cp_leb_u(&in));
		else if (op == OP_CONSTS)
			push(&s, (uintptr_t)cp_leb_s(&in));
		else if (op == OP_DEREF)
			deref(&s, span);
		else
			shuffle(&s, &in, begin, op);
	}
	*result = pop(&s);
	return !s.bad && !in.bad;
}
