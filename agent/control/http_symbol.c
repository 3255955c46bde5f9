/* SPDX-License-Identifier: MIT */
/*
 * http_symbol.c - /symbol: a list of addresses in, names out
 *
 * Context  CONTROL: taking on the server's thread, naming on the worker
 * Calls    symbols.c, maps.c, sample/module.h.
 * Holds    Addresses are read as they arrive: of a body of any length only they are
 *          kept. What has no name is left out of the answer.
 * Why      Addresses in profiles are already inside their calls, so they are looked up
 *          as they are.
 */
#include "http_conn.h"

#include "../rt/hex.h"
#include "../sample/rules.h"
#include "exclusive.h"
#include "symbols.h"

#include <errno.h>
#include <string.h>

static void end_word(struct cp_http_conn *c)
{
	const char *s = c->word;
	const char *end;
	uint64_t v;

	c->word[CP_MIN((size_t)c->nword, sizeof(c->word) - 1)] = 0;
	if (s[0] == '0' && (s[1] | 32) == 'x')
		s += 2;
	end = c->nword < sizeof(c->word) ? cp_hex_read(s, &v) : NULL;
	c->nword = 0;
	if (!end || *end || !v || v > CP_FRAME_ADDR_MASK)
		return;
	if (!c->address)
		c->address = cp_arena_alloc(&c->arena, CP_HTTP_ADDRESSES * sizeof(*c->address));
	if (c->address && c->naddress < CP_HTTP_ADDRESSES)
		c->address[c->naddress++] = v;
}

void cp_http_symbol_take(struct cp_http_conn *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '+' || p[i] == '\n' || p[i] == '\r')
			cp_http_symbol_end(c);
		else if (c->nword < sizeof(c->word))
			c->word[c->nword++] = p[i];
	}
}

void cp_http_symbol_end(struct cp_http_conn *c)
{
	if (c->nword)
		end_word(c);
}

/* What stands for a name where there is none: "libfoo.so+0x12". */
static bool is_name(const struct cp_symbol *s)
{
	const char *plus = strrchr(s->line[s->nlines - 1].mangled, '+');

	return !plus || strncmp(plus, "+0x", 3) != 0;
}

static bool is_mapped(const struct cp_maps *maps, uint64_t addr)
{
	for (size_t i = 0; i < maps->live; i++)
		if (addr >= maps->map[i].start && addr < maps->map[i].end)
			return true;
	return false;
}

static int name_all(struct cp_out *o, struct cp_arena *job, const uint64_t *address, unsigned n)
{
	cp_frame *frame = cp_arena_alloc(job, n * sizeof(*frame));
	const struct cp_symbol **symbol = cp_arena_alloc(job, n * sizeof(*symbol));
	struct cp_maps maps = {0};
	unsigned known = 0;
	int err = cp_maps_read(job, &maps);

	if (!frame || !symbol || err)
		return err ? err : -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		if (is_mapped(&maps, address[i]))
			frame[known++] = cp_frame_make(cp_rules_module(address[i]), address[i]);
	err = cp_symbols_resolve(job, frame, known, symbol);
	for (unsigned i = 0; i < known && !err; i++) {
		if (!is_name(symbol[i]))
			continue;
		/* The function the code belongs to, not one inlined there. */
		cp_out_fmt(o, "0x%lx ", (uint64_t)cp_frame_addr(frame[i]));
		cp_out_str(o, symbol[i]->line[symbol[i]->nlines - 1].mangled);
		cp_out_str(o, "\n");
	}
	return err;
}

void cp_http_symbols(struct cp_out *o, struct cp_arena *job, const uint64_t *address, unsigned n)
{
	int err;

	cp_out_str(o, "num_symbols: 1\n");
	if (!n)
		return;
	cp_exclusive_enter(cp_http_soon());
	err = name_all(o, job, address, n);
	cp_exclusive_leave();
	if (err)
		o->error = err;
}
