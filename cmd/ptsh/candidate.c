/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The candidate: changes are made in memory and judged as a whole; the file has the old or the new bytes. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/change.h>
#include <patronus/subsystem.h>

#include "candidate.h"

static int keep_base(struct candidate *d)
{
	int rc = 0;

	d->base = (struct pt_edit_texts){ .arena = d->texts.arena, .files = d->texts.files };
	for (size_t i = 0; !rc && i < d->texts.v.n; i++)
		rc = pt_vec_push(d->texts.arena, &d->base.v, d->texts.v.v[i]);
	return rc;
}

/* From whatever folder it is looked at later. Links stay what they are: they are refused. */
static int make_absolute(const char *path, char *out, size_t size, struct pt_err *e)
{
	char here[PATH_MAX] = "";
	int n;

	if (path[0] != '/' && !getcwd(here, sizeof(here)))
		return pt_err_sys(e, -errno, "reading the name of this folder");
	n = snprintf(out, size, "%s%s%s", here, *here ? "/" : "", path);
	return n < 0 || (size_t)n >= size ? pt_err_sys(e, -ENAMETOOLONG, "reading %.64s", path) : 0;
}

int candidate_open(struct candidate *d, const char *path, struct pt_err *e)
{
	int rc;

	memset(d, 0, sizeof(*d));
	rc = make_absolute(path, d->path, sizeof(d->path), e);
	if (!rc)
		rc = pt_edit_load(d->path, &d->texts, e);
	if (!rc && keep_base(d))
		rc = pt_err_sys(e, -ENOMEM, "reading %s", path);
	return rc;
}

void candidate_close(struct candidate *d)
{
	pt_edit_texts_fini(&d->texts);
	memset(d, 0, sizeof(*d));
}

const char **candidate_words(struct console *c, const pt_line_words *w, size_t *n)
{
	const struct candidate *d = c->candidate;
	const char **words = pt_arena_alloc(c->arena, (w->n + LEVELS_MAX + 1) * sizeof(*words));

	*n = 0;
	for (size_t i = 0; words && i < d->n_level; i++)
		words[(*n)++] = d->level[i];
	for (size_t i = 1; words && i < w->n; i++)
		words[(*n)++] = w->v[i].s;
	return words;
}

int candidate_change(struct candidate *d, const struct pt_edit *what, struct pt_err *e)
{
	struct pt_edit_result r;
	int rc = pt_edit(&d->texts, what, &r, e);

	if (!rc && r.changed) {
		pt_edit_take(&d->texts, &r);
		d->changes++;
		candidate_replaced(d, r.len);
	}
	return rc;
}

int candidate_replace(struct candidate *d, size_t i, const char *text, size_t len, struct pt_err *e)
{
	struct pt_conf_source *s = &d->texts.v.v[i];
	char *copy;

	if (s->len == len && !memcmp(s->text, text, len))
		return 0;
	copy = pt_arena_memdup(d->texts.arena, text, len);
	if (!copy)
		return pt_err_sys(e, -ENOMEM, "changing %s", s->file);
	s->text = copy;
	s->len = len;
	d->changes++;
	candidate_replaced(d, len);
	return 0;
}

static bool source_differs(const struct candidate *d, size_t i)
{
	const struct pt_conf_source *old = &d->base.v.v[i], *new = &d->texts.v.v[i];

	return old->len != new->len || memcmp(old->text, new->text, new->len) != 0;
}

bool candidate_differs(const struct candidate *d)
{
	for (size_t i = 0; i < d->base.v.n; i++)
		if (source_differs(d, i))
			return true;
	return false;
}

void candidate_reset(struct candidate *d)
{
	for (size_t i = 0; i < d->base.v.n; i++)
		d->texts.v.v[i] = d->base.v.v[i];
	d->changes = 0;
}

int candidate_check(const struct candidate *d, struct pt_err *e)
{
	const struct pt_conf_source *s = d->texts.v.v;
	struct pt_conf_more more = { .v = s + 1, .n = d->texts.v.n - 1, .files = d->texts.files };

	return pt_whole_judge(s->file, s->text, s->len, &more, NULL, e);
}

/* ---- after a commit ---- */

void candidate_committed(struct candidate *d, bool waits)
{
	d->n_before = 0;
	d->before = waits ? pt_arena_alloc(d->texts.arena, d->base.v.n * sizeof(*d->before)) : NULL;
	for (size_t i = 0; i < d->base.v.n; i++) {
		if (d->before)
			d->before[d->n_before++] = d->base.v.v[i];
		d->base.v.v[i] = d->texts.v.v[i];
	}
	d->before_changes = d->changes;
	d->changes = 0;
}

static bool is_in_file(const struct pt_conf_source *s)
{
	char *text = NULL;
	size_t len;
	bool same = !pt_file_read(s->file, PT_FILE_MAX, &text, &len, NULL) && len == s->len && (!len || !memcmp(text, s->text, len));

	free(text);
	return same;
}

void candidate_look(struct candidate *d)
{
	struct pt_cli cli = { .tool = &(const struct pt_cli_tool){ .name = "ptsh" } };
	char state[PATH_MAX];
	struct pt_window w;
	bool undone = true, open = !d->n_before || (!pt_cli_state(&cli, state) && pt_window_open(state, &w));

	pt_err_fini(&cli.err);
	if (open)
		return;
	for (size_t i = 0; undone && i < d->n_before; i++)
		undone = is_in_file(&d->before[i]);
	for (size_t i = 0; undone && i < d->n_before; i++)
		d->base.v.v[i] = d->before[i];
	if (undone)
		d->changes += d->before_changes;
	d->n_before = 0;
}
