/* SPDX-License-Identifier: MIT */
/*
 * lines_names.c - names from symbol tables, MiniDebugInfo included
 *
 * Context  a separate program, one thread
 * Calls    agent/elf, liblzma.
 * Holds    The same tables in the same order as in the agent, and MiniDebugInfo
 *          before .dynsym: so a profile is named alike there and here.
 * Fails    A file with another build-id is refused.
 */
#include "lines.h"

#include "agent/elf/symtab.h"
#include "agent/rt/buf.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 16384U
#define MINI_MAX       (256UL << 20) /* MiniDebugInfo, unpacked */
#define LZMA_MAX       (128UL << 20) /* what unpacking it may take */

struct naming {
	const struct cp_lines_request *r;
	struct cp_symtab_query *q; /* sorted by address */
	size_t *index;		   /* of q[i] in the request */
	char **name;
	struct cp_symtab_work work;
	char text[NAME_MAX_BYTES];
};

static const struct cp_lines_request *sorting;

static int by_address(const void *a, const void *b)
{
	uint64_t x = sorting->addr[*(const size_t *)a], y = sorting->addr[*(const size_t *)b];

	return x < y ? -1 : x > y;
}

static void from_table(struct naming *n, const struct cp_elf *e,
		       const struct cp_elf_symbols *symbols)
{
	size_t count = n->r->n;

	for (size_t i = 0; i < count; i++) {
		n->q[i] = (struct cp_symtab_query){.addr = n->r->addr[n->index[i]]};
		n->q[i].found = n->name[n->index[i]] != NULL;
	}
	cp_symtab_resolve(e, symbols, n->q, count, &n->work);
	for (size_t i = 0; i < count; i++)
		if (n->q[i].found && !n->name[n->index[i]] &&
		    cp_elf_string(&e->src, &symbols->strings, n->q[i].name, n->text,
				  sizeof(n->text)))
			n->name[n->index[i]] = strdup(n->text);
}

static uint8_t *unpack(const struct cp_elf *e, size_t *size)
{
	uint64_t memory = LZMA_MAX;
	size_t in = 0, out = 0, cap = CP_MIN(MINI_MAX, 64 * e->debug_data.size + 65536);
	uint8_t *packed = NULL, *plain = NULL;

	if (!cp_lines_room(e->debug_data.size + cap))
		return NULL;
	packed = malloc(e->debug_data.size);
	plain = malloc(cap);
	if (!packed || !plain ||
	    !cp_elf_read(&e->src, e->debug_data.offset, packed, e->debug_data.size) ||
	    lzma_stream_buffer_decode(&memory, 0, NULL, packed, &in, e->debug_data.size, plain,
				      &out, cap) != LZMA_OK) {
		free(plain);
		plain = NULL;
	}
	free(packed);
	*size = out;
	return plain;
}

static void from_mini(struct naming *n, const struct cp_elf *e)
{
	struct cp_elf mini;
	size_t size;
	uint8_t *plain = unpack(e, &size);

	if (plain && !cp_elf_open_memory(&mini, plain, size))
		from_table(n, &mini, &mini.symtab);
	free(plain);
}

static void from_plt(struct naming *n, const struct cp_elf *e)
{
	for (size_t i = 0; i < n->r->n; i++) {
		size_t len;

		if (n->name[i])
			continue;
		len = cp_symtab_plt_name(e, n->r->addr[i], n->text, sizeof(n->text) - 5);
		if (!len)
			continue;
		memcpy(n->text + len, "@plt", 5);
		n->name[i] = strdup(n->text);
	}
}

static bool has_id(const struct cp_elf *e, const char *hex)
{
	char ours[2 * CP_ELF_BUILD_ID_MAX + 1] = "";
	struct cp_buf b = CP_BUF(ours);

	cp_buf_hex_bytes(&b, e->build_id, e->build_id_len);
	return !hex || !strcasecmp(hex, ours);
}

static void from_files(struct naming *n, const struct cp_elf *e, const struct cp_elf *debug)
{
	from_table(n, e, &e->symtab);
	if (debug && !e->symtab.table.size)
		from_table(n, debug, &debug->symtab);
	if (e->debug_data.size && !e->symtab.table.size)
		from_mini(n, e);
	from_table(n, e, &e->dynsym);
	from_plt(n, e);
}

static bool start(struct naming *n, const struct cp_lines_request *r, char **name)
{
	n->r = r;
	n->name = name;
	n->q = calloc(r->n + 1, sizeof(*n->q));
	n->index = calloc(r->n + 1, sizeof(*n->index));
	if (!n->q || !n->index)
		return false;
	for (size_t i = 0; i < r->n; i++)
		n->index[i] = i;
	sorting = r;
	qsort(n->index, r->n, sizeof(*n->index), by_address);
	return true;
}

bool cp_lines_names(const struct cp_lines_request *r, char **name, const char **why)
{
	static struct naming n;
	struct cp_elf e, debug;
	bool has_debug = r->debug && !cp_elf_open(&debug, r->debug);
	bool ok = !cp_elf_open(&e, r->path);

	*why = NULL;
	if (!ok)
		*why = "can't read the object file";
	else if (!has_id(&e, r->id) || (has_debug && !has_id(&debug, r->id)))
		*why = "another build-id: the file was replaced";
	else if (r->want_names && !start(&n, r, name))
		*why = "out of memory";
	else if (r->want_names)
		from_files(&n, &e, has_debug ? &debug : NULL);
	free(n.q);
	free(n.index);
	n.q = NULL;
	n.index = NULL;
	if (ok)
		cp_elf_close(&e);
	if (has_debug)
		cp_elf_close(&debug);
	return !*why;
}
