/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The most specific entry wins.
 *
 * Ranges are cut into prefixes first. Prefixes nest or are apart, never cross: sorted by
 * their first address, the wider first, one sweep with a stack of the open ones tells for
 * each stretch of addresses which entry is innermost.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/table.h"

#define NESTING_MAX 130 /* prefix lengths 0 to 128, each at most once */

struct piece {
	pt_u128 lo, hi;
	const struct pt_loc *neg; /* of the entry that takes out, NULL: puts in */
};

struct cutter {
	PT_VEC(struct piece) pieces;
	const struct pt_loc *neg;
};

static int add_piece(struct pt_prefix p, void *arg)
{
	struct cutter *c = arg;
	struct piece piece = { pt_prefix_lo(&p), pt_prefix_hi(&p), c->neg };

	return pt_vec_push(NULL, &c->pieces, piece);
}

static int cut_all(struct cutter *c, const struct conf_family *f, enum pt_af af)
{
	int rc = 0;

	for (size_t i = 0; i < f->pos.n && !rc; i++)
		rc = pt_range_prefixes(af, f->pos.v[i].lo, f->pos.v[i].hi, add_piece, c);
	for (size_t i = 0; i < f->neg.n && !rc; i++) {
		c->neg = &f->neg.v[i].loc;
		rc = pt_range_prefixes(af, f->neg.v[i].range.lo, f->neg.v[i].range.hi, add_piece,
				       c);
	}
	return rc;
}

static int by_start_wide_first(const void *x, const void *y)
{
	const struct piece *a = x, *b = y;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->hi > b->hi ? -1 : a->hi < b->hi;
}

static int refuse_both(struct conf_table_reader *r, enum pt_af af, const struct piece *p,
		       const struct pt_loc *neg)
{
	struct pt_buf what = { 0 };

	pt_range_fmt(&what, af, p->lo, p->hi);
	pt_err_add(r->e, PT_ERROR, neg, "remove one of the two entries",
		   "%s is both put in and taken out", what.err ? "an entry" : what.s);
	pt_buf_fini(&what);
	if (r->conf)
		pt_conf_show_source(r->conf, neg, r->e);
	return -EINVAL;
}

struct sweep {
	struct pt_arena *arena;
	struct pt_iset *out;
	struct piece open[NESTING_MAX];
	size_t depth;
	pt_u128 at; /* first address not yet judged */
};

/* The stretch from AT to HI belongs to the innermost open piece. */
static int judge(struct sweep *s, pt_u128 hi)
{
	int rc = 0;

	if (s->at <= hi && !s->open[s->depth - 1].neg)
		rc = pt_iset_add(s->arena, s->out, s->at, hi);
	s->at = hi + 1;
	return rc;
}

/* Closes what ends before LO; everything with ALL. */
static int close_before(struct sweep *s, pt_u128 lo, bool all)
{
	int rc = 0;

	while (s->depth && !rc && (all || s->open[s->depth - 1].hi < lo)) {
		pt_u128 hi = s->open[s->depth - 1].hi;

		rc = judge(s, hi);
		s->depth--;
		/* The last address of all: hi + 1 wraps, and nothing is left to judge. */
		if (!s->at)
			s->depth = 0;
	}
	return rc;
}

static int open_piece(struct sweep *s, const struct piece *p)
{
	int rc = close_before(s, p->lo, false);

	if (!rc && s->depth && s->at < p->lo)
		rc = judge(s, p->lo - 1);
	s->at = p->lo;
	s->open[s->depth++] = *p;
	return rc;
}

static int sweep_all(struct conf_table_reader *r, const struct piece *v, size_t n, enum pt_af af,
		     struct pt_iset *out)
{
	struct sweep s = { .arena = r->arena, .out = out };
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		const struct piece *last = s.depth ? &s.open[s.depth - 1] : NULL;

		if (!last || last->lo != v[i].lo || last->hi != v[i].hi)
			rc = open_piece(&s, &v[i]);
		else if (!last->neg != !v[i].neg)
			rc = refuse_both(r, af, &v[i], last->neg ? last->neg : v[i].neg);
	}
	return rc ? rc : close_before(&s, 0, true);
}

int conf_most_specific(struct conf_table_reader *r, const struct conf_family *f, enum pt_af af,
		       struct pt_iset *out)
{
	struct cutter c = { 0 };
	int rc = cut_all(&c, f, af);

	*out = (struct pt_iset){ 0 };
	if (!rc && c.pieces.n) {
		qsort(c.pieces.v, c.pieces.n, sizeof(*c.pieces.v), by_start_wide_first);
		rc = sweep_all(r, c.pieces.v, c.pieces.n, af, out);
	}
	if (!rc) {
		/* Neighbours that are both in touch each other. */
		out->dirty = out->n > 0;
		pt_iset_norm(out);
	}
	free(c.pieces.v);
	return rc;
}
