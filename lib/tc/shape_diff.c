/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tc/shape_diff - which changes lead from the queueing disciplines that are there to those that are wanted.
 *
 * A root that goes takes its packets along, so it goes only where the kernel knows no other way: another kind, another class for
 * packets of no queue, a class under another parent. Everything else is changed in place, and no packet is lost.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tc/shape_kind.h"

#define ETHERNET_HEADER 14

/* A root of ours, found once: thousands of classes may ask. */
struct our_root {
	const struct pt_shape *root;
	bool goes;
};

struct differ {
	const struct pt_shapes *have;
	const struct pt_links *links;
	const pt_link_list *absent;
	struct pt_shapes want; /* a copy, with indexes */
	PT_VEC(struct our_root) roots;
	struct pt_arena *arena;
	pt_shape_changes *out;
};

static bool same_place(const struct pt_shape *x, const struct pt_shape *y)
{
	if (x->what != y->what)
		return false;
	/* There may be thousands: numbers first. */
	if ((x->what == PT_SHAPE_QDISC || x->what == PT_SHAPE_EACH) && x->parent != y->parent)
		return false;
	if (x->what == PT_SHAPE_CLASS && x->handle != y->handle)
		return false;
	return !strcmp(x->device, y->device);
}

static const struct pt_shape *find(const struct pt_shapes *in, const struct pt_shape *what)
{
	for (size_t i = 0; i < in->v.n; i++)
		if (same_place(&in->v.v[i], what) && !in->v.v[i].standing)
			return &in->v.v[i];
	return NULL;
}

const struct pt_shape *pt_shapes_foreign(const struct pt_shapes *have, const struct pt_shape *want)
{
	const struct pt_shape *root = pt_shape_is_root(want) ? find(have, want) : NULL;

	return root && !pt_shape_is_ours(root) ? root : NULL;
}

/* ---- what is wanted, on the links of now ---- */

static bool is_absent(const struct differ *d, const char *device)
{
	for (size_t i = 0; i < d->absent->n; i++)
		if (!strcmp(d->absent->v[i]->name, device))
			return true;
	return false;
}

/* The kernel's table of sizes counts from the link's header on, where it has one. */
static void settle(const struct differ *d, struct pt_shape *s)
{
	const struct pt_link *l = pt_links_find(d->links, s->device), *target = pt_links_find(d->links, s->target);
	const struct shape_kind *kind = shape_kind(s->kind);

	s->index = l ? l->index : 0;
	s->target_index = target ? target->index : 0;
	if (s->layer3 && s->v.framed && kind && kind->table && l && l->has_mac)
		s->v.overhead -= ETHERNET_HEADER;
}

static int copy_wanted(struct differ *d, const struct pt_shapes *want)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < want->v.n; i++) {
		struct pt_shape s = want->v.v[i];

		if (is_absent(d, s.device) || (s.target[0] && is_absent(d, s.target)))
			continue;
		settle(d, &s);
		rc = pt_vec_push(d->arena, &d->want.v, s);
	}
	return rc;
}

/* ---- what is equal ---- */

static struct pt_shape_values compared(const struct pt_shape *s, bool inner)
{
	struct pt_shape_values v = s->v;

	if (s->what == PT_SHAPE_CLASS && inner)
		v.quantum = v.priority = 0; /* the kernel keeps what the class once had */
	if (pt_shape_is_root(s) && !strcmp(s->kind, "htb"))
		v.rate = 0; /* for people */
	if (!strcmp(s->kind, "fq_codel"))
		v.flows = 0; /* as they were when it was made */
	return v;
}

static bool same_values(const struct pt_shape *want, const struct pt_shape *have)
{
	bool inner = want->inner || have->inner;
	const struct pt_shape_values x = compared(want, inner), y = compared(have, inner);

	if (want->what == PT_SHAPE_REDIRECT)
		return want->target_index == have->target_index;
	if (want->what == PT_SHAPE_EACH)
		return !strcmp(want->program, have->program);
	return !memcmp(&x, &y, sizeof(x));
}

static bool needs_another(const struct differ *d, const struct pt_shape *want, const struct pt_shape *have)
{
	if (strcmp(want->kind, have->kind) != 0 || want->handle != have->handle)
		return true;
	if (want->v.fallback != have->v.fallback)
		return true;
	for (size_t i = 0; i < d->want.v.n; i++) {
		const struct pt_shape *c = &d->want.v.v[i], *old;

		if (c->what != PT_SHAPE_CLASS || strcmp(c->device, want->device) != 0)
			continue;
		old = find(d->have, c);
		if (old && old->parent != c->parent)
			return true;
	}
	/* Without options the kernel lets htb have another table of sizes, but not none. */
	return !strcmp(want->kind, "htb") && !same_values(want, have);
}

/* ---- changes ---- */

static int add(struct differ *d, enum pt_shape_op op, bool again, const struct pt_shape *s)
{
	const struct pt_shape_change c = { .op = op, .again = again, .s = *s };

	return pt_vec_push(d->arena, d->out, c);
}

static int find_roots(struct differ *d)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < d->have->v.n; i++) {
		const struct pt_shape *root = &d->have->v.v[i], *want = pt_shape_is_ours(root) ? find(&d->want, root) : NULL;
		struct our_root r = { root, !want || needs_another(d, want, root) };

		if (pt_shape_is_ours(root))
			rc = pt_vec_push(d->arena, &d->roots, r);
	}
	return rc;
}

/* Our root on a device. */
static const struct our_root *our_root(const struct differ *d, const char *device)
{
	for (size_t i = 0; i < d->roots.n; i++)
		if (!strcmp(d->roots.v[i].root->device, device))
			return &d->roots.v[i];
	return NULL;
}

static size_t depth(const struct pt_shapes *all, const struct pt_shape *class)
{
	size_t n = 0;

	for (const struct pt_shape *s = class; s && n <= all->v.n; n++) {
		struct pt_shape key = *s;

		key.handle = s->parent;
		s = find(all, &key);
	}
	return n;
}

struct deep {
	const struct pt_shape *class;
	size_t depth;
};

static int deepest_first(const void *x, const void *y)
{
	const struct deep *a = x, *b = y;

	return (a->depth < b->depth) - (a->depth > b->depth);
}

static int delete_classes(struct differ *d)
{
	PT_VEC(struct deep) go = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < d->have->v.n; i++) {
		const struct pt_shape *s = &d->have->v.v[i];
		const struct our_root *root = s->what == PT_SHAPE_CLASS ? our_root(d, s->device) : NULL;
		struct deep one = { s, 0 };

		if (!root || root->goes || find(&d->want, s))
			continue;
		one.depth = depth(d->have, s);
		rc = pt_vec_push(d->arena, &go, one);
	}
	if (go.n)
		qsort(go.v, go.n, sizeof(*go.v), deepest_first);
	for (size_t i = 0; !rc && i < go.n; i++)
		rc = add(d, PT_SHAPE_DELETE, false, go.v[i].class);
	return rc;
}

static bool class_stays(const struct differ *d, const struct pt_shape *leaf)
{
	struct pt_shape key = { .what = PT_SHAPE_CLASS, .handle = leaf->parent };

	memcpy(key.device, leaf->device, sizeof(key.device));
	/* The one class of a tbf is told of nowhere. */
	return leaf->parent == (PT_SHAPE_MAJOR << 16 | 1) || find(&d->want, &key);
}

/* Leaves go with their classes. */
static bool leaf_goes(const struct differ *d, const struct pt_shape *s)
{
	const struct our_root *root = s->what == PT_SHAPE_QDISC && !pt_shape_is_root(s) ? our_root(d, s->device) : NULL;

	return root && !s->standing && s->parent >> 16 == root->root->handle >> 16 && !root->goes && !find(&d->want, s) &&
	       class_stays(d, s);
}

/* Filters hold the classes that they name. */
static bool filter_goes(const struct differ *d, const struct pt_shape *s)
{
	const struct our_root *root = s->what == PT_SHAPE_EACH || s->what == PT_SHAPE_INTO ? our_root(d, s->device) : NULL;
	const struct pt_shape *want;

	if (!root || root->goes)
		return false;
	want = find(&d->want, s);
	return !want || (s->what == PT_SHAPE_INTO && !same_values(want, s));
}

static int delete_all(struct differ *d)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < d->have->v.n; i++) {
		const struct pt_shape *s = &d->have->v.v[i], *want = s->what == PT_SHAPE_REDIRECT ? find(&d->want, s) : NULL;

		if (s->what == PT_SHAPE_REDIRECT && (!want || !same_values(want, s)))
			rc = add(d, PT_SHAPE_DELETE, want != NULL, s);
	}
	for (size_t i = 0; !rc && i < d->have->v.n; i++)
		if (filter_goes(d, &d->have->v.v[i]))
			rc = add(d, PT_SHAPE_DELETE, false, &d->have->v.v[i]);
	for (size_t i = 0; !rc && i < d->have->v.n; i++)
		if (leaf_goes(d, &d->have->v.v[i]))
			rc = add(d, PT_SHAPE_DELETE, false, &d->have->v.v[i]);
	if (!rc)
		rc = delete_classes(d);
	for (size_t i = 0; !rc && i < d->have->v.n; i++) {
		const struct pt_shape *s = &d->have->v.v[i], *want;

		if (!pt_shape_is_ours(s) || !our_root(d, s->device)->goes)
			continue;
		want = find(&d->want, s);
		if (!want || want->handle == s->handle) /* else the new one takes its place, or is refused and nothing has changed */
			rc = add(d, PT_SHAPE_DELETE, want != NULL, s);
	}
	return rc;
}

static int add_or_change(struct differ *d, const struct pt_shape *want)
{
	const struct our_root *root = our_root(d, want->device);
	const struct pt_shape *have = find(d->have, want);
	bool anew = want->what < PT_SHAPE_HOOK && root && root->goes;

	if (want->what == PT_SHAPE_HOOK)
		return have ? 0 : add(d, PT_SHAPE_ADD, false, want);
	if (want->what == PT_SHAPE_REDIRECT)
		return have && same_values(want, have) ? 0 : add(d, PT_SHAPE_ADD, have != NULL, want);
	if (want->what == PT_SHAPE_INTO && have && !same_values(want, have))
		have = NULL; /* it went */
	if (anew || !have || (pt_shape_is_root(want) && !pt_shape_is_ours(have)) || strcmp(want->kind, have->kind) != 0)
		return add(d, PT_SHAPE_ADD, anew, want);
	return same_values(want, have) ? 0 : add(d, PT_SHAPE_CHANGE, false, want);
}

int pt_shapes_diff(const struct pt_shapes *want, const struct pt_shapes *have, const struct pt_links *links,
		   const pt_link_list *absent, struct pt_arena *a, pt_shape_changes *out)
{
	struct differ d = { .have = have, .links = links, .absent = absent, .want = { .arena = a }, .arena = a, .out = out };
	int rc = copy_wanted(&d, want);

	if (!rc)
		rc = find_roots(&d);
	if (!rc)
		rc = delete_all(&d);
	for (size_t i = 0; !rc && i < d.want.v.n; i++)
		rc = add_or_change(&d, &d.want.v.v[i]);
	return rc;
}
