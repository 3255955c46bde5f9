/* SPDX-License-Identifier: MIT */
/*
 * http_listen.c - the socket we listen on, and what is left of it in the file system
 *
 * Context  CONTROL, the server's thread; EXIT: cp_http_listen_forget
 * Calls    system calls, dir.c, files.c.
 * Shared   struct cp_http_left: paths are written before live is set.
 * Order    live: rel by leave() / acq by cp_http_listen_forget
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

enum { SOCKET = 0, URL_FILE };
#define BACKLOG 128

static void leave(struct cp_http_left *left, unsigned which, const char *path)
{
	struct cp_buf b = CP_BUF(left->path[which]);

	cp_buf_str(&b, path);
	if (!b.cut)
		cp_store_rel(&left->live[which], 1); /* see Order */
}

void cp_http_listen_forget(struct cp_http_left *left)
{
	for (unsigned i = 0; i < CP_ARRAY_LEN(left->live); i++)
		if (cp_load_acq(&left->live[i])) /* see Order */
			CP_SYS(SYS_unlinkat, AT_FDCWD, left->path[i], 0);
}

/* Is it a socket that nobody listens on? */
static bool is_stale(const struct cp_http_addr *a)
{
	struct stat sb;
	long fd, r;

	if (CP_SYS(SYS_newfstatat, AT_FDCWD, a->sa.un.sun_path, &sb, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISSOCK(sb.st_mode))
		return false;
	fd = CP_SYS(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	r = CP_SYS(SYS_connect, fd, &a->sa, a->len);
	cp_sys_close((int)fd);
	return r == -ECONNREFUSED;
}

static long bind_unix(int fd, const struct cp_http_addr *a)
{
	long r;

	CP_SYS(SYS_fchmod, fd, 0600); /* before bind: the mode its file is made with */
	r = CP_SYS(SYS_bind, fd, &a->sa, a->len);
	if (r != -EADDRINUSE || !is_stale(a))
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

int cp_http_listen(struct cp_http_addr *a, struct cp_http_left *left)
{
	bool is_unix = a->sa.any.sa_family == AF_UNIX;
	long fd = CP_SYS(SYS_socket, a->sa.any.sa_family,
			 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	long r;

	if (fd < 0)
		return (int)fd;
	r = is_unix ? bind_unix((int)fd, a) : bind_inet((int)fd, a);
	if (!r && is_unix)
		leave(left, SOCKET, a->sa.un.sun_path);
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
	char temp[164], path[1280];
	struct cp_buf t = CP_BUF(temp), p = CP_BUF(path);
	int err;

	cp_buf_fmt(&t, ".%s", name);
	cp_buf_fmt(&p, "%s/%s", d->path, name);
	err = write_url(d, name, temp, a);
	cp_dir_close(d);
	if (!err)
		leave(left, URL_FILE, path);
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
	if (err) { /* one may open what one may not write to */
		err = cp_dir_open_own(&d);
		if (!err)
			err = tell_in(&d, name, a, left);
	}
	if (err)
		cp_log("no %s: %s", name, cp_reason(err));
}
