/* SPDX-License-Identifier: MIT */
/*
 * modfile.c - from a loaded object to the files that know its symbols
 *
 * Context  CONTROL
 * Calls    rt, elf, cp_rules_module.
 * Why      thread-self and not self in /proc: the latter is empty once the main
 *          thread has left by pthread_exit.
 */
#include "modfile.h"

#include "maps.h"

#include "../rt/buf.h"
#include "../rt/sys.h"
#include "../sample/rules.h"

#include <errno.h>
#include <string.h>

#define EXE_LINK "/proc/thread-self/exe"

bool cp_modfile_exe(char *path, size_t cap)
{
	static const char gone[] = " (deleted)";
	const size_t tail = sizeof(gone) - 1;
	long n = CP_SYS(SYS_readlinkat, AT_FDCWD, EXE_LINK, path, cap - 1);
	size_t len = n > 0 ? (size_t)n : 0;

	path[len] = 0;
	if (len <= tail || strcmp(path + len - tail, gone) != 0)
		return len > 0;
	path[len - tail] = 0;
	return false;
}

/* Without build-ids: is what lies in memory at `start` the beginning of this file?
 * An object that is not there any more can't say no. */
static bool same_header(const struct cp_elf *e, const struct cp_module *m, bool loaded)
{
	Elf64_Ehdr head;

	if (e->build_id_len)
		return false;
	if (!loaded || cp_sys_copy(&head, m->start, sizeof(head)) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return true;
	return !memcmp(&head, &e->head, sizeof(head));
}

static bool try_file(struct cp_modfile *f, const struct cp_module *m, const char *path, bool loaded)
{
	if (cp_elf_open(&f->main, path) < 0)
		return false;
	if (m->build_id_len ? cp_elf_is(&f->main, m->build_id, m->build_id_len)
			    : same_header(&f->main, m, loaded))
		return true;
	cp_elf_close(&f->main);
	return false;
}

static void set_path(struct cp_modfile *f, const char *path)
{
	struct cp_buf b = CP_BUF(f->path);

	cp_buf_str(&b, path);
	if (b.cut)
		f->path[0] = 0;
}

/* The executable by its link, which holds even when the file is deleted. The path
 * for others to open is the real one, and the link under our pid failing that. */
static bool try_exe(struct cp_modfile *f, const struct cp_module *m)
{
	struct cp_buf b = CP_BUF(f->path);

	if (!try_file(f, m, EXE_LINK, true))
		return false;
	if (!cp_modfile_exe(f->path, sizeof(f->path))) {
		f->path[0] = 0;
		cp_buf_fmt(&b, "/proc/%ld/exe", cp_sys_getpid());
	}
	return true;
}

/* A path that only meant something in another working directory, or the executable
 * of a loader that was run as a program. */
static bool try_mapped_path(struct cp_modfile *f, const struct cp_module *m)
{
	char path[CP_ELF_PATH_MAX];

	if (!cp_maps_path_at(m->start, path, sizeof(path)) || !try_file(f, m, path, true))
		return false;
	set_path(f, path);
	return true;
}

static bool try_path(struct cp_modfile *f, const struct cp_module *m, bool loaded)
{
	/* Without /proc the program is known by the name it was started by. */
	const char *path = m->path[0] ? m->path : cp_maps_program();

	if (path[0] != '/' || !try_file(f, m, path, loaded))
		return false;
	set_path(f, path);
	return true;
}

/* Its debug link is meant from where the file is, or was. */
static void open_debug(struct cp_modfile *f, const struct cp_module *m)
{
	char exe[CP_ELF_PATH_MAX];
	const char *path = f->path;

	if (!m->path[0] && !strncmp(path, "/proc/", 6)) {
		cp_modfile_exe(exe, sizeof(exe));
		path = exe;
	}
	f->has_debug = !cp_elf_open_debug(&f->debug, &f->main, path, f->debug_path);
}

void cp_modfile_open(struct cp_modfile *f, const struct cp_module *m, unsigned id)
{
	bool loaded = !id || cp_rules_module(m->start) == id;

	memset(f, 0, sizeof(*f));
	f->main.src.fd = f->debug.src.fd = -1;
	f->has_main = (!m->path[0] && try_exe(f, m)) || try_path(f, m, loaded);
	if (!f->has_main && loaded)
		f->has_main = try_mapped_path(f, m);
	if (f->has_main) {
		open_debug(f, m);
		return;
	}
	f->path[0] = 0;
	if (loaded)
		f->has_main = !cp_elf_open_image(&f->main, m->start, m->end, m->base);
	/* The file is gone, its debug file may still be there under its id. */
	if (f->has_main && m->build_id_len) {
		memcpy(f->main.build_id, m->build_id, m->build_id_len);
		f->main.build_id_len = m->build_id_len;
		f->has_debug = !cp_elf_open_debug(&f->debug, &f->main, m->path, f->debug_path);
	}
}

void cp_modfile_close(struct cp_modfile *f)
{
	cp_elf_close(&f->main);
	cp_elf_close(&f->debug);
}
