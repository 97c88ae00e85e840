/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where things stand: what is in force, what waits, who is at work. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ptconf.h"

#define OVERDUE_NS 1500000000ll /* after its deadline a guard that is alive has begun */

struct status {
	uint32_t confirmed;
	struct pt_window window; /* revision 0: none */
	bool window_damaged;
	bool elsewhere;          /* the window is of another network namespace */
	int guard;
	bool guard_stopped;
	bool problem;            /* something could not be read: the records say what */
	struct pt_buf holder;
	struct pt_editor editor;
	enum { FORCE_NOTHING, FORCE_CONFIRMED, FORCE_PENDING, FORCE_OTHER, FORCE_UNKNOWN } force;
	char path[200];
};

static const char *const forces[] = {
	[FORCE_NOTHING] = "nothing",
	[FORCE_CONFIRMED] = "confirmed",
	[FORCE_PENDING] = "pending",
	[FORCE_OTHER] = "other",
	[FORCE_UNKNOWN] = "unknown",
};

/* 1 or 0; -ENOMEM. One that is damaged is not in force, whatever it was. */
static int is_revision(const char *state, uint32_t number, const struct pt_plan *now)
{
	struct pt_texts t;
	int rc = number ? pt_revision_read(state, number, &t, NULL) : -ENOENT;

	if (rc)
		return rc == -ENOMEM ? rc : 0;
	rc = t.len == now->conf->len && !memcmp(t.text, now->conf->text, t.len);
	pt_texts_fini(&t);
	return rc;
}

/* The kernel knows of a file that nobody can read any more. */
static bool is_lost(struct pt_nl *nf)
{
	struct pt_nft_state *now = NULL;
	bool lost = !pt_nft_read_applied(nf, &now, NULL) && now->digest[0];

	pt_nft_state_free(now);
	return lost;
}

/* Whether the rules in the kernel are those of the revision: `ptfw apply` and `ptfw stop` work without the history. */
static void find_force(struct status *st, const char *state, struct pt_nl *nf, struct pt_err *e)
{
	struct pt_err why = { 0 };
	struct pt_plan now;
	int rc = pt_plan_applied(nf, &now, &why);

	if (rc) {
		st->force = rc == -ENOENT && !is_lost(nf) ? FORCE_NOTHING : FORCE_UNKNOWN;
		for (size_t i = 0; st->force == FORCE_UNKNOWN && i < why.list.n; i++)
			pt_err_add(e, PT_ERROR, NULL, why.list.v[i].hint, "%s", why.list.v[i].msg);
		st->problem |= st->force == FORCE_UNKNOWN;
	}
	pt_err_fini(&why);
	if (rc)
		return;
	snprintf(st->path, sizeof(st->path), "%s", now.conf->path);
	rc = is_revision(state, st->window.revision, &now);
	st->force = FORCE_PENDING;
	if (!rc) {
		rc = is_revision(state, st->confirmed, &now);
		st->force = rc ? FORCE_CONFIRMED : FORCE_OTHER;
	}
	if (rc < 0) {
		st->force = FORCE_UNKNOWN;
		st->problem = true;
		(void)pt_err_sys(e, rc, "reading what was applied");
	}
	pt_plan_fini(&now);
}

/* One that is not there is the one of a machine where nothing was applied yet. */
static void check_folder(struct status *st, const char *state, struct pt_err *e)
{
	char path[PATH_MAX + 16];

	for (size_t i = 0; i < 2; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s%s", state, i ? "/history" : "");
		if (access(path, F_OK) && errno == ENOENT)
			continue;
		fd = pt_folder_open(path, e);
		if (fd >= 0)
			close(fd);
		st->problem |= fd < 0;
	}
}

static void read_status(struct pt_cli *c, const char *state, struct pt_nl *nf, struct status *st)
{
	int rc;

	memset(st, 0, sizeof(*st));
	check_folder(st, state, &c->err);
	rc = pt_window_read(state, &st->window, &c->err);
	st->window_damaged = rc == -EBADMSG;
	st->problem |= rc != 0;
	st->problem |= pt_confirmed_check(state, &st->confirmed, &c->err) != 0;
	if (st->window.revision && (!pt_window_here(&st->window) || st->window.revision == st->confirmed))
		memset(&st->window, 0, sizeof(st->window)); /* the next change forgets it */
	if (st->window.revision)
		st->elsewhere = !pt_window_open(state, &(struct pt_window){ 0 });
	if (st->window.revision)
		st->guard = pt_guard_pid(state, &st->window);
	st->guard_stopped = st->guard && !pt_guard_alive(state, &st->window);
	(void)pt_change_holder(state, &st->holder);
	find_force(st, state, nf, &c->err);
	st->problem |= pt_editor_read(state, &st->editor, &c->err) != 0;
}

static void put_window(struct pt_out *o, const struct status *st)
{
	struct pt_buf who = { 0 };
	int64_t left = pt_window_left(&st->window);
	char name[16];

	if (!st->window.revision) {
		pt_out_null(o, "pending");
		return;
	}
	pt_author_fmt(&who, &st->window.author);
	pt_out_fail(o, who.err);
	snprintf(name, sizeof(name), "r%u", st->window.revision);
	pt_out_obj(o, "pending");
	pt_out_str(o, "revision", name);
	pt_out_str(o, "author", who.s);
	pt_out_bool(o, "switching", st->window.switching);
	pt_out_u64(o, "seconds_left", left > 0 ? (uint64_t)left / 1000000000u : 0);
	pt_out_bool(o, "strict", st->window.strict);
	if (st->guard)
		pt_out_u64(o, "guard", (uint64_t)st->guard);
	else
		pt_out_null(o, "guard");
	pt_out_obj_end(o);
	pt_buf_fini(&who);
}

static void text_window(struct pt_buf *b, const struct status *st)
{
	int64_t left = pt_window_left(&st->window);

	if (st->window_damaged)
		pt_buf_str(b, "pending   the note of it is damaged: the next ptconf command undoes it\n");
	if (!st->window.revision)
		return;
	pt_buf_fmt(b, "pending   r%u by ", st->window.revision);
	pt_author_fmt(b, &st->window.author);
	if (st->window.switching)
		pt_buf_str(b, ", being put in force");
	else
		pt_buf_fmt(b, "%s, undone in %lld s unless it is confirmed%s", st->elsewhere ? " in another network namespace" : "",
			   (long long)(left > 0 ? left / 1000000000 : 0), st->window.strict ? " from another session" : "");
	if (st->window.seconds && st->guard)
		pt_buf_fmt(b, "\nguard     process %d%s\n", st->guard, st->guard_stopped ? ", which is stopped" : "");
	else if (st->window.seconds)
		pt_buf_str(b, "\nguard     none: the next ptconf command that changes something starts another one\n");
	else
		pt_buf_str(b, "\n");
}

static void text_editor(struct pt_buf *b, const struct pt_editor *ed)
{
	char when[32];

	if (!ed->author.user[0])
		return;
	describe_time(ed->since, when);
	pt_buf_str(b, "editor    ");
	pt_author_fmt(b, &ed->author);
	pt_buf_fmt(b, " since %s, session of process %d%s\n", when, ed->author.leader, ed->alive ? "" : ", which is gone");
}

static void text_status(struct pt_buf *b, const struct status *st)
{
	if (st->confirmed)
		pt_buf_fmt(b, "confirmed r%u\n", st->confirmed);
	else if (st->problem)
		pt_buf_str(b, "confirmed none that could be read\n");
	else
		pt_buf_str(b, "confirmed none\n");
	switch (st->force) {
	case FORCE_NOTHING:
		pt_buf_str(b, "in force  nothing\n");
		break;
	case FORCE_UNKNOWN:
		pt_buf_str(b, "in force  something that cannot be read\n");
		break;
	case FORCE_OTHER:
		pt_buf_fmt(b, "in force  %s as `ptfw apply` read it, which is no revision: the next boot loads the confirmed one\n", st->path);
		break;
	default:
		pt_buf_fmt(b, "in force  r%u, %s\n", st->force == FORCE_PENDING ? st->window.revision : st->confirmed, st->path);
	}
	text_window(b, st);
	if (st->holder.n)
		pt_buf_fmt(b, "at work   %s\n", st->holder.s);
	text_editor(b, &st->editor);
}

static int print(struct pt_cli *c, const struct status *st)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TEXT, "patronus.status.v1", "status");
	const struct pt_err *e = &c->err;
	struct pt_buf text = { 0 };

	if (!o)
		return -ENOMEM;
	text_status(&text, st);
	if (text.n && !text.err)
		text.s[text.n - 1] = '\0';
	pt_out_fail(o, text.err);
	pt_out_rec(o);
	if (st->confirmed)
		pt_out_u64(o, "confirmed", st->confirmed);
	else
		pt_out_null(o, "confirmed");
	pt_out_str(o, "in_force", forces[st->force]);
	pt_out_str(o, "file", st->path[0] ? st->path : NULL);
	put_window(o, st);
	pt_out_str(o, "at_work", st->holder.n ? st->holder.s : NULL);
	put_editor(o, "editor", &st->editor);
	pt_out_str(o, "problem", st->problem && e->list.n ? e->list.v[0].msg : NULL);
	if (text.s)
		pt_out_text(o, text.s);
	pt_out_rec_end(o);
	pt_buf_fini(&text);
	return pt_cli_end(c, o);
}

/* Somebody died at work, or the guard did. */
static bool is_left(const struct status *st, const char *state)
{
	const struct pt_window *w = &st->window;

	if (st->window_damaged)
		return true;
	if (w->revision && st->elsewhere)
		return pt_window_gone(state, w);
	if (!w->revision || st->holder.n)
		return false;
	if (!w->switching && pt_confirmed_prepared(state) != w->revision)
		return true;
	if (w->seconds && pt_window_left(w) < -OVERDUE_NS)
		return true;
	return !st->guard || st->guard_stopped || (w->switching && pt_process_started(w->pid) != w->started);
}

/* Finishes what others left, where it may: whoever asks is to see what is so. */
int cmd_status(struct pt_cli *c)
{
	struct change_session s;
	struct status st = { 0 };
	int rc = session_open(c, &s), left = 0;

	if (rc)
		return rc;
	read_status(c, s.state, s.change.nf, &st);
	if (is_left(&st, s.state)) {
		c->force = true;
		pt_err_fini(&c->err); /* it is read again */
		pt_buf_fini(&st.holder);
		left = session_begin(&s);
		if (!left)
			session_end(&s);
		read_status(c, s.state, s.change.nf, &st);
	}
	st.problem |= left != 0;
	rc = print(c, &st);
	if (!rc && st.problem)
		rc = left ? left : PT_EXIT_SYSTEM;
	pt_buf_fini(&st.holder);
	session_close(&s);
	return rc;
}
