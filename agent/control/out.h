/* SPDX-License-Identifier: MIT */
/*
 * out.h - bytes to be sent later, kept in an arena as they come
 *
 * Context  CONTROL
 * Fails    -ENOMEM at the arena's limit; it sticks in `error`.
 */
#ifndef CP_CONTROL_OUT_H
#define CP_CONTROL_OUT_H

#include "../rt/buf.h"
#include "../rt/mem.h"

struct cp_out_piece {
	struct cp_out_piece *next;
	size_t used, cap;
	char bytes[];
};

struct cp_out {
	struct cp_arena *arena;
	struct cp_out_piece *first, *last;
	size_t total;
	int error;
};

/* A sink for cp_pprof_open; ctx is a struct cp_out. */
int cp_out_write(void *ctx, const void *buf, size_t n);
/* Are there n more bytes, and what pieces lose of them, within the arena's limit? */
bool cp_out_has_room(const struct cp_out *o, size_t n);
/* Leaves half of the room to others, unless n bytes would not fit into the other half. */
void cp_out_share(struct cp_out *o, size_t n);
void cp_out_str(struct cp_out *o, const char *s);
void cp_out_fmt(struct cp_out *o, const char *fmt, ...) CP_PRINTF(2, 3);

#endif
