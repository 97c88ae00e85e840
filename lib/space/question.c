/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions to a whole direction: which packets pass, is there one that does, and who decides. */
#include <errno.h>
#include <stdlib.h>

#include "space/internal.h"

const struct pt_region *pt_space_decide(const struct pt_space *s, enum pt_dir dir, const struct pt_point *p)
{
	const struct pt_space_dir *d = &s->dir[dir == PT_OUT];

	for (size_t i = 0; i < d->v.n; i++)
		for (size_t k = 0; k < d->v.v[i].boxes.n; k++)
			if (pt_box_has(&d->v.v[i].boxes.v[k], p))
				return &d->v.v[i];
	return NULL;
}

/* One question: its memory is kept from region to region. */
struct asking {
	const struct pt_space *s;
	enum pt_dir dir;
	struct space_search q;
	struct pt_space_hits hits;
	struct pt_arena *scratch, *a;
	struct pt_point *witness; /* into A; NULL: not wanted */
	bool written;             /* what built-in rules pass is not wanted */
};

/* The part of X in box K of region number I, 0: none; the boxes before it into HITS. */
static int part_in(struct asking *w, size_t i, size_t k, const struct pt_box *x, struct pt_box *part)
{
	const struct pt_region *r = &w->s->dir[w->dir == PT_OUT].v.v[i];
	int rc = pt_box_intersect(w->scratch, x, &r->boxes.v[k], part);

	if (rc <= 0)
		return rc;
	w->hits.box.n = w->hits.region.n = 0;
	rc = pt_space_before(w->s, w->dir, i, part, w->scratch, &w->hits);
	return rc ? rc : 1;
}

static int find_in(struct asking *w, size_t i, const struct pt_box *x, bool begins)
{
	const struct pt_region *r = &w->s->dir[w->dir == PT_OUT].v.v[i];
	int rc = 1;

	for (size_t k = 0; rc == 1 && k < r->boxes.n; k++) {
		struct pt_box part;
		int shared;

		pt_arena_reset(w->scratch);
		memset(&w->hits, 0, sizeof(w->hits));
		shared = part_in(w, i, k, x, &part);
		if (shared < 0)
			return shared;
		if (shared)
			rc = (begins ? space_search_begins : space_search)(&w->q, &part, w->hits.box.v, w->hits.box.n);
		if (!rc && w->witness) /* PART ends with this function */
			rc = space_witness(&w->q, w->a, w->hits.box.v, w->hits.box.n, w->witness);
	}
	return rc;
}

/* Is it by a built-in rule that R passes? */
static bool admits(const struct pt_region *r)
{
	return r->pass && r->rule && r->rule->ast == PT_POL_BUILTIN;
}

static int find(struct asking *w, const struct pt_box *x, bool pass, bool begins, const struct pt_region **by)
{
	const struct pt_space_dir *d = &w->s->dir[w->dir == PT_OUT];
	int rc = 1;

	for (size_t i = 0; rc == 1 && i < d->v.n; i++) {
		if (d->v.v[i].pass != pass || (w->written && admits(&d->v.v[i])))
			continue;
		rc = find_in(w, i, x, begins);
		*by = &d->v.v[i];
	}
	return rc;
}

static int find_any(struct asking *w, const struct pt_box *x, bool pass, const struct pt_region **by)
{
	int rc;

	w->q.s = w->s;
	w->scratch = pt_arena_new();
	rc = w->scratch ? find(w, x, pass, true, by) : -ENOMEM;
	if (rc == 1)
		rc = find(w, x, pass, false, by);
	space_search_end(&w->q);
	pt_arena_free(w->scratch);
	return rc < 0 ? rc : !rc;
}

int pt_space_find(const struct pt_space *s, struct pt_arena *a, enum pt_dir dir, const struct pt_box *x, bool pass,
		  struct pt_point *witness, const struct pt_region **by)
{
	struct asking w = { .s = s, .dir = dir, .a = a, .witness = witness };

	return find_any(&w, x, pass, by);
}

int pt_space_find_written(const struct pt_space *s, struct pt_arena *a, enum pt_dir dir, const struct pt_box *x, bool pass,
			  struct pt_point *witness, const struct pt_region **by)
{
	struct asking w = { .s = s, .dir = dir, .a = a, .witness = witness, .written = true };

	return find_any(&w, x, pass, by);
}

/* Boxes of one region may overlap: those before number K of it count, too. */
static int passed_in(struct asking *w, struct pt_arena *a, size_t i, const struct pt_box *x,
		     int (*fn)(const struct pt_region *by, const struct pt_box *b, void *arg), void *arg)
{
	const struct pt_region *r = &w->s->dir[w->dir == PT_OUT].v.v[i];
	int rc = 0;

	for (size_t k = 0; !rc && k < r->boxes.n; k++) {
		pt_boxes left = { 0 };
		struct pt_box part;

		rc = part_in(w, i, k, x, &part);
		if (rc <= 0)
			continue;
		rc = 0;
		for (size_t j = 0; !rc && j < k; j++)
			rc = pt_vec_push(w->scratch, &w->hits.box, &r->boxes.v[j]); /* NOLINT(bugprone-sizeof-expression) */
		if (!rc)
			rc = pt_box_subtract(w->s, a, &part, w->hits.box.v, w->hits.box.n, 0, &left);
		for (size_t j = 0; !rc && j < left.n; j++)
			rc = fn(r, &left.v[j], arg);
	}
	return rc;
}

int pt_space_passed(const struct pt_space *s, struct pt_arena *a, enum pt_dir dir, const struct pt_box *x,
		    int (*fn)(const struct pt_region *by, const struct pt_box *b, void *arg), void *arg)
{
	const struct pt_space_dir *d = &s->dir[dir == PT_OUT];
	struct asking w = { .s = s, .dir = dir, .scratch = a };
	int rc = 0;

	for (size_t i = 0; !rc && i < d->v.n; i++)
		if (d->v.v[i].pass)
			rc = passed_in(&w, a, i, x, fn, arg);
	return rc;
}
