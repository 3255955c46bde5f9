/* SPDX-License-Identifier: MIT */
/*
 * modfile.h - from a loaded object to the files that know its symbols
 *
 * Context  CONTROL: blocking reads.
 * Holds    A file is used only when it is the one that was loaded: same build-id, or
 *          without one the same header.
 */
#ifndef CP_CONTROL_MODFILE_H
#define CP_CONTROL_MODFILE_H

#include "../elf/elf.h"
#include "../sample/module.h"

struct cp_modfile {
	struct cp_elf main;  /* the file, or the image in memory when that is all there is */
	struct cp_elf debug; /* what was stripped from it */
	bool has_main, has_debug;
	char path[CP_ELF_PATH_MAX];	  /* of main, for another process too; "" for memory */
	char debug_path[CP_ELF_PATH_MAX]; /* of debug */
};

/* Opens what there is of a module; has_main tells whether anything was. id is the
 * module's number, 0 for an object the loader does not know. */
void cp_modfile_open(struct cp_modfile *f, const struct cp_module *m, unsigned id);
void cp_modfile_close(struct cp_modfile *f);

/* The executable's path without " (deleted)"; true when it still is that file's. */
bool cp_modfile_exe(char *path, size_t cap);

#endif
