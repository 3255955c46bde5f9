/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - the threads as the kernel lists them
 *
 * Context  CONTROL: on the job's thread, or HTTP's, which have descriptors of their own.
 * Calls    system calls, buf.c, dir.c, parse.c, threads.c.
 * Fails    see tasks.h
 */
#include "tasks.h"

#include "../rt/atomic.h"
#include "../rt/buf.h"
#include "../rt/hex.h"
#include "../rt/sys.h"
#include "../sample/threads.h"
#include "dir.h"
#include "parse.h"

#include <errno.h>
#include <string.h>

struct telling {
	cp_task_fn *fn;
	void *ctx;
};

static void tell(void *ctx, const char *name)
{
	const struct telling *t = ctx;
	const char *end;
	uint64_t tid;

	if (!cp_parse_number(name, &tid, &end) && !*end)
		t->fn(t->ctx, (uint32_t)tid);
}

void cp_tasks_each_in(int fd, cp_task_fn *fn, void *ctx)
{
	struct telling t = {fn, ctx};

	CP_SYS(SYS_lseek, fd, 0, SEEK_SET);
	cp_dir_each(fd, tell, &t);
}

void cp_tasks_each(cp_task_fn *fn, void *ctx)
{
	int fd = (int)cp_sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return;
	cp_tasks_each_in(fd, fn, ctx);
	cp_sys_close(fd);
}

/* The beginning of /proc/self/task/TID/WHAT, as a text; its length or -errno. */
static long read_file(uint32_t tid, const char *what, char *text, size_t cap)
{
	char path[64];
	struct cp_buf b = CP_BUF(path);
	long n;
	int fd;

	cp_buf_fmt(&b, "/proc/self/task/%u/%s", tid, what);
	fd = (int)cp_sys_open(path, O_RDONLY, 0);
	n = fd < 0 ? fd : cp_sys_read(fd, text, cap - 1);
	if (fd >= 0)
		cp_sys_close(fd);
	text[CP_MAX(n, 0)] = 0;
	return n;
}

void cp_tasks_name(uint32_t tid, char name[16])
{
	char text[32];
	long got = read_file(tid, "comm", text, sizeof(text));
	size_t n = (size_t)CP_MAX(got, 0);

	n -= n && text[n - 1] == '\n';
	n = CP_MIN(n, (size_t)15);
	if (n)
		memset(name, 0, 16);
	memcpy(name, text, n);
}

bool cp_tasks_blocks(uint32_t tid, int sig)
{
	static const char key[] = "\nSigBlk:\t";
	const char *at = NULL;
	char text[2048];
	uint64_t mask = 0;

	if (sig && read_file(tid, "status", text, sizeof(text)) > 0)
		at = strstr(text, key);
	if (at)
		at = cp_hex_read(at + sizeof(key) - 1, &mask);
	return at && *at == '\n' && mask >> (sig - 1) & 1; /* else it is cut off */
}

/* Has it entered a slot by itself? */
static bool has_told(uint32_t tid)
{
	uint32_t at = 0, number;

	while ((number = cp_threads_look(&at)) < CP_THREADS_MAX) {
		const struct cp_thread_slot *s = cp_threads_slot(number);

		if (cp_load_rlx(&s->tid) == tid && !(cp_load_rlx(&s->state) & CP_THREAD_FOUND))
			return true;
	}
	return false;
}

bool cp_tasks_is_own(uint32_t tid, const char *name)
{
	static const char *const names[] = {"cprof", "cprof-job", "cprof-http"};

	for (unsigned i = 0; i < CP_ARRAY_LEN(names); i++)
		if (!strcmp(name, names[i]))
			return !has_told(tid);
	return false;
}

/* --- what it waits in ------------------------------------------------------ */

/* A blank and 0x... ; false when there is no such thing. */
static bool take_hex(const char **at, uint64_t *v)
{
	const char *end = strncmp(*at, " 0x", 3) ? NULL : cp_hex_read(*at + 3, v);

	if (end)
		*at = end;
	return end;
}

/* "running", "NR ARG... SP PC", or "-1 SP PC". */
static bool parse_call(const char *text, struct cp_task_call *c)
{
	uint64_t word[8], nr = 0;
	unsigned n = 0;
	const char *at = text;

	if (!strncmp(text, "running", 7)) {
		c->is = CP_TASK_RUNS;
		return true;
	}
	if (!strncmp(text, "-1", 2))
		at += 2;
	else if (cp_parse_number(text, &nr, &at))
		return false;
	c->nr = at == text + 2 && *text == '-' ? -1 : (int)nr;
	while (n < CP_ARRAY_LEN(word) && take_hex(&at, &word[n]))
		n++;
	if (n < 2)
		return false;
	memcpy(c->arg, word, (n - 2) * sizeof(word[0]));
	c->sp = word[n - 2];
	c->pc = word[n - 1];
	/* A main thread that has left stays listed, without a stack. */
	c->is = c->sp || c->pc ? CP_TASK_WAITS : CP_TASK_GONE;
	return true;
}

void cp_tasks_call(uint32_t tid, struct cp_task_call *c)
{
	char text[256];
	long n = read_file(tid, "syscall", text, sizeof(text));

	memset(c, 0, sizeof(*c));
	if (n == -ENOENT || n == -ESRCH)
		c->is = CP_TASK_GONE;
	else if (n < 0 || !parse_call(text, c))
		c->is = CP_TASK_REFUSED;
}

bool cp_tasks_same_call(const struct cp_task_call *a, const struct cp_task_call *b)
{
	return a->is == b->is && a->nr == b->nr && a->sp == b->sp && a->pc == b->pc &&
	       !memcmp(a->arg, b->arg, sizeof(a->arg));
}
