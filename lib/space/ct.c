/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What connection tracking says, as boxes: it looks at the protocol, the flags of TCP and the types of ICMP. */
#include <errno.h>

#include "space/internal.h"

static bool is_icmp(uint8_t proto)
{
	return proto == PT_PROTO_ICMP || proto == PT_PROTO_ICMP6;
}

/* The values of what PROTO has (flags, types) that are CT. */
static int values(struct pt_arena *a, enum pt_af af, uint8_t proto, enum pt_ct ct, struct pt_iset *out)
{
	struct pt_packet k = { .af = af, .proto = proto };
	uint32_t n = is_icmp(proto) ? 65536 : 256;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < n; i++) {
		uint32_t first = i;

		for (; i < n; i++) {
			k.tcp_flags = (uint8_t)i;
			k.icmp_type = (uint8_t)(i >> 8);
			k.icmp_code = (uint8_t)i;
			if (pt_packet_ct(&k) != ct)
				break;
		}
		if (i > first)
			rc = pt_iset_add(a, out, first, i - 1);
	}
	return rc;
}

/* Of a protocol that has more than its number. Too short to have it, it counts as zero. */
static int add_detailed(struct space *s, enum pt_af af, uint8_t proto, enum pt_ct ct, pt_boxes *out)
{
	static const struct pt_ival shorts[][2] = { { { 0, 0 }, { 1, 2 } }, { { 0, 1 }, { 2, 2 } } };
	uint32_t dim = is_icmp(proto) ? PT_DIM_ICMP : PT_DIM_FLAGS;
	const struct pt_iset whole = { .v = (struct pt_ival *)&shorts[is_icmp(proto)][0], .n = 1 };
	const struct pt_iset cut = { .v = (struct pt_ival *)&shorts[is_icmp(proto)][1], .n = 1 };
	struct space_sides b = { .s = &s->pub, .af = af };
	struct pt_iset set = { 0 }, number = { 0 };
	int rc = values(s->pub.arena, af, proto, ct, &set);

	if (!rc)
		rc = pt_iset_add(s->pub.arena, &number, proto, proto);
	if (rc)
		return rc;
	space_put(&b, PT_DIM_PROTO, &number);
	if (!space_is_whole(&set, pt_space_max(&s->pub, dim, af))) {
		space_put(&b, dim, &set);
		space_put(&b, PT_DIM_SHORT, &whole);
	}
	rc = space_finish(&b, s->pub.arena, out);
	if (rc || !pt_iset_has(&set, 0) || space_is_whole(&set, pt_space_max(&s->pub, dim, af)))
		return rc;
	b.n = 0;
	b.never = false;
	space_put(&b, PT_DIM_PROTO, &number);
	space_put(&b, PT_DIM_SHORT, &cut);
	return space_finish(&b, s->pub.arena, out);
}

/* All protocols of which nothing but the number counts. */
static int add_plain(struct space *s, enum pt_af af, enum pt_ct ct, pt_boxes *out)
{
	struct space_sides b = { .s = &s->pub, .af = af };
	struct pt_iset set = { 0 };
	int rc = 0;

	for (uint32_t i = 0; !rc && i < 256; i++) {
		const struct pt_packet k = { .af = af, .proto = (uint8_t)i };

		if (i != PT_PROTO_TCP && !is_icmp((uint8_t)i) && pt_packet_ct(&k) == ct)
			rc = pt_iset_add(s->pub.arena, &set, i, i);
	}
	set.dirty = true;
	pt_iset_norm(&set);
	space_put(&b, PT_DIM_PROTO, &set);
	return rc ? rc : space_finish(&b, s->pub.arena, out);
}

static int add_first(struct space *s, int six)
{
	static const struct pt_ival whole[] = { { 0, 0 } };
	struct pt_box_side side = { PT_DIM_SHORT, { .v = (struct pt_ival *)whole, .n = 1 } };
	struct pt_box all = { .af = six ? PT_AF_INET6 : PT_AF_INET, .n = 1, .v = &side }, part;
	int rc = 1;

	for (size_t i = 0; rc > 0 && i < s->ct[six][PT_CT_NEW].n; i++) {
		rc = pt_box_intersect(s->pub.arena, &s->ct[six][PT_CT_NEW].v[i], &all, &part);
		if (rc > 0)
			rc = pt_vec_push(s->pub.arena, &s->first[six], part) ? -ENOMEM : 1;
	}
	return rc < 0 ? rc : 0;
}

int space_ct(struct space *s)
{
	static const uint8_t detailed[] = { PT_PROTO_TCP, PT_PROTO_ICMP, PT_PROTO_ICMP6 };
	int rc = 0;

	for (int six = 0; !rc && six < 2; six++) {
		enum pt_af af = six ? PT_AF_INET6 : PT_AF_INET;

		for (enum pt_ct ct = PT_CT_NEW; !rc && ct <= PT_CT_UNTRACKED; ct++) {
			rc = add_detailed(s, af, detailed[0], ct, &s->ct[six][ct]);
			if (!rc)
				rc = add_plain(s, af, ct, &s->ct[six][ct]);
			for (size_t i = 1; !rc && i < PT_ARRAY_SIZE(detailed); i++)
				rc = add_detailed(s, af, detailed[i], ct, &s->ct[six][ct]);
		}
		if (!rc)
			rc = add_first(s, six);
	}
	return rc;
}
