/* SPDX-License-Identifier: MIT */
/*
 * name.h - the names of our files: EXE.PID.YYYYMMDDThhmmssZ.SEQ.TYPE.pb.gz
 *
 * Context  ANY: pure.
 * Holds    A file being written has a dot before and ".tmp" behind: whatever
 *          looks for *.pb.gz never sees half a profile.
 */
#ifndef CP_CONTROL_NAME_H
#define CP_CONTROL_NAME_H

#include "../rt/base.h"

#define CP_NAME_STAMP 16 /* YYYYMMDDThhmmssZ */
#define CP_NAME_MAX   256

/* A snapshot; all its files share this. */
struct cp_name {
	uint32_t pid, seq;
	char stamp[CP_NAME_STAMP + 1];
};

void cp_name_build(char out[CP_NAME_MAX], const char *exe, const struct cp_name *name,
		   const char *type, bool temporary);
/* Reads a name of this program back; false for anything else. */
bool cp_name_parse(const char *text, const char *exe, struct cp_name *name, bool *temporary);
/* Older first. */
int cp_name_compare(const struct cp_name *a, const struct cp_name *b);

#endif
