/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * net/ways - the tables of routes as sets of destinations.
 *
 * The kernel answers for one address. Who asks for all of them at once takes the tables themselves, and in each the longest
 * prefix wins. Prefixes lie in each other or apart, so one pass over them in order, with a stack of those around, cuts the
 * addresses into pieces with one owner: a full table of the Internet is a matter of sorting it.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <patronus/net.h>

#include "net/message.h"

#define TABLES 3
#define HOPS_MAX 64
static const uint32_t tables[TABLES] = { RT_TABLE_LOCAL, RT_TABLE_MAIN, RT_TABLE_DEFAULT }; /* in the order they are asked */

/* A route to one device; those of several next hops are several. */
struct entry {
	pt_u128 lo, hi;
	uint8_t len, type;
	bool six;
	uint32_t table, metric, index;
};

struct reading {
	struct pt_arena *arena; /* of this reading only */
	PT_VEC(struct entry) entries;
	bool more;
};

/* ---- from the kernel ---- */

static void forget(void *arg)
{
	((struct reading *)arg)->entries.n = 0;
}

static int add(struct reading *r, struct entry *e, uint32_t index)
{
	e->index = index;
	return pt_vec_push(r->arena, &r->entries, *e);
}

static int add_hops(struct reading *r, struct entry *e, const struct nlattr *hops)
{
	const uint8_t *p = mnl_attr_get_payload(hops);
	size_t left = mnl_attr_get_payload_len(hops);
	struct rtnexthop hop;
	size_t whole;
	int rc = 0;

	while (!rc && left >= sizeof(hop)) {
		memcpy(&hop, p, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left || hop.rtnh_ifindex < 0)
			return -EBADMSG;
		if (!(hop.rtnh_flags & RTNH_F_DEAD))
			rc = add(r, e, (uint32_t)hop.rtnh_ifindex);
		whole = ((size_t)hop.rtnh_len + RTNH_ALIGNTO - 1) & ~((size_t)RTNH_ALIGNTO - 1);
		if (whole >= left)
			break;
		p += whole;
		left -= whole;
	}
	return rc;
}

static int prefix_of(const struct rtmsg *rtm, const struct nlattr *dst, struct entry *e)
{
	struct pt_prefix p = { .addr.af = e->six ? PT_AF_INET6 : PT_AF_INET, .len = rtm->rtm_dst_len };
	size_t n = e->six ? 16 : 4;
	uint8_t bytes[16] = { 0 };

	if (p.len > n * 8 || (dst && pt_nl_get(dst, bytes, n)))
		return -EBADMSG;
	p.addr = pt_addr_from_bytes(bytes, n);
	e->len = p.len;
	e->lo = pt_prefix_lo(&p);
	e->hi = pt_prefix_hi(&p);
	return 0;
}

/* Not those that are for some packets only, nor what the kernel remembers of others. */
static bool is_plain(const struct rtmsg *rtm)
{
	return !rtm->rtm_tos && !rtm->rtm_src_len && !(rtm->rtm_flags & RTM_F_CLONED);
}

static int take_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[RTA_TABLE + 1];
	struct reading *r = arg;
	struct entry e = { 0 };
	uint32_t index = 0;
	int rc;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(*rtm), tb, PT_ARRAY_SIZE(tb)) < 0)
		return -EBADMSG;
	if ((rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) || !is_plain(rtm))
		return 0;
	e.six = rtm->rtm_family == AF_INET6;
	e.type = rtm->rtm_type;
	e.table = rtm->rtm_table;
	rc = prefix_of(rtm, tb[RTA_DST], &e);
	if (!rc)
		rc = pt_nl_get(tb[RTA_TABLE], &e.table, sizeof(e.table));
	if (!rc)
		rc = pt_nl_get(tb[RTA_PRIORITY], &e.metric, sizeof(e.metric));
	if (!rc)
		rc = pt_nl_get(tb[RTA_OIF], &index, sizeof(index));
	if (rc || (rtm->rtm_flags & RTNH_F_DEAD))
		return rc;
	if (e.table != tables[0] && e.table != tables[1] && e.table != tables[2])
		return 0;
	return tb[RTA_MULTIPATH] ? add_hops(r, &e, tb[RTA_MULTIPATH]) : add(r, &e, index);
}

/* Those that every kernel begins with ask the three tables for every packet. */
static int take_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct fib_rule_hdr *h = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[FRA_TABLE + 1];
	struct reading *r = arg;
	uint32_t priority = 0, table;

	if (nlh->nlmsg_type != RTM_NEWRULE)
		return 0;
	if (pt_nl_attrs(nlh, sizeof(*h), tb, PT_ARRAY_SIZE(tb)) < 0)
		return -EBADMSG;
	table = h->table;
	if (pt_nl_get(tb[FRA_TABLE], &table, sizeof(table)) || pt_nl_get(tb[FRA_PRIORITY], &priority, sizeof(priority)))
		return -EBADMSG;
	if (h->action != FR_ACT_TO_TBL || h->src_len || h->dst_len || h->tos || (priority && priority < 32766) ||
	    (table != tables[0] && table != tables[1] && table != tables[2]))
		r->more = true;
	return 0;
}

static int ask(struct pt_nl *route, uint16_t type, size_t extra, int family, void (*reset)(void *arg), pt_nl_cb cb,
	       struct reading *r)
{
	union net_request req;
	uint8_t *first = net_request(&req, type, extra);
	int rc;

	*first = (uint8_t)family; /* of either header */
	rc = pt_nl_dump(route, &req.head, reset, cb, r); /* rules seen twice say the same */
	return rc == -EOPNOTSUPP || rc == -EAFNOSUPPORT ? 0 : rc;
}

/* ---- the longest prefix wins ---- */

/* Prefixes around others before them; of equal ones the best before the others. */
static int by_place(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->metric < y->metric ? -1 : x->metric > y->metric;
}

static bool same_prefix(const struct entry *x, const struct entry *y)
{
	return x->lo == y->lo && x->len == y->len;
}

/* Of one table and family, from the lowest address to the highest. */
struct cut {
	struct pt_arena *arena;       /* of the result */
	const struct pt_host *host;
	struct pt_net_ways *out;
	const struct entry *v;
	size_t n;
	struct pt_iset taken;         /* what this table answers */
	const struct pt_iset *before; /* what those before it do */
	size_t passed;                /* of BEFORE */
	pt_u128 at;                   /* all below is given away */
	bool end;                     /* all is */
};

static const char *device_of(const struct pt_host *h, const struct entry *e)
{
	if (e->type == RTN_LOCAL || e->type == RTN_ANYCAST)
		return "lo";
	if (e->type != RTN_UNICAST && e->type != RTN_BROADCAST && e->type != RTN_MULTICAST)
		return NULL;
	for (size_t i = 0; i < h->ifs.n; i++)
		if (h->ifs.v[i].ifindex == e->index)
			return h->ifs.v[i].device;
	return NULL;
}

static struct pt_net_way *way_to(struct cut *c, const char *device)
{
	struct pt_net_way w = { .device = device };

	for (size_t i = 0; i < c->out->v.n; i++)
		if (!strcmp(c->out->v.v[i].device, device))
			return &c->out->v.v[i];
	return pt_vec_push(c->arena, &c->out->v, w) ? NULL : &c->out->v.v[c->out->v.n - 1];
}

/* LO to HI is of entry number I and the equally good ones. */
static int give_piece(struct cut *c, size_t i, pt_u128 lo, pt_u128 hi)
{
	int rc = c->v[i].type == RTN_THROW ? 0 : pt_iset_add(c->arena, &c->taken, lo, hi);

	for (size_t k = i; !rc && k < c->n && same_prefix(&c->v[k], &c->v[i]) && c->v[k].metric == c->v[i].metric; k++) {
		const struct entry *e = &c->v[k];
		const char *device = device_of(c->host, e);
		struct pt_net_way *w = device ? way_to(c, device) : NULL;

		if (device && !w)
			return -ENOMEM;
		if (!w)
			continue;
		w->by_default[e->six] |= !e->len && e->type == RTN_UNICAST;
		rc = pt_iset_add(c->arena, &w->dst[e->six], lo, hi);
	}
	return rc;
}

/* The same, but for what the tables before this one answer. */
static int give(struct cut *c, size_t i, pt_u128 lo, pt_u128 hi)
{
	const struct pt_iset *b = c->before;
	int rc = 0;

	while (c->passed < b->n && b->v[c->passed].hi < lo)
		c->passed++;
	for (size_t k = c->passed; !rc && k < b->n && b->v[k].lo <= hi; k++) {
		if (b->v[k].lo > lo)
			rc = give_piece(c, i, lo, b->v[k].lo - 1);
		if (b->v[k].hi >= hi)
			return rc;
		lo = b->v[k].hi + 1;
	}
	return rc ? rc : give_piece(c, i, lo, hi);
}

/* What is left of entry number I, up to its end. */
static int finish(struct cut *c, size_t i)
{
	pt_u128 hi = c->v[i].hi;
	int rc = !c->end && c->at <= hi ? give(c, i, c->at, hi) : 0;

	c->end = c->end || !(hi + 1); /* the highest address of IPv6 */
	if (!c->end && hi + 1 > c->at)
		c->at = hi + 1;
	return rc;
}

static int cut(struct cut *c)
{
	size_t around[129], depth = 0; /* one of each length */
	int rc = 0;

	for (size_t i = 0; !rc && i < c->n; i++) {
		const struct entry *e = &c->v[i];

		if (i && same_prefix(e, e - 1))
			continue;
		while (!rc && depth && c->v[around[depth - 1]].hi < e->lo)
			rc = finish(c, around[--depth]);
		if (!rc && depth && c->at < e->lo)
			rc = give(c, around[depth - 1], c->at, e->lo - 1);
		c->at = e->lo;
		around[depth++] = i;
	}
	while (!rc && depth)
		rc = finish(c, around[--depth]);
	return rc;
}

static int cut_table(struct cut *c, const struct reading *r, uint32_t table, bool six)
{
	PT_VEC(struct entry) list = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < r->entries.n; i++)
		if (r->entries.v[i].table == table && r->entries.v[i].six == six)
			rc = pt_vec_push(r->arena, &list, r->entries.v[i]);
	if (rc || !list.n)
		return rc;
	qsort(list.v, list.n, sizeof(*list.v), by_place);
	c->v = list.v;
	c->n = list.n;
	rc = cut(c);
	pt_iset_norm(&c->taken);
	return rc;
}

static int cut_family(const struct reading *r, const struct pt_host *h, struct pt_arena *a, bool six, struct pt_net_ways *out)
{
	struct pt_iset before = { 0 };
	int rc = 0;

	for (size_t t = 0; !rc && t < TABLES; t++) {
		struct cut c = { .arena = a, .host = h, .out = out, .before = &before };
		struct pt_iset both = { 0 };

		rc = cut_table(&c, r, tables[t], six);
		if (!rc)
			rc = pt_iset_union(a, &both, &before, &c.taken);
		before = both;
	}
	for (size_t i = 0; i < out->v.n; i++)
		pt_iset_norm(&out->v.v[i].dst[six]);
	return rc;
}

static int read_family(struct pt_nl *route, int family, struct reading *r)
{
	int rc = ask(route, RTM_GETROUTE, sizeof(struct rtmsg), family, forget, take_route, r);

	return rc < 0 ? rc : ask(route, RTM_GETRULE, sizeof(struct fib_rule_hdr), family, NULL, take_rule, r);
}

int pt_net_ways_read(struct pt_nl *route, const struct pt_host *h, struct pt_arena *a, struct pt_net_ways *out, struct pt_err *e)
{
	struct reading r = { .arena = pt_arena_new() };
	int rc = r.arena ? 0 : -ENOMEM;

	memset(out, 0, sizeof(*out));
	for (int six = 0; !rc && six < 2; six++) {
		r.entries.n = 0;
		rc = read_family(route, six ? AF_INET6 : AF_INET, &r);
		if (!rc)
			rc = cut_family(&r, h, a, six, out);
	}
	out->more = r.more;
	pt_arena_free(r.arena);
	return rc ? pt_err_sys(e, rc, "cannot read the routes of this machine") : 0;
}
