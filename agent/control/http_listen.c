/* SPDX-License-Identifier: MIT */
/*
 * http_listen.c - the socket we listen on, and what is left of it in the file system
 *
 * Context  CONTROL, the server's thread; EXIT: cp_http_listen_forget
 * Calls    system calls, dir.c, files.c.
 * Shared   struct cp_http_left
 * Order    state is BEGUN before something is made, and over is looked at after that; who ends
 *          the process sets over before it looks at state: a full fence on either side, so
 *          one of the two sees the other. path: rel by note() / acq by wait_for().
 * Holds    A socket in the file system is made with mode 0600 at most. One that nobody
 *          listens on any more, of a process that was killed, is replaced; any other
 *          file is left alone.
 * Fails    A directory that can't be written to: the one in /tmp. Neither: a line.
 */
#include "http_listen.h"

#include "../rt/atomic.h"
#include "../rt/log.h"
#include "../rt/sys.h"
#include "dir.h"
#include "exe.h"
#include "files.h"
#include "reason.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { SOCKET = 0, URL_FILE, URL_TEMP };
enum { NOTHING = 0, EXPECTED, BEGUN, MADE };
#define BACKLOG 128
#define WAITS	200 /* of 100 us, for what has begun */

/* What is expected is written already, and is the same. */
static void note(struct cp_http_left *left, unsigned which, const char *path, uint32_t state)
{
	struct cp_buf b = CP_BUF(left->path[which]);

	if (cp_load_rlx(&left->state[which]) != EXPECTED)
		cp_buf_str(&b, path);
	if (!b.cut)
		cp_store_rel(&left->state[which], state); /* see Order */
}

void cp_http_listen_expect(const struct cp_http_addr *a, struct cp_http_left *left)
{
	if (a->sa.any.sa_family == AF_UNIX && !a->shared)
		note(left, SOCKET, a->sa.un.sun_path, EXPECTED);
}

/* False: the process ends. */
static bool begin(struct cp_http_left *left, unsigned which, const char *path)
{
	note(left, which, path, BEGUN);
	cp_fence_seq(); /* see Order */
	if (!cp_load_rlx(&left->over))
		return true;
	cp_store_rlx(&left->state[which], (uint32_t)NOTHING);
	return false;
}

static void made(struct cp_http_left *left, unsigned which, bool is)
{
	uint32_t begun = BEGUN;

	cp_cas_rlx(&left->state[which], &begun, is ? MADE : NOTHING);
}

/* Is it a socket that nobody listens on? */
static bool is_stale(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct cp_buf b = CP_BUF(to.sun_path);
	struct stat sb;
	long fd, r;

	cp_buf_str(&b, path);
	if (CP_SYS(SYS_newfstatat, AT_FDCWD, path, &sb, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISSOCK(sb.st_mode))
		return false;
	fd = CP_SYS(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	r = CP_SYS(SYS_connect, fd, &to, sizeof(to));
	cp_sys_close((int)fd);
	return r == -ECONNREFUSED;
}

static uint32_t wait_for(const uint32_t *state)
{
	uint32_t now;

	for (int i = 0; (now = cp_load_acq(state)) == BEGUN && i < WAITS; i++) /* see Order */
		cp_sys_nap(100000);
	return now;
}

/* A socket that may be ours may be somebody's who listens there. */
void cp_http_listen_forget(struct cp_http_left *left)
{
	cp_store_rlx(&left->over, 1U);
	cp_fence_seq(); /* see Order */
	for (unsigned i = 0; i < CP_HTTP_LEFT; i++) {
		uint32_t state = wait_for(&left->state[i]);

		if (state == MADE || (state && (i != SOCKET || is_stale(left->path[i]))))
			CP_SYS(SYS_unlinkat, AT_FDCWD, left->path[i], 0);
	}
}

static long bind_unix(int fd, const struct cp_http_addr *a)
{
	long r;

	CP_SYS(SYS_fchmod, fd, 0600); /* before bind: the mode its file is made with */
	r = CP_SYS(SYS_bind, fd, &a->sa, a->len);
	if (r != -EADDRINUSE || !is_stale(a->sa.un.sun_path))
		return r;
	CP_SYS(SYS_unlinkat, AT_FDCWD, a->sa.un.sun_path, 0);
	return CP_SYS(SYS_bind, fd, &a->sa, a->len);
}

static long bind_inet(int fd, struct cp_http_addr *a)
{
	unsigned len = a->len;
	int one = 1;
	const uint8_t *port = (const uint8_t *)&a->sa.in4.sin_port;
	long r;

	CP_SYS(SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->sa.any.sa_family == AF_INET6)
		CP_SYS(SYS_setsockopt, fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	r = CP_SYS(SYS_bind, fd, &a->sa, a->len);
	if (r < 0)
		return r;
	r = CP_SYS(SYS_getsockname, fd, &a->sa, &len);
	a->port = (uint16_t)(port[0] << 8 | port[1]);
	return r;
}

static long bind_in_files(int fd, const struct cp_http_addr *a, struct cp_http_left *left)
{
	const char *path = a->sa.un.sun_path;
	long r = begin(left, SOCKET, path) ? bind_unix(fd, a) : -ECANCELED;

	made(left, SOCKET, !r);
	if (r || !cp_load_rlx(&left->over))
		return r;
	CP_SYS(SYS_unlinkat, AT_FDCWD, path, 0);
	return -ECANCELED;
}

int cp_http_listen(struct cp_http_addr *a, struct cp_http_left *left)
{
	long fd = CP_SYS(SYS_socket, a->sa.any.sa_family,
			 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	long r;

	if (fd < 0)
		return (int)fd;
	r = a->sa.any.sa_family == AF_UNIX ? bind_in_files((int)fd, a, left)
					   : bind_inet((int)fd, a);
	if (!r)
		r = CP_SYS(SYS_listen, fd, BACKLOG);
	if (r < 0) {
		cp_sys_close((int)fd);
		return (int)r;
	}
	return (int)fd;
}

static int write_url(const struct cp_dir *d, const char *name, const char *temp,
		     const struct cp_http_addr *a)
{
	char text[160];
	struct cp_buf b = CP_BUF(text);
	struct cp_file file = {0};
	int r;

	/* One that was killed may have left it; whatever else has that name isn't opened. */
	CP_SYS(SYS_unlinkat, d->fd, temp, 0);
	file.fd = (int)cp_sys_openat(d->fd, temp,
				     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (file.fd < 0)
		return file.fd;
	cp_http_addr_show(&b, a);
	cp_buf_str(&b, "/debug/pprof/\n");
	r = cp_file_write(&file, text, b.len);
	cp_sys_close(file.fd);
	if (!r)
		r = (int)CP_SYS(SYS_renameat, d->fd, temp, d->fd, name);
	if (r)
		CP_SYS(SYS_unlinkat, d->fd, temp, 0);
	return r;
}

static int tell_in(struct cp_dir *d, const char *name, const struct cp_http_addr *a,
		   struct cp_http_left *left)
{
	char temp[1280], path[1280];
	struct cp_buf t = CP_BUF(temp), p = CP_BUF(path);
	int err = -ECANCELED;

	cp_buf_fmt(&t, "%s/.%s", d->path, name);
	cp_buf_fmt(&p, "%s/%s", d->path, name);
	if (t.cut)
		err = -ENAMETOOLONG;
	else if (begin(left, URL_TEMP, temp) && begin(left, URL_FILE, path))
		err = write_url(d, name, strrchr(temp, '/') + 1, a);
	made(left, URL_TEMP, false);
	made(left, URL_FILE, !err);
	if (!err && cp_load_rlx(&left->over)) {
		CP_SYS(SYS_unlinkat, d->fd, name, 0);
		err = -ECANCELED;
	}
	cp_dir_close(d);
	return err;
}

void cp_http_listen_tell(const struct cp_http_addr *a, struct cp_http_left *left)
{
	char name[160];
	struct cp_buf n = CP_BUF(name);
	struct cp_dir d;
	int err = cp_dir_open_configured(&d);

	cp_buf_fmt(&n, "%s.%lu.http", cp_exe_name(), (uint64_t)cp_sys_getpid());
	if (!err)
		err = tell_in(&d, name, a, left);
	if (err && err != -ECANCELED) { /* one may open what one may not write to */
		err = cp_dir_open_own(&d);
		if (!err)
			err = tell_in(&d, name, a, left);
	}
	if (err && err != -ECANCELED)
		cp_log("no %s: %s", name, cp_reason(err));
}
