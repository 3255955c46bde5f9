/* SPDX-License-Identifier: MIT */
/*
 * asklines.c - asks cprof-lines what lies at the addresses of one object
 *
 * Context  the cprof program.
 * Calls    posix_spawn; the protocol is told in lines.c.
 * Holds    The question goes by a file: the helper reads it whole before it
 *          answers, and neither waits for the other. It takes so many addresses:
 *          more are asked for in pieces, each of a helper of its own.
 * Fails    see asklines.h
 */
#include "asklines.h"

#include "buildid.h"
#include "command.h"
#include "find.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 18) /* addresses; a quarter of what the helper takes */

extern char **environ;

struct piece {
	const struct cp_asklines *q;
	size_t first, n; /* of q's addresses */
};

static FILE *question(const struct piece *p)
{
	const struct cp_asklines *q = p->q;
	FILE *f = tmpfile();

	if (!f)
		return NULL;
	fprintf(f, "F%s\n", q->path);
	if (q->debug)
		fprintf(f, "D%s\n", q->debug);
	if (cp_buildid_is_sound(q->build_id))
		fprintf(f, "I%s\n", q->build_id);
	fputs("Wln\n", f);
	for (size_t i = 0; i < p->n; i++)
		fprintf(f, "A%llx\n", (unsigned long long)q->addr[p->first + i]);
	fputs(".\n", f);
	if (fflush(f) || lseek(fileno(f), 0, SEEK_SET)) {
		fclose(f);
		return NULL;
	}
	return f;
}

static void take_call(const struct cp_asklines *q, size_t i, char *text)
{
	char *function = strchr(text, '\t');
	char *file = function ? strchr(function + 1, '\t') : NULL;

	if (!file)
		return;
	*function++ = 0;
	*file++ = 0;
	q->on_call(q->ctx, i, function, file, strtol(text, NULL, 10));
}

/* True when the closing dot was seen. */
static bool read_answers(const struct piece *p, FILE *in)
{
	const struct cp_asklines *q = p->q;
	char *line = NULL;
	size_t cap = 0, asked = 0;
	bool whole = false;
	ssize_t n;

	while (!whole && (n = getline(&line, &cap, in)) > 0) {
		line[n - 1] = 0;
		if (line[0] == 'A' && asked++ == p->n)
			break;
		if (line[0] == 'N' && asked)
			q->on_name(q->ctx, p->first + asked - 1, line + 1);
		if (line[0] == 'L' && asked)
			take_call(q, p->first + asked - 1, line + 1);
		if (line[0] == 'E' && strncmp(line + 1, "no debug", 8) != 0)
			cp_complain("%s: %s", q->path, line + 1);
		whole = !strcmp(line, ".");
	}
	free(line);
	return whole;
}

static pid_t start(const char *program, int in, int out[2])
{
	char *argv[] = {(char *)program, "2048", "600", NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_addclose(&actions, out[0]);
	err = posix_spawn(&pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err ? -err : pid;
}

static bool converse(const struct piece *p, const char *program, FILE *asked)
{
	int out[2], status;
	bool whole = false;
	FILE *in;
	pid_t pid;

	if (pipe(out))
		return false;
	pid = start(program, fileno(asked), out);
	close(out[1]);
	in = fdopen(out[0], "r");
	if (pid > 0 && in)
		whole = read_answers(p, in);
	if (in)
		fclose(in);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return whole;
}

static bool ask(const struct piece *p, const char *program)
{
	FILE *asked = question(p);
	bool ok = asked && converse(p, program, asked);

	if (!ok)
		cp_complain("%s: cprof-lines ended before it had answered", p->q->path);
	if (asked)
		fclose(asked);
	return ok;
}

bool cp_asklines(const struct cp_asklines *q)
{
	char *program = cp_find_lines();
	bool ok = program;

	if (!program)
		cp_complain("cprof-lines is not where cprof is, nor where it is installed");
	for (size_t at = 0; ok && at < q->n; at += PIECE)
		ok = ask(&(struct piece){q, at, CP_MIN(q->n - at, PIECE)}, program);
	free(program);
	return ok;
}
