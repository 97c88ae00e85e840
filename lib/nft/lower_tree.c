/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A long list of rules as a tree of chains, for kernels and machines without the classifier.
 *
 * Each cut looks one property of the packet up in a hash (family, protocol, device, a port, the first bits
 * of an address) and goes on in a chain that holds only the rules that can match there, in their
 * order. A rule without that property goes along into every chain: cuts are chosen by what a packet then
 * costs, and given up when they multiply rules. A list that interval maps would fit is left linear: their
 * order of matches is the kernel's secret beyond 256 elements.
 *
 * A packet too short to have what a cut reads is left in the cutting chain, with the rules that do not
 * ask for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nft/lower.h"

#define DEPTH_MAX 8
#define CUTS_MAX 400 /* the kernel finds sets by walking a list: making them is quadratic */
#define COPIES_MAX 8 /* kernel rules for one rule of the list, on average */
#define COPIES_ALL 100000 /* more than there are rules: each takes some KiB here and in the kernel */
#define LOOKUP_COST 8 /* of a cut, in rules that fail */
#define TRIES 40 /* forms of a cut */

enum dimension { BY_FAMILY, BY_PROTO, BY_DEVICE, BY_SPORT, BY_DPORT, BY_SRC, BY_DST };

/* What a cut looks up: the first BITS bits of a property of WIDTH bits, of packets of one family (addresses)
 * or one protocol (ports) only. */
struct cut {
	enum dimension by;
	uint8_t bits, width;
	uint8_t af;    /* PT_AF_INET, PT_AF_INET6; 0: any */
	int16_t proto; /* -1: any */
};

/* The values of a property that a rule can match, as one interval. */
struct span {
	pt_u128 lo, hi;
};

/* What becomes of a rule at a cut. */
struct part {
	struct span span;
	bool goes;  /* along to the keys in SPAN */
	bool stays; /* behind, for packets that have none of the keys */
};

struct member {
	const struct pt_order_item *item;
	struct span src[2], dst[2]; /* by family */
	struct span sport, dport;
};

typedef PT_VEC(uint32_t) members;

struct node {
	size_t chain;
	members list;
	struct nft_known known;
	uint16_t device; /* 1 + number of the one it is for, 0: any */
	unsigned int depth;
	double weight; /* share of packets that come here */
};

struct tree {
	struct nft_lower *l;
	const char *base;
	enum nft_mode mode;
	struct member *all;
	size_t n_all;
	PT_VEC(const char *) devices;
	PT_VEC(struct node) nodes;
	size_t cuts, copies;
	pt_u128 *keys, *lows, *highs; /* room for what is being tried */
};

/* ---- rules as spans ---- */

static struct span span_of(const struct pt_iset *s, pt_u128 max)
{
	if (!s->n)
		return (struct span){ 0, max };
	return (struct span){ s->v[0].lo, s->v[s->n - 1].hi };
}

static void address_spans(const struct pt_pol_addr *a, struct span out[2])
{
	static const struct pt_iset any;

	for (int i = 0; i < 2; i++) {
		const struct pt_iset *s = a->kind == PT_REF_SET ? (i ? &a->v6 : &a->v4) : &any;

		out[i] = span_of(s, i ? ~(pt_u128)0 : UINT32_MAX);
	}
}

static int member_add(struct tree *t, const struct pt_order_item *item)
{
	const struct pt_pol_rule *r = item->rule;
	struct member *m = &t->all[t->n_all++];

	m->item = item;
	address_spans(&r->src, m->src);
	address_spans(&r->dst, m->dst);
	m->sport = span_of(&r->sport, UINT16_MAX);
	m->dport = span_of(&r->dport, UINT16_MAX);
	for (size_t i = 0; i < r->devices.n; i++) {
		size_t k = 0;

		while (k < t->devices.n && strcmp(t->devices.v[k], r->devices.v[i]) != 0)
			k++;
		if (k == t->devices.n && pt_vec_push(t->l->arena, &t->devices, r->devices.v[i]))
			return -ENOMEM;
	}
	return 0;
}

static pt_u128 device_number(const struct tree *t, const char *device)
{
	for (size_t i = 0; i < t->devices.n; i++)
		if (!strcmp(t->devices.v[i], device))
			return i;
	return t->devices.n;
}

static bool has_proto(const struct pt_pol_rule *r, int16_t proto)
{
	return r->proto_any || memchr(r->protos.v, proto, r->protos.n);
}

static struct span span_for(const struct tree *t, const struct member *m, const struct cut *c)
{
	const struct pt_pol_rule *r = m->item->rule;
	int six = c->af == PT_AF_INET6;
	struct span s = { 0, ((pt_u128)1 << (c->width - 1) << 1) - 1 };

	switch (c->by) {
	case BY_FAMILY:
		return (struct span){ r->af & PT_AF_INET ? 0 : 1, r->af & PT_AF_INET6 ? 1 : 0 };
	case BY_PROTO:
		if (!r->proto_any && r->protos.n)
			s = (struct span){ r->protos.v[0], r->protos.v[r->protos.n - 1] };
		return s;
	case BY_DEVICE:
		if (!r->if_any && !r->if_neg && r->devices.n == 1)
			s.lo = s.hi = device_number(t, r->devices.v[0]);
		return s;
	case BY_SPORT:
		s = m->sport;
		break;
	case BY_DPORT:
		s = m->dport;
		break;
	case BY_SRC:
		s = m->src[six];
		break;
	case BY_DST:
		s = m->dst[six];
		break;
	}
	s.lo >>= c->width - c->bits;
	s.hi >>= c->width - c->bits;
	return s;
}

static struct part part_of(const struct tree *t, uint32_t member, const struct cut *c, const struct node *n)
{
	const struct member *m = &t->all[member];
	const struct pt_pol_rule *r = m->item->rule;
	struct part p = { .span = span_for(t, m, c), .goes = true };
	bool elsewhere = false; /* it can match packets that the cut is not for */

	if (c->af) {
		p.goes = r->af & c->af;
		elsewhere = r->af & n->known.af & ~c->af;
	}
	if (c->proto >= 0) {
		p.goes = has_proto(r, c->proto);
		elsewhere = n->known.proto < 0 && (r->proto_any || r->protos.n > 1);
	}
	p.stays = !p.goes || elsewhere || p.span.lo != p.span.hi;
	return p;
}

/* ---- choosing a cut ---- */

static int by_number(const void *a, const void *b)
{
	pt_u128 x = *(const pt_u128 *)a, y = *(const pt_u128 *)b;

	return x < y ? -1 : x > y;
}

/* Number of V[N], sorted, below X (or up to X). */
static size_t rank_of(const pt_u128 *v, size_t n, pt_u128 x, bool up_to)
{
	size_t lo = 0;

	while (n) {
		size_t half = n / 2;

		if (v[lo + half] < x || (up_to && v[lo + half] == x)) {
			lo += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return lo;
}

/* What packets would cost behind the cut, in rules; COPIES: rules in all chains together. */
static double cut_cost(struct tree *t, const struct node *n, const struct cut *c, size_t *copies)
{
	size_t narrow = 0, wide = 0, stay = 0;
	double cost = 0;

	for (size_t i = 0; i < n->list.n; i++) {
		struct part p = part_of(t, n->list.v[i], c, n);

		stay += p.stays;
		if (!p.goes)
			continue;
		if (p.span.lo == p.span.hi) {
			t->keys[narrow++] = p.span.lo;
		} else {
			t->lows[wide] = p.span.lo;
			t->highs[wide++] = p.span.hi;
		}
	}
	*copies = stay;
	if (!narrow)
		return (double)n->list.n;
	qsort(t->keys, narrow, sizeof(*t->keys), by_number);
	qsort(t->lows, wide, sizeof(*t->lows), by_number);
	qsort(t->highs, wide, sizeof(*t->highs), by_number);
	for (size_t i = 0, next; i < narrow; i = next) {
		size_t here;

		for (next = i; next < narrow && t->keys[next] == t->keys[i];)
			next++;
		here = next - i + rank_of(t->lows, wide, t->keys[i], true) -
		       rank_of(t->highs, wide, t->keys[i], false);
		cost += (double)(next - i) * (double)here;
		*copies += here;
	}
	cost += (double)(n->list.n - narrow) * (double)stay;
	return cost / (double)n->list.n + LOOKUP_COST;
}

static size_t port_forms(const struct node *n, struct cut *out)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	size_t k = 0;

	for (size_t i = 0; i < sizeof(protos); i++) {
		if (n->known.proto >= 0 && n->known.proto != protos[i])
			continue;
		out[k++] = (struct cut){ BY_DPORT, 16, 16, 0, protos[i] };
		out[k++] = (struct cut){ BY_SPORT, 16, 16, 0, protos[i] };
	}
	return k;
}

static size_t address_forms(const struct node *n, struct cut *out)
{
	static const uint8_t bits[2][7] = { { 8, 12, 16, 20, 24, 28, 32 }, { 32, 48, 56, 64, 96, 112, 128 } };
	size_t k = 0;

	for (int six = 0; six < 2; six++) {
		uint8_t af = six ? PT_AF_INET6 : PT_AF_INET, width = six ? 128 : 32;

		for (size_t i = 0; (n->known.af & af) && i < sizeof(bits[six]); i++) {
			out[k++] = (struct cut){ BY_SRC, bits[six][i], width, af, -1 };
			out[k++] = (struct cut){ BY_DST, bits[six][i], width, af, -1 };
		}
	}
	return k;
}

static size_t cut_forms(const struct tree *t, const struct node *n, struct cut *out)
{
	size_t k = 0;

	if (n->known.af == PT_AF_BOTH)
		out[k++] = (struct cut){ BY_FAMILY, 1, 1, 0, -1 };
	if (n->known.proto < 0)
		out[k++] = (struct cut){ BY_PROTO, 8, 8, 0, -1 };
	if (t->devices.n > 1 && !n->device)
		out[k++] = (struct cut){ BY_DEVICE, 16, 16, 0, -1 };
	k += port_forms(n, out + k);
	return k + address_forms(n, out + k);
}

static size_t copies_allowed(const struct tree *t)
{
	size_t more = COPIES_MAX * t->n_all;

	return t->n_all + (more < COPIES_ALL ? more : COPIES_ALL);
}

static bool choose(struct tree *t, const struct node *n, struct cut *best)
{
	struct cut forms[TRIES];
	size_t n_forms = cut_forms(t, n, forms), copies;
	double least = (double)n->list.n * 0.8, cost;
	bool found = false;

	for (size_t i = 0; i < n_forms; i++) {
		cost = cut_cost(t, n, &forms[i], &copies);
		if (cost >= least || t->copies + copies > n->list.n + copies_allowed(t))
			continue;
		least = cost;
		*best = forms[i];
		found = true;
	}
	return found;
}

/* ---- cutting ---- */

static struct node *node_new(struct tree *t, const struct node *parent)
{
	struct node n = { .known = parent->known, .device = parent->device, .depth = parent->depth + 1 };
	char name[NFT_SETNAME_MAX];

	nft_name(name, "%s.%zu", t->base, t->nodes.n);
	n.chain = nft_chain_new(t->l, name);
	if (t->l->rc || pt_vec_push(t->l->arena, &t->nodes, n)) {
		nft_lower_fail(t->l, -ENOMEM);
		return NULL;
	}
	return &t->nodes.v[t->nodes.n - 1];
}

/* Bytes of the key at the place of value KEY. */
static uint8_t key_bytes(const struct tree *t, const struct cut *c, pt_u128 key, uint8_t *out)
{
	pt_u128 v = key << (c->width - c->bits);

	memset(out, 0, 16);
	switch (c->by) {
	case BY_FAMILY:
		out[0] = key ? NFPROTO_IPV6 : NFPROTO_IPV4;
		return 1;
	case BY_DEVICE:
		memcpy(out, t->devices.v[(size_t)key], strlen(t->devices.v[(size_t)key]));
		return NFT_IFNAME_LEN;
	default:
		nft_bytes(out, v, c->width / 8);
		return c->width / 8;
	}
}

static void load_key(struct nft_lower *l, const struct cut *c, const struct node *n, enum pt_dir dir)
{
	static const uint32_t src[2] = { 12, 8 }, dst[2] = { 16, 24 };
	bool six = c->af == PT_AF_INET6;
	uint8_t mask[16], zero[16] = { 0 };
	pt_u128 ones = ~(pt_u128)0 << (c->width - c->bits);

	if (c->af && n->known.af == PT_AF_BOTH)
		nft_t_u8(l, NFT_META_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	if (c->proto >= 0 && n->known.proto < 0)
		nft_t_u8(l, NFT_META_L4PROTO, (uint8_t)c->proto);
	switch (c->by) {
	case BY_FAMILY:
		nft_e_meta(l, NFT_META_NFPROTO);
		break;
	case BY_PROTO:
		nft_e_meta(l, NFT_META_L4PROTO);
		break;
	case BY_DEVICE:
		nft_e_meta(l, dir == PT_IN ? NFT_META_IIFNAME : NFT_META_OIFNAME);
		break;
	case BY_SPORT:
	case BY_DPORT:
		nft_e_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, c->by == BY_DPORT ? 2 : 0, 2);
		break;
	case BY_SRC:
	case BY_DST:
		nft_e_payload(l, NFT_PAYLOAD_NETWORK_HEADER, c->by == BY_SRC ? src[six] : dst[six], six ? 16 : 4);
		if (c->bits == c->width)
			break;
		nft_bytes(mask, ones, c->width / 8);
		nft_e_bitwise(l, mask, zero, c->width / 8);
		break;
	}
}

static uint32_t key_type(const struct cut *c)
{
	static const uint32_t types[] = { NFT_TYPE_NF_PROTO, NFT_TYPE_INET_PROTO, NFT_TYPE_IFNAME,
					  NFT_TYPE_INET_SERVICE, NFT_TYPE_INET_SERVICE };

	if (c->by < BY_SRC)
		return types[c->by];
	return c->width == 128 ? NFT_TYPE_IP6ADDR : NFT_TYPE_IPADDR;
}

static void learn(struct node *n, const struct cut *c, pt_u128 key)
{
	if (c->by == BY_FAMILY)
		n->known.af = key ? PT_AF_INET6 : PT_AF_INET;
	else if (c->af)
		n->known.af = c->af;
	if (c->by == BY_PROTO)
		n->known.proto = (int16_t)key;
	else if (c->proto >= 0)
		n->known.proto = c->proto;
	if (c->by == BY_DEVICE)
		n->device = (uint16_t)(key + 1);
}

/* A member that goes along: to the keys from LO to HI. */
struct going {
	pt_u128 lo, hi;
	uint32_t member;
};

/* Those of a node, by their keys, and those that go to the key at hand. */
struct sorted {
	struct going *narrow, *wide;
	size_t n_narrow, n_wide;
	struct going *here; /* wide ones in the rules' order */
	size_t n_here, entered; /* of WIDE, by LO */
};

static int by_key(const void *a, const void *b)
{
	const struct going *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->member < y->member ? -1 : x->member > y->member;
}

static int sorted_make(const struct tree *t, const struct node *n, const struct cut *c, struct sorted *out)
{
	struct going *v = malloc((n->list.n + 1) * 3 * sizeof(*v));

	*out = (struct sorted){ .narrow = v };
	if (!v)
		return -ENOMEM;
	out->wide = v + n->list.n;
	out->here = out->wide + n->list.n;
	for (size_t i = 0; i < n->list.n; i++) {
		struct part p = part_of(t, n->list.v[i], c, n);
		struct going g = { p.span.lo, p.span.hi, n->list.v[i] };

		if (p.goes && g.lo == g.hi)
			out->narrow[out->n_narrow++] = g;
		else if (p.goes)
			out->wide[out->n_wide++] = g;
	}
	qsort(out->narrow, out->n_narrow, sizeof(*v), by_key);
	qsort(out->wide, out->n_wide, sizeof(*v), by_key);
	return 0;
}

/* Keys come in ascending order: who has begun by KEY enters, who has ended leaves. */
static void sorted_advance(struct sorted *s, pt_u128 key)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_here; i++)
		if (s->here[i].hi >= key)
			s->here[n++] = s->here[i];
	for (; s->entered < s->n_wide && s->wide[s->entered].lo <= key; s->entered++) {
		struct going g = s->wide[s->entered];
		size_t i = n;

		if (g.hi < key)
			continue;
		for (; i && s->here[i - 1].member > g.member; i--)
			s->here[i] = s->here[i - 1];
		s->here[i] = g;
		n++;
	}
	s->n_here = n;
}

/* The N narrow members from V on and the wide ones at hand, in the rules' order. */
static void merge(struct nft_lower *l, const struct sorted *s, const struct going *v, size_t n, members *out)
{
	size_t w = 0;

	for (size_t i = 0; i < n || w < s->n_here;) {
		bool wide = i == n || (w < s->n_here && s->here[w].member < v[i].member);
		uint32_t member = wide ? s->here[w++].member : v[i++].member;

		if (pt_vec_push(l->arena, out, member)) {
			nft_lower_fail(l, -ENOMEM);
			return;
		}
	}
}

/* The chain for the key of the N narrow members from V on. */
static void branch(struct tree *t, size_t at, const struct cut *c, const struct sorted *s, const struct going *v, size_t n,
		   struct nft_set *map)
{
	struct nft_map_elem el = { 0 };
	struct node *child = node_new(t, &t->nodes.v[at]), *from = &t->nodes.v[at];

	if (!child)
		return;
	merge(t->l, s, v, n, &child->list);
	child->weight = from->weight * (double)n / (double)from->list.n;
	t->copies += child->list.n;
	learn(child, c, v->lo);
	el.key_len = key_bytes(t, c, v->lo, el.key);
	el.chain = t->l->prog->objects.chains.v[child->chain].name;
	if (!el.chain || pt_vec_push(t->l->arena, &map->map, el))
		nft_lower_fail(t->l, -ENOMEM);
}

static void branches(struct tree *t, size_t at, const struct cut *c, struct nft_set *map)
{
	struct sorted s;

	if (sorted_make(t, &t->nodes.v[at], c, &s))
		nft_lower_fail(t->l, -ENOMEM);
	for (size_t i = 0, n; i < s.n_narrow && !t->l->rc; i += n) {
		const struct going *v = &s.narrow[i];

		for (n = 1; i + n < s.n_narrow && v[n].lo == v->lo;)
			n++;
		sorted_advance(&s, v->lo);
		branch(t, at, c, &s, v, n, map);
	}
	free(s.narrow);
}

/* Node AT keeps those that no key can hold, and sends the others on. */
static void cut_node(struct tree *t, size_t at, const struct cut *c)
{
	struct nft_lower *l = t->l;
	struct nft_set map = { .role = NFT_SET_VMAP, .key_type = key_type(c), .data_type = NFT_TYPE_VERDICT };
	size_t kept = 0, before = t->nodes.v[at].list.n;
	char name[NFT_SETNAME_MAX];
	struct node *n;

	branches(t, at, c, &map);
	n = &t->nodes.v[at]; /* the vector has grown */
	for (size_t i = 0; i < n->list.n; i++)
		if (part_of(t, n->list.v[i], c, n).stays)
			n->list.v[kept++] = n->list.v[i];
	n->list.n = kept;
	n->weight *= (double)kept / (double)before;
	t->copies -= before - kept;
	t->cuts++;
	nft_name(name, "%s" NFT_CUT "%zu", t->base, t->cuts);
	map.name = pt_arena_strdup(l->arena, name);
	if (l->rc || !map.name || !map.map.n) {
		nft_lower_fail(l, -ENOMEM);
		return;
	}
	map.key_len = map.map.v[0].key_len;
	nft_rule_open(l, n->chain);
	load_key(l, c, n, t->all[0].item->rule->dir);
	nft_e_map(l, nft_set_map(l, &map), NFT_REG_VERDICT);
	nft_rule_close(l, NULL);
}

/* The node where a cut would help most, among those not given up. */
static size_t worst(const struct tree *t)
{
	size_t found = SIZE_MAX;
	double most = 0;

	for (size_t i = 0; i < t->nodes.n; i++) {
		const struct node *n = &t->nodes.v[i];
		double gain = n->weight * (double)n->list.n;

		if (n->list.n > t->l->tree_min / 2 && n->depth < DEPTH_MAX && gain > most) {
			most = gain;
			found = i;
		}
	}
	return found;
}

static void grow(struct tree *t)
{
	struct cut c = { 0 };
	size_t at;

	while (!t->l->rc && t->cuts < CUTS_MAX && (at = worst(t)) != SIZE_MAX) {
		if (choose(t, &t->nodes.v[at], &c))
			cut_node(t, at, &c);
		else
			t->nodes.v[at].depth = DEPTH_MAX; /* stays as it is */
	}
}

/* ---- leaves ---- */

static void emit_member(struct tree *t, const struct node *n, const struct pt_order_item *item)
{
	const struct pt_pol_rule *r = item->rule;
	struct nft_effect x = { .rule = r, .mode = t->mode, .decide = item->kind != PT_ORDER_EFFECT };
	struct nft_match m;

	/* A rule that is not quick set its tag on the way down. */
	if (!x.decide || (r->quick && r->action == PT_PASS))
		x.tag = r->tag;
	x.count = x.decide || r->action == PT_MATCH;
	if (nft_match_decide(t->l, r, &n->known, &m))
		nft_match_emit(t->l, n->chain, &m, nft_effect_emit, &x);
}

static int prepare(struct tree *t, const struct pt_order *o)
{
	struct pt_arena *a = t->l->arena;
	struct node root = { .known = { .tag = NFT_TAG_LIVE, .af = PT_AF_BOTH, .proto = -1, .tested = true }, .weight = 1 };
	int rc = 0;

	t->all = pt_arena_alloc(a, (o->items.n + 1) * sizeof(*t->all));
	t->keys = malloc((o->items.n + 1) * 3 * sizeof(*t->keys));
	if (!t->all || !t->keys)
		return -ENOMEM;
	t->lows = t->keys + o->items.n;
	t->highs = t->lows + o->items.n;
	for (uint32_t i = 0; !rc && i < o->items.n; i++) {
		rc = member_add(t, &o->items.v[i]);
		if (!rc)
			rc = pt_vec_push(a, &root.list, i);
	}
	t->copies = o->items.n;
	root.chain = nft_chain_new(t->l, t->base);
	return rc ? rc : pt_vec_push(a, &t->nodes, root);
}

bool nft_tree_emit(struct nft_lower *l, const char *base, const struct pt_order *o, enum nft_mode mode)
{
	struct tree t = { .l = l, .base = base, .mode = mode };

	if (l->rc || !o->items.n)
		return false;
	if (prepare(&t, o))
		nft_lower_fail(l, -ENOMEM);
	if (!l->rc)
		grow(&t);
	for (size_t i = 0; i < t.nodes.n && !l->rc; i++) {
		const struct node *n = &t.nodes.v[i];

		for (size_t k = 0; k < n->list.n && !l->rc; k++)
			emit_member(&t, n, t.all[n->list.v[k]].item);
	}
	free(t.keys);
	return !l->rc;
}
