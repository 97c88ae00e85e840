/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What another file says, brought into the candidate as changes: values of one list together, since each change reads the text again. */
#include <errno.h>
#include <string.h>

#include "candidate.h"

#define TOGETHER 1000 /* values in one change */

struct merge {
	struct candidate *candidate;
	struct pt_err *e;
	struct pt_arena *arena;
	PT_VEC(const char *) words; /* a path and the values so far */
	size_t path;                /* words of it that are the path */
};

static int make_change(const struct merge *m, const char *const *words, size_t n, struct pt_err *e)
{
	const struct pt_edit what = { .op = PT_EDIT_SET, .words = words, .n = n, .draft = true, .whole = true };

	return candidate_change(m->candidate, &what, e);
}

/* One by one, so that what is wrong is told of the one that it is. */
static int each(const struct merge *m)
{
	const char *words[8];
	int rc = 0;

	for (size_t i = 0; i < m->path; i++)
		words[i] = m->words.v[i];
	for (size_t i = m->path; !rc && i < m->words.n; i++) {
		words[m->path] = m->words.v[i];
		rc = make_change(m, words, m->path + 1, m->e);
	}
	return rc;
}

static int flush(struct merge *m)
{
	struct pt_err unseen = { 0 };
	int rc = 0;

	if (m->words.n > m->path) {
		rc = make_change(m, m->words.v, m->words.n, &unseen);
		if (rc)
			rc = each(m);
	}
	pt_err_fini(&unseen);
	pt_arena_reset(m->arena);
	m->words.v = NULL;
	m->words.n = m->words.cap = m->path = 0;
	return rc;
}

/* How many of the words are the path of a list whose value is the last one; 0: they are no such change, or that value would mean
 * something else beside others. */
static size_t path_of(const char *const *words, size_t n)
{
	static const char *const own[] = { "=", "before", "after" };
	const struct pt_schema *s = pt_conf_schema;

	while (n && s->name && strcmp(s->name, words[0]) != 0)
		s++;
	if (!n || !s->name || n != (s->titled ? 4u : 3u))
		return 0;
	for (size_t i = 0; i < PT_ARRAY_SIZE(own); i++)
		if (!strcmp(words[n - 1], own[i]))
			return 0;
	return n - 1;
}

static bool goes_on(const struct merge *m, const char *const *words, size_t path)
{
	bool same = path && path == m->path && m->words.n < TOGETHER;

	for (size_t i = 0; same && i < path; i++)
		same = !strcmp(words[i], m->words.v[i]);
	return same;
}

static int push(struct merge *m, const char *word)
{
	const char *copy = pt_arena_strdup(m->arena, word);

	return copy ? pt_vec_push(m->arena, &m->words, copy) : -ENOMEM;
}

static int take(const char *const *words, size_t n, void *arg)
{
	struct merge *m = arg;
	size_t path = path_of(words, n);
	int rc = 0;

	if (goes_on(m, words, path))
		return push(m, words[n - 1]);
	rc = flush(m);
	if (rc || !path)
		return rc ? rc : make_change(m, words, n, m->e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = push(m, words[i]);
	m->path = path;
	return rc;
}

/* All that FROM says, or nothing of it. */
int candidate_merge(struct candidate *d, struct pt_edit_texts *from, struct pt_err *e)
{
	const struct pt_edit all = { .op = PT_EDIT_GET };
	struct merge m = { .candidate = d, .e = e, .arena = pt_arena_new() };
	size_t n = d->texts.v.n, changes = d->changes;
	int rc;

	d->undo = pt_arena_alloc(d->texts.arena, n * sizeof(*d->undo));
	rc = d->undo && m.arena ? 0 : pt_err_sys(e, -ENOMEM, "reading %s", from->v.v[0].file);
	if (d->undo)
		memcpy(d->undo, d->texts.v.v, n * sizeof(*d->undo));
	if (!rc)
		rc = pt_edit_commands(from, &all, take, &m, e);
	if (!rc)
		rc = flush(&m);
	if (rc && d->undo) {
		memcpy(d->texts.v.v, d->undo, n * sizeof(*d->undo));
		d->changes = changes;
	}
	d->undo = NULL;
	pt_arena_free(m.arena);
	return rc;
}
