/* SPDX-License-Identifier: MIT */
/*
 * lineread.c - reads text files line by line
 *
 * Context  CONTROL
 * Calls    rt only.
 */
#include "lineread.h"

#include "../rt/sys.h"

#include <errno.h>
#include <string.h>

int cp_lineread_open(struct cp_lineread *r, const char *path)
{
	long fd = cp_sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	r->fd = (int)fd;
	r->offset = r->read = 0;
	r->at = r->have = 0;
	r->end = false;
	return fd < 0 ? (int)fd : 0;
}

void cp_lineread_close(struct cp_lineread *r)
{
	if (r->fd >= 0)
		cp_sys_close(r->fd);
	r->fd = -1;
}

static void fill(struct cp_lineread *r)
{
	long n;

	memmove(r->buf, r->buf + r->at, r->have - r->at);
	r->have -= r->at;
	r->at = 0;
	do
		n = cp_sys_read(r->fd, r->buf + r->have, sizeof(r->buf) - 1 - r->have);
	while (n == -EINTR);
	if (n <= 0)
		r->end = true;
	else
		r->have += (size_t)n;
	r->read += n > 0 ? (uint64_t)n : 0;
}

char *cp_lineread_next(struct cp_lineread *r)
{
	bool skipping = false;

	for (;;) {
		char *line = r->buf + r->at;
		char *newline = memchr(line, '\n', r->have - r->at);

		if (newline) {
			r->offset = r->read - (r->have - r->at);
			r->at += (size_t)(newline + 1 - line);
			*newline = 0;
			if (!skipping)
				return line;
			skipping = false;
		} else if (r->end) {
			return NULL; /* a last line without its end may be half written */
		} else {
			if (r->at == 0 && r->have == sizeof(r->buf) - 1) {
				skipping = true;
				r->at = r->have;
			}
			fill(r);
		}
	}
}
