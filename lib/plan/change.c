/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One change of everything. The order of its steps is its whole point: what the way back needs is written first, then the kernel
 * changes, then one rename says that it holds. A process that dies between two steps leaves what pt_change_settle() can judge.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plan/change.h"

#define LOCK_FILE "lock"
#define LOCK_TRIES 30
#define LOCK_PAUSE_MS 100

void change_say(struct pt_change *c, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (!c->log)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->log(c, text);
}

/* ---- the lock ---- */

static int lock(struct pt_change *c, struct pt_err *e)
{
	struct pt_buf who = { 0 }, stale = { 0 };
	struct pt_err held = { 0 };
	char path[PATH_MAX];
	int rc = change_path(c->state, LOCK_FILE, path, sizeof(path), e);

	if (rc)
		return rc;
	pt_author_fmt(&who, &c->author);
	rc = -EWOULDBLOCK;
	for (int i = 0; i < LOCK_TRIES && rc == -EWOULDBLOCK; i++) {
		pt_err_fini(&held);
		rc = pt_lock_as(path, who.s ? who.s : "", &c->lock, &stale, &held);
		if (rc == -EWOULDBLOCK)
			usleep(LOCK_PAUSE_MS * 1000);
	}
	if (rc)
		rc = pt_lock_as(path, who.s ? who.s : "", &c->lock, &stale, e); /* for its record */
	else if (stale.n)
		pt_err_add(e, PT_WARNING, NULL, NULL, "the lock of somebody who died at work is taken over: %s", stale.s);
	pt_err_fini(&held);
	pt_buf_fini(&who);
	pt_buf_fini(&stale);
	return rc == -EWOULDBLOCK ? -ETIMEDOUT : rc;
}

int pt_change_holder(const char *state, struct pt_buf *who)
{
	struct pt_buf text = { 0 };
	char path[PATH_MAX];
	const char *at;
	int pid = 0;

	if (!change_path(state, LOCK_FILE, path, sizeof(path), NULL) && pt_lock_holder(path, &text)) {
		at = text.s ? strstr(text.s, "process ") : NULL;
		if (!at || sscanf(at, "process %d", &pid) != 1)
			pid = -1; /* somebody, who has not said yet */
		if (who && text.s)
			pt_buf_str(who, text.s);
	}
	pt_buf_fini(&text);
	return pid;
}

int pt_change_begin(struct pt_change *c, bool force, struct pt_err *e)
{
	bool done;
	int rc;

	c->lock = -1;
	rc = pt_history_open(c->state, e);
	if (!rc)
		rc = lock(c, e);
	if (!rc && !force)
		rc = change_editor_allows(c, e);
	if (!rc)
		rc = pt_change_settle(c, &done, e);
	if (rc)
		pt_change_end(c);
	return rc;
}

void pt_change_end(struct pt_change *c)
{
	pt_unlock(c->lock);
	c->lock = -1;
}

/* ---- what others left ---- */

static int forget(struct pt_change *c, const struct pt_window *w, const char *by, const char *why, struct pt_err *e)
{
	(void)!pt_revision_end(c->state, w->revision, PT_REVISION_UNDONE, by, why, NULL);
	change_say(c, "r%u was not confirmed (%s)", w->revision, why);
	rewrite_undo(c, w->snapshot, e);
	return undo_tidy(c, e);
}

/* Its files tell of a change that nobody can judge: what was confirmed holds. */
static int settle_damaged(struct pt_change *c, struct pt_err *e)
{
	uint32_t base = pt_confirmed_read(c->state), number = 0;
	int rc = base ? undo_to(c, base, 0, &number, e) : 0;

	change_say(c, "the note of an open window was damaged: r%u is in force", number);
	if (!rc)
		rewrite_undo(c, 0, e);
	return rc ? rc : undo_tidy(c, e);
}

/* The rules of a namespace go with it: where nobody can go any more, there is nothing to undo. */
static int settle_foreign(struct pt_change *c, const struct pt_window *w, struct pt_err *e)
{
	if (pt_window_gone(c->state, w)) {
		pt_err_add(e, PT_WARNING, NULL, "see `ptconf history`",
			   "revision r%u waited for its confirmation in a network namespace that is gone: it counts as undone", w->revision);
		return forget(c, w, "namespace", "its network namespace is gone", e);
	}
	pt_err_add(e, PT_ERROR, NULL, "run the command there, or with another --state",
		   "revision r%u waits for its confirmation in another network namespace, and %s is of that one", w->revision,
		   c->state);
	return -EBUSY;
}

int pt_change_settle(struct pt_change *c, bool *done, struct pt_err *e)
{
	struct pt_window w;
	struct pt_err why = { 0 };
	uint32_t confirmed, prepared;
	int rc;

	*done = false;
	rc = pt_window_read(c->state, &w, &why);
	pt_err_fini(&why);
	if (rc == -EBADMSG || rc == -EFBIG)
		return settle_damaged(c, e);
	if (rc)
		return pt_err_sys(e, rc, "reading %s/" WINDOW_FILE, c->state);
	if (!w.revision)
		return 0;
	rc = pt_confirmed_numbers(c->state, &confirmed, &prepared, e);
	if (rc)
		return rc;
	if (confirmed == w.revision) { /* died right behind the confirmation */
		(void)!pt_revision_end(c->state, w.revision, PT_REVISION_CONFIRMED, w.author.user, "", NULL);
		return undo_tidy(c, e);
	}
	if (!pt_window_here(&w))
		return forget(c, &w, "reboot", "the machine was started again before its confirmation", e);
	if (w.netns != change_netns())
		return settle_foreign(c, &w, e);
	*done = true;
	if (w.switching && pt_process_started(w.pid) != w.started)
		return pt_change_undo(c, "recovery", "its apply died before it was done", &w, e);
	if (!w.switching && prepared != w.revision)
		return pt_change_undo(c, "recovery", "who undid it died before it was done", &w, e);
	if (w.seconds && pt_window_left(&w) <= 0)
		return pt_change_undo(c, "guard", "not confirmed in time", &w, e);
	*done = false;
	return 0;
}

/* ---- apply ---- */

static bool same_source(const struct pt_conf_source *s, const char *text, size_t len)
{
	return s->len == len && !memcmp(s->text, text, len);
}

/* The bytes of revision NUMBER are those of W. */
static bool same_texts(const char *state, uint32_t number, const struct pt_whole *w)
{
	struct pt_texts t;
	size_t n = 0;
	bool same;

	if (!number || pt_revision_read(state, number, &t, NULL))
		return false;
	same = !strcmp(t.name, w->conf->path) && same_source(&w->conf->sources.v[0], t.text, t.len);
	for (size_t i = 1; same && i < w->conf->sources.n; i++) {
		const struct pt_conf_source *s = &w->conf->sources.v[i];

		if (s->anchor)
			continue;
		same = n < t.more.n && !strcmp(s->file, t.more.v[n].file) && same_source(s, t.more.v[n].text, t.more.v[n].len);
		n++;
	}
	same = same && n == t.more.n;
	pt_texts_fini(&t);
	return same;
}

/* What was in force before the first change becomes a revision, so that there is somewhere to go back to. */
static int adopt(struct pt_change *c, uint32_t *base, struct pt_err *e)
{
	struct pt_revision r = { .comment = "in force before the first ptconf apply", .time = (uint64_t)time(NULL) };
	struct pt_err why = { 0 };
	struct pt_plan p;
	int rc = pt_plan_applied(c->nf, &p, &why);

	pt_err_fini(&why);
	if (rc)
		return rc == -ENOMEM ? pt_err_sys(e, rc, "reading the applied file") : 0;
	if (p.have->applied)
		r.time = p.have->applied;
	rc = pt_revision_write(c->state, p.conf, &r, e);
	if (!rc)
		rc = pt_confirmed_prepare(c->state, r.number, e);
	if (!rc)
		rc = pt_confirmed_commit(c->state, e);
	if (!rc)
		rc = pt_revision_end(c->state, r.number, PT_REVISION_CONFIRMED, "ptfw", "", e);
	pt_plan_fini(&p);
	*base = rc ? 0 : r.number;
	return rc;
}

static int busy(const struct pt_window *old, struct pt_err *e)
{
	struct pt_buf who = { 0 };

	pt_author_fmt(&who, &old->author);
	pt_err_add(e, PT_ERROR, NULL, "`ptconf confirm` or `ptconf rollback` first; --force puts this one in its place",
		   "revision r%u of %s waits for its confirmation", old->revision, who.s ? who.s : "somebody");
	pt_buf_fini(&who);
	return -EBUSY;
}

static uint64_t new_id(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* OLD must be confirmed from another session than ours. */
static bool is_bound(const struct pt_change *c, const struct pt_window *old)
{
	return old->revision && old->strict && !pt_author_elsewhere(&old->author, &c->author);
}

/* Whoever may not confirm what waits may not do it by confirming something else in its place: that he can still log in is what
 * is to be shown. */
static int keep_strict(const struct pt_change *c, const struct pt_window *old, const struct pt_change_how *how, struct pt_err *e)
{
	if (!is_bound(c, old) || (how->window && !how->probes))
		return 0;
	pt_err_add(e, PT_ERROR, NULL, "give it a time with --confirm, or `ptconf rollback` first, or apply it in another session",
		   "r%u is to be confirmed from another session than this one, and so is what takes its place", old->revision);
	return -EPERM;
}

/* Who came before is in OLD, or nobody. */
static void open_window(struct pt_change *c, const struct pt_change_how *how, const struct pt_window *old, uint32_t base,
			struct pt_window *w)
{
	*w = (struct pt_window){ .id = new_id(), .base = old->revision ? old->base : base, .switching = true,
				 .seconds = how->window, .strict = how->strict || is_bound(c, old), .author = c->author, .pid = (int)getpid(),
				 .time = (uint64_t)time(NULL), .netns = change_netns() };
	w->started = pt_process_started(w->pid);
	w->snapshot = old->revision ? old->snapshot : w->id;
	w->deadline = pt_boottime() + (uint64_t)how->window * 1000000000u;
	change_boot_id(w->boot);
}

/* On disk before anything changes, for every way in which this may end. */
static int prepare(struct pt_change *c, struct pt_whole *w, const struct pt_change_how *how, struct pt_window *win,
		   struct pt_revision *r, struct pt_err *e)
{
	struct pt_window waiting;
	int rc;

	r->time = win->time;
	r->author = c->author;
	r->comment = how->comment ? how->comment : "";
	r->window = how->window;
	r->strict = win->strict;
	rc = pt_revision_write(c->state, w->conf, r, e);
	if (rc)
		return rc;
	win->revision = r->number;
	if (win->snapshot == win->id)
		rc = snapshot_take(c, w, win->id, e);
	if (!rc)
		rc = rewrite_prepare(c, how, win->snapshot, e);
	if (!rc)
		rc = pt_confirmed_prepare(c->state, r->number, e);
	waiting = *win;
	waiting.switching = false;
	if (!rc && how->window)
		rc = window_write(c->state, WINDOW_NEXT, &waiting, e);
	if (!rc)
		rc = window_write(c->state, WINDOW_FILE, win, e);
	if (!rc && how->window && c->guard)
		rc = c->guard(c, win, e);
	return rc;
}

static int switch_all(struct pt_whole *w, size_t *writes, struct pt_err *e)
{
	int rc = 0;

	*writes = 0;
	for (size_t i = 0; !rc && pt_subsystems[i]; i++) {
		size_t n = 0;

		rc = pt_subsystems[i]->apply(w, w->plans[i], &n, e);
		*writes += n;
		if (rc)
			pt_err_add(e, PT_ERROR, NULL, NULL, "%s refused the change: nothing of it stays", pt_subsystems[i]->name);
	}
	return rc;
}

/* One rename decides. */
static int conclude(struct pt_change *c, const struct pt_window *win, struct pt_err *e)
{
	int rc;

	if (win->seconds)
		return window_commit(c->state, e);
	rc = pt_confirmed_commit(c->state, e);
	if (rc)
		return rc;
	if (pt_revision_end(c->state, win->revision, PT_REVISION_CONFIRMED, c->author.user, "", NULL))
		pt_err_add(e, PT_WARNING, NULL, "make room on the disk", "it is in force and confirmed, but the history could not be told");
	rc = undo_tidy(c, e);
	pt_history_prune(c->state, 0);
	return rc;
}

/* Before the switch nothing has to be undone; the window of before holds again. */
static void abandon(struct pt_change *c, const struct pt_window *win, const struct pt_window *old)
{
	if (!old->revision)
		(void)!undo_tidy(c, NULL);
	else if (pt_confirmed_prepare(c->state, old->revision, NULL) || window_write(c->state, WINDOW_FILE, old, NULL))
		change_say(c, "the window of r%u cannot be written: it will be undone", old->revision);
	if (win->revision)
		pt_revision_remove(c->state, win->revision);
}

static int fail(struct pt_change *c, struct pt_window *win, int rc, struct pt_err *e)
{
	char why[200];
	struct pt_window was;

	snprintf(why, sizeof(why), "%s", e->list.n ? e->list.v[0].msg : strerror(-rc));
	if (pt_change_undo(c, "apply", why, &was, e))
		pt_err_add(e, PT_ERROR, NULL, "the next ptconf command tries it again",
			   "r%u could not be undone yet", win->revision);
	return rc;
}

int pt_change_apply(struct pt_change *c, struct pt_whole *w, const struct pt_change_how *how, struct pt_revision *r,
		    size_t *writes, struct pt_err *e)
{
	struct pt_window old, win = { 0 };
	uint32_t base = pt_confirmed_read(c->state);
	int rc;

	memset(r, 0, sizeof(*r));
	*writes = 0;
	rc = pt_window_read(c->state, &old, e);
	if (!rc && old.revision && !how->force)
		rc = busy(&old, e);
	if (!rc)
		rc = keep_strict(c, &old, how, e);
	if (!rc) /* which the switch and its undoing need: better no change than one that cannot go back */
		rc = plan_store_folder(e);
	if (!rc && !base && !old.revision)
		rc = adopt(c, &base, e);
	if (rc)
		return rc;
	if (!old.revision && !pt_whole_writes(w) && !rewrite_wanted(how) && same_texts(c->state, base, w))
		return 0;
	open_window(c, how, &old, base, &win);
	rc = prepare(c, w, how, &win, r, e);
	if (!rc) /* before the kernel: what a disk refuses is refused first */
		rc = rewrite_files(how, e);
	if (rc) {
		abandon(c, &win, &old);
		return rc;
	}
	if (old.revision)
		(void)!pt_revision_end(c->state, old.revision, PT_REVISION_UNDONE, c->author.user, "another one took its place", NULL);
	rc = switch_all(w, writes, e);
	if (!rc)
		rc = conclude(c, &win, e);
	if (rc)
		return fail(c, &win, rc, e);
	if (how->window)
		change_say(c, "r%u is in force, to be confirmed within %u s%s", r->number, how->window,
			   win.strict ? " from another session" : "");
	else
		change_say(c, "r%u is in force and confirmed", r->number);
	return 0;
}

/* ---- confirm ---- */

static int nothing_waits(struct pt_change *c, struct pt_err *e)
{
	struct pt_history *h = NULL;
	const struct pt_revision *last;

	if (pt_history_read(c->state, 0, &h, NULL))
		return -ENOENT;
	last = h->list.n ? &h->list.v[h->list.n - 1] : NULL;
	if (last && last->state == PT_REVISION_UNDONE)
		pt_err_add(e, PT_ERROR, NULL, "apply it again; see `ptconf history`", "nothing waits for its confirmation: r%u was undone by %s%s%s",
			   last->number, last->by, *last->why ? ": " : "", last->why);
	else
		pt_err_add(e, PT_ERROR, NULL, "see `ptconf history`", "nothing waits for its confirmation");
	pt_history_free(h);
	return -ENOENT;
}

int pt_change_confirm(struct pt_change *c, const char *by, struct pt_window *was, struct pt_err *e)
{
	int rc = pt_window_read(c->state, was, e);

	if (rc)
		return rc;
	if (!was->revision || was->switching)
		return nothing_waits(c, e);
	if (was->strict && !pt_author_elsewhere(&was->author, &c->author)) {
		pt_err_add(e, PT_ERROR, NULL, "log in again and run `ptconf confirm` there",
			   "r%u is to be confirmed from another session than the one that applied it", was->revision);
		return -EPERM;
	}
	rc = pt_confirmed_commit(c->state, e);
	if (rc)
		return rc;
	if (pt_revision_end(c->state, was->revision, PT_REVISION_CONFIRMED, by, "", NULL))
		pt_err_add(e, PT_WARNING, NULL, "make room on the disk", "it is confirmed, but the history could not be told");
	rc = undo_tidy(c, e);
	pt_history_prune(c->state, 0);
	change_say(c, "r%u confirmed by %s", was->revision, by);
	return rc;
}
