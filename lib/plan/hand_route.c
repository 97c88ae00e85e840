/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Routes by hand. To delete one, the words need only say which of those that are there is meant, as people are used to; where
 * several are, the kernel would take the first one that it comes to, so they are told instead.
 */
#include <errno.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include <patronus/route.h>

#include "plan/hand.h"

#define HINT "as 10.0.0.0/8 via 192.0.2.1, see ip-route(8); devices by their names"
#define CANDIDATES_MAX 4 /* that are told */

struct candidates {
	const struct hand_words *w;
	const struct pt_conf_route *meant;
	uint32_t has;            /* PT_ROUTE_HAS_* of MEANT */
	PT_VEC(struct pt_route) v;
};

/* ---- which one is meant ---- */

static bool has_hop(const struct candidates *c, const struct pt_route *r, const struct pt_conf_hop *meant)
{
	const struct pt_link *l = meant->dev ? pt_links_find(&c->w->links, meant->dev) : NULL;

	for (uint32_t i = 0; i < r->n_hops; i++) {
		const struct pt_hop *h = &r->hops[i];

		if ((!meant->via.af || (h->via.af == meant->via.af && h->via.v == meant->via.v)) && (!l || h->index == l->index))
			return true;
	}
	return false;
}

static bool is_type(uint8_t type, enum pt_route_type meant)
{
	static const uint8_t types[] = { RTN_UNICAST, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT };

	return types[meant & 3] == type;
}

static bool is_meant(const struct candidates *c, const struct pt_route *r)
{
	const struct pt_conf_route *m = c->meant;

	if ((m->dst.addr.af && r->dst.addr.af != m->dst.addr.af) || r->dst.len != m->dst.len || r->dst.addr.v != m->dst.addr.v)
		return false;
	if ((c->has & PT_ROUTE_HAS_TYPE && !is_type(r->type, m->type)) || (c->has & PT_ROUTE_HAS_METRIC && r->metric != m->metric) ||
	    (m->src.af && (r->src.af != m->src.af || r->src.v != m->src.v)) || (m->mtu && r->mtu != m->mtu))
		return false;
	for (uint32_t i = 0; i < m->n_hops; i++)
		if (!has_hop(c, r, &m->hops[i]))
			return false;
	return true;
}

static int take(const struct pt_route *r, void *arg)
{
	struct candidates *c = arg;
	struct pt_route copy = *r;
	struct pt_hop *hops;

	if (!is_meant(c, r))
		return 0;
	hops = pt_arena_alloc(c->w->arena, (r->n_hops + 1ul) * sizeof(*hops));
	if (!hops)
		return -ENOMEM;
	memcpy(hops, r->hops, r->n_hops * sizeof(*hops));
	copy.hops = hops;
	return pt_vec_push(c->w->arena, &c->v, copy);
}

static void forget(void *arg)
{
	((struct candidates *)arg)->v.n = 0;
}

static int tell_candidates(const struct candidates *c)
{
	struct pt_buf b = { 0 };

	for (size_t i = 0; i < c->v.n && i < CANDIDATES_MAX; i++) {
		pt_buf_str(&b, i ? "; " : "");
		pt_route_print(&b, &c->w->links, &c->v.v[i]);
	}
	if (c->v.n > CANDIDATES_MAX)
		pt_buf_str(&b, "; …");
	pt_err_add(c->w->e, PT_ERROR, NULL, "say more of it: via, dev, metric, -4 or -6", "%zu routes are meant by that: %s", c->v.n,
		   b.s ? b.s : "");
	pt_buf_fini(&b);
	return -EINVAL;
}

static int find(struct candidates *c, enum pt_af af, uint8_t protocol)
{
	const struct pt_route_filter filter = { .af = af, .table = c->meant->table, .protocol = protocol };

	return pt_routes_read(c->w->h->route, &filter, take, forget, c, c->w->e);
}

/* ---- into the kernel ---- */

static int find_link(void *arg, const char *name, uint32_t *index)
{
	const struct hand_words *w = arg;
	const struct pt_link *l = pt_links_find(&w->links, name);

	*index = l ? l->index : 0;
	return l ? 0 : -ENODEV;
}

struct write {
	const struct pt_route_change *c;
	struct hand_words *w;
};

static int put(struct pt_nl_stream *s, const void *arg)
{
	const struct write *x = arg;

	return pt_route_put(s, x->c, find_link, x->w, 0);
}

static int write_route(struct hand_words *w, enum pt_hand_op op, const struct pt_route_change *c)
{
	const struct write x = { c, w };
	struct pt_buf text = { 0 };

	if (c->want)
		pt_conf_route_print(&text, c->want);
	else
		pt_route_print(&text, &w->links, c->old);
	return hand_words_write(w, op, "route", &text, put, &x);
}

static int delete(struct hand_words *w)
{
	struct pt_route_change c = { .op = PT_ROUTE_DELETE };
	struct candidates all = { .w = w };
	struct pt_conf_fault f = { 0 };
	struct pt_conf_route meant;
	int rc = pt_conf_route_parse_part(w->words, w->arena, &meant, &all.has, &f);

	if (rc)
		return rc == -EINVAL ? hand_words_fault(w, &f, HINT) : rc;
	for (uint32_t i = 0; i < meant.n_hops; i++)
		if (meant.hops[i].dev && !hand_words_link(w, meant.hops[i].dev))
			return -ENODEV;
	all.meant = &meant;
	rc = find(&all, meant.dst.addr.af ? meant.dst.addr.af : w->h->af, 0);
	if (rc)
		return rc;
	if (!all.v.n) {
		pt_err_add(w->e, PT_ERROR, NULL, "`ptnet route show` lists them", "there is no route %s", w->words);
		return -ENODEV;
	}
	if (all.v.n > 1)
		return tell_candidates(&all);
	c.old = &all.v.v[0];
	return write_route(w, PT_HAND_DELETE, &c);
}

/* The file's route of the same place would be lost to the file: its next apply could not put it back. */
static int check_owner(struct hand_words *w, const struct pt_conf_route *r)
{
	struct pt_conf_route place = { .dst = r->dst, .table = r->table, .metric = pt_conf_route_metric(r) };
	struct candidates all = { .w = w, .meant = &place, .has = PT_ROUTE_HAS_METRIC };
	int rc = find(&all, r->dst.addr.af, PT_NET_PROTOCOL);

	if (rc || !all.v.n)
		return rc;
	pt_err_add(w->e, PT_ERROR, NULL, "change it there, or give this one another metric", "that route is the file's");
	return -EEXIST;
}

/* `default dev X` is of the family that is asked for. */
static int set_family(const struct hand_words *w, struct pt_conf_route *r)
{
	enum pt_af af = w->h->af;

	if (!af || r->dst.addr.af == af)
		return 0;
	if (!r->dst.len && !r->dst.addr.v && strstr(w->words, "default") && !(r->n_hops && r->hops->via.af)) {
		r->dst.addr.af = af;
		return 0;
	}
	pt_err_add(w->e, PT_ERROR, NULL, NULL, "that route is of the other family");
	return -EINVAL;
}

static int add(struct hand_words *w, enum pt_hand_op op)
{
	struct pt_route_change c = { .op = op == PT_HAND_ADD ? PT_ROUTE_ADD : PT_ROUTE_REPLACE, .by_hand = true };
	struct pt_conf_fault f = { 0 };
	struct pt_conf_route r;
	int rc = pt_conf_route_parse(w->words, w->arena, &r, &f);

	if (rc)
		return rc == -EINVAL ? hand_words_fault(w, &f, HINT) : rc;
	rc = set_family(w, &r);
	for (uint32_t i = 0; !rc && i < r.n_hops; i++)
		if (r.hops[i].dev && !hand_words_link(w, r.hops[i].dev))
			rc = -ENODEV;
	if (!rc && op == PT_HAND_REPLACE)
		rc = check_owner(w, &r);
	c.want = &r;
	return rc ? rc : write_route(w, op, &c);
}

int pt_hand_route(const struct pt_hand *h, enum pt_hand_op op, const char *words, struct pt_err *e)
{
	struct hand_words w;
	int rc = hand_words_begin(&w, h, words, e);

	if (!rc)
		rc = op == PT_HAND_DELETE ? delete(&w) : add(&w, op);
	return hand_words_end(&w, rc, "changing the routes");
}
