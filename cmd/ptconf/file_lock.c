/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One change of a file at a time: a lock beside it, so that it is the same one for everybody who can change the file, and gone
 * when nobody does. Two that meet just when it goes are told apart by the bytes, which are compared before they are replaced.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ptconf.h"

int file_lock_take(struct file_lock *l, const char *file, const char *who, struct pt_err *e)
{
	const char *slash = strrchr(file, '/');
	int n;

	l->fd = -1;
	n = snprintf(l->path, sizeof(l->path), "%.*s.%s.lock", slash ? (int)(slash - file) + 1 : 0, file, slash ? slash + 1 : file);
	if (n < 0 || (size_t)n >= sizeof(l->path))
		return pt_err_sys(e, -ENAMETOOLONG, "locking %.64s", file);
	return pt_lock_as(l->path, who, &l->fd, NULL, e);
}

void file_lock_release(struct file_lock *l)
{
	if (l->fd < 0)
		return;
	(void)unlink(l->path);
	pt_unlock(l->fd);
	l->fd = -1;
}
