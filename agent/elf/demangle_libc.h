/* SPDX-License-Identifier: MIT */
/*
 * demangle_libc.h - what libiberty's demanglers get in place of libc
 *
 * Context  inside cp_demangle only
 */
#ifndef CP_ELF_DEMANGLE_LIBC_H
#define CP_ELF_DEMANGLE_LIBC_H

#include "../rt/base.h"

/* Memory for one name, behind room for two of CP_DEMANGLE_MAX: cp_demangle's. */
void cp_demangle_heap(char *room, size_t size);

void *cp_demangle_malloc(size_t n);
void *cp_demangle_realloc(void *p, size_t n);
void cp_demangle_free(void *p);
int cp_demangle_sprintf(char *out, int flag, size_t size, const char *fmt, ...);
int cp_demangle_snprintf(char *out, size_t n, int flag, size_t size, const char *fmt, ...);
_Noreturn void cp_demangle_smashed(void);
extern const unsigned short cp_demangle_ctype[256];

#endif
