/* SPDX-License-Identifier: MIT */
/*
 * comments.h - what each profile says of itself: version, rates, losses, memory
 *
 * Context  CONTROL
 */
#ifndef CP_CONTROL_COMMENTS_H
#define CP_CONTROL_COMMENTS_H

#include "../rt/buf.h"
#include "../rt/mem.h"

#define CP_COMMENTS_MAX 96

struct cp_comments {
	const char *text[CP_COMMENTS_MAX];
	unsigned n;
};

/* nonces: the requests this snapshot answers. */
void cp_comments_build(struct cp_comments *c, struct cp_arena *job, const uint32_t *nonces,
		       unsigned nnonces);
/* How long the window is that the profile covers. */
void cp_comments_window(struct cp_comments *c, struct cp_arena *job, int64_t ns);
/* One more; left out when there is no room for it. */
void cp_comments_add(struct cp_comments *c, struct cp_arena *job, const struct cp_buf *line);

#endif
