/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/link_diff - which changes lead from the links that are there to those that are wanted.
 *
 * What can be changed in place is: a link that is made anew loses its addresses, its routes and every connection over it. What
 * stands on a link that goes would go with it, so that is made anew, too, and the order is by what stands on what.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/kind.h"

enum fate {
	FATE_OPEN,
	FATE_ABSENT,   /* physical and not there, or on top of such a link */
	FATE_CREATE,
	FATE_AGAIN,    /* delete, then create */
	FATE_KEEP,     /* changed in place, or not at all */
};

struct differ {
	const struct pt_links *want, *have;
	struct pt_arena *arena;
	pt_link_changes *out;
	pt_link_list *absent;
	enum fate *fate;         /* of the wanted ones */
	const char **why;        /* AGAIN: the option */
	const struct pt_link **old; /* what there is of that name */
	uint32_t *order, n;      /* of the wanted ones, what stands below first */
	uint8_t *goes;           /* of those that are there: 1: to be deleted, 2: it is */
	const struct pt_link **by_name; /* wanted ones, sorted */
};

/* ---- by name ---- */

static int by_name(const void *x, const void *y)
{
	const struct pt_link *const *a = x, *const *b = y;

	return strcmp((*a)->name, (*b)->name);
}

static const struct pt_link *wanted(const struct differ *d, const char *name)
{
	struct pt_link key;
	const struct pt_link *k = &key, **found;
	size_t n = strnlen(name, sizeof(key.name) - 1);

	memcpy(key.name, name, n);
	key.name[n] = '\0';
	found = bsearch(&k, d->by_name, d->want->v.n, sizeof(*found), by_name);
	return found ? *found : NULL;
}

/* ---- what is equal ---- */

static const struct pt_link_setting *find_setting(const struct pt_link *l, const struct pt_link_attr *attr)
{
	for (size_t i = 0; i < l->settings.n; i++)
		if (l->settings.v[i].attr == attr)
			return &l->settings.v[i];
	return NULL;
}

static bool same_name(const char *x, const char *y)
{
	return x && y ? !strcmp(x, y) : x == y;
}

static bool same_setting(const struct pt_link_setting *x, const struct pt_link_setting *y)
{
	if (!x || !y)
		return x && x->implied;
	switch (x->attr->form) {
	case PT_FORM_ADDR:
		return x->addr.af == y->addr.af && x->addr.v == y->addr.v;
	case PT_FORM_LINK:
	case PT_FORM_PEER:
		return same_name(x->name, y->name);
	default:
		return x->number == y->number;
	}
}

/* A setting of a tunnel that nobody wants any more: the others are 0 or have a default, which is wanted then. */
static bool is_left_over(const struct pt_link *want, const struct pt_link_setting *s)
{
	return !s->attr->port && !find_setting(want, s->attr) &&
	       (s->attr->form == PT_FORM_ADDR || s->attr->form == PT_FORM_KEY || s->attr->form == PT_FORM_LINK);
}

static bool is_there(const struct pt_link_setting *s)
{
	return s->attr->form != PT_FORM_LINK || s->name;
}

/* The option that asks for another link; NULL: none. */
static const char *needs_another(const struct pt_link *want, const struct pt_link *have)
{
	if (want->kind == PT_LINK_PHYSICAL)
		return NULL;
	if (want->kind != have->kind)
		return "type";
	for (size_t i = 0; i < want->settings.n; i++) {
		const struct pt_link_setting *s = &want->settings.v[i];

		if (s->attr->fixed && !same_setting(s, find_setting(have, s->attr)))
			return s->attr->name;
	}
	/* The kernel's change of a tunnel or a vxlan cannot take an address or a key away. */
	for (size_t i = 0; i < have->settings.n; i++) {
		const struct pt_link_setting *s = &have->settings.v[i];

		if (is_left_over(want, s) && (s->attr->fixed || (have->kind == PT_LINK_VXLAN && is_there(s))))
			return s->attr->name;
	}
	return NULL;
}

/* Of a physical link that is to have no master, one of somebody else is none of our business. */
static bool leaves_master(const struct differ *d, const struct pt_link *want, const struct pt_link *have)
{
	const struct pt_link *master = pt_links_find(d->have, have->master);

	if (want->master[0] || want->kind != PT_LINK_PHYSICAL)
		return false;
	return !master || (!pt_link_ours(master) && !wanted(d, have->master));
}

static uint32_t place(const struct differ *d, const struct pt_link *l)
{
	return (uint32_t)(l - d->want->v.v);
}

/* A master that is made anew has lost its members, and they what they were as its ports. */
static bool loses_master(const struct differ *d, const struct pt_link *want)
{
	const struct pt_link *master = want->master[0] ? wanted(d, want->master) : NULL;

	return master && d->fate[place(d, master)] == FATE_AGAIN;
}

static uint32_t common_differs(const struct differ *d, const struct pt_link *want, const struct pt_link *have)
{
	uint32_t has = 0;

	if (want->mtu != have->mtu)
		has |= PT_LINK_HAS_MTU;
	if (memcmp(want->mac, have->mac, sizeof(want->mac)) != 0)
		has |= PT_LINK_HAS_MAC;
	if (want->txqueuelen != have->txqueuelen)
		has |= PT_LINK_HAS_QUEUE;
	if (want->up != have->up)
		has |= PT_LINK_HAS_UP;
	if (loses_master(d, want) || (strcmp(want->master, have->master) != 0 && !leaves_master(d, want, have)))
		has |= PT_LINK_HAS_MASTER;
	if (want->alias && strcmp(want->alias, have->alias) != 0)
		has |= PT_LINK_HAS_ALIAS;
	return has & want->has;
}

static int settings_differ(struct differ *d, const struct pt_link *want, const struct pt_link *have, struct pt_link_change *c)
{
	bool lost = loses_master(d, want);

	for (size_t i = 0; i < want->settings.n; i++) {
		const struct pt_link_setting *s = &want->settings.v[i];

		if (!same_setting(s, lost && s->attr->port ? NULL : find_setting(have, s->attr)) && pt_vec_push(d->arena, &c->attrs, s->attr))
			return -ENOMEM;
	}
	for (size_t i = 0; net_kind_whole(want->kind) && i < have->settings.n; i++)
		if (is_left_over(want, &have->settings.v[i]) && pt_vec_push(d->arena, &c->attrs, have->settings.v[i].attr))
			return -ENOMEM;
	return 0;
}

/* ---- what stands on what ---- */

static enum fate judge(struct differ *d, uint32_t i)
{
	const struct pt_link *want = &d->want->v.v[i], *have = d->old[i];

	if (!have)
		return want->kind == PT_LINK_PHYSICAL ? FATE_ABSENT : FATE_CREATE;
	d->why[i] = needs_another(want, have);
	return d->why[i] ? FATE_AGAIN : FATE_KEEP;
}

static int visit(struct differ *d, uint32_t i);

/* What is to be there before link I: 1: it will not be. */
static int below(struct differ *d, uint32_t i, const char *name, bool carries)
{
	const struct pt_link *l = wanted(d, name);
	int rc;

	if (!l)
		return pt_links_find(d->have, name) ? 0 : 1;
	rc = visit(d, place(d, l));
	if (rc)
		return rc;
	if (d->fate[place(d, l)] == FATE_ABSENT)
		return 1;
	/* It goes with what it stands on, and so does nothing that is only its member. */
	if (carries && d->fate[place(d, l)] == FATE_AGAIN && d->fate[i] == FATE_KEEP && d->want->v.v[i].kind != PT_LINK_PHYSICAL) {
		d->fate[i] = FATE_AGAIN;
		d->why[i] = "parent";
	}
	return 0;
}

static int visit(struct differ *d, uint32_t i)
{
	const struct pt_link *want = &d->want->v.v[i];
	int rc = 0;

	if (d->fate[i] != FATE_OPEN)
		return 0;
	d->fate[i] = judge(d, i); /* before the way down, which ends here in any case */
	for (size_t k = 0; rc >= 0 && k < want->settings.n; k++) {
		const struct pt_link_setting *s = &want->settings.v[k];

		if (s->attr->form != PT_FORM_LINK || want->kind == PT_LINK_BOND)
			continue;
		rc = below(d, i, s->name, true);
		if (rc == 1)
			d->fate[i] = FATE_ABSENT;
	}
	if (rc >= 0 && want->master[0])
		rc = below(d, i, want->master, false);
	if (rc < 0)
		return rc;
	d->order[d->n++] = i;
	return 0;
}

/* ---- changes in order ---- */

static int add(struct differ *d, const struct pt_link_change *c)
{
	return pt_vec_push(d->arena, d->out, *c);
}

static bool stands_on(const struct pt_link *l, const struct pt_link *below)
{
	if (l->kind == PT_LINK_VETH)
		return false;
	for (size_t i = 0; i < l->settings.n; i++)
		if (l->settings.v[i].attr->form == PT_FORM_LINK && l->kind != PT_LINK_BOND && same_name(l->settings.v[i].name, below->name))
			return true;
	return false;
}

/* Those on top first: were the lower one to go before, the kernel would take them along, and our messages be refused. */
static int delete(struct differ *d, size_t i)
{
	const struct pt_link *have = &d->have->v.v[i], *want = wanted(d, have->name);
	struct pt_link_change c = { .op = PT_LINK_DELETE, .again = want != NULL, .have = have };

	if (want)
		c.why = d->why[place(d, want)];

	if (d->goes[i] == 2)
		return 0;
	d->goes[i] = 2;
	for (size_t k = 0; k < d->have->v.n; k++)
		if (d->goes[k] == 1 && stands_on(&d->have->v.v[k], have)) {
			int rc = delete(d, k);

			if (rc)
				return rc;
		}
	return add(d, &c);
}

/* The other end of a veth goes with the first. */
static void spare_peers(struct differ *d)
{
	for (size_t i = 0; i < d->have->v.n; i++) {
		const struct pt_link *l = &d->have->v.v[i], *peer;
		const struct pt_link_setting *s;

		if (d->goes[i] != 1 || l->kind != PT_LINK_VETH)
			continue;
		s = find_setting(l, pt_link_attr(PT_LINK_VETH, "peer"));
		peer = s ? pt_links_find(d->have, s->name) : NULL;
		if (peer && d->goes[peer - d->have->v.v] == 1)
			d->goes[peer - d->have->v.v] = 2;
	}
}

static int delete_all(struct differ *d)
{
	int rc = 0;

	for (size_t i = 0; i < d->have->v.n; i++)
		d->goes[i] = pt_link_ours(&d->have->v.v[i]) && !wanted(d, d->have->v.v[i].name);
	for (uint32_t i = 0; i < d->want->v.n; i++)
		if (d->fate[i] == FATE_AGAIN)
			d->goes[d->old[i] - d->have->v.v] = 1;
	spare_peers(d);
	for (size_t i = 0; !rc && i < d->have->v.n; i++)
		if (d->goes[i] == 1)
			rc = delete(d, i);
	return rc;
}

static int create_or_change(struct differ *d, uint32_t i)
{
	struct pt_link_change c = { .want = &d->want->v.v[i], .have = d->old[i] };
	int rc;

	switch (d->fate[i]) {
	case FATE_ABSENT:
		return pt_vec_push(d->arena, d->absent, c.want);
	case FATE_CREATE:
	case FATE_AGAIN:
		c.op = PT_LINK_CREATE;
		c.again = d->fate[i] == FATE_AGAIN;
		c.why = d->why[i];
		c.have = NULL;
		return add(d, &c);
	default:
		c.op = PT_LINK_CHANGE;
		c.has = common_differs(d, c.want, c.have);
		rc = settings_differ(d, c.want, c.have, &c);
		return rc || (!c.has && !c.attrs.n) ? rc : add(d, &c);
	}
}

static int prepare(struct differ *d)
{
	size_t n = d->want->v.n;

	d->fate = pt_arena_alloc(d->arena, (n + 1) * sizeof(*d->fate));
	d->why = pt_arena_alloc(d->arena, (n + 1) * sizeof(*d->why)); /* NOLINT(bugprone-sizeof-expression) */
	d->old = pt_arena_alloc(d->arena, (n + 1) * sizeof(*d->old)); /* NOLINT(bugprone-sizeof-expression) */
	d->order = pt_arena_alloc(d->arena, (n + 1) * sizeof(*d->order));
	d->by_name = pt_arena_alloc(d->arena, (n + 1) * sizeof(*d->by_name)); /* NOLINT(bugprone-sizeof-expression) */
	d->goes = pt_arena_alloc(d->arena, d->have->v.n + 1);
	if (!d->fate || !d->why || !d->old || !d->order || !d->by_name || !d->goes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		d->by_name[i] = &d->want->v.v[i];
	qsort(d->by_name, n, sizeof(*d->by_name), by_name); /* NOLINT(bugprone-sizeof-expression) */
	for (size_t i = 0; i < d->have->v.n; i++) {
		const struct pt_link *l = wanted(d, d->have->v.v[i].name);

		if (l)
			d->old[place(d, l)] = &d->have->v.v[i];
	}
	return 0;
}

int pt_links_diff(const struct pt_links *want, const struct pt_links *have, struct pt_arena *a, pt_link_changes *out,
		  pt_link_list *absent)
{
	struct differ d = { .want = want, .have = have, .arena = a, .out = out, .absent = absent };
	int rc = prepare(&d);

	for (uint32_t i = 0; !rc && i < want->v.n; i++)
		rc = visit(&d, i);
	if (!rc)
		rc = delete_all(&d);
	for (uint32_t i = 0; !rc && i < d.n; i++)
		rc = create_or_change(&d, d.order[i]);
	return rc;
}
