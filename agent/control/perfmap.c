/* SPDX-License-Identifier: MIT */
/*
 * perfmap.c - names of code made at run time, from /tmp/perf-PID.map
 *
 * Context  CONTROL
 * Calls    rt, lineread, names.
 * Holds    Of several lines for one address the last holds: it is the youngest.
 * Fails    A file of another user, or anything but a file, is not believed; lines
 *          that are none are skipped; what lies past SIZE_MAX_READ is not read.
 */
#include "lineread.h"
#include "names.h"

#include "../rt/buf.h"
#include "../rt/hex.h"
#include "../rt/sys.h"

#include <errno.h>
#include <string.h>

#define SIZE_MAX_READ (256ULL * 1024 * 1024)

/* One state of the file is told from the next by this; all zero where there is none. */
struct stamp {
	uint64_t device, inode, size;
	int64_t sec, nsec;
};

static struct {
	struct stamp seen;
} st;
static struct cp_lineread lines CP_SPARSE;

/* The first frame at or above addr. */
static size_t lower_bound(const struct cp_wanted *w, size_t n, uint64_t addr)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cp_frame_addr(w[mid].frame) < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Java's numbers say that they are hexadecimal. */
static const char *take_hex(const char *s, uint64_t *value)
{
	return cp_hex_read(strncmp(s, "0x", 2) ? s : s + 2, value);
}

/* "START SIZE name": offset[i] becomes where in the file the name of frame i lies. */
static void take_line(const char *line, uint64_t offset, const struct cp_wanted *w, size_t n,
		      uint64_t *offsets)
{
	uint64_t start, size;
	const char *s = take_hex(line, &start);

	if (!s || *s != ' ')
		return;
	s = take_hex(s + 1, &size);
	if (!s || *s != ' ' || !s[1] || start + size < start)
		return;
	for (size_t i = lower_bound(w, n, start); i < n; i++) {
		if (cp_frame_addr(w[i].frame) >= start + size)
			break;
		offsets[i] = offset + (uint64_t)(s + 1 - line);
	}
}

static void read_name(struct cp_names *k, uint64_t offset, struct cp_wanted *w)
{
	long n = cp_sys_pread(lines.fd, k->raw, sizeof(k->raw) - 1, offset);
	char *end;

	if (n <= 0)
		return;
	k->raw[n] = 0;
	end = strpbrk(k->raw, "\r\n");
	if (end)
		*end = 0;
	/* Dots and the like mean something else there than in symbol tables. */
	if (!strncmp(k->raw, "_Z", 2) || !strncmp(k->raw, "_R", 2))
		cp_names_set(k, w, k->raw);
	else if (k->raw[0])
		w->name = w->mangled = cp_names_as_is(k, k->raw);
}

static bool trusted(int fd)
{
	struct stat sb;
	long uid = CP_SYS(SYS_geteuid);

	return cp_sys_fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) &&
	       (sb.st_uid == 0 || sb.st_uid == (uid_t)uid);
}

static void read_lines(struct cp_names *k, struct cp_wanted *w, size_t n, uint64_t *offsets)
{
	const char *line;

	while (lines.read < SIZE_MAX_READ && (line = cp_lineread_next(&lines)) != NULL)
		take_line(line, lines.offset, w, n, offsets);
	for (size_t i = 0; i < n; i++)
		if (!w[i].name && offsets[i])
			read_name(k, offsets[i], &w[i]);
}

int cp_perfmap_read(struct cp_names *k, const char *path, struct cp_wanted *w, size_t n)
{
	int r = cp_lineread_open(&lines, path);
	uint64_t *offsets;

	if (r)
		return r;
	offsets = cp_arena_alloc(k->scratch, n * sizeof(*offsets));
	if (!trusted(lines.fd))
		r = -EPERM;
	else if (!offsets)
		r = -ENOMEM;
	else
		read_lines(k, w, n, offsets);
	cp_lineread_close(&lines);
	return r;
}

static void find_path(struct cp_buf *b)
{
	cp_buf_fmt(b, "/tmp/perf-%ld.map", cp_sys_getpid());
}

bool cp_perfmap_changed(void)
{
	char path[64];
	struct cp_buf b = CP_BUF(path);
	struct stamp now = {0};
	struct stat sb;
	bool changed;

	find_path(&b);
	if (CP_SYS(SYS_newfstatat, AT_FDCWD, path, &sb, 0) == 0)
		now = (struct stamp){sb.st_dev, sb.st_ino, (uint64_t)sb.st_size, sb.st_mtim.tv_sec,
				     sb.st_mtim.tv_nsec};
	changed = memcmp(&now, &st.seen, sizeof(now)) != 0;
	st.seen = now;
	return changed;
}

void cp_perfmap_names(struct cp_names *k, struct cp_wanted *w, size_t n)
{
	char path[64];
	struct cp_buf b = CP_BUF(path);

	find_path(&b);
	cp_perfmap_read(k, path, w, n);
}
