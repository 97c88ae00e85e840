/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lint has to know of this machine: which devices face the internet, and where the packets of port forwards go. A
 * forward that is translated on arrival is judged once more where it leaves, and it is easy to forget a rule there.
 */
#include <string.h>

#include <patronus/lint.h>
#include <patronus/space.h>

#include "plan/internal.h"

/* ---- devices that face the internet ---- */

static bool is_public4(pt_u128 a)
{
	static const struct {
		uint32_t net, mask;
	} inside[] = { { 0x0a000000, 0xff000000 }, { 0xac100000, 0xfff00000 }, { 0xc0a80000, 0xffff0000 },
		       { 0x64400000, 0xffc00000 }, { 0xa9fe0000, 0xffff0000 }, { 0x7f000000, 0xff000000 },
		       { 0x00000000, 0xff000000 }, { 0xe0000000, 0xe0000000 } };

	for (size_t i = 0; i < PT_ARRAY_SIZE(inside); i++)
		if (((uint32_t)a & inside[i].mask) == inside[i].net)
			return false;
	return true;
}

static int add_device(struct pt_arena *a, struct pt_lint_outside *o, const char *device)
{
	char *copy;

	if (!*device || !strcmp(device, "lo"))
		return 0;
	for (size_t i = 0; i < o->n; i++)
		if (!strcmp(o->v[i], device))
			return 0;
	copy = pt_arena_strdup(a, device);
	return copy ? pt_vec_push(a, o, copy) : -ENOMEM; /* NOLINT(bugprone-sizeof-expression) */
}

int pt_lint_outside(const struct pt_world *w, struct pt_arena *a, struct pt_lint_outside *out)
{
	/* any that no machine at home has: what leads there is the default route */
	static const char *const far[] = { "1.1.1.1", "9.9.9.9", "2606:4700:4700::1111", "2620:fe::fe" };
	const struct pt_conf *c = w->policy->conf;
	struct pt_addr to;
	int rc = 0;

	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(far); i++)
		if (!pt_addr_parse(far[i], &to))
			rc = add_device(a, out, w->route(w->arg, to));
	for (size_t i = 0; !rc && i < w->host->ifs.n; i++)
		for (size_t k = 0; !rc && k < w->host->ifs.v[i].addrs.n; k++) {
			const struct pt_prefix *p = &w->host->ifs.v[i].addrs.v[k].prefix;

			if (p->addr.af == PT_AF_INET && is_public4(p->addr.v))
				rc = add_device(a, out, w->host->ifs.v[i].device);
		}
	for (size_t i = 0; !rc && i < c->interfaces.n; i++)
		for (size_t k = 0; !rc && k < c->interfaces.v[i].addresses.n; k++) {
			const struct pt_prefix *p = &c->interfaces.v[i].addresses.v[k];

			if (p->addr.af == PT_AF_INET && is_public4(p->addr.v))
				rc = add_device(a, out, c->interfaces.v[i].device);
		}
	return rc;
}

/* ---- port forwards ---- */

struct forwards {
	struct pt_lint *lint;
	const struct pt_world *w;
	struct pt_space *space;
	struct pt_arena *arena; /* of one rule */
	struct pt_arena *kept;
	struct pt_iset sources[2]; /* of packets that Linux takes in and forwards, by family */
};

enum admitted { UNKNOWN, ADMITTED, NOT_ADMITTED };

struct way {
	enum admitted is;
	const char *witness;
	const struct pt_pol_rule *by;
	bool out; /* it is let in, but not out */
};

static bool has_ports(uint8_t proto)
{
	return proto == PT_PROTO_TCP || proto == PT_PROTO_UDP || proto == PT_PROTO_SCTP;
}

static int set_range(struct forwards *f, struct pt_box *b, uint32_t dim, pt_u128 lo, pt_u128 hi)
{
	struct pt_ival v = { lo, hi };
	struct pt_iset set = { .v = &v, .n = 1 };

	return pt_box_set(f->space, f->arena, b, dim, &set);
}

static int set_device(struct forwards *f, struct pt_box *b, const char *device)
{
	uint32_t last = (uint32_t)f->space->devices.n - 1, i = 0;

	while (i < last && strcmp(f->space->devices.v[i], device) != 0)
		i++;
	return set_range(f, b, PT_DIM_DEVICE, i, i);
}

/* ---- what may arrive ---- */

/* All but what no host sends, or Linux does not take in or forward: with these a rule for this machine's own packets
 * would seem to let the forwarded ones out. */
static int find_sources(struct forwards *f)
{
	static const struct pt_ival bad4[] = { { 0, 0x00ffffff }, { 0x7f000000, 0x7fffffff }, { 0xe0000000, 0xffffffff } };
	const pt_u128 one = 1;
	const struct pt_ival bad6[] = { { 0, 1 }, { one * 0xfe80 << 112, (one * 0xfec0 << 112) - 1 },
					{ one * 0xff << 120, ~(pt_u128)0 } };
	int rc = 0;

	for (int six = 0; !rc && six < 2; six++) {
		struct pt_iset bad, fixed = { .v = (struct pt_ival *)(six ? bad6 : bad4), .n = 3 };

		rc = pt_iset_union(f->kept, &bad, &fixed, &f->w->self[six]);
		if (!rc)
			rc = pt_iset_complement(f->kept, &f->sources[six], &bad, pt_af_max(six ? PT_AF_INET6 : PT_AF_INET));
	}
	return rc;
}

/* 1: OUT is what of X may come, by the routes back to it; 0: nothing. */
static int may_come(struct forwards *f, const struct pt_box *x, struct pt_box *out)
{
	static const uint32_t of_routes[] = { PT_DIM_NO_ROUTE_SRC, PT_DIM_NO_ROUTE_DST, PT_DIM_URPF };
	struct pt_box may = { .af = x->af };
	int rc = pt_box_set(f->space, f->arena, &may, PT_DIM_SRC, &f->sources[x->af == PT_AF_INET6]);

	for (size_t i = 0; !rc && f->w->asks_routes && i < PT_ARRAY_SIZE(of_routes); i++)
		rc = set_range(f, &may, of_routes[i], 0, 0);
	return rc ? rc : pt_box_intersect(f->arena, x, &may, out);
}

/* ---- what leaves ---- */

/* What of the arriving packets X has the translation not changed. */
static int copy_sides(struct forwards *f, const struct pt_box *x, struct pt_box *out)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < x->n; i++) {
		uint32_t d = x->v[i].dim;

		if (d == PT_DIM_PROTO || d == PT_DIM_SRC || d == PT_DIM_SPORT || d == PT_DIM_FLAGS || d == PT_DIM_SHORT ||
		    d == PT_DIM_TOS || d == PT_DIM_TIME)
			rc = pt_box_set(f->space, f->arena, out, d, &x->v[i].set);
		else if (d == PT_DIM_DEVICE)
			rc = pt_box_set(f->space, f->arena, out, PT_DIM_RECEIVED, &x->v[i].set);
	}
	return rc;
}

/* No socket here sent it, and its tag is the one that it was given where it arrived. */
static int forwarded(struct forwards *f, uint8_t tag, struct pt_box *out)
{
	static const uint32_t of_routes[] = { PT_DIM_NO_ROUTE_SRC, PT_DIM_NO_ROUTE_DST, PT_DIM_URPF };
	const pt_u128 nobody = (pt_u128)1 << 32;
	int rc = set_range(f, out, PT_DIM_TAG, tag, tag);

	if (!rc)
		rc = set_range(f, out, PT_DIM_USER, nobody, nobody);
	if (!rc)
		rc = set_range(f, out, PT_DIM_GROUP, nobody, nobody);
	for (size_t i = 0; !rc && f->w->asks_routes && i < PT_ARRAY_SIZE(of_routes); i++)
		rc = set_range(f, out, of_routes[i], 0, 0);
	return rc;
}

/* The packets of X, of which one was judged as D says, where they leave by DEVICE. */
static int leaving(struct forwards *f, const struct pt_box *x, const struct pt_decision *d, const char *device,
		   struct pt_box *out)
{
	const struct pt_pol_nat *n = &f->w->policy->nats.v[d->nat - 1];
	const struct pt_packet *k = &d->after;
	int rc;

	*out = (struct pt_box){ .af = k->af };
	rc = copy_sides(f, x, out);
	if (!rc)
		rc = forwarded(f, d->tag, out);
	if (!rc)
		rc = set_device(f, out, device);
	if (!rc && d->any_of_pool)
		rc = set_range(f, out, PT_DIM_DST, n->lo, n->hi);
	else if (!rc)
		rc = set_range(f, out, PT_DIM_DST, k->dst.v, k->dst.v);
	if (rc || !has_ports(k->proto))
		return rc;
	rc = set_range(f, out, PT_DIM_PROTO, k->proto, k->proto);
	if (rc || !n->has_port)
		return rc ? rc : set_range(f, out, PT_DIM_DPORT, k->dport, k->dport);
	return set_range(f, out, PT_DIM_DPORT, n->port_lo, n->port_offset ? n->port_hi : n->port_lo);
}

static const char *point(struct forwards *f, const struct pt_point *p)
{
	struct pt_buf b = { 0 };
	const char *s = NULL;

	pt_space_print_point(f->space, PT_IN, p, &b);
	if (!b.err && b.s)
		s = pt_arena_strndup(f->lint->arena, b.s, b.n);
	pt_buf_fini(&b);
	return s;
}

/* P, a packet of X, which is let in and translated as one. Is any of X let out? */
static int follow(struct forwards *f, const struct pt_box *x, const struct pt_point *p, struct way *way)
{
	const struct pt_region *by;
	struct pt_point witness;
	struct pt_decision d;
	struct pt_packet k;
	struct pt_box out;
	const char *in, *device;
	int rc;

	pt_space_packet(f->space, p, &k, &in);
	pt_evaluate(f->w->eval, &k, PT_IN, in, &d);
	if (!d.pass || !d.nat)
		return 0;
	device = f->w->route(f->w->arg, d.after.dst);
	if (pt_iset_has(&f->w->self[k.af == PT_AF_INET6], d.after.dst.v)) {
		way->is = ADMITTED;
		return 0;
	}
	if (!*device)
		return 0; /* which no rule can change */
	rc = leaving(f, x, &d, device, &out);
	if (!rc)
		rc = pt_space_find(f->space, f->arena, PT_OUT, &out, true, &witness, &by);
	if (rc < 0)
		return rc;
	if (rc) {
		way->is = ADMITTED;
	} else if (way->is == UNKNOWN) {
		way->is = NOT_ADMITTED;
		way->out = true;
		way->witness = point(f, p);
		rc = pt_space_find(f->space, f->arena, PT_OUT, &out, false, &witness, &by);
		way->by = rc > 0 ? by->rule : NULL;
	}
	return rc < 0 ? rc : 0;
}

#define PIECES_MAX 64 /* of a box that rules before cut; with more, one packet of it has to do */

/* X without what the rules before decide. */
static int passed_box(struct forwards *f, const struct pt_box *x, const struct pt_space_hits *before, struct way *way)
{
	pt_boxes left = { 0 };
	struct pt_point p;
	int rc = pt_box_subtract(f->space, f->arena, x, before->box.v, before->box.n, PIECES_MAX, &left);

	if (rc == -E2BIG) {
		rc = pt_box_covered(f->space, f->arena, x, before->box.v, before->box.n, PT_LINT_STEPS, &p);
		return rc == 1 || rc == -E2BIG ? 0 : rc ? rc : follow(f, x, &p, way);
	}
	for (size_t i = 0; !rc && i < left.n && way->is != ADMITTED; i++) {
		rc = pt_box_covered(f->space, f->arena, &left.v[i], NULL, 0, 0, &p);
		if (!rc)
			rc = follow(f, &left.v[i], &p, way);
	}
	return rc;
}

/* The packets that R itself lets in. */
static int passed(struct forwards *f, const struct pt_pol_rule *r, struct way *way)
{
	const struct pt_space_dir *d = &f->space->dir[0];
	struct pt_space_hits before = { 0 };
	struct pt_box x;
	int rc = 0;

	for (size_t i = 0; !rc && i < d->v.n && way->is != ADMITTED; i++)
		for (size_t k = 0; !rc && d->v.v[i].rule == r && d->v.v[i].pass && k < d->v.v[i].boxes.n; k++) {
			rc = may_come(f, &d->v.v[i].boxes.v[k], &x);
			if (rc <= 0)
				continue;
			before.box.n = before.region.n = 0;
			rc = pt_space_before(f->space, PT_IN, i, &x, f->arena, &before);
			if (!rc)
				rc = passed_box(f, &x, &before, way);
		}
	return rc;
}

/* The packets that others let in and the match rule R translates. */
static int matched(struct forwards *f, const struct pt_pol_rule *r, struct way *way)
{
	pt_boxes boxes = { 0 };
	int rc = pt_space_boxes(f->space, r, f->arena, &boxes);

	for (size_t i = 0; !rc && i < boxes.n && way->is != ADMITTED; i++) {
		const struct pt_region *by;
		struct pt_point p;
		struct pt_box x;

		rc = may_come(f, &boxes.v[i], &x);
		if (rc <= 0)
			continue;
		rc = pt_space_find(f->space, f->arena, PT_IN, &x, true, &p, &by);
		if (rc > 0)
			rc = follow(f, &x, &p, way);
		else if (!rc)
			rc = pt_space_find(f->space, f->arena, PT_IN, &x, false, &p, &by);
		if (rc > 0 && way->is == UNKNOWN) {
			way->is = NOT_ADMITTED;
			way->witness = point(f, &p);
			way->by = by->rule;
		}
		rc = rc < 0 ? rc : 0;
	}
	return rc;
}

static bool is_forward(const struct pt_policy *p, const struct pt_pol_rule *r)
{
	return r->nat && r->loc.line && r->dir == PT_IN && r->action != PT_BLOCK && p->nats.v[r->nat - 1].kind == PT_NAT_DST;
}

static bool same_rule(const struct pt_pol_rule *x, const struct pt_pol_rule *y)
{
	return x->loc.line == y->loc.line && x->loc.col == y->loc.col && !strcmp(x->loc.file, y->loc.file);
}

static void say(struct forwards *f, const struct pt_pol_rule *r, const struct way *way)
{
	struct pt_finding *x = pt_lint_add(f->lint, PT_LINT_UNADMITTED, PT_LINT_WARNING, r, NULL);

	if (x) {
		x->witness[0] = way->witness;
		pt_lint_by(x, way->by);
	}
	pt_lint_say(f->lint, x, way->out ? "it lets packets in and translates them, and no rule lets them out" :
					   "it translates packets, and no rule lets them in");
}

static int each(struct forwards *f)
{
	const struct pt_policy *p = f->w->policy;
	int rc = 0;

	for (size_t i = 0; !rc && i < p->rules.n; i++) {
		const struct pt_pol_rule *r = &p->rules.v[i];
		struct way way = { UNKNOWN, NULL, NULL, false };

		if (!is_forward(p, r))
			continue;
		for (; !rc && i < p->rules.n && same_rule(r, &p->rules.v[i]); i++)
			if (is_forward(p, &p->rules.v[i]))
				rc = r->action == PT_MATCH ? matched(f, &p->rules.v[i], &way) : passed(f, &p->rules.v[i], &way);
		i--;
		if (!rc && way.is == NOT_ADMITTED)
			say(f, r, &way);
		pt_arena_reset(f->arena);
	}
	return rc;
}

int pt_lint_forwards(struct pt_lint *l, const struct pt_world *w, struct pt_err *e)
{
	struct forwards f = { .lint = l, .w = w, .arena = pt_arena_new(), .kept = pt_arena_new() };
	bool any = false;
	int rc = f.arena && f.kept ? find_sources(&f) : -ENOMEM;

	for (size_t i = 0; i < w->policy->rules.n; i++)
		any = any || is_forward(w->policy, &w->policy->rules.v[i]);
	if (!rc && any)
		rc = pt_space_new(w->policy, w->host, w->eval, PT_SPACE_NOW, &f.space, e);
	if (!rc && any)
		rc = each(&f);
	pt_space_free(f.space);
	pt_arena_free(f.arena);
	pt_arena_free(f.kept);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "following what rules translate") : rc;
}
