/* SPDX-License-Identifier: MIT */
/*
 * maps.h - the process's executable mappings, as pprof wants them
 *
 * Context  CONTROL: blocking reads of /proc; one thread at a time.
 * Holds    A frame's mapping has the same start, size and file in every reading of a
 *          run, also after its library was unloaded: readers identify a location by
 *          its distance from there.
 */
#ifndef CP_CONTROL_MAPS_H
#define CP_CONTROL_MAPS_H

#include "../rt/mem.h"

/* One per executable VMA, [0] the main executable; then those of unloaded modules;
 * then "[anon]" for all other addresses, and "[cprof]" for synthetic frames. */
struct cp_map {
	uintptr_t start, end, offset;
	const char *file;     /* "[vdso]", "[anon]", a path without " (deleted)" */
	const char *build_id; /* hex or NULL */
	unsigned module;      /* its number (module.h), 0 for none */
};
struct cp_maps {
	struct cp_map *map;
	size_t n;
	size_t live; /* of them; from [1] on these are sorted by address */
};

/* [EARLY] */
void cp_maps_init(void);

/* [CONTROL] 0 or -errno. Without /proc there are the modules that samples have hit, the
 * program first, and the last two. */
int cp_maps_read(struct cp_arena *job, struct cp_maps *maps);
/* The mapping a frame belongs to: its index in maps, always valid. */
size_t cp_maps_of(const struct cp_maps *maps, cp_frame f);

/* [CONTROL] The path the program was started by: what is known of it without /proc. */
const char *cp_maps_program(void);
/* [CONTROL] The file mapped at an address: its path, false when there is none. */
bool cp_maps_path_at(uintptr_t addr, char *path, size_t cap);

/* One line of /proc/PID/maps, taken apart in place. False when it isn't one. */
struct cp_maps_line {
	uintptr_t start, end, offset;
	bool executable;
	const char *path; /* "" for none; " (deleted)" taken off */
};
bool cp_maps_parse(char *text, struct cp_maps_line *line);

#endif
