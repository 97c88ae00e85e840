/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands where in texts, kept from one question to the next: a console asks at each key, and a file of ten thousand rules takes
 * milliseconds to be taken apart. A text never changes in its place, so that its address tells whether it was looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/edit.h"

struct kept {
	struct pt_arena *arena; /* NULL: nothing is kept */
	struct pt_conf_source src;
	struct edit_map map;
};

struct pt_edit_maps {
	struct kept *v;
	size_t n;
};

static int make_room(struct pt_edit_texts *t)
{
	struct kept *v;

	if (!t->maps)
		t->maps = calloc(1, sizeof(*t->maps));
	if (!t->maps)
		return -ENOMEM;
	if (t->maps->v && t->maps->n >= t->v.n)
		return 0;
	v = realloc(t->maps->v, t->v.n * sizeof(*v));
	if (!v)
		return -ENOMEM;
	t->maps->v = v;
	memset(v + t->maps->n, 0, (t->v.n - t->maps->n) * sizeof(*v));
	t->maps->n = t->v.n;
	for (size_t i = 0; i < t->maps->n; i++)
		v[i].map.src = &v[i].src;
	return 0;
}

static int look(struct kept *k, const struct pt_conf_source *src)
{
	int rc;

	pt_arena_free(k->arena);
	*k = (struct kept){ .arena = pt_arena_new(), .src = *src };
	rc = k->arena ? edit_map_read(&k->src, k->arena, &k->map) : -ENOMEM;
	if (rc) {
		pt_arena_free(k->arena);
		*k = (struct kept){ 0 };
	}
	return rc;
}

int edit_maps_get(struct pt_edit_texts *t, size_t i, struct edit_map *out)
{
	const struct pt_conf_source *src = &t->v.v[i];
	int rc = make_room(t);
	struct kept *k;

	if (rc)
		return rc;
	k = &t->maps->v[i];
	if (!k->arena || k->src.text != src->text || k->src.len != src->len || k->src.file != src->file)
		rc = look(k, src);
	if (!rc)
		*out = k->map;
	return rc;
}

bool edit_maps_put(struct pt_edit_texts *t, size_t i, struct pt_arena *a, const struct edit_map *m, const struct pt_edit_result *r)
{
	struct kept *k = t->maps && i < t->maps->n ? &t->maps->v[i] : NULL;

	if (!k)
		return false;
	pt_arena_free(k->arena);
	*k = (struct kept){ .arena = a, .src = t->v.v[i], .map = *m };
	k->src.text = r->text;
	k->src.len = r->len;
	k->map.src = &k->src;
	return true;
}

void edit_maps_free(struct pt_edit_maps *m)
{
	for (size_t i = 0; m && i < m->n; i++)
		pt_arena_free(m->v[i].arena);
	if (m)
		free(m->v);
	free(m);
}
