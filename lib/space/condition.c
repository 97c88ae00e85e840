/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The conditions of one rule as boxes: one, or two where flags are asked of TCP only. They say what rule_condition() of the
 * evaluator does.
 */
#include <errno.h>

#include "space/internal.h"

static const struct pt_ival zero_only[] = { { 0, 0 } }, one_only[] = { { 1, 1 } }, with_ports[] = { { 0, 1 } };
static const struct pt_ival tcp_only[] = { { PT_PROTO_TCP, PT_PROTO_TCP } }, owner[] = { { 0, UINT32_MAX } };

/* What one box is made from. */
struct making {
	struct space_maker *m;
	const struct pt_pol_rule *r;
	const struct space_context *c; /* NULL: as it came */
	struct space_sides b;
	int rc;
};

static struct pt_iset fixed(const struct pt_ival *v)
{
	return (struct pt_iset){ .v = (struct pt_ival *)v, .n = 1 };
}

static void put_fixed(struct making *k, uint32_t dim, const struct pt_ival *v)
{
	const struct pt_iset s = fixed(v);

	space_put(&k->b, dim, &s);
}

static void put_bit(struct making *k, uint32_t dim, bool one)
{
	put_fixed(k, dim, one ? one_only : zero_only);
}

static void put_range(struct making *k, uint32_t dim, pt_u128 lo, pt_u128 hi)
{
	struct pt_iset s = { 0 };

	k->rc = k->rc ? k->rc : pt_iset_add(k->m->arena, &s, lo, hi);
	if (!k->rc)
		space_put(&k->b, dim, &s);
}

/* ---- sets that many rules share ---- */

static struct space_made *made(struct space_maker *m, const void *p, uint32_t n, uint32_t extra)
{
	uint64_t h = ((uint64_t)(uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u + n * 31u + extra;
	struct space_made *x = &m->cache[(h ^ h >> 32) % SPACE_CACHE];

	if (x->p != p || x->n != n || x->extra != extra)
		*x = (struct space_made){ .p = p, .n = n, .extra = extra };
	return x;
}

static uint32_t device_index(const struct pt_space *s, const char *name)
{
	size_t from = 0, to = s->devices.n - 1;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int order = strcmp(s->devices.v[mid], name);

		if (!order)
			return (uint32_t)mid;
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return (uint32_t)s->devices.n - 1;
}

/* The devices of names that rules have, which are among those of the space. MAX: the highest index, for all but these. */
static int device_set(struct space_maker *m, const char *const *v, uint32_t n, bool neg, uint32_t max, struct pt_iset *out)
{
	struct space_made *x = made(m, v, n, neg | max << 1);
	struct pt_iset s = { 0 };
	int rc = 0;

	if (!x->set.v && n) {
		for (uint32_t i = 0; !rc && i < n; i++) {
			uint32_t index = device_index(m->s, v[i]);

			rc = pt_iset_add(m->arena, &s, index, index);
		}
		pt_iset_norm(&s);
		if (!rc && neg)
			rc = pt_iset_complement(m->arena, &x->set, &s, max);
		else if (!rc)
			x->set = s;
	}
	*out = x->set;
	return rc;
}

static void put_devices(struct making *k)
{
	const struct pt_pol_rule *r = k->r;
	struct pt_iset s;

	if (r->if_any || (r->if_neg && !r->devices.n))
		return;
	k->rc = device_set(k->m, r->devices.v, r->devices.n, r->if_neg, (uint32_t)k->m->s->devices.n - 1, &s);
	if (!k->rc)
		space_put(&k->b, PT_DIM_DEVICE, &s);
}

static void put_received(struct making *k, const struct pt_pol_received *r)
{
	struct pt_iset s;

	k->rc = device_set(k->m, r->v, r->n, r->neg, (uint32_t)k->m->s->devices.n, &s);
	if (!k->rc)
		space_put(&k->b, PT_DIM_RECEIVED, &s);
}

/* ---- protocols ---- */

/* Without TCP, or as they are. */
static int protocol_set(struct space_maker *m, const struct pt_pol_rule *r, bool but_tcp, struct pt_iset *out)
{
	struct space_made *x = made(m, r->proto_any ? (const void *)m : r->protos.v, r->protos.n, 0x100u | but_tcp);
	struct pt_iset s = { 0 };
	int rc = 0;

	for (uint32_t i = 0; !x->set.v && !rc && i < 256; i++)
		if ((r->proto_any || (r->protos.n && memchr(r->protos.v, (int)i, r->protos.n))) &&
		    !(but_tcp && i == PT_PROTO_TCP))
			rc = pt_iset_add(m->arena, &s, i, i);
	s.dirty = s.n > 1;
	pt_iset_norm(&s);
	if (!x->set.v)
		x->set = s;
	*out = x->set;
	return rc;
}

static bool has_protocol(const struct pt_pol_rule *r, uint8_t proto)
{
	return r->proto_any || (r->protos.n && memchr(r->protos.v, proto, r->protos.n));
}

static int flag_set(struct space_maker *m, const struct pt_pol_rule *r, struct pt_iset *out)
{
	struct space_made *x = made(m, NULL, r->flags_set, 0x200u | r->flags_mask);
	struct pt_iset s = { 0 };
	int rc = 0;

	for (uint32_t i = 0; !x->set.v && !rc && i < 256; i++)
		if ((i & r->flags_mask) == r->flags_set)
			rc = pt_iset_add(m->arena, &s, i, i);
	s.dirty = s.n > 1;
	pt_iset_norm(&s);
	if (!x->set.v)
		x->set = s;
	*out = x->set;
	return rc;
}

/* ---- what was translated ---- */

/* The values that the view turns into one of S. */
static int before_view(struct space_maker *m, const struct space_view *v, const struct pt_iset *s, pt_u128 max, struct pt_iset *out)
{
	int rc = 0;

	*out = *s;
	if (v->kind == SPACE_SAME)
		return 0;
	memset(out, 0, sizeof(*out));
	if (v->kind == SPACE_CONST)
		return pt_iset_has(s, v->to) ? pt_iset_add(m->arena, out, 0, max) : 0;
	if (v->kind == SPACE_NOT_ZERO) {
		if (pt_iset_has(s, 0))
			rc = pt_iset_add(m->arena, out, 0, 0);
		if (!rc && pt_iset_has(s, v->to))
			rc = pt_iset_add(m->arena, out, 1, max);
		out->dirty = true;
		pt_iset_norm(out);
		return rc;
	}
	for (size_t i = 0; !rc && i < s->n; i++) {
		pt_u128 lo = s->v[i].lo > v->to ? s->v[i].lo : v->to;
		pt_u128 hi = s->v[i].hi < v->to + v->size ? s->v[i].hi : v->to + v->size;

		if (lo <= hi)
			rc = pt_iset_add(m->arena, out, v->from + (lo - v->to), v->from + (hi - v->to));
	}
	return rc;
}

static const struct space_view *view_of(const struct making *k, bool dst, bool port)
{
	static const struct space_view same;

	if (!k->c || dst != (k->r->dir == PT_IN))
		return &same;
	return port ? &k->c->port : &k->c->address;
}

static void put_unknown(struct making *k, const struct space_key *key, bool one)
{
	uint32_t dim = 0;

	k->rc = k->rc ? k->rc : space_unknown(k->m, key, k->r, &dim);
	if (!k->rc)
		put_bit(k, dim, one);
}

/* A condition on what nobody knows: it may be met or not. */
static void put_moved(struct making *k, bool port)
{
	const struct space_key key = { .kind = SPACE_KEY_MOVED, .dst = port, .ref = k->r->index,
				       .nat = k->c ? k->c->nat : 0 };

	put_unknown(k, &key, true);
}

static void put_seen(struct making *k, uint32_t dim, bool dst, bool port, const struct pt_iset *s)
{
	const struct space_view *v = view_of(k, dst, port);
	struct pt_iset before;

	if (v->kind == SPACE_UNKNOWN) {
		put_moved(k, port);
		return;
	}
	if (!k->rc)
		k->rc = before_view(k->m, v, s, pt_space_max(k->m->s, dim, k->b.af), &before);
	if (!k->rc)
		space_put(&k->b, dim, &before);
}

/* ---- addresses ---- */

/* Does it stay what it is while the rules are in force? Written contents of a constant table do. */
static bool constant(const struct pt_space *s, const struct pt_pol_addr *a)
{
	if (s->mode == PT_SPACE_NOW || a->kind == PT_REF_SET)
		return true;
	return a->kind == PT_REF_TABLE && s->policy->tables.v[a->ref].conf->constant && !s->policy->tables.v[a->ref].outside.n;
}

int space_contents(struct space_maker *m, const struct pt_pol_addr *a, enum pt_af af, struct pt_iset *out)
{
	const struct space *s = space_of(m->s);
	const struct pt_iset *now = NULL;
	struct space_made *x;
	int rc = 0;

	if (a->kind == PT_REF_SET)
		now = af == PT_AF_INET6 ? &a->v6 : &a->v4;
	else if (s->eval)
		now = pt_eval_address(s->eval, a, af);
	else if (s->tables && a->kind == PT_REF_TABLE)
		now = &s->tables[a->ref][af == PT_AF_INET6];
	if (!now || !constant(m->s, a))
		return -ENOENT;
	*out = *now;
	if (a->kind == PT_REF_SET || !a->neg)
		return 0;
	x = made(m, now, now->n, 0x400u | af);
	if (!x->set.v)
		rc = pt_iset_complement(m->arena, &x->set, now, pt_af_max(af));
	*out = x->set;
	return rc;
}

static void put_address(struct making *k, const struct pt_pol_addr *a, bool dst)
{
	const struct space_key key = { .kind = SPACE_KEY_ADDRESS, .ref_kind = a->kind, .dst = dst, .ref = a->ref,
				       .nat = view_of(k, dst, false)->kind ? k->c->nat : 0 };
	struct pt_iset s;

	if (a->kind == PT_REF_ANY || k->rc)
		return;
	if (a->kind == PT_REF_NO_ROUTE) {
		put_bit(k, dst ? PT_DIM_NO_ROUTE_DST : PT_DIM_NO_ROUTE_SRC, !a->neg);
	} else if (a->kind == PT_REF_URPF && dst) {
		k->b.never = k->b.never || !a->neg;
	} else if (a->kind == PT_REF_URPF) {
		put_bit(k, PT_DIM_URPF, !a->neg);
	} else if (!constant(k->m->s, a)) {
		put_unknown(k, &key, !a->neg);
	} else {
		k->rc = space_contents(k->m, a, k->b.af, &s);
		if (!k->rc)
			put_seen(k, dst ? PT_DIM_DST : PT_DIM_SRC, dst, false, &s);
	}
}

/* ---- tags and the rarer kind ---- */

static void put_tag(struct making *k)
{
	const struct pt_pol_rule *r = k->r;
	pt_u128 max = k->m->s->policy->tags.n;
	struct pt_iset s = { 0 }, one = { 0 };

	if (!r->tagged)
		return;
	if (k->c && k->c->tagged) {
		k->b.never = k->b.never || (k->c->tag == r->tagged) == r->tagged_neg;
		return;
	}
	k->rc = pt_iset_add(k->m->arena, &one, r->tagged, r->tagged);
	if (!k->rc && r->tagged_neg)
		k->rc = pt_iset_complement(k->m->arena, &s, &one, max);
	if (!k->rc)
		space_put(&k->b, PT_DIM_TAG, r->tagged_neg ? &s : &one);
}

static void put_schedule(struct making *k, const struct pt_pol_more *o)
{
	const struct pt_iset *times;
	struct space_made *x;

	if (!o->schedule)
		return;
	times = &k->m->s->policy->schedules.v[o->schedule - 1].times;
	if (!o->schedule_neg) {
		space_put(&k->b, PT_DIM_TIME, times);
		return;
	}
	x = made(k->m, times, 0, 0x800u);
	if (!x->set.v)
		k->rc = pt_iset_complement(k->m->arena, &x->set, times, pt_space_max(k->m->s, PT_DIM_TIME, k->b.af));
	if (!k->rc)
		space_put(&k->b, PT_DIM_TIME, &x->set);
}

/* In mode NOW there is room, as the evaluator says. */
static void put_rates(struct making *k, const struct pt_pol_more *o)
{
	const bool given[] = { o->limit.packets != 0, o->pkt_rate.packets != 0, o->once };

	for (uint32_t i = 0; k->m->s->mode == PT_SPACE_ALWAYS && i < PT_ARRAY_SIZE(given); i++) {
		const struct space_key key = { .kind = SPACE_KEY_LIMIT + i, .ref = k->r->index };

		if (given[i])
			put_unknown(k, &key, true);
	}
}

static void put_owner(struct making *k, const struct pt_pol_more *o)
{
	if (!o->uid.n && !o->gid.n)
		return;
	if (o->uid.n)
		space_put(&k->b, PT_DIM_USER, &o->uid);
	else
		put_fixed(k, PT_DIM_USER, owner);
	if (o->gid.n)
		space_put(&k->b, PT_DIM_GROUP, &o->gid);
	else
		put_fixed(k, PT_DIM_GROUP, owner);
}

static void put_more(struct making *k, const struct pt_pol_more *o)
{
	if (!o)
		return;
	if (o->has_tos && (o->tos & 3))
		k->b.never = true;
	else if (o->has_tos)
		put_range(k, PT_DIM_TOS, o->tos, o->tos | 3u);
	if (o->chance)
		put_unknown(k, &(const struct space_key){ .kind = SPACE_KEY_CHANCE, .ref = k->r->id }, true);
	if (o->received.n)
		put_received(k, &o->received);
	if (o->macs.n)
		space_put(&k->b, PT_DIM_MAC, &o->macs);
	put_owner(k, o);
	if (!k->rc)
		put_schedule(k, o);
	put_rates(k, o);
}

/* ---- the whole ---- */

enum part { ALL, ONLY_TCP, BUT_TCP };

static void put_protocol(struct making *k, enum part part)
{
	const struct pt_pol_rule *r = k->r;
	bool flags = part == ONLY_TCP && r->flags_mask;
	struct pt_iset s;

	if (part == ONLY_TCP) {
		put_fixed(k, PT_DIM_PROTO, tcp_only);
	} else if (!r->proto_any || part == BUT_TCP) {
		k->rc = protocol_set(k->m, r, part == BUT_TCP, &s);
		if (!k->rc)
			space_put(&k->b, PT_DIM_PROTO, &s);
	}
	if (r->sport.n)
		put_seen(k, PT_DIM_SPORT, false, true, &r->sport);
	if (r->dport.n)
		put_seen(k, PT_DIM_DPORT, true, true, &r->dport);
	if (r->icmp.n)
		space_put(&k->b, PT_DIM_ICMP, &r->icmp);
	if (flags && !k->rc) {
		k->rc = flag_set(k->m, r, &s);
		if (!k->rc)
			space_put(&k->b, PT_DIM_FLAGS, &s);
	}
	if (flags)
		put_fixed(k, PT_DIM_SHORT, zero_only);
	else if (r->sport.n || r->dport.n || r->icmp.n)
		put_fixed(k, PT_DIM_SHORT, with_ports);
}

static int one_box(struct space_maker *m, const struct pt_pol_rule *r, enum pt_af af, const struct space_context *c,
		   enum part part, pt_boxes *out)
{
	struct making k = { .m = m, .r = r, .c = c, .b = { .s = m->s, .af = af } };

	put_devices(&k);
	if (!k.rc)
		put_protocol(&k, part);
	put_address(&k, &r->src, false);
	put_address(&k, &r->dst, true);
	if (!k.rc)
		put_tag(&k);
	if (!k.rc)
		put_more(&k, r->more);
	return k.rc ? k.rc : space_finish(&k.b, m->arena, out);
}

int space_conditions(struct space_maker *m, const struct pt_pol_rule *r, enum pt_af af, const struct space_context *c,
		     pt_boxes *out)
{
	bool tcp = has_protocol(r, PT_PROTO_TCP);
	int rc;

	if (!(r->af & (uint8_t)af) || (!r->if_any && !r->devices.n && !r->if_neg))
		return 0;
	if (!tcp || !r->flags_mask)
		return one_box(m, r, af, c, ALL, out);
	rc = one_box(m, r, af, c, ONLY_TCP, out);
	if (!rc && (r->proto_any || r->protos.n > 1))
		rc = one_box(m, r, af, c, BUT_TCP, out);
	return rc;
}

int pt_space_boxes(const struct pt_space *s, const struct pt_pol_rule *r, struct pt_arena *a, pt_boxes *out)
{
	struct space_maker *m = pt_arena_alloc(a, sizeof(*m));
	int rc;

	if (!m)
		return -ENOMEM;
	m->s = s;
	m->arena = a;
	rc = space_conditions(m, r, PT_AF_INET, NULL, out);
	return rc ? rc : space_conditions(m, r, PT_AF_INET6, NULL, out);
}
