/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Routes, rules and neighbours in the words of ip-route(8), ip-rule(8) and ip-neighbour(8): people have these lines already. A
 * word is looked up in a table, and what follows it is parsed into its place.
 */
#include <errno.h>
#include <string.h>

#include "conf/internal.h"

struct words {
	const char *s, *at; /* the text; the word at work, NULL: none left */
	size_t len;
	struct pt_arena *a;      /* NULL: it is only judged, and names and next hops are not kept */
	struct pt_conf_fault *f;
};

static bool next(struct words *w)
{
	const char *p = w->at ? w->at + w->len : w->s;

	p += strspn(p, " \t");
	w->at = p;
	w->len = strcspn(p, " \t");
	return w->len != 0;
}

static int fault(struct words *w, const char *why)
{
	w->f->at = (size_t)(w->at - w->s);
	w->f->len = w->len;
	w->f->why = why;
	return -EINVAL;
}

static bool is_word(const struct words *w, const char *word)
{
	return strlen(word) == w->len && !memcmp(w->at, word, w->len);
}

/* ---- what follows a word ---- */

#define TEXT_MAX 64

static bool copy(const struct words *w, char text[TEXT_MAX])
{
	if (w->len >= TEXT_MAX)
		return false;
	memcpy(text, w->at, w->len);
	text[w->len] = '\0';
	return true;
}

static int number(struct words *w, uint64_t min, uint64_t max, uint64_t *out, const char *why)
{
	char text[TEXT_MAX];

	if (!next(w) || !copy(w, text) || conf_parse_number(text, max, out) || *out < min)
		return fault(w, why);
	return 0;
}

static int address(struct words *w, struct pt_addr *out)
{
	char text[TEXT_MAX];

	return next(w) && copy(w, text) && !pt_addr_parse(text, out) ? 0 : fault(w, "an address belongs here");
}

static bool parse_prefix(const struct words *w, struct pt_prefix *out)
{
	char text[TEXT_MAX];

	return copy(w, text) && !pt_prefix_parse(text, out);
}

static int prefix(struct words *w, struct pt_prefix *out)
{
	if (!parse_prefix(w, out))
		return fault(w, "an address with the length of its network belongs here, as 192.0.2.0/24");
	if (out->addr.v != pt_prefix_lo(out))
		return fault(w, "there are bits behind the length of the network");
	return 0;
}

static int device(struct words *w, const char **out)
{
	char text[TEXT_MAX];
	struct pt_err ignored = { 0 };
	int rc;

	if (!next(w) || !copy(w, text))
		return fault(w, "the name of an interface belongs here");
	rc = conf_check_device(text, NULL, &ignored);
	pt_err_fini(&ignored);
	if (rc)
		return fault(w, "this is no name of an interface");
	*out = w->a ? pt_arena_strdup(w->a, text) : "";
	return *out ? 0 : -ENOMEM;
}

static const char *const types[] = { "unicast", "blackhole", "unreachable", "prohibit", NULL };

/* -1: it is none. */
static int route_type(const struct words *w)
{
	for (int i = 0; types[i]; i++)
		if (is_word(w, types[i]))
			return i;
	return -1;
}

static int table(struct words *w, uint32_t *out)
{
	uint64_t n = 0;
	int rc;

	if (!next(w))
		return fault(w, "the number of a table of routes belongs here, or main");
	if (is_word(w, "main")) {
		*out = PT_TABLE_MAIN;
		return 0;
	}
	w->len = 0; /* once more, as a number */
	rc = number(w, 1, UINT32_MAX, &n, "the number of a table of routes belongs here, or main");
	*out = (uint32_t)n;
	return rc;
}

/* ---- values of the file ---- */

static int tell(const struct pt_conf_fault *f, int rc, const struct pt_loc *loc, const char *hint, struct pt_err *e)
{
	struct pt_loc at = *loc;

	if (rc == -ENOMEM)
		return pt_err_sys(e, rc, "reading a route");
	at.col += (uint32_t)f->at;
	at.len = f->len ? (uint32_t)f->len : 1;
	pt_err_add(e, PT_ERROR, &at, hint, "%s", f->why);
	return -EINVAL;
}

#define CHECK(name, type, parse, hint)                                                                                 \
	int name(const char *s, const struct pt_loc *loc, struct pt_err *e)                                            \
	{                                                                                                              \
		struct pt_conf_fault f = { 0 };                                                                        \
		type ignored;                                                                                          \
		int rc = parse(s, NULL, &ignored, &f);                                                                 \
                                                                                                                       \
		return rc ? tell(&f, rc, loc, hint, e) : 0;                                                            \
	}

CHECK(conf_check_route, struct pt_conf_route, pt_conf_route_parse, "as \"10.0.0.0/8 via 192.0.2.1\", see ip-route(8)")
CHECK(conf_check_route_rule, struct pt_conf_route_rule, pt_conf_route_rule_parse, "as \"from 10.0.0.0/8 lookup 8001\", see ip-rule(8)")
CHECK(conf_check_neighbour, struct pt_conf_neighbour, pt_conf_neighbour_parse, "as \"192.0.2.1 lladdr 02:00:00:00:00:01 dev lan\"")

/* ---- routes ---- */

struct route_parser {
	struct words w;
	struct pt_conf_route *r;
	struct pt_conf_hop *hops; /* room for PT_ROUTE_HOPS_MAX */
	bool listed; /* hops are written as nexthop */
	uint32_t has; /* PT_ROUTE_HAS_* */
};

static struct pt_conf_hop *hop(struct route_parser *p)
{
	if (!p->r->n_hops)
		p->hops[p->r->n_hops++] = (struct pt_conf_hop){ .weight = 1 };
	return &p->hops[p->r->n_hops - 1];
}

static int word_via(struct route_parser *p)
{
	return address(&p->w, &hop(p)->via);
}

static int word_dev(struct route_parser *p)
{
	return device(&p->w, &hop(p)->dev);
}

static int word_onlink(struct route_parser *p)
{
	hop(p)->onlink = true;
	return 0;
}

static int word_weight(struct route_parser *p)
{
	uint64_t n = 1;
	int rc;

	if (!p->listed)
		return fault(&p->w, "weights are of several, each behind `nexthop`");
	rc = number(&p->w, 1, 256, &n, "1 to 256 belongs here");
	hop(p)->weight = (uint16_t)n;
	return rc;
}

static int word_nexthop(struct route_parser *p)
{
	if (!p->listed && p->r->n_hops)
		return fault(&p->w, "write all of them behind `nexthop`");
	if (p->r->n_hops == PT_ROUTE_HOPS_MAX)
		return fault(&p->w, "a route has at most 64 of these");
	p->listed = true;
	p->hops[p->r->n_hops++] = (struct pt_conf_hop){ .weight = 1 };
	return 0;
}

static int word_number(struct route_parser *p, uint64_t min, uint32_t *out)
{
	uint64_t n = 0;
	int rc = number(&p->w, min, UINT32_MAX, &n, "a number belongs here");

	*out = (uint32_t)n;
	return rc;
}

static int word_metric(struct route_parser *p)
{
	p->has |= PT_ROUTE_HAS_METRIC;
	return word_number(p, 0, &p->r->metric);
}

static int word_mtu(struct route_parser *p)
{
	return word_number(p, 68, &p->r->mtu);
}

static int word_table(struct route_parser *p)
{
	return table(&p->w, &p->r->table);
}

static int word_src(struct route_parser *p)
{
	return address(&p->w, &p->r->src);
}

static const struct {
	const char *word;
	int (*parse)(struct route_parser *p);
} route_words[] = {
	{ "via", word_via },	 { "dev", word_dev },	  { "metric", word_metric }, { "table", word_table },
	{ "src", word_src },	 { "mtu", word_mtu },	  { "onlink", word_onlink }, { "weight", word_weight },
	{ "nexthop", word_nexthop },
};

static int parse_route_word(struct route_parser *p)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(route_words); i++)
		if (is_word(&p->w, route_words[i].word))
			return route_words[i].parse(p);
	return fault(&p->w, "this is none of via dev metric table src mtu onlink nexthop weight");
}

static int check_route(struct route_parser *p)
{
	struct pt_conf_route *r = p->r;

	p->w.at = p->w.s; /* the whole of it */
	p->w.len = strlen(p->w.s);
	if (r->type == PT_ROUTE_UNICAST && !r->n_hops)
		return fault(&p->w, "a route leads somewhere: via ADDRESS, or dev INTERFACE");
	if (r->type != PT_ROUTE_UNICAST && r->n_hops)
		return fault(&p->w, "blackhole, unreachable and prohibit lead nowhere");
	for (uint32_t i = 0; i < r->n_hops; i++) {
		const struct pt_conf_hop *h = &p->hops[i];

		if (!h->via.af && !h->dev)
			return fault(&p->w, "a next hop is a via ADDRESS, or a dev INTERFACE");
		/* The other way round Linux can do it (RFC 5549), this way it cannot. */
		if (h->via.af == PT_AF_INET && r->dst.addr.af == PT_AF_INET6)
			return fault(&p->w, "an IPv6 route has no IPv4 next hop");
	}
	if (r->src.af && r->src.af != r->dst.addr.af)
		return fault(&p->w, "src is an address of the route's family");
	return 0;
}

static int parse_destination(struct route_parser *p)
{
	struct words *w = &p->w;
	int type;

	if (!next(w))
		return fault(w, "a route begins with its destination");
	type = route_type(w);
	if (type >= 0) {
		p->r->type = type & 3;
		p->has |= PT_ROUTE_HAS_TYPE;
		if (!next(w))
			return fault(w, "the destination is missing");
	}
	if (!is_word(w, "default"))
		return prefix(w, &p->r->dst);
	p->r->dst = (struct pt_prefix){ .addr = { .af = PT_AF_NONE } };
	return 0;
}

static int parse_route(const char *s, struct pt_arena *a, struct pt_conf_route *out, uint32_t *part, struct pt_conf_fault *f)
{
	struct pt_conf_hop room[PT_ROUTE_HOPS_MAX]; /* beside P, which is cleared: all but a few stay unused */
	struct route_parser p = { .w = { .s = s, .a = a, .f = f }, .r = out, .hops = room };
	struct pt_conf_hop *hops;
	int rc;

	memset(out, 0, sizeof(*out));
	out->table = PT_TABLE_MAIN;
	rc = parse_destination(&p);
	while (!rc && next(&p.w))
		rc = parse_route_word(&p);
	if (rc)
		return rc;
	if (part)
		*part = p.has;
	/* `default` is of the family of what it leads to; of a part, of any where that is not said */
	if (!out->dst.addr.af && !(part && (!out->n_hops || !p.hops[0].via.af)))
		out->dst.addr.af = out->n_hops && p.hops[0].via.af == PT_AF_INET6 ? PT_AF_INET6 : PT_AF_INET;
	if (!part)
		rc = check_route(&p);
	if (rc || !out->n_hops || !a)
		return rc;
	hops = pt_arena_alloc(a, out->n_hops * sizeof(*hops));
	if (!hops)
		return -ENOMEM;
	memcpy(hops, p.hops, out->n_hops * sizeof(*hops));
	out->hops = hops;
	return 0;
}

int pt_conf_route_parse(const char *s, struct pt_arena *a, struct pt_conf_route *out, struct pt_conf_fault *f)
{
	return parse_route(s, a, out, NULL, f);
}

int pt_conf_route_parse_part(const char *s, struct pt_arena *a, struct pt_conf_route *out, uint32_t *has, struct pt_conf_fault *f)
{
	return parse_route(s, a, out, has, f);
}

static void print_hop(struct pt_buf *b, const struct pt_conf_hop *h)
{
	if (h->via.af) {
		pt_buf_str(b, " via ");
		pt_addr_fmt(b, h->via);
	}
	if (h->dev)
		pt_buf_fmt(b, " dev %s", h->dev);
	if (h->onlink)
		pt_buf_str(b, " onlink");
}

void pt_conf_route_print(struct pt_buf *b, const struct pt_conf_route *r)
{
	if (r->type != PT_ROUTE_UNICAST)
		pt_buf_fmt(b, "%s ", types[r->type]);
	if (!r->dst.len && r->n_hops && r->hops->via.af == r->dst.addr.af) {
		pt_buf_str(b, "default");
	} else {
		pt_addr_fmt(b, r->dst.addr);
		pt_buf_fmt(b, "/%u", r->dst.len);
	}
	if (r->n_hops == 1)
		print_hop(b, r->hops);
	if (r->table != PT_TABLE_MAIN)
		pt_buf_fmt(b, " table %u", r->table);
	if (r->metric)
		pt_buf_fmt(b, " metric %u", r->metric);
	if (r->src.af) {
		pt_buf_str(b, " src ");
		pt_addr_fmt(b, r->src);
	}
	if (r->mtu)
		pt_buf_fmt(b, " mtu %u", r->mtu);
	for (uint32_t i = 0; r->n_hops > 1 && i < r->n_hops; i++) {
		pt_buf_str(b, " nexthop");
		print_hop(b, &r->hops[i]);
		pt_buf_fmt(b, " weight %u", r->hops[i].weight);
	}
}

/* ---- rules ---- */

struct rule_parser {
	struct words w;
	struct pt_conf_route_rule *r;
	bool ends; /* it says what is to happen */
	bool by_hand;
};

static int rule_side(struct rule_parser *p, struct pt_prefix *out)
{
	if (!next(&p->w))
		return fault(&p->w, "a network belongs here, or all");
	if (is_word(&p->w, "all"))
		return 0;
	if (prefix(&p->w, out))
		return -EINVAL;
	if (p->r->af && p->r->af != out->addr.af)
		return fault(&p->w, "this is of the other family");
	p->r->af = out->addr.af;
	return 0;
}

static int rule_from(struct rule_parser *p)
{
	return rule_side(p, &p->r->from);
}

static int rule_to(struct rule_parser *p)
{
	return rule_side(p, &p->r->to);
}

static int rule_iif(struct rule_parser *p)
{
	return device(&p->w, &p->r->iif);
}

static int rule_oif(struct rule_parser *p)
{
	return device(&p->w, &p->r->oif);
}

static int rule_mark(struct rule_parser *p)
{
	char text[TEXT_MAX], *slash;
	uint64_t mark, mask = UINT32_MAX;

	if (!next(&p->w) || !copy(&p->w, text))
		return fault(&p->w, "a mark belongs here, as 0x1000000/0xff000000");
	slash = strchr(text, '/');
	if (slash)
		*slash = '\0';
	if (conf_parse_number(text, UINT32_MAX, &mark) || (slash && conf_parse_number(slash + 1, UINT32_MAX, &mask)) || !mask ||
	    mark & ~mask)
		return fault(&p->w, "a mark belongs here, as 0x1000000/0xff000000");
	p->r->mark = (uint32_t)mark;
	p->r->mask = (uint32_t)mask;
	return 0;
}

static int rule_tos(struct rule_parser *p)
{
	uint64_t n = 0;
	int rc = number(&p->w, 1, 255, &n, "1 to 255 belongs here");

	p->r->tos = (uint8_t)n;
	return rc;
}

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = { { "tcp", 6 }, { "udp", 17 }, { "icmp", 1 }, { "icmp6", 58 }, { "sctp", 132 }, { "gre", 47 }, { "esp", 50 } };

static int rule_protocol(struct rule_parser *p)
{
	uint64_t n = 0;
	int rc;

	if (!next(&p->w))
		return fault(&p->w, "a protocol belongs here");
	for (size_t i = 0; i < PT_ARRAY_SIZE(protocols); i++)
		if (is_word(&p->w, protocols[i].name)) {
			p->r->proto = protocols[i].number;
			return 0;
		}
	p->w.len = 0;
	rc = number(&p->w, 1, 255, &n, "a protocol belongs here: tcp, udp, …, or 1 to 255");
	p->r->proto = (uint8_t)n;
	return rc;
}

static int rule_ports(struct rule_parser *p, uint16_t *lo, uint16_t *hi)
{
	char text[TEXT_MAX], *dash;
	uint64_t from, to;

	if (!next(&p->w) || !copy(&p->w, text))
		return fault(&p->w, "a port belongs here, or two with '-' between");
	dash = strchr(text, '-');
	if (dash)
		*dash = '\0';
	if (pt_parse_uint(text, UINT16_MAX, &from) || !from)
		return fault(&p->w, "a port belongs here, or two with '-' between");
	to = from;
	if (dash && (pt_parse_uint(dash + 1, UINT16_MAX, &to) || to < from))
		return fault(&p->w, "a port belongs here, or two with '-' between");
	*lo = (uint16_t)from;
	*hi = (uint16_t)to;
	return 0;
}

static int rule_sport(struct rule_parser *p)
{
	return rule_ports(p, &p->r->sport_lo, &p->r->sport_hi);
}

static int rule_dport(struct rule_parser *p)
{
	return rule_ports(p, &p->r->dport_lo, &p->r->dport_hi);
}

static int rule_priority(struct rule_parser *p)
{
	uint64_t n = 0;
	int rc;

	if (p->by_hand)
		rc = number(&p->w, 1, UINT32_MAX, &n, "a number belongs here: the lower, the earlier");
	else
		rc = number(&p->w, PT_RULE_PRIORITY_LO, PT_RULE_PRIORITY_HI, &n, "20000 to 20999 belongs here: these are ours");
	p->r->priority = (uint32_t)n;
	return rc;
}

static int rule_lookup(struct rule_parser *p)
{
	p->ends = true;
	return table(&p->w, &p->r->table);
}

static int rule_not(struct rule_parser *p)
{
	p->r->neg = true;
	return 0;
}

static int rule_inet(struct rule_parser *p)
{
	enum pt_af af = is_word(&p->w, "inet") ? PT_AF_INET : PT_AF_INET6;

	if (p->r->af && p->r->af != af)
		return fault(&p->w, "the networks of this rule are of the other family");
	p->r->af = af;
	return 0;
}

static const struct {
	const char *word;
	int (*parse)(struct rule_parser *p);
} rule_words[] = {
	{ "from", rule_from },	   { "to", rule_to },	     { "iif", rule_iif },	  { "oif", rule_oif },
	{ "fwmark", rule_mark },   { "tos", rule_tos },	     { "ipproto", rule_protocol }, { "sport", rule_sport },
	{ "dport", rule_dport },   { "lookup", rule_lookup }, { "table", rule_lookup },	  { "not", rule_not },
	{ "inet", rule_inet },	   { "inet6", rule_inet },    { "priority", rule_priority }, { "pref", rule_priority },
};

static int parse_rule_word(struct rule_parser *p)
{
	int type = route_type(&p->w);

	if (type == PT_ROUTE_UNICAST)
		return fault(&p->w, "a rule says lookup TABLE, blackhole, unreachable or prohibit");
	if (type > 0) {
		p->r->type = type & 3;
		p->ends = true;
		return 0;
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(rule_words); i++)
		if (is_word(&p->w, rule_words[i].word))
			return rule_words[i].parse(p);
	return fault(&p->w, "this is none of from to iif oif fwmark tos ipproto sport dport not priority lookup blackhole unreachable prohibit");
}

static int parse_rule(const char *s, struct pt_arena *a, struct pt_conf_route_rule *out, bool *ends, struct pt_conf_fault *f)
{
	struct rule_parser p = { .w = { .s = s, .a = a, .f = f }, .r = out, .by_hand = ends };
	int rc = 0;

	memset(out, 0, sizeof(*out));
	while (!rc && next(&p.w))
		rc = parse_rule_word(&p);
	if (rc)
		return rc;
	p.w.at = s;
	p.w.len = strlen(s);
	if (ends)
		*ends = p.ends;
	else if (!p.ends)
		return fault(&p.w, "it does not say what to do: lookup TABLE, blackhole, unreachable or prohibit");
	if ((out->sport_hi || out->dport_hi) && !out->proto)
		return fault(&p.w, "ports are those of a protocol: ipproto tcp");
	return 0; /* af NONE: of both families */
}

int pt_conf_route_rule_parse(const char *s, struct pt_arena *a, struct pt_conf_route_rule *out, struct pt_conf_fault *f)
{
	return parse_rule(s, a, out, NULL, f);
}

int pt_conf_route_rule_parse_part(const char *s, struct pt_arena *a, struct pt_conf_route_rule *out, bool *ends, struct pt_conf_fault *f)
{
	return parse_rule(s, a, out, ends, f);
}

/* ---- neighbours ---- */

int pt_conf_neighbour_parse(const char *s, struct pt_arena *a, struct pt_conf_neighbour *out, struct pt_conf_fault *f)
{
	struct words w = { .s = s, .a = a, .f = f };
	char text[TEXT_MAX];
	bool lladdr = false;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = address(&w, &out->addr);
	while (!rc && next(&w)) {
		if (is_word(&w, "dev")) {
			rc = device(&w, &out->dev);
		} else if (is_word(&w, "lladdr")) {
			if (!next(&w) || !copy(&w, text) || pt_mac_parse(text, &out->mac))
				rc = fault(&w, "a link address belongs here, as 02:00:00:00:00:01");
			lladdr = true;
		} else {
			rc = fault(&w, "this is none of lladdr dev");
		}
	}
	if (rc)
		return rc;
	w.at = s;
	w.len = strlen(s);
	return lladdr && out->dev ? 0 : fault(&w, "a neighbour is an ADDRESS lladdr MAC dev INTERFACE");
}
