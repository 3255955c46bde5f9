/* SPDX-License-Identifier: MIT */
/*
 * demangle.h - readable names of C++ and Rust functions
 *
 * Context  CONTROL, and separate programs; one thread at a time (the demangler's
 *          state is one). No malloc, no stdio, whatever libiberty asks for.
 * Holds    The same symbol gives the same name.
 * Fails    What can't be read, or is too long, or takes too much, is named as it is.
 */
#ifndef CP_ELF_DEMANGLE_H
#define CP_ELF_DEMANGLE_H

#include "../rt/base.h"

#define CP_DEMANGLE_MAX 8192U /* bytes of a mangled name, and of a readable one */

/* Makes room for the demangler's work: 0 or -ENOMEM (names then stay mangled). */
int cp_demangle_open(void);
void cp_demangle_close(void);

/* The readable form of a symbol: no parameters, no hashes, no clone suffixes. Answers
 * its length, which is below cap. */
size_t cp_demangle(const char *symbol, char *out, size_t cap);

/* How much of a symbol is its name: "@@VERSION" is not. */
size_t cp_demangle_unversioned(const char *symbol);

#endif
