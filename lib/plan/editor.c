/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An editor's lock: somebody is at work on the configuration for longer than one command takes. It belongs to the process that
 * leads his session, and is gone when that is.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plan/change.h"

#define KIND "patronus editor 1"
#define FILE_NAME "editor"

int pt_editor_read(const char *state, struct pt_editor *out, struct pt_err *e)
{
	char path[PATH_MAX], boot[40];
	struct pt_record r;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = change_path(state, FILE_NAME, path, sizeof(path), e);
	if (!rc)
		rc = pt_record_read(path, KIND, &r, NULL);
	if (rc == -ENOENT || rc == -EBADMSG) /* nobody's lock must not keep everybody away */
		return 0;
	if (rc)
		return pt_err_sys(e, rc, "reading %s", path);
	change_get_author(&r, &out->author);
	out->since = pt_record_number(&r, "time");
	change_boot_id(boot);
	out->alive = !strcmp(boot, pt_record_get(&r, "boot")) &&
		     pt_process_started(out->author.leader) == out->author.leader_started;
	pt_record_fini(&r);
	return 0;
}

static bool is_own(const struct pt_editor *ed, const struct pt_author *a)
{
	return ed->author.leader == a->leader && ed->author.leader_started == a->leader_started;
}

static int refuse(const struct pt_editor *ed, struct pt_err *e)
{
	struct pt_buf who = { 0 };
	char when[40] = "?";
	time_t t = (time_t)ed->since;
	struct tm tm;

	pt_author_fmt(&who, &ed->author);
	if (gmtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	pt_err_add(e, PT_ERROR, NULL, "wait, or take it over with `ptconf lock --steal`",
		   "%s holds the lock of the configuration since %s (session of process %d)", who.s ? who.s : "somebody", when,
		   ed->author.leader);
	pt_buf_fini(&who);
	return -EWOULDBLOCK;
}

int change_editor_allows(struct pt_change *c, struct pt_err *e)
{
	struct pt_editor ed;
	int rc = pt_editor_read(c->state, &ed, e);

	if (rc || !ed.author.user[0] || !ed.alive || is_own(&ed, &c->author))
		return rc;
	return refuse(&ed, e);
}

int pt_editor_take(struct pt_change *c, bool steal, struct pt_editor *was, struct pt_err *e)
{
	struct pt_buf b = { 0 };
	char path[PATH_MAX], boot[40];
	int rc = pt_editor_read(c->state, was, e);

	if (!rc && was->author.user[0] && is_own(was, &c->author))
		memset(was, 0, sizeof(*was));
	if (!rc && was->author.user[0] && was->alive && !steal)
		rc = refuse(was, e);
	if (!rc)
		rc = change_path(c->state, FILE_NAME, path, sizeof(path), e);
	if (rc)
		return rc;
	change_boot_id(boot);
	pt_buf_str(&b, KIND "\n");
	change_put_author(&b, &c->author);
	pt_record_add(&b, "boot", boot);
	pt_record_u64(&b, "time", (uint64_t)time(NULL));
	return pt_record_write(path, &b, e);
}

int pt_editor_release(struct pt_change *c, bool force, struct pt_err *e)
{
	struct pt_editor ed;
	char path[PATH_MAX];
	int rc = pt_editor_read(c->state, &ed, e);

	if (!rc && ed.author.user[0] && ed.alive && !is_own(&ed, &c->author) && !force)
		rc = refuse(&ed, e);
	if (!rc)
		rc = change_path(c->state, FILE_NAME, path, sizeof(path), e);
	if (!rc && unlink(path) && errno != ENOENT)
		rc = pt_err_sys(e, -errno, "removing %s", path);
	return rc;
}
