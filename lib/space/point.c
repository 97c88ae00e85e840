/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One packet as a point and back, and which point of a box is the one to show: as plain a packet as there is in it. */
#include <errno.h>

#include "space/internal.h"

#define NO_MAC ((pt_u128)1 << 48)
#define NO_OWNER ((pt_u128)1 << 32)

static bool has_ports(uint8_t proto)
{
	return proto == PT_PROTO_TCP || proto == PT_PROTO_UDP || proto == PT_PROTO_SCTP;
}

static bool is_icmp(uint8_t proto)
{
	return proto == PT_PROTO_ICMP || proto == PT_PROTO_ICMP6;
}

/* ---- to and fro ---- */

static pt_u128 device_number(const struct pt_space *s, const char *name)
{
	size_t i = 0;

	while (i + 1 < s->devices.n && strcmp(s->devices.v[i], name) != 0)
		i++;
	return i;
}

int pt_space_point(const struct pt_space *s, struct pt_arena *a, const struct pt_packet *k, const char *device,
		   struct pt_point *out)
{
	pt_u128 *v = pt_arena_alloc(a, pt_space_dims(s) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	v[PT_DIM_DEVICE] = device_number(s, device);
	v[PT_DIM_PROTO] = k->proto;
	v[PT_DIM_SRC] = k->src.v;
	v[PT_DIM_DST] = k->dst.v;
	v[PT_DIM_SPORT] = k->sport;
	v[PT_DIM_DPORT] = k->dport;
	v[PT_DIM_ICMP] = (uint32_t)k->icmp_type << 8 | k->icmp_code;
	v[PT_DIM_FLAGS] = k->tcp_flags;
	v[PT_DIM_SHORT] = k->no_ports ? 2 : k->no_flags;
	v[PT_DIM_TAG] = k->tag;
	v[PT_DIM_TOS] = k->tos;
	v[PT_DIM_MAC] = k->mac == PT_NO_MAC ? NO_MAC : k->mac;
	v[PT_DIM_RECEIVED] = k->received ? device_number(s, k->received) : s->devices.n;
	v[PT_DIM_USER] = k->owned ? k->uid : NO_OWNER;
	v[PT_DIM_GROUP] = k->owned ? k->gid : NO_OWNER;
	v[PT_DIM_TIME] = k->time;
	v[PT_DIM_NO_ROUTE_SRC] = k->no_route_src;
	v[PT_DIM_NO_ROUTE_DST] = k->no_route_dst;
	v[PT_DIM_URPF] = k->urpf_failed;
	for (size_t i = 0; i < s->draws.n; i++)
		v[PT_DIM_FREE + i] = pt_packet_drew(k, s->draws.v[i].rule, s->draws.v[i].chance);
	*out = (struct pt_point){ .af = k->af, .n = pt_space_dims(s), .v = v };
	return 0;
}

/* What a packet of its protocol has: fields of others are 0. */
static void put_protocol(const pt_u128 *v, struct pt_packet *k)
{
	k->proto = (uint8_t)v[PT_DIM_PROTO];
	k->no_ports = v[PT_DIM_SHORT] == 2 && (has_ports(k->proto) || is_icmp(k->proto));
	k->no_flags = v[PT_DIM_SHORT] && k->proto == PT_PROTO_TCP;
	if (has_ports(k->proto) && !k->no_ports) {
		k->sport = (uint16_t)v[PT_DIM_SPORT];
		k->dport = (uint16_t)v[PT_DIM_DPORT];
	}
	if (is_icmp(k->proto) && !k->no_ports) {
		k->icmp_type = (uint8_t)(v[PT_DIM_ICMP] >> 8);
		k->icmp_code = (uint8_t)v[PT_DIM_ICMP];
	}
	if (k->proto == PT_PROTO_TCP && !k->no_flags)
		k->tcp_flags = (uint8_t)v[PT_DIM_FLAGS];
}

void pt_space_packet(const struct pt_space *s, const struct pt_point *p, struct pt_packet *out, const char **device)
{
	const pt_u128 *v = p->v;

	memset(out, 0, sizeof(*out));
	out->af = p->af;
	out->src = (struct pt_addr){ p->af, v[PT_DIM_SRC] };
	out->dst = (struct pt_addr){ p->af, v[PT_DIM_DST] };
	put_protocol(v, out);
	out->tag = (uint8_t)v[PT_DIM_TAG];
	out->tos = (uint8_t)v[PT_DIM_TOS];
	out->mac = v[PT_DIM_MAC] == NO_MAC ? PT_NO_MAC : (uint64_t)v[PT_DIM_MAC];
	out->received = v[PT_DIM_RECEIVED] < s->devices.n ? s->devices.v[v[PT_DIM_RECEIVED]] : NULL;
	out->owned = v[PT_DIM_USER] != NO_OWNER && v[PT_DIM_GROUP] != NO_OWNER;
	out->uid = out->owned ? (uint32_t)v[PT_DIM_USER] : 0;
	out->gid = out->owned ? (uint32_t)v[PT_DIM_GROUP] : 0;
	out->time = (uint64_t)v[PT_DIM_TIME];
	out->draws = s->draws.v;
	out->drawn = v + PT_DIM_FREE;
	out->n_draws = (uint32_t)s->draws.n;
	out->no_route_src = v[PT_DIM_NO_ROUTE_SRC] != 0;
	out->no_route_dst = v[PT_DIM_NO_ROUTE_DST] != 0;
	out->urpf_failed = v[PT_DIM_URPF] != 0;
	out->ct = pt_packet_ct(out);
	*device = s->devices.v[v[PT_DIM_DEVICE]];
}

/* ---- the one to show ---- */

/* The values of a dimension that are shown rather than others, the first that there is. */
struct taste {
	uint32_t dim;
	enum pt_af af; /* NONE: of both */
	pt_u128 lo, hi;
};

#define V6(a, b, c) ((pt_u128)(a) << 112 | (pt_u128)(b) << 96 | (c))
#define WHOLE_V6 (~(pt_u128)0)

static const struct taste tastes[] = {
	{ PT_DIM_PROTO, PT_AF_NONE, PT_PROTO_TCP, PT_PROTO_TCP },
	{ PT_DIM_PROTO, PT_AF_NONE, PT_PROTO_UDP, PT_PROTO_UDP },
	{ PT_DIM_PROTO, PT_AF_INET, PT_PROTO_ICMP, PT_PROTO_ICMP },
	{ PT_DIM_PROTO, PT_AF_INET6, PT_PROTO_ICMP6, PT_PROTO_ICMP6 },
	/* addresses for documentation, then what is routed, then private ones: neither 0/8, 127/8 nor multicast */
	{ PT_DIM_SRC, PT_AF_INET, 0xc6336401, 0xc63364fe },
	{ PT_DIM_DST, PT_AF_INET, 0xcb007101, 0xcb0071fe },
	{ PT_DIM_SRC, PT_AF_INET, 0x01000001, 0x7efffffe },
	{ PT_DIM_SRC, PT_AF_INET, 0x80000001, 0xdffffffe },
	{ PT_DIM_DST, PT_AF_INET, 0x01000001, 0x7efffffe },
	{ PT_DIM_DST, PT_AF_INET, 0x80000001, 0xdffffffe },
	{ PT_DIM_SRC, PT_AF_INET6, V6(0x2001, 0xdb8, 1), V6(0x2001, 0xdb8, 0xffff) },
	{ PT_DIM_DST, PT_AF_INET6, V6(0x2001, 0xdb8, 0x10001), V6(0x2001, 0xdb8, 0x1ffff) },
	{ PT_DIM_SRC, PT_AF_INET6, V6(0x2000, 0, 1), V6(0x3fff, 0xffff, 0) },
	{ PT_DIM_DST, PT_AF_INET6, V6(0x2000, 0, 1), V6(0x3fff, 0xffff, 0) },
	{ PT_DIM_SRC, PT_AF_INET6, V6(0xfc00, 0, 1), V6(0xfdff, 0xffff, 0) },
	{ PT_DIM_DST, PT_AF_INET6, V6(0xfc00, 0, 1), V6(0xfdff, 0xffff, 0) },
	{ PT_DIM_SRC, PT_AF_INET6, V6(0, 0, 2), V6(0xfeff, 0xffff, 0) },
	{ PT_DIM_DST, PT_AF_INET6, V6(0, 0, 2), V6(0xfeff, 0xffff, 0) },
	{ PT_DIM_SPORT, PT_AF_NONE, 49152, 65535 }, /* as in `ptfw explain` */
	{ PT_DIM_SPORT, PT_AF_NONE, 1024, 65535 },
	{ PT_DIM_SPORT, PT_AF_NONE, 1, 65535 },
	{ PT_DIM_DPORT, PT_AF_NONE, 443, 443 },
	{ PT_DIM_DPORT, PT_AF_NONE, 80, 80 },
	{ PT_DIM_DPORT, PT_AF_NONE, 53, 53 },
	{ PT_DIM_DPORT, PT_AF_NONE, 1, 65535 },
	{ PT_DIM_ICMP, PT_AF_INET, 8 << 8, 8 << 8 },
	{ PT_DIM_ICMP, PT_AF_INET6, 128 << 8, 128 << 8 },
	{ PT_DIM_FLAGS, PT_AF_NONE, 0x02, 0x02 },
	{ PT_DIM_FLAGS, PT_AF_NONE, 0x10, 0x10 },
	{ PT_DIM_MAC, PT_AF_NONE, NO_MAC, NO_MAC },
	{ PT_DIM_USER, PT_AF_NONE, NO_OWNER, NO_OWNER },
	{ PT_DIM_GROUP, PT_AF_NONE, NO_OWNER, NO_OWNER },
};

/* Is there a value of S (NULL: all up to MAX) from LO to HI? The lowest one. */
static bool lowest_in(const struct pt_iset *s, pt_u128 max, pt_u128 lo, pt_u128 hi, pt_u128 *out)
{
	*out = lo;
	if (!s)
		return lo <= max;
	for (uint32_t i = 0; i < s->n; i++) {
		if (s->v[i].hi < lo)
			continue;
		*out = s->v[i].lo > lo ? s->v[i].lo : lo;
		return *out <= hi;
	}
	return false;
}

/* Addresses that few hosts have: of this machine, and the first and last ones of its networks. */
static bool is_special(const struct pt_host *h, enum pt_af af, pt_u128 v)
{
	for (size_t i = 0; h && i < h->ifs.n; i++)
		for (size_t k = 0; k < h->ifs.v[i].addrs.n; k++) {
			const struct pt_prefix *p = &h->ifs.v[i].addrs.v[k].prefix;
			pt_u128 lo = pt_prefix_lo(p), hi = pt_prefix_hi(p);

			if (p->addr.af == af && (v == p->addr.v || (hi - lo > 1 && (v == lo || v == hi))))
				return true;
		}
	return false;
}

/* V, or one soon behind it that a host may have: not the first of its network, where the network's bounds are the set's. */
static pt_u128 host_of(const struct pt_space *s, enum pt_af af, const struct pt_iset *set, pt_u128 v, pt_u128 hi)
{
	pt_u128 first = v, next;

	for (uint32_t i = 0; set && i < set->n; i++)
		if (set->v[i].lo == v && set->v[i].hi - v >= 2 && v + 1 <= hi && !(v & 1)) {
			first = v = v + 1;
			break;
		}
	for (int i = 0; i < 8 && is_special(space_of(s)->host, af, v); i++) {
		if (v >= hi || !lowest_in(set, pt_af_max(af), v + 1, hi, &next) || next > hi)
			return first;
		v = next;
	}
	return v;
}

static pt_u128 choose_device(const struct pt_space *s, const struct pt_iset *set)
{
	pt_u128 v = 0;

	for (pt_u128 i = 0; i + 1 < s->devices.n; i++)
		if (strcmp(s->devices.v[i], "lo") != 0 && (!set || pt_iset_has(set, i)))
			return i;
	(void)lowest_in(set, s->devices.n - 1, 0, WHOLE_V6, &v);
	return v;
}

pt_u128 space_plain_value(const struct pt_space *s, enum pt_af af, uint32_t dim, const struct pt_iset *set)
{
	pt_u128 max = pt_space_max(s, dim, af), v = 0;

	if (dim == PT_DIM_DEVICE)
		return choose_device(s, set);
	if (dim == PT_DIM_RECEIVED && (!set || pt_iset_has(set, max)))
		return max;
	if (dim == PT_DIM_TIME && lowest_in(set, max, space_of(s)->now, max, &v))
		return v;
	for (size_t i = 0; i < PT_ARRAY_SIZE(tastes); i++) {
		const struct taste *t = &tastes[i];

		if (t->dim != dim || (t->af && t->af != af) || !lowest_in(set, max, t->lo, t->hi, &v))
			continue;
		return dim == PT_DIM_SRC || dim == PT_DIM_DST ? host_of(s, af, set, v, t->hi) : v;
	}
	(void)lowest_in(set, max, 0, WHOLE_V6, &v);
	return v;
}

/* Where a packet would go to where it comes from, the next address that is in the set. */
static void keep_apart(const struct pt_iset *dst, pt_u128 max, pt_u128 *v)
{
	pt_u128 other;

	if (v[PT_DIM_SRC] == v[PT_DIM_DST] && v[PT_DIM_DST] < max && lowest_in(dst, max, v[PT_DIM_DST] + 1, max, &other))
		v[PT_DIM_DST] = other;
}

int space_choose(const struct pt_space *s, struct pt_arena *a, const struct pt_box *x, struct pt_point *out)
{
	uint32_t n = pt_space_dims(s);
	pt_u128 *v = pt_arena_alloc(a, n * sizeof(*v));
	const struct pt_box_side *side;

	if (!v)
		return -ENOMEM;
	for (uint32_t dim = 0; dim < n; dim++) {
		side = space_side(x, dim);
		v[dim] = space_plain_value(s, x->af, dim, side ? &side->set : NULL);
	}
	side = space_side(x, PT_DIM_DST);
	keep_apart(side ? &side->set : NULL, pt_af_max(x->af), v);
	*out = (struct pt_point){ .af = x->af, .n = n, .v = v };
	return 0;
}
