/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Virtual addresses, as the file, the kernel and the rules see them. Without a name one is told by its place: any but the first of its
 * family on an interface.
 */
#include <errno.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <patronus/vip.h>

#define WIDE 65536 /* a set of more addresses in a row is not about one of them */

const char *const pt_vip_states[] = { "present", "missing", "duplicate", "unheld" };

struct lister {
	const struct pt_policy *p;
	const struct pt_addresses *addresses;
	const struct pt_neighbours *neighbours;
	struct pt_arena *a;
	pt_vips *out;
};

static bool same_addr(struct pt_addr x, struct pt_addr y)
{
	return x.af == y.af && x.v == y.v;
}

/* ---- what the kernel has ---- */

static enum pt_vip_state alias_state(const struct lister *l, const struct pt_vip *v)
{
	bool here = false, elsewhere = false, refused = false;

	for (size_t i = 0; i < l->addresses->v.n; i++) {
		const struct pt_address *a = &l->addresses->v.v[i];

		if (!same_addr(a->prefix.addr, v->address.addr))
			continue;
		if (strcmp(a->device, v->device) != 0)
			elsewhere = true;
		else
			here = true;
		refused = refused || a->flags & IFA_F_DADFAILED;
	}
	if (refused || elsewhere)
		return PT_VIP_DUPLICATE;
	return here ? PT_VIP_PRESENT : PT_VIP_MISSING;
}

/* Of a network, all of it. */
static enum pt_vip_state proxy_state(const struct lister *l, const struct pt_vip *v)
{
	pt_u128 lo = pt_prefix_lo(&v->address), hi = pt_prefix_hi(&v->address), n = 0;

	for (size_t i = 0; i < l->addresses->v.n; i++) {
		const struct pt_addr *a = &l->addresses->v.v[i].prefix.addr;

		if (a->af == v->address.addr.af && a->v >= lo && a->v <= hi)
			return PT_VIP_DUPLICATE;
	}
	for (size_t i = 0; i < l->neighbours->v.n; i++) {
		const struct pt_neighbour *x = &l->neighbours->v.v[i];

		n += x->proxy && !strcmp(x->device, v->device) && x->addr.af == v->address.addr.af && x->addr.v >= lo && x->addr.v <= hi;
	}
	return n == hi - lo + 1 ? PT_VIP_PRESENT : PT_VIP_MISSING;
}

/* ---- which rules use it ---- */

static bool set_holds(const struct pt_iset *s, const struct pt_prefix *p)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].lo <= pt_prefix_hi(p) && s->v[i].hi >= pt_prefix_lo(p) && s->v[i].hi - s->v[i].lo < WIDE)
			return true;
	return false;
}

static bool is_source(const struct lister *l, const struct pt_pol_rule *r, const struct pt_prefix *p)
{
	const struct pt_pol_nat *n = &l->p->nats.v[r->nat - 1];

	if (n->kind != PT_NAT_SRC || n->target != PT_REF_SET || n->af != p->addr.af || n->lo > pt_prefix_hi(p) || n->hi < pt_prefix_lo(p))
		return false;
	return p->len < pt_af_bits(p->addr.af) || pt_nat_holds(n, p->addr.v);
}

static bool is_destination(const struct lister *l, const struct pt_pol_rule *r, const struct pt_vip *v, const struct pt_prefix *p)
{
	const struct pt_pol_ifref *ref;

	if (l->p->nats.v[r->nat - 1].kind != PT_NAT_DST || r->dst.neg)
		return false;
	if (r->dst.kind == PT_REF_SET)
		return set_holds(p->addr.af == PT_AF_INET ? &r->dst.v4 : &r->dst.v6, p);
	if (r->dst.kind != PT_REF_IF || v->type != PT_VIP_ALIAS)
		return false;
	ref = &l->p->ifrefs.v[r->dst.ref];
	return ref->mod == PT_MOD_NONE && !ref->no_alias && !strcmp(ref->device, v->device);
}

/* Lists of a written rule are several rules here. */
static int add_use(const struct lister *l, struct pt_vip *v, const struct pt_pol_rule *r, const char *way)
{
	const struct pt_vip_use use = { r, way };

	for (size_t i = 0; i < v->uses.n; i++)
		if (v->uses.v[i].rule->id == r->id && v->uses.v[i].way == way)
			return 0;
	return pt_vec_push(l->a, &v->uses, use);
}

static int find_uses(const struct lister *l, struct pt_vip *v)
{
	struct pt_prefix held = v->address;
	int rc = 0;

	if (v->type == PT_VIP_ALIAS)
		held.len = (uint8_t)pt_af_bits(held.addr.af);
	for (size_t i = 0; !rc && i < l->p->rules.n; i++) {
		const struct pt_pol_rule *r = &l->p->rules.v[i];

		if (r->nat && is_source(l, r, &held))
			rc = add_use(l, v, r, "nat-to");
		else if (r->nat && is_destination(l, r, v, &held))
			rc = add_use(l, v, r, "rdr-to");
	}
	return rc;
}

/* ---- all of them ---- */

static int add(const struct lister *l, struct pt_vip v)
{
	int rc;

	v.state = v.type == PT_VIP_OTHER ? PT_VIP_UNHELD : v.type == PT_VIP_PROXY ? proxy_state(l, &v) : alias_state(l, &v);
	rc = find_uses(l, &v);
	return rc ? rc : pt_vec_push(l->a, l->out, v);
}

static int add_named(const struct lister *l)
{
	const struct pt_conf *c = l->p->conf;
	int rc = 0;

	for (size_t i = 0; !rc && i < c->vips.n; i++) {
		const struct pt_conf_vip *x = &c->vips.v[i];
		struct pt_vip v = { .name = x->name, .type = x->type, .interface = x->interface, .device = pt_conf_device(c, x->interface),
				    .address = x->type == PT_VIP_ALIAS ? x->address : x->held, .description = x->description };

		rc = add(l, v);
	}
	return rc;
}

/* It is one of those with a name, which were added first. */
static bool is_listed(const struct lister *l, const char *device, struct pt_addr a, enum pt_vip_type type)
{
	for (size_t i = 0; i < l->out->n; i++) {
		const struct pt_vip *v = &l->out->v[i];

		if (v->type != type || v->address.addr.af != a.af || strcmp(v->device, device) != 0)
			continue;
		if (type == PT_VIP_ALIAS ? v->address.addr.v == a.v : a.v >= pt_prefix_lo(&v->address) && a.v <= pt_prefix_hi(&v->address))
			return true;
	}
	return false;
}

static int add_aliases(const struct lister *l, const struct pt_conf_if *i)
{
	bool seen[PT_AF_INET6 + 1] = { false };
	int rc = 0;

	for (size_t k = 0; !rc && k < i->addresses.n; k++) {
		struct pt_vip v = { .interface = i->name, .device = i->device, .address = i->addresses.v[k] };
		enum pt_af af = v.address.addr.af;

		if (is_listed(l, i->device, v.address.addr, PT_VIP_ALIAS))
			continue;
		if (seen[af])
			rc = add(l, v);
		seen[af] = true;
	}
	return rc;
}

static int add_proxies(const struct lister *l, const struct pt_conf_if *i)
{
	int rc = 0;

	for (size_t k = 0; !rc && k < i->options.n; k++) {
		struct pt_vip v = { .type = PT_VIP_PROXY, .interface = i->name, .device = i->device };

		if (strcmp(i->options.v[k].row->name, "proxy") != 0 || pt_prefix_parse(i->options.v[k].s, &v.address) ||
		    is_listed(l, i->device, v.address.addr, PT_VIP_PROXY))
			continue;
		rc = add(l, v);
	}
	return rc;
}

/* ---- by hand ---- */

static const struct pt_conf_if *find_device(const struct pt_conf *c, const char *device)
{
	for (size_t i = 0; i < c->interfaces.n; i++)
		if (!strcmp(c->interfaces.v[i].device, device))
			return &c->interfaces.v[i];
	return NULL;
}

static bool is_written(const struct pt_conf_if *i, struct pt_addr a)
{
	for (size_t k = 0; i && k < i->addresses.n; k++)
		if (same_addr(i->addresses.v[k].addr, a))
			return true;
	return false;
}

static bool is_by_hand(const struct pt_address *a)
{
	return a->protocol != PT_NET_PROTOCOL && a->scope == RT_SCOPE_UNIVERSE && a->flags & IFA_F_PERMANENT;
}

/* Another one of its family came before it on its device. */
static bool is_first(const struct pt_addresses *all, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (all->v.v[i].index == all->v.v[at].index && all->v.v[i].prefix.addr.af == all->v.v[at].prefix.addr.af &&
		    all->v.v[i].scope == RT_SCOPE_UNIVERSE)
			return false;
	return true;
}

static int add_by_hand(const struct lister *l)
{
	const struct pt_conf *c = l->p->conf;
	int rc = 0;

	for (size_t i = 0; !rc && i < l->addresses->v.n; i++) {
		const struct pt_address *a = &l->addresses->v.v[i];
		const struct pt_conf_if *f = find_device(c, a->device);
		struct pt_vip v = { .interface = f ? f->name : NULL, .device = a->device, .address = a->prefix, .by_hand = true };

		if (is_by_hand(a) && !is_written(f, a->prefix.addr) && !is_first(l->addresses, i))
			rc = add(l, v);
	}
	for (size_t i = 0; !rc && i < l->neighbours->v.n; i++) {
		const struct pt_neighbour *n = &l->neighbours->v.v[i];
		const struct pt_conf_if *f = find_device(c, n->device);
		struct pt_vip v = { .type = PT_VIP_PROXY, .interface = f ? f->name : NULL, .device = n->device, .by_hand = true,
				    .address = { n->addr, (uint8_t)pt_af_bits(n->addr.af) } };

		if (n->proxy && !is_listed(l, n->device, n->addr, PT_VIP_PROXY))
			rc = add(l, v);
	}
	return rc;
}

int pt_vips_list(const struct pt_policy *p, const struct pt_addresses *addresses, const struct pt_neighbours *neighbours,
		 struct pt_arena *a, pt_vips *out)
{
	const struct lister l = { p, addresses, neighbours, a, out };
	int rc;

	memset(out, 0, sizeof(*out));
	rc = add_named(&l);
	for (size_t i = 0; !rc && i < p->conf->interfaces.n; i++) {
		rc = add_aliases(&l, &p->conf->interfaces.v[i]);
		if (!rc)
			rc = add_proxies(&l, &p->conf->interfaces.v[i]);
	}
	return rc ? rc : add_by_hand(&l);
}
