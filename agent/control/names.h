/* SPDX-License-Identifier: MIT */
/*
 * names.h - function names for batches of frames, from symbol tables and perf maps
 *
 * Context  CONTROL: blocking reads, memory from the job and the cache.
 */
#ifndef CP_CONTROL_NAMES_H
#define CP_CONTROL_NAMES_H

#include "modfile.h"
#include "symbols.h"

#include "../elf/symtab.h"

#define CP_NAMES_BATCH 16384U	    /* frames at once: bounds the memory a module takes */
#define CP_NAMES_TEXT  (16U * 1024) /* longest name read */

/* A frame that has no answer yet. */
struct cp_wanted {
	cp_frame frame;
	const char *name, *mangled; /* NULL: not known yet; from cp_symcache_string */
	bool placed;		    /* as in struct cp_symbol */
	bool made;		    /* no object names it: it is code made at run time */
	uint32_t offset;
	const struct cp_symbol *symbol; /* with lines, when there are any */
};

/* Work space for one job. */
struct cp_names {
	struct cp_arena *job;	   /* of what lasts */
	struct cp_arena *scratch;  /* of what is gone when the batch is answered */
	struct cp_symtab_query *q; /* CP_NAMES_BATCH of them */
	struct cp_symtab_work work;
	char raw[CP_NAMES_TEXT], readable[CP_NAMES_TEXT];
	bool no_memory;
};

/* Sets the name of a frame from a symbol as its table spells it. */
void cp_names_set(struct cp_names *k, struct cp_wanted *w, const char *symbol);
/* Readable and mangled form of a symbol, both lasting. */
void cp_names_both(struct cp_names *k, const char *symbol, const char **name, const char **mangled);

/* A file's name, or one given at run time, lasting. */
const char *cp_names_as_is(struct cp_names *k, const char *text);

/* Names for frames of one object, sorted by address; bias: address = bias + p_vaddr. */
void cp_names_object(struct cp_names *k, const struct cp_modfile *f, uintptr_t bias,
		     struct cp_wanted *w, size_t n);
/* Names for sorted frames that belong to no module: the vDSO, files mapped by the
 * program itself, JIT code. */
void cp_names_loose(struct cp_names *k, struct cp_wanted *w, size_t n);
/* For what is left: "libfoo.so+0x1234". label: a path, or a name in brackets. */
void cp_names_by_address(struct cp_names *k, struct cp_wanted *w, const char *label,
			 uintptr_t bias);

/* Names from /tmp/perf-PID.map, for sorted frames. */
void cp_perfmap_names(struct cp_names *k, struct cp_wanted *w, size_t n);
/* Is it another file, or a longer one, than when this was last asked? */
bool cp_perfmap_changed(void);
/* The same names from any file; 0 or -errno. */
int cp_perfmap_read(struct cp_names *k, const char *path, struct cp_wanted *w, size_t n);

#endif
