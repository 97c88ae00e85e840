/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reflection: a port forward that works from inside, by the same address. A rule that redirects what arrives on some
 * interfaces becomes three kinds of rules:
 *
 *   itself;
 *   the same on all other interfaces;
 *   where the client's own interface is also the way to the server, the router's address as source on the way out:
 *   else the server would answer its neighbour at once, from an address that the neighbour never called.
 *
 * The last one is about connections that leave by an interface with a source of its own network, which only such
 * connections do: neighbours need no router.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"

static int name_cmp(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static bool listed(const struct pt_pol_names *l, const char *device)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], device))
			return true;
	return false;
}

/* ---- what cannot be reflected ---- */

static int check(struct policy_builder *b, const struct pt_pol_rule *r)
{
	const struct pt_loc *at = &b->ast->nat.reflect_loc;
	const struct pt_pol_nat *n = &b->p->nats.v[r->nat - 1];

	if (r->dst.kind == PT_REF_ANY || r->dst.neg)
		return policy_fail(b, at, "write the address that clients use: `to (wan)`",
				   "reflect in a rule for any destination: it would redirect what insiders send to others");
	if (r->if_neg)
		return policy_fail(b, at, "name the interfaces that are not inside: `on wan`", "reflect in a rule with `on !`");
	if (n->target != PT_REF_SET)
		return policy_fail(b, at, "write the server's address", "reflect to an interface");
	return 0;
}

/* ---- the same from the other interfaces ---- */

static int emit_inside(struct policy_builder *b, const struct pt_pol_rule *r)
{
	struct pt_pol_rule in = *r;
	const char **v;

	if (r->if_any)
		return 0; /* it is for all of them */
	v = pt_arena_alloc(b->scratch, (r->devices.n + 1ul) * sizeof(*v)); /* NOLINT(bugprone-sizeof-expression) */
	if (!v)
		return -ENOMEM;
	memcpy(v, r->devices.v, r->devices.n * sizeof(*v));
	in.devices.v = v;
	if (!listed(&r->devices, policy_loopback.device))
		v[in.devices.n++] = policy_loopback.device;
	qsort(v, in.devices.n, sizeof(*v), name_cmp); /* NOLINT(bugprone-sizeof-expression) */
	in.if_neg = true;
	return policy_emit(b, &in);
}

/* ---- the way out to the clients' own network ---- */

/* The networks that the file gives I, and its address there; false: none of this family. */
static int written(struct policy_builder *b, const struct pt_conf_if *i, enum pt_af af, struct pt_pol_addr *net,
		   struct pt_pol_nat *to, bool *found)
{
	struct pt_iset *s = af == PT_AF_INET ? &net->v4 : &net->v6;
	int rc = 0;

	*found = false;
	net->kind = PT_REF_SET;
	to->target = PT_REF_SET;
	for (size_t k = 0; !rc && k < i->addresses.n; k++) {
		const struct pt_prefix *p = &i->addresses.v[k];

		if (p->addr.af != af)
			continue;
		if (!*found)
			to->lo = to->hi = p->addr.v;
		*found = true;
		rc = pt_iset_add(b->scratch, s, pt_prefix_lo(p), pt_prefix_hi(p));
	}
	pt_iset_norm(s);
	return rc;
}

static int live(struct policy_builder *b, const struct pt_conf_if *i, struct pt_pol_addr *net, struct pt_pol_nat *to)
{
	int rc = policy_ifref(b, i, PT_MOD_NETWORK, false, &net->ref);

	net->kind = PT_REF_IF;
	to->target = PT_REF_IF;
	return rc ? rc : policy_ifref(b, i, PT_MOD_NONE, false, &to->ref);
}

/* Where N sends packets for the rule R. */
static int servers(struct policy_builder *b, const struct pt_pol_rule *r, const struct pt_pol_nat *n, struct pt_pol_rule *out)
{
	struct pt_iset *s = n->af == PT_AF_INET ? &out->dst.v4 : &out->dst.v6;
	int rc;

	memset(&out->dst, 0, sizeof(out->dst));
	out->dst.kind = PT_REF_SET;
	out->dport = r->dport;
	if (n->n_pool)
		*s = n->members;
	rc = n->n_pool ? 0 : pt_iset_add(b->scratch, s, n->lo, n->hi);
	pt_iset_norm(s);
	if (rc || !n->has_port)
		return rc;
	memset(&out->dport, 0, sizeof(out->dport));
	rc = pt_iset_add(b->scratch, &out->dport, n->port_lo, n->port_hi);
	pt_iset_norm(&out->dport);
	return rc;
}

/* What R's connections look like when they leave by I, back to where they came from. */
static int emit_back(struct policy_builder *b, const struct pt_pol_rule *r, const struct pt_pol_nat *n,
		     const struct pt_conf_if *i)
{
	struct pt_pol_nat to = { .kind = PT_NAT_SRC, .af = n->af };
	struct pt_pol_rule out = b->base;
	bool found = true;
	int rc;

	out.action = PT_MATCH;
	out.dir = PT_OUT;
	out.af = (uint8_t)n->af;
	out.quick = out.log = out.log_all = out.keep_state = out.if_neg = out.if_any = false;
	out.tag = out.tagged = out.flags_set = out.flags_mask = 0;
	out.set = 0;
	out.more = NULL;
	out.states = NULL;
	memset(&out.sport, 0, sizeof(out.sport));
	rc = i->dhcp ? live(b, i, &out.src, &to) : written(b, i, n->af, &out.src, &to, &found);
	if (!rc && found)
		rc = servers(b, r, n, &out);
	if (rc || !found)
		return rc;
	out.devices.v = pt_arena_alloc(b->scratch, sizeof(*out.devices.v)); /* NOLINT(bugprone-sizeof-expression) */
	if (!out.devices.v)
		return -ENOMEM;
	out.devices.v[0] = i->device;
	out.devices.n = 1;
	rc = policy_share_nat(b, &to, &out.nat);
	return rc ? rc : policy_emit(b, &out);
}

int policy_reflect(struct policy_builder *b, const struct pt_pol_rule *r)
{
	struct pt_pol_nat n;
	int rc = check(b, r);

	if (!rc)
		rc = emit_inside(b, r);
	if (rc)
		return rc;
	n = b->p->nats.v[r->nat - 1]; /* the list grows */
	if (b->reflected & (uint8_t)n.af)
		return 0;
	b->reflected |= (uint8_t)n.af;
	for (size_t i = 0; !rc && i < b->conf->interfaces.n; i++) {
		const struct pt_conf_if *f = &b->conf->interfaces.v[i];

		if (!listed(&r->devices, f->device) && strcmp(f->device, policy_loopback.device) != 0)
			rc = emit_back(b, r, &n, f);
	}
	return rc;
}
