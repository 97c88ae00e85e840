/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of interfaces and groups in rules, against the sections of the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"

const struct pt_conf_if policy_loopback = { .name = "lo", .device = "lo", .dhcp = true };

bool policy_in_group(const struct pt_conf_if *i, const char *group)
{
	for (size_t g = 0; g < i->groups.n; g++)
		if (!strcmp(i->groups.v[g].s, group))
			return true;
	return false;
}

bool policy_is_group(const struct pt_conf *c, const char *name)
{
	for (size_t i = 0; i < c->interfaces.n; i++)
		if (policy_in_group(&c->interfaces.v[i], name))
			return true;
	return false;
}

const struct pt_conf_if *policy_known_if(const struct pt_conf *c, const char *name)
{
	for (size_t i = 0; i < c->interfaces.n; i++)
		if (!strcmp(c->interfaces.v[i].name, name))
			return &c->interfaces.v[i];
	for (size_t i = 0; i < c->interfaces.n; i++)
		if (!strcmp(c->interfaces.v[i].device, name))
			return &c->interfaces.v[i];
	return strcmp(name, "lo") ? NULL : &policy_loopback;
}

/* What else NAME may be, where an address or an interface is expected; nothing when not known. */
static void other_meaning(const struct pt_conf *c, const char *name, struct pt_buf *hint)
{
	if (pt_conf_find_table(c, name))
		pt_buf_fmt(hint, "a table stands in marks: <%s>", name);
	else if (pt_host_name_ok(name))
		pt_buf_str(hint, "the name of a host stands alone: its addresses are kept up to date anyway");
}

/* Without a hint: what is near, or how to declare it. Takes HINT. */
static int unknown(struct policy_builder *b, const char *name, struct pt_buf hint, const struct pt_loc *loc)
{
	PT_VEC(const char *) names = { 0 };
	const char *near;
	int rc = 0;

	for (size_t i = 0; !rc && i < b->conf->interfaces.n; i++) {
		const struct pt_conf_if *c = &b->conf->interfaces.v[i];

		rc = pt_vec_push(b->scratch, &names, c->name);
		for (size_t g = 0; !rc && g < c->groups.n; g++)
			rc = pt_vec_push(b->scratch, &names, c->groups.v[g].s);
	}
	near = pt_nearest(name, names.v, names.n);
	if (!hint.n && near)
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	else if (!hint.n)
		pt_buf_fmt(&hint, "declare it: interface %s { device = \"...\" }, or groups = { \"%s\" } in others", name, name);
	policy_fail(b, loc, hint.s, "unknown interface '%s'", name);
	pt_buf_fini(&hint);
	return rc ? rc : -EINVAL;
}

const struct pt_conf_if *policy_find_if(struct policy_builder *b, const char *name, const struct pt_loc *loc)
{
	const struct pt_conf_if *i = policy_known_if(b->conf, name);
	struct pt_buf hint = { 0 };

	if (i)
		return i;
	other_meaning(b->conf, name, &hint);
	(void)unknown(b, name, hint, loc); /* the record is what counts */
	return NULL;
}

/* ---- "on": a set of devices, perhaps all but them ---- */

typedef PT_VEC(const char *) names;

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void sort_unique(names *l)
{
	size_t n = 0;

	if (!l->n)
		return;
	qsort(l->v, l->n, sizeof(*l->v), by_name);
	for (size_t i = 1; i < l->n; i++)
		if (strcmp(l->v[n], l->v[i]) != 0)
			l->v[++n] = l->v[i];
	l->n = n + 1;
}

/* L is sorted. */
static bool has(const names *l, const char *name)
{
	return l->n && bsearch(&name, l->v, l->n, sizeof(*l->v), by_name);
}

static int devices_of(struct policy_builder *b, const struct pt_ast_if *item, names *out)
{
	const struct pt_conf_if *i = policy_known_if(b->conf, item->name);
	int rc = 0;

	if (i)
		return pt_vec_push(b->scratch, out, i->device);
	if (!policy_is_group(b->conf, item->name))
		return unknown(b, item->name, (struct pt_buf){ 0 }, &item->loc);
	for (size_t k = 0; !rc && k < b->conf->interfaces.n; k++)
		if (policy_in_group(&b->conf->interfaces.v[k], item->name))
			rc = pt_vec_push(b->scratch, out, b->conf->interfaces.v[k].device);
	return rc;
}

int policy_devices_of(struct policy_builder *b, const struct pt_ast_if *item, const char ***v, uint32_t *n)
{
	names l = { 0 };
	int rc = devices_of(b, item, &l);

	sort_unique(&l);
	*v = l.v;
	*n = (uint32_t)l.n;
	return rc;
}

/* KEEP's members that are also in OTHER (or, with NOT, that are not). */
static void filter(names *keep, const names *other, bool not)
{
	size_t n = 0;

	for (size_t i = 0; i < keep->n; i++)
		if (has(other, keep->v[i]) != not)
			keep->v[n++] = keep->v[i];
	keep->n = n;
}

/* A list is the union of its members: {! a, b} is everything but what is in all the negated ones and
 * in none of the others. */
int policy_devices(struct policy_builder *b)
{
	const struct pt_ast_rule *ast = b->ast;
	names positive = { 0 }, negative = { 0 };
	bool neg = false;
	int rc = 0, bad = 0;

	b->base.if_any = !ast->ifs.n;
	for (size_t i = 0; rc != -ENOMEM && i < ast->ifs.n; i++) {
		names one = { 0 };

		rc = devices_of(b, &ast->ifs.v[i], ast->ifs.v[i].neg ? &one : &positive);
		bad = rc ? rc : bad;
		if (rc || !ast->ifs.v[i].neg)
			continue;
		sort_unique(&one);
		if (neg)
			filter(&negative, &one, false);
		else
			negative = one;
		neg = true;
	}
	if (bad)
		return bad;
	sort_unique(&positive);
	if (neg)
		filter(&negative, &positive, true);
	else
		negative = positive;
	b->base.if_neg = neg;
	if (neg && !negative.n)
		b->base.if_any = true;
	if (b->base.if_any)
		b->base.if_neg = false;
	b->base.devices = (struct pt_pol_names){ negative.v, (uint32_t)negative.n };
	return 0;
}

int policy_ifref(struct policy_builder *b, const struct pt_conf_if *i, enum pt_if_mod mod, bool no_alias,
		 uint32_t *out)
{
	struct pt_pol_ifref ref = { .ifname = i->name, .device = i->device, .mod = mod, .no_alias = no_alias };

	for (size_t k = 0; k < b->p->ifrefs.n; k++) {
		const struct pt_pol_ifref *r = &b->p->ifrefs.v[k];

		if (!strcmp(r->device, ref.device) && r->mod == mod && r->no_alias == no_alias) {
			*out = (uint32_t)k;
			return 0;
		}
	}
	*out = (uint32_t)b->p->ifrefs.n;
	return pt_vec_push(b->arena, &b->p->ifrefs, ref);
}
