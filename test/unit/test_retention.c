/* SPDX-License-Identifier: MIT */
/*
 * test_retention.c - the oldest snapshots go, whole; nobody else's files do
 *
 * Context  TEST
 * Modes    fm-088
 */
#include "agent/control/exe.h"
#include "agent/control/name.h"
#include "agent/control/retention.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct cp_dir dir;

static int enter(void **state)
{
	char template[] = "keep-XXXXXX";

	(void)state;
	cp_exe_init();
	if (!mkdtemp(template))
		return -1;
	dir.fd = open(template, O_PATH | O_DIRECTORY);
	return dir.fd < 0 ? -1 : 0;
}

/* Whoever looks for profiles here later must not find these. */
static int leave(void **state)
{
	int fd = openat(dir.fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(fd);

	(void)state;
	for (struct dirent *e; d && (e = readdir(d));)
		unlinkat(dir.fd, e->d_name, 0);
	closedir(d);
	close(dir.fd);
	return 0;
}

static void put(const char *name, size_t size)
{
	int fd = openat(dir.fd, name, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

/* Both files of snapshot number n, one a second. */
static void put_snapshot(unsigned n, size_t size)
{
	struct cp_name name = {.pid = 1, .seq = n};
	char text[CP_NAME_MAX];

	snprintf(name.stamp, sizeof(name.stamp), "20260101T0000%02uZ", n % 60);
	cp_name_build(text, cp_exe_name(), &name, "heap", false);
	put(text, size);
	cp_name_build(text, cp_exe_name(), &name, "allocs", false);
	put(text, size);
}

static bool has_snapshot(unsigned n)
{
	struct cp_name name = {.pid = 1, .seq = n};
	char heap[CP_NAME_MAX], allocs[CP_NAME_MAX];
	bool a, b;

	snprintf(name.stamp, sizeof(name.stamp), "20260101T0000%02uZ", n % 60);
	cp_name_build(heap, cp_exe_name(), &name, "heap", false);
	cp_name_build(allocs, cp_exe_name(), &name, "allocs", false);
	a = !faccessat(dir.fd, heap, F_OK, 0);
	b = !faccessat(dir.fd, allocs, F_OK, 0);
	assert_int_equal(a, b); /* whole snapshots only */
	return a;
}

static void apply(uint64_t keep, uint64_t bytes)
{
	struct cp_arena arena = {0};

	cp_retention_apply(&arena, &dir, keep, bytes);
	cp_arena_release(&arena);
}

static void by_count(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 9; n++)
		put_snapshot(n, 10);
	put("other.1.20200101T000000Z.0001.heap.pb.gz", 10);
	put("notes.txt", 10);
	apply(3, UINT64_MAX);
	for (unsigned n = 1; n <= 9; n++)
		assert_int_equal(has_snapshot(n), n >= 7);
	assert_int_equal(faccessat(dir.fd, "other.1.20200101T000000Z.0001.heap.pb.gz", F_OK, 0), 0);
	assert_int_equal(faccessat(dir.fd, "notes.txt", F_OK, 0), 0);
}

static void by_bytes(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 9; n++)
		put_snapshot(n, 500);
	apply(100, 2999);
	for (unsigned n = 1; n <= 9; n++)
		assert_int_equal(has_snapshot(n), n >= 8);
	apply(100, 1); /* the newest stays, whatever it takes */
	assert_false(has_snapshot(8));
	assert_true(has_snapshot(9));
}

static void temp_name(char *text, uint32_t pid)
{
	struct cp_name name = {.pid = pid, .seq = 1, .stamp = "20260101T000000Z"};

	cp_name_build(text, cp_exe_name(), &name, "heap", true);
}

static void stale_temporaries(void **state)
{
	char own[CP_NAME_MAX], dead[CP_NAME_MAX], alive[CP_NAME_MAX], locked[CP_NAME_MAX];
	pid_t gone, going;
	int fd;

	(void)state;
	gone = fork();
	if (!gone)
		_exit(0);
	waitpid(gone, NULL, 0);
	going = fork();
	if (!going) {
		pause();
		_exit(0);
	}
	temp_name(own, (uint32_t)getpid());
	temp_name(dead, (uint32_t)gone);
	temp_name(alive, (uint32_t)going);
	put(own, 1);
	put(dead, 1);
	put(alive, 1);
	apply(1, 1);
	assert_int_not_equal(faccessat(dir.fd, own, F_OK, 0), 0);
	assert_int_not_equal(faccessat(dir.fd, dead, F_OK, 0), 0);
	assert_int_equal(faccessat(dir.fd, alive, F_OK, 0), 0);
	kill(going, SIGKILL);
	waitpid(going, NULL, 0);
	/* Locked: someone in another pid namespace writes it. */
	memcpy(locked, alive, sizeof(locked));
	fd = openat(dir.fd, locked, O_WRONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	apply(1, 1);
	assert_int_equal(faccessat(dir.fd, locked, F_OK, 0), 0);
	close(fd);
	apply(1, 1);
	assert_int_not_equal(faccessat(dir.fd, locked, F_OK, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_count),
		cmocka_unit_test(by_bytes),
		cmocka_unit_test(stale_temporaries),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
