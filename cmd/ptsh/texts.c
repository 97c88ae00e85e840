/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Texts of the candidate that nobody needs any more: each change leaves one behind, and a session over a file of ten thousand rules has
 * many. From time to time what is needed moves, and the rest goes.
 */
#include <string.h>

#include "candidate.h"

#define SPARE ((size_t)4 << 20) /* bytes that may lie about, beside twice as many as there are of the others */

struct move {
	const struct candidate *from;
	struct pt_arena *arena;
	PT_VEC(struct pt_conf_source) was, now; /* those that moved */
	bool failed;
};

/* Most of them are the same text. */
static const char *move_text(struct move *m, const struct pt_conf_source *s)
{
	struct pt_conf_source now = { .len = s->len };

	for (size_t i = 0; i < m->was.n; i++)
		if (m->was.v[i].text == s->text && m->was.v[i].len == s->len)
			return m->now.v[i].text;
	now.text = pt_arena_memdup(m->arena, s->text, s->len);
	m->failed |= !now.text || pt_vec_push(m->arena, &m->was, *s) || pt_vec_push(m->arena, &m->now, now);
	return now.text;
}

static struct pt_conf_source *move_sources(struct move *m, const struct pt_conf_source *v, size_t n)
{
	struct pt_conf_source *to = pt_arena_alloc(m->arena, (n + 1) * sizeof(*to));

	m->failed |= !to;
	for (size_t i = 0; to && i < n; i++) {
		to[i] = v[i];
		to[i].file = pt_arena_strdup(m->arena, v[i].file);
		to[i].text = move_text(m, &v[i]);
		m->failed |= !to[i].file;
	}
	return to;
}

static void move(struct move *m, struct candidate *d)
{
	const struct candidate *from = m->from;

	d->texts.arena = d->base.arena = m->arena;
	d->texts.maps = NULL;
	d->texts.v.v = move_sources(m, from->texts.v.v, from->texts.v.n);
	d->texts.v.cap = from->texts.v.n;
	d->base.v.v = move_sources(m, from->base.v.v, from->base.v.n);
	d->base.v.cap = from->base.v.n;
	d->before = from->before ? move_sources(m, from->before, from->n_before) : NULL;
	d->undo = from->undo ? move_sources(m, from->undo, from->texts.v.n) : NULL;
	for (size_t i = 0; i < from->n_level; i++) {
		d->level[i] = pt_arena_strdup(m->arena, from->level[i]);
		m->failed |= !d->level[i];
	}
}

static size_t size_of(const struct candidate *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->texts.v.n; i++)
		n += d->texts.v.v[i].len;
	return n;
}

void candidate_replaced(struct candidate *d, size_t len)
{
	struct candidate old = *d, new = *d;
	struct move m = { .from = &old };

	d->spare += len;
	if (d->spare < SPARE + 2 * size_of(d))
		return;
	m.arena = pt_arena_new();
	if (!m.arena)
		return;
	move(&m, &new);
	if (m.failed) { /* then they stay where they are */
		pt_arena_free(m.arena);
		return;
	}
	pt_edit_texts_fini(&old.texts);
	*d = new;
	d->spare = 0;
}
