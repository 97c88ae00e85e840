/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The candidate: changes are made in memory and judged as a whole; the file has the old or the new bytes. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int candidate_open(struct candidate *d, const char *path, struct pt_err *e)
{
	char whole[PATH_MAX];
	int rc;

	memset(d, 0, sizeof(*d));
	(void)snprintf(d->path, sizeof(d->path), "%s", realpath(path, whole) ? whole : path);
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

static int write_one(const struct pt_edit_texts *from, const struct pt_edit_texts *to, size_t i, struct pt_err *e)
{
	const struct pt_conf_source *old = &from->v.v[i], *new = &to->v.v[i];
	const struct pt_edit_result r = { .changed = true, .source = i, .text = (char *)new->text, .len = new->len,
					  .old_len = old->len, .new_len = new->len };

	return pt_edit_write(from, &r, e);
}

int candidate_write(struct candidate *d, bool back, struct pt_err *e)
{
	const struct pt_edit_texts *from = back ? &d->texts : &d->base, *to = back ? &d->base : &d->texts;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < d->base.v.n; i++)
		if (source_differs(d, i))
			rc = write_one(from, to, i, e);
	/* the last one was not written */
	for (i = rc && i ? i - 1 : 0; i-- > 0;)
		if (source_differs(d, i))
			(void)write_one(to, from, i, e);
	return rc;
}

void candidate_committed(struct candidate *d)
{
	for (size_t i = 0; i < d->base.v.n; i++)
		d->base.v.v[i] = d->texts.v.v[i];
	d->changes = 0;
}
