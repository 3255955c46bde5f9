/* SPDX-License-Identifier: MIT */
/*
 * reason.c - what an error number means, in words for the log
 *
 * Context  ANY
 * Calls    nothing.
 */
#include "reason.h"

#include <errno.h>

const char *cp_reason(int error)
{
	switch (error < 0 ? -error : error) {
	case ENOSPC:
		return "no space left on the device";
	case EDQUOT:
		return "disk quota exceeded";
	case EFBIG:
		return "file size limit exceeded (ulimit -f)";
	case EIO:
		return "input/output error";
	case EACCES:
		return "permission denied";
	case EPERM:
		return "operation not permitted";
	case EROFS:
		return "read-only file system";
	case ENOENT:
		return "no such file or directory";
	case ENOTDIR:
		return "not a directory";
	case ELOOP:
		return "a symbolic link where none is expected";
	case EEXIST:
		return "the name is taken";
	case ENAMETOOLONG:
		return "name too long";
	case EMFILE:
		return "too many open files (ulimit -n)";
	case ENFILE:
		return "too many open files in the system";
	case ENOMEM:
		return "out of memory (see CPROF_MAX_MEMORY)";
	case EAGAIN:
		return "resource limit reached";
	case EBUSY:
		return "too many at once";
	case ENOSYS:
		return "the kernel doesn't offer it";
	case ESTALE:
		return "stale file handle";
	case ENODATA:
		return "it is empty";
	case EMSGSIZE:
		return "it is too long";
	case EADDRINUSE:
		return "the address is taken";
	case EADDRNOTAVAIL:
		return "this machine has no such address";
	case ETIMEDOUT:
		return "it took too long";
	default:
		return "the system refused";
	}
}
