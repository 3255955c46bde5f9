/* SPDX-License-Identifier: MIT */
/*
 * debugfile.c - finds the file that holds what was stripped from another
 *
 * Context  CONTROL, and separate programs
 * Calls    rt and elf.h.
 * Holds    A file is used only when its build-id is that of the stripped one; a
 *          stripped one without an id is taken at its link's word.
 */
#include "elf.h"

#include "../rt/buf.h"
#include "../rt/sys.h"

#include <errno.h>
#include <string.h>

#define DEBUG_ROOT "/usr/lib/debug"

static bool same_file(const struct cp_elf *a, const struct cp_elf *b)
{
	struct stat sa, sb;

	return cp_sys_fstat(a->src.fd, &sa) == 0 && cp_sys_fstat(b->src.fd, &sb) == 0 &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static int try_path(struct cp_elf *debug, const struct cp_elf *e, const struct cp_buf *path)
{
	int r = path->cut ? -ENAMETOOLONG : cp_elf_open(debug, path->p);

	if (r)
		return r;
	if ((e->build_id_len && !cp_elf_is(debug, e->build_id, e->build_id_len)) ||
	    (e->src.fd >= 0 && same_file(debug, e)) ||
	    (!debug->symtab.table.size && !debug->dwarf_size)) {
		cp_elf_close(debug);
		return -ENOENT;
	}
	return 0;
}

static int try_build_id(struct cp_elf *debug, const struct cp_elf *e, char *found)
{
	struct cp_buf b = {found, 0, CP_ELF_PATH_MAX, false};

	if (e->build_id_len < 2)
		return -ENOENT;
	cp_buf_str(&b, DEBUG_ROOT "/.build-id/");
	cp_buf_hex_bytes(&b, e->build_id, 1);
	cp_buf_char(&b, '/');
	cp_buf_hex_bytes(&b, e->build_id + 1, e->build_id_len - 1U);
	cp_buf_str(&b, ".debug");
	return try_path(debug, e, &b);
}

/* root + directory of path + sub + name */
static int try_beside(struct cp_elf *debug, const struct cp_elf *e, const char *root,
		      const char *path, const char *sub, const char *name, char *found)
{
	struct cp_buf b = {found, 0, CP_ELF_PATH_MAX, false};
	const char *slash = strrchr(path, '/');

	cp_buf_str(&b, root);
	if (slash)
		cp_buf_mem(&b, path, (size_t)(slash + 1 - path));
	cp_buf_str(&b, sub);
	cp_buf_str(&b, name);
	return try_path(debug, e, &b);
}

int cp_elf_open_debug(struct cp_elf *debug, const struct cp_elf *e, const char *path, char *found)
{
	char name[256];
	int r = try_build_id(debug, e, found);

	if (!r || !e->debug_link.size ||
	    !cp_elf_string(&e->src, &e->debug_link, 0, name, sizeof(name)) || strchr(name, '/'))
		return r;
	r = try_beside(debug, e, "", path, "", name, found);
	if (r)
		r = try_beside(debug, e, "", path, ".debug/", name, found);
	if (r && path[0] == '/')
		r = try_beside(debug, e, DEBUG_ROOT, path, "", name, found);
	return r;
}
