/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What two policies say differently, as sets of packets.
 *
 * Each is a list of regions, and the first one that holds a packet decides. Regions that are the same and in the same order in
 * both lists cancel: of a packet that two of them decide, one in each list, it is the same one twice, or their order would
 * differ. So a difference can only lie in a region that came, went or moved, less what stands before it in its own list. Those
 * are laid upon the other list, region by region, and only where the verdicts differ it is asked whether any packet is left.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "space/internal.h"

#define PIECES_MAX 48           /* boxes that one pair of regions is shown as; more is shown as one, less others */
#define STEPS_MAX 20000         /* of one question */
#define WORK_MAX 300000000u     /* boxes looked at, in all */
#define NONE UINT32_MAX

struct found {
	struct pt_meaning what;
	size_t number; /* as they were found */
	pt_boxes boxes;
};

struct key {
	uint64_t hash;
	uint32_t region;
	bool taken;
};

struct comparison {
	const struct pt_meaning_side *side[2];
	struct pt_arena *arena, *scratch;
	enum pt_dir dir;
	uint32_t *stays[2];             /* of each region: it is the same in the other list; NONE: it is not */
	struct pt_space_hits hits[2];   /* of the region at work, in its own list and in the other */
	PT_VEC(const struct pt_box *) covers;
	PT_VEC(struct found) found;
	uint64_t work;
	struct pt_err *e;
};

static const struct pt_space_dir *list_of(const struct comparison *c, int side)
{
	return &c->side[side]->space->dir[c->dir == PT_OUT];
}

/* ---- regions that are the same ---- */

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	return (h ^ pt_hash64(p, n)) * 0x9e3779b97f4a7c15u;
}

static uint64_t mix_number(uint64_t h, uint64_t x)
{
	return (h ^ x) * 0x9e3779b97f4a7c15u ^ h >> 29;
}

/* Of what a rule that passes translates to; 0: it does not. */
static uint64_t nat_hash(const struct pt_policy *p, const struct pt_region *r)
{
	const struct pt_pol_nat *n = r->pass && r->rule && r->rule->nat ? &p->nats.v[r->rule->nat - 1] : NULL;
	uint64_t h = 1;

	if (!n)
		return 0;
	h = mix_number(h, (uint64_t)n->kind << 32 | (uint64_t)n->target << 16 | (uint64_t)n->way << 8 | (uint64_t)n->af << 4 |
				  (uint64_t)n->one_to_one << 3 | (uint64_t)n->sticky << 2 | (uint64_t)n->static_port << 1 |
				  (uint64_t)n->has_port);
	h = mix_number(h, (uint64_t)n->port_lo << 48 | (uint64_t)n->port_hi << 32 | (uint64_t)n->match_lo << 16 | n->match_hi);
	h = mix_number(h, (uint64_t)n->seed << 1 | n->port_offset);
	if (n->target == PT_REF_IF)
		return mix(h, p->ifrefs.v[n->ref].device, strlen(p->ifrefs.v[n->ref].device));
	h = mix(mix(h, &n->lo, sizeof(n->lo)), &n->hi, sizeof(n->hi));
	h = mix(h, &n->from_lo, sizeof(n->from_lo));
	return n->pool ? mix(h, n->pool, n->n_pool * sizeof(*n->pool)) : h;
}

static uint64_t region_hash(const struct pt_policy *p, const struct pt_region *r)
{
	uint64_t h = mix_number(nat_hash(p, r), r->pass);

	for (size_t i = 0; i < r->boxes.n; i++) {
		const struct pt_box *b = &r->boxes.v[i];

		h = mix_number(h, (uint64_t)b->af << 32 | b->n);
		for (uint32_t k = 0; k < b->n; k++)
			h = mix(mix_number(h, b->v[k].dim), b->v[k].set.v, b->v[k].set.n * sizeof(*b->v[k].set.v));
	}
	return h;
}

static bool same_box(const struct pt_box *a, const struct pt_box *b)
{
	if (a->af != b->af || a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (a->v[i].dim != b->v[i].dim || !pt_iset_equal(&a->v[i].set, &b->v[i].set))
			return false;
	return true;
}

static bool same_region(const struct comparison *c, const struct pt_region *a, const struct pt_region *b)
{
	if (a->pass != b->pass || a->boxes.n != b->boxes.n ||
	    nat_hash(c->side[0]->space->policy, a) != nat_hash(c->side[1]->space->policy, b))
		return false;
	for (size_t i = 0; i < a->boxes.n; i++)
		if (!same_box(&a->boxes.v[i], &b->boxes.v[i]))
			return false;
	return true;
}

static int by_hash(const void *x, const void *y)
{
	const struct key *a = x, *b = y;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->region < b->region ? -1 : a->region > b->region;
}

static struct key *keys_of(const struct comparison *c, int side)
{
	const struct pt_space_dir *l = list_of(c, side);
	struct key *keys = pt_arena_alloc(c->scratch, (l->v.n + 1) * sizeof(*keys));

	for (size_t i = 0; keys && i < l->v.n; i++)
		keys[i] = (struct key){ region_hash(c->side[side]->space->policy, &l->v.v[i]), (uint32_t)i, false };
	return keys;
}

/* The first one with this hash that nobody has taken; several are the same where a rule is written twice. */
static struct key *take_key(struct key *sorted, size_t n, uint64_t hash)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (sorted[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n && sorted[low].hash == hash; low++)
		if (!sorted[low].taken)
			return &sorted[low];
	return NULL;
}

/*
 * As many as possible that are in the same order in both: the longest run of regions of the new list whose partners in the old
 * one go up. TAIL[k]: where the best run of k + 1 ends.
 */
static int longest_run(struct comparison *c, const uint32_t *partner, size_t n)
{
	uint32_t *tail = pt_arena_alloc(c->scratch, (n + 1) * sizeof(*tail));
	uint32_t *before = pt_arena_alloc(c->scratch, (n + 1) * sizeof(*before));
	size_t runs = 0;

	if (!tail || !before)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		size_t low = 0, high = runs;

		if (partner[i] == NONE)
			continue;
		while (low < high) {
			size_t middle = (low + high) / 2;

			if (partner[tail[middle]] < partner[i])
				low = middle + 1;
			else
				high = middle;
		}
		before[i] = low ? tail[low - 1] : NONE;
		tail[low] = i;
		runs += low == runs;
	}
	for (uint32_t i = runs ? tail[runs - 1] : NONE; i != NONE; i = before[i]) {
		c->stays[1][i] = partner[i];
		c->stays[0][partner[i]] = i;
	}
	return 0;
}

static uint32_t *all_none(struct pt_arena *a, size_t n)
{
	uint32_t *v = pt_arena_alloc(a, (n + 1) * sizeof(*v));

	for (size_t i = 0; v && i < n; i++)
		v[i] = NONE;
	return v;
}

static int pair(struct comparison *c)
{
	const struct pt_space_dir *old = list_of(c, 0), *new = list_of(c, 1);
	struct key *keys[2] = { keys_of(c, 0), keys_of(c, 1) }, *same;
	uint32_t *partner = all_none(c->scratch, new->v.n);

	c->stays[0] = all_none(c->arena, old->v.n);
	c->stays[1] = all_none(c->arena, new->v.n);
	if (!keys[0] || !keys[1] || !partner || !c->stays[0] || !c->stays[1])
		return -ENOMEM;
	qsort(keys[0], old->v.n, sizeof(*keys[0]), by_hash);
	for (size_t i = 0; i < new->v.n; i++) {
		same = take_key(keys[0], old->v.n, keys[1][i].hash);
		if (!same || !same_region(c, &old->v.v[same->region], &new->v.v[i]))
			continue;
		same->taken = true;
		partner[i] = same->region;
	}
	return longest_run(c, partner, new->v.n);
}

/* ---- one pair of regions ---- */

/* The regions U of list FROM and D of the other. */
struct meeting {
	int from;
	uint32_t u, d;
	const struct pt_box *x, *y; /* their boxes */
};

static const struct pt_region *region_at(const struct comparison *c, const struct meeting *m, int side)
{
	return &list_of(c, side)->v.v[side == m->from ? m->u : m->d];
}

/* What is told of packets that the two decide. */
static bool is_told(const struct comparison *c, const struct meeting *m, enum pt_meaning_kind *kind)
{
	const struct pt_region *old = region_at(c, m, 0), *new = region_at(c, m, 1);

	*kind = PT_MEANING_VERDICT;
	if (old->pass != new->pass)
		return true;
	*kind = PT_MEANING_TRANSLATION;
	return nat_hash(c->side[0]->space->policy, old) != nat_hash(c->side[1]->space->policy, new);
}

static int add_covers(struct comparison *c, const struct pt_box *const *v, size_t n, const struct pt_box *x)
{
	int rc = 0;

	c->work += n;
	for (size_t i = 0; !rc && i < n; i++)
		if (pt_box_overlaps(v[i], x))
			rc = pt_vec_push(NULL, &c->covers, v[i]); /* NOLINT(bugprone-sizeof-expression) */
	return rc;
}

/* What decides sooner in either list; box number HIT of the other list is the one that is met, number BOX of its region is ours. */
static int list_covers(struct comparison *c, const struct meeting *m, size_t box, size_t hit, const struct pt_box *both)
{
	const struct pt_region *u = &list_of(c, m->from)->v.v[m->u];
	int rc;

	c->covers.n = 0;
	rc = add_covers(c, c->hits[m->from].box.v, c->hits[m->from].box.n, both);
	if (!rc)
		rc = add_covers(c, c->hits[!m->from].box.v, hit, both);
	for (size_t i = 0; !rc && i < box; i++) {
		const struct pt_box *own = &u->boxes.v[i];

		rc = add_covers(c, &own, 1, both);
	}
	return rc;
}

static int keep_point(struct comparison *c, struct pt_point *p)
{
	pt_u128 *v = pt_arena_alloc(c->arena, (p->n + 1ul) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	memcpy(v, p->v, p->n * sizeof(*v));
	p->v = v;
	return 0;
}

/* Packets of Y less the covers: as boxes, or where these would be too many as Y with a number of exceptions. */
static int keep_boxes(struct comparison *c, const struct pt_box *y, struct found *f)
{
	const struct pt_space *s = c->side[1]->space; /* with the draws of both */
	int rc = pt_box_subtract(s, c->arena, y, c->covers.v, c->covers.n, PIECES_MAX, &f->boxes);

	if (rc != -E2BIG)
		return rc;
	f->boxes.n = 0;
	f->what.except = c->covers.n;
	return pt_vec_push(c->arena, &f->boxes, *y);
}

static int keep(struct comparison *c, const struct meeting *m, enum pt_meaning_kind kind, const struct pt_point *at)
{
	struct found f = { .what = { .kind = kind, .dir = c->dir }, .number = c->found.n };
	struct pt_box y;
	int rc;

	for (int side = 0; side < 2; side++)
		f.what.by[side] = region_at(c, m, side);
	if (at) {
		f.what.at = *at;
		rc = keep_point(c, &f.what.at);
		if (rc)
			return rc;
	}
	rc = pt_box_intersect(c->arena, m->x, m->y, &y);
	if (rc > 0)
		rc = keep_boxes(c, &y, &f);
	return rc < 0 ? rc : pt_vec_push(c->arena, &c->found, f);
}

/* Asks whether both decide some packet. */
static int meet(struct comparison *c, const struct meeting *m, size_t box, size_t hit)
{
	enum pt_meaning_kind kind;
	struct pt_point at = { 0 };
	struct pt_box both;
	int rc;

	if (!is_told(c, m, &kind))
		return 0;
	pt_arena_reset(c->scratch);
	rc = pt_box_intersect(c->scratch, m->x, m->y, &both);
	if (rc <= 0)
		return rc;
	rc = list_covers(c, m, box, hit, &both);
	if (!rc)
		rc = pt_box_covered(c->side[1]->space, c->scratch, &both, c->covers.v, c->covers.n, STEPS_MAX, &at);
	if (rc == -E2BIG)
		return keep(c, m, PT_MEANING_UNKNOWN, NULL);
	return rc ? (rc > 0 ? 0 : rc) : keep(c, m, kind, &at);
}

static int too_much(struct comparison *c)
{
	pt_err_add(c->e, PT_ERROR, NULL, "compare files that differ less, one change at a time",
		   "%s and %s differ in too much: not all of it was compared", c->side[0]->space->policy->conf->path,
		   c->side[1]->space->policy->conf->path);
	return -E2BIG;
}

/* Box number BOX of region U of list FROM, X of it, upon the other list. */
static int lay(struct comparison *c, int from, uint32_t u, size_t box, const struct pt_box *x)
{
	const struct pt_space *own = c->side[from]->space, *other = c->side[!from]->space;
	struct pt_space_hits *hits = &c->hits[!from];
	int rc;

	for (int i = 0; i < 2; i++)
		c->hits[i].box.n = c->hits[i].region.n = 0;
	rc = pt_space_before(own, c->dir, u, x, c->arena, &c->hits[from]);
	if (!rc)
		rc = pt_space_before(other, c->dir, list_of(c, !from)->v.n, x, c->arena, hits);
	for (size_t i = 0; !rc && i < hits->box.n; i++) {
		const struct meeting m = { from, u, hits->region.v[i], x, hits->box.v[i] };

		/* two that changed meet when the old one is laid upon the new list */
		if (from == 0 || c->stays[0][m.d] != NONE)
			rc = meet(c, &m, box, i);
		if (!rc && c->work > WORK_MAX)
			rc = too_much(c);
		if (pt_box_within(x, m.y))
			break;
	}
	return rc;
}

/* Before its first judgement nobody has tagged a packet. 1: something is left. */
static int possible(struct comparison *c, const struct pt_box *x, struct pt_box *out)
{
	struct pt_box untagged = { .af = x->af };
	struct pt_iset none = { 0 };
	int rc;

	*out = *x;
	if (c->dir != PT_IN)
		return 1;
	rc = pt_iset_add(c->arena, &none, 0, 0);
	if (!rc)
		rc = pt_box_set(c->side[1]->space, c->arena, &untagged, PT_DIM_TAG, &none);
	return rc ? rc : pt_box_intersect(c->arena, x, &untagged, out);
}

static int lay_changed(struct comparison *c, int from)
{
	const struct pt_space_dir *l = list_of(c, from);
	int rc = 0;

	for (uint32_t u = 0; rc >= 0 && u < l->v.n; u++) {
		if (c->stays[from][u] != NONE)
			continue;
		for (size_t i = 0; rc >= 0 && i < l->v.v[u].boxes.n; i++) {
			struct pt_box x;

			rc = possible(c, &l->v.v[u].boxes.v[i], &x);
			if (rc > 0)
				rc = lay(c, from, u, i, &x);
		}
	}
	return rc < 0 ? rc : 0;
}

/* ---- what is told ---- */

static uint32_t rule_id(const struct pt_region *r)
{
	return r->rule ? r->rule->id : 0;
}

/* Its place in the file; those that nobody wrote come last. */
static uint64_t place_of(const struct pt_region *r)
{
	return r->rule ? (uint64_t)r->rule->ast << 32 | r->rule->id : UINT64_MAX;
}

static int by_place(const void *x, const void *y)
{
	const struct found *a = x, *b = y;

	if (a->what.kind != b->what.kind)
		return a->what.kind < b->what.kind ? -1 : 1;
	for (int i = 0; i < 2; i++)
		if (place_of(a->what.by[i]) != place_of(b->what.by[i]))
			return place_of(a->what.by[i]) < place_of(b->what.by[i]) ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* All between the same two written rules are one. */
static bool belongs(const struct found *a, const struct found *b)
{
	return a->what.kind == b->what.kind && rule_id(a->what.by[0]) == rule_id(b->what.by[0]) &&
	       rule_id(a->what.by[1]) == rule_id(b->what.by[1]);
}

static int merge(struct comparison *c, struct found *into, const struct found *from)
{
	int rc = 0;

	into->what.except += from->what.except;
	for (size_t i = 0; !rc && i < from->boxes.n; i++)
		rc = pt_vec_push(c->arena, &into->boxes, from->boxes.v[i]);
	return rc;
}

/* The evaluators have the last word about the packet that stands for all. */
static int judge(struct comparison *c, struct pt_meaning *m)
{
	struct pt_buf words = { 0 };
	bool agree = true;

	pt_space_packet(c->side[1]->space, &m->at, &m->packet, &m->device);
	for (int i = 0; i < 2; i++) {
		pt_evaluate(c->side[i]->eval, &m->packet, m->dir, m->device, &m->decision[i]);
		agree = agree && m->decision[i].pass == m->by[i]->pass;
	}
	pt_space_print_point(c->side[1]->space, m->dir, &m->at, &words);
	if (space_asks_time(c->side[0]->space, m->dir, &m->at) && !space_asks_time(c->side[1]->space, m->dir, &m->at)) {
		pt_buf_str(&words, " at");
		space_print_time(c->side[0]->space, m->packet.time, &words);
	}
	m->words = words.err || !words.s ? NULL : pt_arena_strdup(c->arena, words.s);
	pt_buf_fini(&words);
	if (!m->words)
		return -ENOMEM;
	if (agree)
		return 0;
	pt_err_add(c->e, PT_ERROR, NULL, "this is a mistake in Patronus: please report it together with the files",
		   "the comparison and the evaluator do not agree about %s", m->words);
	return -EPROTO;
}

static int tell(struct comparison *c, int (*fn)(const struct pt_meaning *m, void *arg), void *arg)
{
	int rc = 0;

	if (c->found.n)
		qsort(c->found.v, c->found.n, sizeof(*c->found.v), by_place);
	for (size_t i = 0, k; !rc && i < c->found.n; i = k) {
		struct found *f = &c->found.v[i];

		for (k = i + 1; !rc && k < c->found.n && belongs(f, &c->found.v[k]); k++)
			rc = merge(c, f, &c->found.v[k]);
		if (!rc && !f->what.except)
			rc = pt_boxes_join(c->side[1]->space, c->arena, &f->boxes);
		f->what.boxes = f->boxes;
		f->what.space = c->side[1]->space;
		if (!rc && f->what.kind != PT_MEANING_UNKNOWN)
			rc = judge(c, &f->what);
		if (!rc)
			rc = fn(&f->what, arg);
	}
	return rc;
}

static int compare_dir(struct comparison *c, enum pt_dir dir, int (*fn)(const struct pt_meaning *m, void *arg), void *arg)
{
	int rc;

	c->dir = dir;
	c->found.n = 0;
	pt_arena_reset(c->scratch);
	rc = pair(c);
	for (int from = 0; !rc && from < 2; from++)
		rc = lay_changed(c, from);
	if (!rc || rc == -E2BIG) {
		int told = tell(c, fn, arg);

		rc = told ? told : rc;
	}
	return rc;
}

int pt_meaning_compare(const struct pt_meaning_side *old, const struct pt_meaning_side *new,
		       int (*fn)(const struct pt_meaning *m, void *arg), void *arg, struct pt_err *e)
{
	struct comparison c = { .side = { old, new }, .arena = pt_arena_new(), .scratch = pt_arena_new(), .e = e };
	int rc = c.arena && c.scratch ? 0 : -ENOMEM;

	if (!rc)
		rc = compare_dir(&c, PT_IN, fn, arg);
	if (!rc)
		rc = compare_dir(&c, PT_OUT, fn, arg);
	free(c.covers.v);
	pt_arena_free(c.scratch);
	pt_arena_free(c.arena);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "comparing the rules") : rc;
}
