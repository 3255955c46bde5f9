/* SPDX-License-Identifier: MIT */
/*
 * buf.h - text built in a caller's buffer, without libc's formatting
 *
 * Context  ANY: pure; one writer at a time.
 * Holds    len < cap, and p[len] == 0 whenever cap > 0.
 * Fails    What does not fit is cut off and `cut` says so.
 * Why      snprintf reads the locale and may allocate; a signal handler can't.
 */
#ifndef CP_RT_BUF_H
#define CP_RT_BUF_H

#include "base.h"

struct cp_buf {
	char *p;
	size_t len, cap;
	bool cut;
};

#define CP_BUF(array) ((struct cp_buf){(array), 0, sizeof(array), false})

void cp_buf_mem(struct cp_buf *b, const char *s, size_t n);
void cp_buf_str(struct cp_buf *b, const char *s);
void cp_buf_char(struct cp_buf *b, char c);
void cp_buf_u64(struct cp_buf *b, uint64_t v, unsigned min_digits);
void cp_buf_i64(struct cp_buf *b, int64_t v);
void cp_buf_hex(struct cp_buf *b, uint64_t v);
/* Two digits for each byte. */
void cp_buf_hex_bytes(struct cp_buf *b, const uint8_t *p, size_t n);
/* A small printf: %s %d %u (int) %ld %lu (64 bit) %x %lx %p %c %%. */
void cp_buf_fmt(struct cp_buf *b, const char *fmt, ...) CP_PRINTF(2, 3);
void cp_buf_vfmt(struct cp_buf *b, const char *fmt, __builtin_va_list ap);

#endif
