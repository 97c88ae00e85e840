/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/route_diff - the routes of the file against those that the kernel has of ours.
 *
 * The kernel tells its routes one by one; each is looked up among the wanted ones by what makes it that route and no other:
 * family, table, destination and metric. What differs in the rest is replaced in place, so that packets always have a way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include <patronus/route.h>

static const struct pt_route_filter ours = { .protocol = PT_NET_PROTOCOL };

struct differ {
	const struct pt_conf_route *want;
	size_t n;
	pt_route_link link;
	void *arg;
	struct pt_arena *a;
	pt_route_changes *out;
	uint32_t *slots, mask; /* index+1 of wanted ones, by hash */
	uint8_t *seen;
	size_t before;         /* changes that were there before */
	struct pt_tally *seen_all, none; /* of all that the kernel tells; before it tells */
	struct pt_hop hops[PT_ROUTE_HOPS_MAX];
};

static int index_wanted(struct differ *d)
{
	size_t cap = 16;

	while (cap < 2 * d->n)
		cap *= 2;
	d->mask = (uint32_t)cap - 1;
	d->slots = calloc(cap, sizeof(*d->slots));
	d->seen = calloc(d->n + 1, 1);
	if (!d->slots || !d->seen)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++) {
		const struct pt_conf_route *w = &d->want[i];
		uint32_t at = pt_route_hash(&w->dst, w->table, pt_conf_route_metric(w));

		while (d->slots[at & d->mask])
			at++;
		d->slots[at & d->mask] = (uint32_t)i + 1;
	}
	return 0;
}

static const struct pt_conf_route *find(const struct differ *d, const struct pt_route *r)
{
	uint32_t at = pt_route_hash(&r->dst, r->table, r->metric);

	for (; d->slots[at & d->mask]; at++) {
		const struct pt_conf_route *w = &d->want[d->slots[at & d->mask] - 1];

		if (w->dst.addr.af == r->dst.addr.af && w->dst.addr.v == r->dst.addr.v && w->dst.len == r->dst.len &&
		    w->table == r->table && pt_conf_route_metric(w) == r->metric)
			return w;
	}
	return NULL;
}

/* ---- what is equal ---- */

int pt_route_wanted(const struct pt_conf_route *w, pt_route_link link, void *arg, struct pt_hop *hops, struct pt_route *out,
		    bool *waits)
{
	static const uint8_t types[] = { RTN_UNICAST, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT };

	*waits = false;
	*out = (struct pt_route){ .dst = w->dst, .type = types[w->type], .protocol = PT_NET_PROTOCOL, .table = w->table,
				  .metric = w->metric, .mtu = w->mtu, .src = w->src, .n_hops = w->n_hops, .hops = hops,
				  .scope = RT_SCOPE_UNIVERSE };
	for (uint32_t i = 0; i < w->n_hops; i++) {
		const struct pt_conf_hop *h = &w->hops[i];

		hops[i] = (struct pt_hop){ .via = h->via, .weight = h->weight, .onlink = h->onlink };
		if (!h->via.af && w->dst.addr.af == PT_AF_INET)
			out->scope = RT_SCOPE_LINK;
		if (h->dev) {
			int rc = link(arg, h->dev, &hops[i].index);

			if (rc)
				return rc;
			*waits = *waits || !hops[i].index;
		}
	}
	return 0;
}

static bool same_hop(const struct pt_hop *want, const struct pt_hop *have)
{
	return want->via.af == have->via.af && (!want->via.af || want->via.v == have->via.v) &&
	       (!want->index || want->index == have->index) && want->weight == have->weight && want->onlink == have->onlink;
}

/* The kernel keeps no order of them that it would promise. */
static bool same_hops(const struct pt_route *want, const struct pt_route *have)
{
	uint64_t used = 0;

	if (want->n_hops != have->n_hops)
		return false;
	for (uint32_t i = 0; i < want->n_hops; i++) {
		uint32_t k = 0;

		while (k < have->n_hops && (used & 1ull << k || !same_hop(&want->hops[i], &have->hops[k])))
			k++;
		if (k == have->n_hops)
			return false;
		used |= 1ull << k;
	}
	return true;
}

static bool same(const struct pt_route *want, const struct pt_route *have)
{
	return want->type == have->type && want->mtu == have->mtu && want->src.af == have->src.af &&
	       (!want->src.af || want->src.v == have->src.v) && same_hops(want, have);
}

/* ---- all of them in few bytes ---- */

static void tally_addr(struct pt_tally_item *t, struct pt_addr a)
{
	pt_tally_word(t, (uint64_t)(a.v >> 64));
	pt_tally_word(t, (uint64_t)a.v);
}

/* Every field that a comparison looks at; next hops in no order, as there. */
static void tally(struct pt_tally *sum, const struct pt_route *r)
{
	struct pt_tally hops = { 0 };
	struct pt_tally_item t;

	for (uint32_t i = 0; i < r->n_hops; i++) {
		const struct pt_hop *h = &r->hops[i];

		pt_tally_begin(&t, h->via.af);
		tally_addr(&t, h->via.af ? h->via : (struct pt_addr){ 0 });
		pt_tally_word(&t, (uint64_t)h->index << 32 | (uint32_t)h->weight << 1 | h->onlink);
		pt_tally_add(&hops, &t);
	}
	pt_tally_begin(&t, (uint64_t)r->dst.addr.af << 24 | (uint64_t)r->src.af << 16 | (uint64_t)r->dst.len << 8 | r->type);
	tally_addr(&t, r->dst.addr);
	if (r->src.af)
		tally_addr(&t, r->src);
	pt_tally_word(&t, (uint64_t)r->table << 32 | r->metric);
	pt_tally_word(&t, (uint64_t)r->mtu << 32 | r->n_hops);
	pt_tally_word(&t, hops.a);
	pt_tally_word(&t, hops.b);
	pt_tally_add(sum, &t);
}

struct tallying {
	struct pt_tally *sum, none;
};

static int tally_next(const struct pt_route *r, void *arg)
{
	tally(((struct tallying *)arg)->sum, r);
	return 0;
}

static void tally_again(void *arg)
{
	struct tallying *x = arg;

	*x->sum = x->none;
}

int pt_routes_tally(struct pt_nl *route, struct pt_tally *seen, struct pt_err *e)
{
	struct tallying x = { seen, *seen };

	return pt_routes_read(route, &ours, tally_next, tally_again, &x, e);
}

/* ---- changes ---- */

static const struct pt_route *copy(struct differ *d, const struct pt_route *from)
{
	struct pt_route *r = pt_arena_alloc(d->a, sizeof(*r));
	struct pt_hop *hops = pt_arena_alloc(d->a, (from->n_hops + 1ul) * sizeof(*hops));

	if (!r || !hops)
		return NULL;
	memcpy(hops, from->hops, from->n_hops * sizeof(*hops));
	*r = *from;
	r->hops = hops;
	return r;
}

static int change(struct differ *d, enum pt_route_op op, const struct pt_conf_route *w, const struct pt_route *old)
{
	struct pt_route_change c = { .op = op, .want = w };

	if (old) {
		c.old = copy(d, old);
		if (!c.old)
			return -ENOMEM;
	}
	return pt_vec_push(d->a, d->out, c);
}

struct pt_route_change pt_route_reverse(const struct pt_route_change *c)
{
	struct pt_route_change back = { .op = PT_ROUTE_REPLACE, .old = c->old };

	if (c->op == PT_ROUTE_ADD) {
		back.op = PT_ROUTE_DELETE;
		back.want = c->want;
	}
	return back;
}

static int compare(const struct pt_route *have, void *arg)
{
	struct differ *d = arg;
	const struct pt_conf_route *w = find(d, have);
	struct pt_route want;
	bool waits;
	int rc;

	if (d->seen_all)
		tally(d->seen_all, have);
	if (!w)
		return change(d, PT_ROUTE_DELETE, NULL, have);
	d->seen[w - d->want] = 1;
	rc = pt_route_wanted(w, d->link, d->arg, d->hops, &want, &waits);
	if (rc == -ENODEV)
		return 0; /* its link is going: so will the route */
	return rc || same(&want, have) ? rc : change(d, PT_ROUTE_REPLACE, w, have);
}

static void forget(void *arg)
{
	struct differ *d = arg;

	memset(d->seen, 0, d->n);
	d->out->n = d->before;
	if (d->seen_all)
		*d->seen_all = d->none;
}

static int add_missing(struct differ *d)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < d->n; i++) {
		struct pt_route want;
		bool waits;

		if (d->seen[i])
			continue;
		rc = pt_route_wanted(&d->want[i], d->link, d->arg, d->hops, &want, &waits);
		if (rc == -ENODEV)
			rc = 0;
		else if (!rc)
			rc = change(d, PT_ROUTE_ADD, &d->want[i], NULL);
	}
	return rc;
}

int pt_routes_diff(struct pt_nl *route, const struct pt_conf_route *want, size_t n, pt_route_link link, void *arg,
		   struct pt_arena *a, pt_route_changes *out, struct pt_tally *seen, struct pt_err *e)
{
	struct differ d = { .want = want, .n = n, .link = link, .arg = arg, .a = a, .out = out, .before = out->n, .seen_all = seen };
	int rc = index_wanted(&d);

	if (seen)
		d.none = *seen;
	if (!rc)
		rc = pt_routes_read(route, &ours, compare, forget, &d, e);
	if (!rc)
		rc = add_missing(&d);
	free(d.slots);
	free(d.seen);
	return rc == -ENOMEM && !e->n_errors ? pt_err_sys(e, rc, "comparing the routes") : rc;
}
