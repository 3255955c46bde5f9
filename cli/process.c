/* SPDX-License-Identifier: MIT */
/*
 * process.c - what /proc tells of a running process, as far as profiling goes
 *
 * Context  the cprof program.
 * Holds    Looking changes nothing: no ptrace, no signal.
 * Fails    A kernel before 5.3, or a filter, has no pidfd, or none to send a signal by:
 *          then the number alone has to do.
 */
#include "process.h"

#include "command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static FILE *open_of_thread(pid_t pid, pid_t tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
	return fopen(path, "re");
}

static FILE *open_proc(const struct cp_process *p, const char *name)
{
	return open_of_thread(p->pid, p->tid, name);
}

static bool is_alive(pid_t pid, pid_t tid)
{
	FILE *f = open_of_thread(pid, tid, "status");
	bool alive = f;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "State:\t", 7))
			alive = line[7] != 'Z' && line[7] != 'X';
	}
	if (f)
		fclose(f);
	return alive;
}

/* 0: none. The first thread may end before the others, and what /proc says by the process's
 * number is what it says of that one. */
static pid_t living_thread(pid_t pid)
{
	char path[64];
	struct dirent *e;
	pid_t tid = 0;
	DIR *d;

	if (is_alive(pid, pid))
		return pid;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d && !tid && (e = readdir(d))) {
		tid = (pid_t)strtol(e->d_name, NULL, 10);
		if (tid && !is_alive(pid, tid))
			tid = 0;
	}
	if (d)
		closedir(d);
	return tid;
}

static bool complain(pid_t pid, int err)
{
	if (err == ENOENT || err == ESRCH)
		cp_complain("%d: no such process", (int)pid);
	else if (err == EACCES || err == EPERM)
		cp_complain("%d: not yours to look at; run cprof %s", (int)pid,
			    geteuid() ? "as the user it runs as, or root"
				      : "where it runs, outside of this container");
	else
		cp_complain("%d: %s", (int)pid, strerror(err));
	return false;
}

static void parse_uids(struct cp_process *p, char *s)
{
	for (unsigned i = 0; i < CP_PROCESS_UIDS; i++)
		p->uid[i] = (uid_t)strtoul(s, &s, 10);
}

void cp_process_read_uids(struct cp_process *p)
{
	FILE *f = open_proc(p, "status");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "Uid:", 4))
			parse_uids(p, line + 4);
	}
	if (f)
		fclose(f);
}

static bool read_status(struct cp_process *p)
{
	FILE *f = open_proc(p, "status");
	char line[512];

	if (!f)
		return complain(p->pid, errno);
	p->own_pid = p->pid;
	while (fgets(line, sizeof(line), f)) {
		const char *last = strrchr(line, '\t');

		if (!strncmp(line, "SigCgt:", 7))
			p->caught = strtoull(line + 7, NULL, 16);
		else if (!strncmp(line, "NStgid:", 7) && last)
			p->own_pid = (pid_t)strtol(last, NULL, 10);
		else if (!strncmp(line, "Uid:", 4))
			parse_uids(p, line + 4);
	}
	fclose(f);
	return true;
}

/* A line is "start-end rights offset device inode path". */
static uint64_t offset_of(const char *line)
{
	const char *rights = strchr(line, ' ');
	const char *offset = rights ? strchr(rights + 1, ' ') : NULL;

	return offset ? strtoull(offset, NULL, 16) : UINT64_MAX;
}

static void note_mapping(struct cp_process *p, const char *line)
{
	if (!strstr(line, "/libcprof.so"))
		return;
	p->has_library = true;
	if (!offset_of(line) && p->nlibraries < CP_PROCESS_LIBRARIES)
		p->library[p->nlibraries++] = strtoull(line, NULL, 16);
}

static bool read_maps(struct cp_process *p)
{
	FILE *f = open_proc(p, "maps");
	char *line = NULL;
	size_t room = 0;

	if (!f)
		return complain(p->pid, errno);
	while (getline(&line, &room, f) > 0)
		note_mapping(p, line);
	free(line);
	fclose(f);
	return true;
}

static bool read_environment(struct cp_process *p)
{
	FILE *f = open_proc(p, "environ");
	FILE *out = f ? open_memstream(&p->environment, &p->environment_size) : NULL;
	char part[4096];
	size_t n;

	if (f && !out)
		fclose(f);
	if (!out)
		return complain(p->pid, errno);
	while ((n = fread(part, 1, sizeof(part), f)))
		fwrite(part, 1, n, out);
	fputc(0, out);
	fclose(f);
	if (fclose(out)) {
		cp_complain("out of memory");
		return false;
	}
	return true;
}

static void read_program(struct cp_process *p)
{
	static const char gone[] = " (deleted)"; /* by an upgrade, say */
	char path[64], to[PATH_MAX] = "";
	char *name, *end;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/exe", (int)p->pid, (int)p->tid);
	if (readlink(path, to, sizeof(to) - 1) < 0)
		return;
	name = strrchr(to, '/') ? strrchr(to, '/') + 1 : to;
	end = strstr(name, gone);
	if (end && !end[sizeof(gone) - 1])
		*end = 0;
	if (strlen(name) < sizeof(p->program))
		memcpy(p->program, name, strlen(name) + 1);
}

static void compare_mounts(struct cp_process *p)
{
	char path[64], ours[64] = "", theirs[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/task/%d/ns/mnt", (int)p->pid, (int)p->tid);
	p->root[0] = 0;
	if (readlink("/proc/self/ns/mnt", ours, sizeof(ours) - 1) > 0 &&
	    readlink(path, theirs, sizeof(theirs) - 1) > 0 && strcmp(ours, theirs) != 0)
		snprintf(p->root, sizeof(p->root), "/proc/%d/task/%d/root", (int)p->pid,
			 (int)p->tid);
}

static void forget(struct cp_process *p)
{
	free(p->environment);
	p->environment = NULL;
}

bool cp_process_read_again(struct cp_process *p)
{
	forget(p);
	*p = (struct cp_process){.pid = p->pid, .fd = p->fd, .tid = living_thread(p->pid)};
	if (!read_status(p) || !read_maps(p) || !read_environment(p))
		return false;
	read_program(p);
	compare_mounts(p);
	return true;
}

bool cp_process_read(struct cp_process *p, pid_t pid)
{
	/* Before all else: what is read then is of this one, or it is over. */
	*p = (struct cp_process){.pid = pid, .fd = (int)syscall(SYS_pidfd_open, pid, 0)};
	if (cp_process_read_again(p))
		return true;
	cp_process_release(p);
	return false;
}

void cp_process_release(struct cp_process *p)
{
	forget(p);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static int send_by_fd(const struct cp_process *p, int sig, union sigval value)
{
	siginfo_t info = {.si_signo = sig, .si_code = SI_QUEUE};

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value = value;
	return syscall(SYS_pidfd_send_signal, p->fd, sig, &info, 0) ? -errno : 0;
}

static bool is_taken(const struct cp_process *p, int sig)
{
	FILE *f = open_proc(p, "status");
	unsigned long long pending = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "ShdPnd:", 7))
			pending = strtoull(line + 7, NULL, 16);
	}
	if (f)
		fclose(f);
	return !(pending >> (sig - 1) & 1);
}

/* Until it answers true, or for so many milliseconds as are left: another may hold the lock for
 * ever, and the program block the signal. */
static void wait_until(bool (*is_so)(const struct cp_process *p, int what),
		       const struct cp_process *p, int what, int *ms_left)
{
	const struct timespec ms = {0, 1000000};

	for (; *ms_left > 0 && !is_so(p, what); --*ms_left)
		nanosleep(&ms, NULL);
}

static bool is_locked(const struct cp_process *p, int lock)
{
	(void)p;
	return lock < 0 || !flock(lock, LOCK_EX | LOCK_NB);
}

int cp_process_send(const struct cp_process *p, int sig, union sigval value)
{
	int err, lock, ms_left = 1000;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", (int)p->pid);
	lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	wait_until(is_locked, p, lock, &ms_left);
	wait_until(is_taken, p, sig, &ms_left);
	err = p->fd < 0 ? -ENOSYS : send_by_fd(p, sig, value);
	if (err == -ENOSYS)
		err = sigqueue(p->pid, sig, value) ? -errno : 0;
	wait_until(is_taken, p, sig, &ms_left);
	if (lock >= 0)
		close(lock);
	return err;
}

bool cp_process_has_ended(const struct cp_process *p)
{
	struct pollfd over = {.fd = p->fd, .events = POLLIN};

	if (p->fd >= 0)
		return poll(&over, 1, 0) > 0;
	return !living_thread(p->pid);
}

const char *cp_process_variable(const struct cp_process *p, const char *name)
{
	size_t len = strlen(name);
	const char *end = p->environment + p->environment_size;

	for (const char *s = p->environment; s < end; s += strlen(s) + 1) {
		if (!strncmp(s, name, len) && s[len] == '=')
			return s + len + 1;
	}
	return NULL;
}
