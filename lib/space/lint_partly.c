/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of which a member is never reached: "10.0.0.0/8" of a rule for five networks, when another rule has it already.
 * A member is what stands alone in one dimension of the rule's boxes, and it is idle when everything of the rule that has it
 * is decided before.
 */
#include <string.h>

#include "space/lint_work.h"

#define MEMBERS_MAX 64 /* of one rule and dimension that are looked at */

struct member {
	enum pt_af af;          /* NONE: any, where the dimension is no address */
	uint32_t dim;
	struct pt_ival v;
	const struct pt_pol_addr *addr; /* in place of V: what is not constant */
	bool there;
	const struct pt_pol_rule *by[4];
	size_t n_by;
};

typedef PT_VEC(struct member) members;

static bool same_addr(const struct pt_pol_addr *x, const struct pt_pol_addr *y)
{
	return x == y || (x && y && x->kind == y->kind && x->ref == y->ref && x->neg == y->neg);
}

static int add(struct lint_run *r, members *m, const struct member *one)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct member *x = &m->v[i];

		n += x->dim == one->dim;
		if (x->dim == one->dim && x->af == one->af && same_addr(x->addr, one->addr) && x->v.lo == one->v.lo &&
		    x->v.hi == one->v.hi)
			return 0;
	}
	return n < MEMBERS_MAX ? pt_vec_push(r->arena, m, *one) : 0;
}

static int add_set(struct lint_run *r, members *m, enum pt_af af, uint32_t dim, const struct pt_iset *s)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < s->n && i < MEMBERS_MAX; i++)
		rc = add(r, m, &(struct member){ .af = af, .dim = dim, .v = s->v[i] });
	return rc;
}

static int add_side(struct lint_run *r, members *m, uint32_t dim, const struct pt_pol_rule *rule, const struct pt_pol_addr *a)
{
	int rc = 0;

	if (a->kind == PT_REF_ANY)
		return 0;
	if (a->kind != PT_REF_SET)
		return add(r, m, &(struct member){ .dim = dim, .addr = a });
	if (rule->af & PT_AF_INET)
		rc = add_set(r, m, PT_AF_INET, dim, &a->v4);
	return !rc && rule->af & PT_AF_INET6 ? add_set(r, m, PT_AF_INET6, dim, &a->v6) : rc;
}

static int add_rule(struct lint_run *r, members *m, const struct pt_pol_rule *rule)
{
	int rc = add_side(r, m, PT_DIM_SRC, rule, &rule->src);

	if (!rc)
		rc = add_side(r, m, PT_DIM_DST, rule, &rule->dst);
	if (!rc)
		rc = add_set(r, m, PT_AF_NONE, PT_DIM_SPORT, &rule->sport);
	if (!rc)
		rc = add_set(r, m, PT_AF_NONE, PT_DIM_DPORT, &rule->dport);
	if (!rc)
		rc = add_set(r, m, PT_AF_NONE, PT_DIM_ICMP, &rule->icmp);
	for (uint32_t i = 0; !rc && !rule->proto_any && i < rule->protos.n; i++)
		rc = add(r, m, &(struct member){ .dim = PT_DIM_PROTO, .v = { rule->protos.v[i], rule->protos.v[i] } });
	for (uint32_t i = 0; !rc && !rule->if_any && !rule->if_neg && i < rule->devices.n; i++)
		for (uint32_t k = 0; !rc && k < r->always->devices.n; k++)
			if (!strcmp(r->always->devices.v[k], rule->devices.v[i]))
				rc = add(r, m, &(struct member){ .dim = PT_DIM_DEVICE, .v = { k, k } });
	return rc;
}

/* Of the dimension alone there is nothing to tell apart. Families are: 10.0.0.0/8 and fd00::/8. */
static bool is_alone(const members *m, const struct member *one)
{
	for (size_t i = 0; i < m->n; i++)
		if (&m->v[i] != one && m->v[i].dim == one->dim)
			return false;
	return true;
}

/* What of P has the member. 1: something. */
static int restrict_to(struct lint_run *r, const struct lint_part *p, const struct member *m, struct pt_box *out)
{
	struct pt_ival v = m->v;
	struct pt_iset set = { .v = &v, .n = 1 };
	struct pt_box side = { .af = p->box.af };
	const struct pt_pol_rule *rule = p->region->rule;
	const struct pt_pol_addr *mine = m->dim == PT_DIM_SRC ? &rule->src : &rule->dst;
	int rc;

	if (m->addr) {
		*out = p->box;
		return same_addr(mine, m->addr);
	}
	if (m->af && (m->af != p->box.af || mine->kind != PT_REF_SET))
		return 0;
	rc = pt_box_set(r->always, r->scratch, &side, m->dim, &set);
	return rc ? rc : pt_box_intersect(r->scratch, &p->box, &side, out);
}

/* One that covers it alone, or all. */
static void name_cover(struct lint_run *r, const struct lint_part *p, const struct pt_box *box, struct member *m, size_t n)
{
	size_t from = 0;

	while (from < n && !pt_box_within(box, p->index->v[r->list[0][from]].box))
		from++;
	if (from < n)
		n = from + 1;
	else
		from = 0;
	for (; from < n && m->n_by < PT_ARRAY_SIZE(m->by); from++)
		m->by[m->n_by++] = lint_region_at(r, p, r->list[0][from])->rule;
}

static int part_has(struct lint_run *r, struct lint_part *p, void *arg)
{
	struct member *m = arg;
	struct pt_box both;
	size_t n;
	int rc = restrict_to(r, p, m, &both);

	if (rc <= 0)
		return rc;
	m->there = true;
	n = lint_before(r, p, &both, false, r->list[0]);
	rc = n ? lint_covered(r, p, &both, r->list[0], n, NULL) : 0;
	if (rc == -ENOMEM)
		return rc;
	if (rc == 1)
		name_cover(r, p, &both, m, n);
	return rc != 1; /* what is not known is not told */
}

/* ---- for people ---- */

static void put_addr(const struct lint_run *r, const struct pt_pol_addr *a, struct pt_buf *b)
{
	static const char *const mods[] = { "", ":network", ":broadcast", ":peer" };
	const struct pt_policy *p = r->in->policy;

	if (a->neg)
		pt_buf_str(b, "! ");
	switch (a->kind) {
	case PT_REF_TABLE:
		pt_buf_fmt(b, "<%s>", p->tables.v[a->ref].conf->name);
		break;
	case PT_REF_IF:
		pt_buf_fmt(b, "(%s%s%s)", p->ifrefs.v[a->ref].ifname, mods[p->ifrefs.v[a->ref].mod],
			   p->ifrefs.v[a->ref].no_alias ? ":0" : "");
		break;
	case PT_REF_OUTSIDE:
		pt_buf_fmt(b, "%s%s", p->outside.v[a->ref].kind == PT_OUTSIDE_COUNTRY ? "geoip " : "", p->outside.v[a->ref].key);
		break;
	case PT_REF_SELF:
		pt_buf_str(b, "self");
		break;
	case PT_REF_NO_ROUTE:
		pt_buf_str(b, "no-route");
		break;
	default:
		pt_buf_str(b, "urpf-failed");
		break;
	}
}

static void put_ports(const struct pt_ival *v, struct pt_buf *b)
{
	pt_buf_fmt(b, "port %u", (unsigned int)v->lo);
	if (v->hi != v->lo)
		pt_buf_fmt(b, ":%u", (unsigned int)v->hi);
}

static const char *title_of(const struct lint_run *r, const char *device)
{
	const struct pt_conf *c = r->in->policy->conf;

	for (size_t i = 0; i < c->interfaces.n; i++)
		if (!strcmp(c->interfaces.v[i].device, device))
			return c->interfaces.v[i].name;
	return device;
}

static const char *words(struct lint_run *r, const struct member *m)
{
	struct pt_buf b = { 0 };
	const char *s = NULL, *proto;

	if (m->dim == PT_DIM_SRC || m->dim == PT_DIM_DST)
		pt_buf_str(&b, m->dim == PT_DIM_SRC ? "from " : "to ");
	if (m->addr) {
		put_addr(r, m->addr, &b);
	} else if (m->af) {
		pt_range_fmt(&b, m->af, m->v.lo, m->v.hi);
	} else if (m->dim == PT_DIM_DEVICE) {
		pt_buf_fmt(&b, "on %s", title_of(r, r->always->devices.v[m->v.lo]));
	} else if (m->dim == PT_DIM_PROTO) {
		proto = pt_proto_name((uint8_t)m->v.lo);
		pt_buf_fmt(&b, "proto %s", proto ? proto : "");
		if (!proto)
			pt_buf_uint(&b, (uint64_t)m->v.lo);
	} else if (m->dim == PT_DIM_ICMP) {
		pt_buf_fmt(&b, "type %u", (unsigned int)(m->v.lo >> 8));
	} else {
		pt_buf_str(&b, m->dim == PT_DIM_SPORT ? "from " : "to ");
		put_ports(&m->v, &b);
	}
	if (!b.err && b.s)
		s = pt_arena_strndup(r->lint->arena, b.s, b.n);
	pt_buf_fini(&b);
	if (!s)
		r->lint->failed = true;
	return s ? s : "";
}

int lint_partly(struct lint_run *r, struct lint_group *g)
{
	members m = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < g->n; i++)
		rc = add_rule(r, &m, g->rules[i]);
	for (size_t i = 0; rc >= 0 && i < m.n; i++) {
		struct member *one = &m.v[i];
		struct pt_finding *f;

		if (is_alone(&m, one))
			continue;
		rc = lint_parts(r, g, part_has, one);
		if (rc || !one->there)
			continue;
		f = pt_lint_add(r->lint, PT_LINT_PARTLY, PT_LINT_NOTE, g->rules[0], NULL);
		for (size_t k = 0; k < one->n_by; k++)
			pt_lint_by(f, one->by[k]);
		pt_lint_say(r->lint, f, "a part of it is never reached: %s", words(r, one));
	}
	return rc < 0 ? rc : 0;
}
