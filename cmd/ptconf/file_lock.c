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

/* The lock of a session is over the configuration, and not over any file that somebody prepares elsewhere. */
static bool is_configuration(const struct pt_cli *c)
{
	return c->given & PT_CLI_STATE || !strcmp(c->file, PT_CONF_PATH);
}

static int editor_allows(struct pt_cli *c)
{
	struct pt_buf who = { 0 };
	struct pt_author us = { 0 };
	struct pt_editor ed = { 0 };
	char state[PATH_MAX], when[32];
	int rc;

	if (c->force || !is_configuration(c))
		return 0;
	rc = state_folder(c, state);
	if (!rc)
		rc = pt_editor_read(state, &ed, &c->err);
	if (rc || !ed.author.user[0] || !ed.alive)
		return rc;
	author_of_us(&us);
	if (us.leader == ed.author.leader && us.leader_started == ed.author.leader_started)
		return 0;
	pt_author_fmt(&who, &ed.author);
	describe_time(ed.since, when);
	pt_err_add(&c->err, PT_ERROR, NULL, "wait, or take it over with `ptconf lock --steal`",
		   "%s holds the lock of the configuration since %s (session of process %d)", who.s ? who.s : "somebody", when,
		   ed.author.leader);
	pt_buf_fini(&who);
	return -EWOULDBLOCK;
}

int file_lock_take(struct file_lock *l, struct pt_cli *c, const char *what)
{
	const char *file = c->file, *slash = strrchr(file, '/');
	int n, rc;

	l->fd = -1;
	rc = editor_allows(c);
	if (rc)
		return rc;
	n = snprintf(l->path, sizeof(l->path), "%.*s.%s.lock", slash ? (int)(slash - file) + 1 : 0, file, slash ? slash + 1 : file);
	if (n < 0 || (size_t)n >= sizeof(l->path))
		return pt_err_sys(&c->err, -ENAMETOOLONG, "locking %.64s", file);
	return pt_lock_as(l->path, what, &l->fd, NULL, &c->err);
}

void file_lock_release(struct file_lock *l)
{
	if (l->fd < 0)
		return;
	(void)unlink(l->path);
	pt_unlock(l->fd);
	l->fd = -1;
}
