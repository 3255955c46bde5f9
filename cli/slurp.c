/* SPDX-License-Identifier: MIT */
/*
 * slurp.c - a whole file in memory, and a guess at what it is when it is no profile
 *
 * Context  the cprof program.
 * Fails    One line: the file, what is wrong with it, what to do now.
 * Why      Read, not mapped: a file may be a pipe, and one that shrinks while we
 *          read it must not kill us with SIGBUS.
 */
#include "slurp.h"

#include "command.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_ROOM ((size_t)64 << 10)
#define MOST	   ((size_t)1 << 30) /* packed; a real profile is a few MB */

/* Real profiles unpack to ten times their size, and one of a single deep stack to a hundred; what
 * gzip can do at most, a thousand, only those do that are made for it. */
#define UNPACKED_LEAST ((size_t)16 << 20)
#define UNPACKED_RATIO 100

static const char give_a_profile[] =
	"give a .pb.gz file as libcprof.so or 'go tool pprof -proto' writes it";

/* Doubles the room, keeping what was read. */
static bool grow(struct cp_region *region, struct cp_bytes *b, size_t *room)
{
	size_t more = *room ? *room * 2 : FIRST_ROOM;
	unsigned char *p = region->alloc.alloc(region, more);

	if (!p)
		return false;
	if (b->size)
		memcpy(p, b->data, b->size);
	region->alloc.free(region, b->data);
	b->data = p;
	*room = more;
	return true;
}

int cp_slurp_fd(int fd, struct cp_region *region, struct cp_bytes *b)
{
	size_t room = 0;

	*b = (struct cp_bytes){NULL, 0};
	for (;;) {
		ssize_t n;

		if (b->size > MOST)
			return EFBIG;
		if (b->size == room && !grow(region, b, &room))
			return ENOMEM;
		n = read(fd, b->data + b->size, room - b->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? errno : 0;
		b->size += (size_t)n;
	}
}

size_t cp_slurp_unpacked_max(size_t packed, size_t most)
{
	size_t max = packed < most / UNPACKED_RATIO ? packed * UNPACKED_RATIO : most;

	return CP_MIN(CP_MAX(max, UNPACKED_LEAST), most);
}

/* A pattern that the shell found no file for comes as it is. */
static const char *advice_on_name(const char *path)
{
	if (strstr(path, "://"))
		return "save what is there, as by curl -o FILE URL, and give that file";
	if (strpbrk(path, "*?["))
		return "no file has such a name, or a snapshot is still being written";
	return "check its name";
}

static const char *advice(int err, const char *path)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		return advice_on_name(path);
	case EISDIR:
		return "give the .pb.gz files in it";
	case EACCES:
		return "profiles belong to the user the program ran as: read it as that user";
	case EFBIG:
		return give_a_profile;
	default:
		return "nothing was read";
	}
}

bool cp_slurp(const char *path, struct cp_region *region, struct cp_bytes *out)
{
	bool is_stdin = !strcmp(path, "-");
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int err;

	*out = (struct cp_bytes){NULL, 0};
	err = fd < 0 ? errno : cp_slurp_fd(fd, region, out);
	if (fd >= 0 && !is_stdin)
		close(fd);
	if (err)
		cp_complain("%s: %s; %s", path, strerror(err), advice(err, path));
	return !err;
}

static bool starts_with(const struct cp_bytes *file, const char *magic, size_t n)
{
	return file->size >= n && !memcmp(file->data, magic, n);
}

/* No profile starts like this: field 1 of a profile is a byte below the blank. */
static bool is_text(const struct cp_bytes *file)
{
	size_t n = CP_MIN(file->size, 256);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = file->data[i];

		if (c < ' ' && c != '\n' && c != '\t' && c != '\r')
			return false;
	}
	return true;
}

/* What people give that is packed, but not by gzip. */
static const char *packer(const struct cp_bytes *file)
{
	if (starts_with(file, "\xfd\x37zXZ", 5))
		return "xz";
	if (starts_with(file, "\x28\xb5\x2f\xfd", 4))
		return "zstd";
	return starts_with(file, "BZh", 3) ? "bzip2" : NULL;
}

void cp_slurp_complain(const char *path, const struct cp_bytes *file, const char *why)
{
	if (!file->size)
		cp_complain("%s: the file is empty; take the profile again", path);
	else if (starts_with(file, "\x1f\x8b", 2))
		cp_complain("%s: %s; copy the file or take the profile again", path, why);
	else if (starts_with(file, ELFMAG, SELFMAG))
		cp_complain("%s: a program, not a profile; leave it out, profiles carry their "
			    "names",
			    path);
	else if (starts_with(file, "PERFILE2", 8))
		cp_complain("%s: a recording of perf, not a profile; perf_to_profile makes one of "
			    "it",
			    path);
	else if (packer(file))
		cp_complain("%s: packed by %s; unpack it first, '%s -d' does that", path,
			    packer(file), packer(file));
	else if (is_text(file))
		cp_complain("%s: text, not a profile; %s", path, give_a_profile);
	else
		cp_complain("%s: %s; %s", path, why, give_a_profile);
}
