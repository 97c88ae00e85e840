/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way back: the last confirmed revision in force again in every subsystem, and on top of it what the snapshot knows. It asks
 * nobody, neither the author's file nor the DNS, and where the revision is damaged it takes the one before.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plan/change.h"

int undo_put_in_force(struct pt_whole *w, struct pt_err *e)
{
	size_t writes;
	int rc = pt_whole_plan(w, e);

	for (size_t i = 0; !rc && pt_subsystems[i]; i++)
		rc = pt_subsystems[i]->apply(w, w->plans[i], &writes, e);
	return rc;
}

/* What was found of damage is told as a warning: there is still somewhere to go. */
static void demote(const struct pt_err *from, struct pt_err *e)
{
	for (size_t i = 0; i < from->list.n; i++)
		pt_err_add(e, PT_WARNING, NULL, NULL, "%s", from->list.v[i].msg);
}

/* NUMBER if it can be read, else the confirmed one before. */
static int read_intact(struct pt_change *c, uint32_t number, struct pt_texts *out, uint32_t *found, struct pt_err *e)
{
	struct pt_history *h = NULL;
	struct pt_err why = { 0 };
	int rc;

	*found = number;
	rc = pt_revision_read(c->state, number, out, &why);
	if (!rc || rc == -ENOMEM) {
		pt_err_fini(&why);
		return rc ? pt_err_sys(e, rc, "reading the history") : 0;
	}
	demote(&why, e);
	pt_err_fini(&why);
	rc = pt_history_read(c->state, 0, &h, e);
	if (rc)
		return rc;
	rc = -ENOENT;
	for (size_t i = h->list.n; rc && i-- > 0;) {
		if (h->list.v[i].state != PT_REVISION_CONFIRMED || h->list.v[i].number >= number)
			continue;
		*found = h->list.v[i].number;
		rc = pt_revision_read(c->state, *found, out, e);
	}
	pt_history_free(h);
	if (rc)
		pt_err_add(e, PT_ERROR, NULL, "apply a file with `ptconf apply`", "no confirmed revision is left that could be put in force");
	return rc;
}

int undo_to(struct pt_change *c, uint32_t base, uint64_t snapshot, uint32_t *number, struct pt_err *e)
{
	struct pt_whole w = { .nf = c->nf, .route = c->route, .again = true };
	struct pt_texts texts = { 0 };
	int rc = 0, back;

	*number = base;
	if (base)
		rc = read_intact(c, base, &texts, number, e);
	if (!rc && base) {
		w.texts = &texts;
		rc = undo_put_in_force(&w, e);
	}
	if (!rc && snapshot) {
		back = snapshot_restore(c, snapshot, &w, e);
		rc = base ? 0 : back; /* with the rules in force again, the records are enough */
	}
	pt_whole_fini(&w);
	pt_texts_fini(&texts);
	return rc;
}

int undo_tidy(struct pt_change *c, struct pt_err *e)
{
	char path[PATH_MAX];
	int rc = window_remove(c->state, e);

	(void)!pt_confirmed_cancel(c->state, NULL);
	if (!change_path(c->state, WINDOW_NEXT, path, sizeof(path), NULL))
		(void)!unlink(path);
	snapshot_remove(c->state);
	rewrite_forget(c->state);
	return rc;
}

int pt_change_undo(struct pt_change *c, const char *by, const char *why, struct pt_window *was, struct pt_err *e)
{
	uint32_t number;
	int rc;

	rc = pt_window_read(c->state, was, e);
	if (rc)
		return rc;
	if (!was->revision || pt_confirmed_read(c->state) == was->revision) {
		pt_err_add(e, PT_ERROR, NULL, "see `ptconf history`", "no change waits for its confirmation");
		return -ENOENT;
	}
	/* From here on nobody can confirm it, whoever dies in between: what is not prepared is being undone. */
	rc = pt_confirmed_cancel(c->state, e);
	if (rc == -EROFS) /* nor can anybody where nothing can be written */
		rc = 0;
	if (!rc)
		rc = undo_to(c, was->base, was->snapshot, &number, e);
	if (rc) {
		change_say(c, "r%u could not be undone: %s", was->revision, e->list.n ? e->list.v[e->list.n - 1].msg : "?");
		return rc;
	}
	was->base = number;
	rewrite_undo(c, was->snapshot, e);
	/* The disk may be full: what was done is done all the same. */
	(void)!pt_revision_end(c->state, was->revision, PT_REVISION_UNDONE, by, why, NULL);
	rc = undo_tidy(c, e);
	if (number)
		change_say(c, "r%u undone by %s (%s): r%u is in force again", was->revision, by, why, number);
	else
		change_say(c, "r%u undone by %s (%s): as before it, no revision is in force", was->revision, by, why);
	return rc;
}

int pt_change_restore(struct pt_change *c, uint32_t *number, struct pt_err *e)
{
	uint32_t base = pt_confirmed_read(c->state);
	struct pt_history *h;
	int rc;

	*number = 0;
	if (!base) { /* the pointer is damaged or missing: the list knows, too */
		rc = pt_history_read(c->state, 0, &h, e);
		if (rc)
			return rc;
		base = pt_history_back(h, 0) ? pt_history_back(h, 0)->number : 0;
		pt_history_free(h);
	}
	if (!base) {
		pt_err_add(e, PT_ERROR, NULL, "apply a file with `ptconf apply`", "there is no confirmed revision");
		return -ENOENT;
	}
	rc = undo_to(c, base, 0, number, e);
	if (!rc)
		change_say(c, "r%u is in force", *number);
	return rc;
}
