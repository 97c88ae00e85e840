/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Free dimensions: what may be so or not, whatever else a packet is. */
#include <errno.h>

#include "space/internal.h"

static bool same_key(const struct space_key *x, const struct space_key *y)
{
	return x->kind == y->kind && x->ref_kind == y->ref_kind && x->dst == y->dst && x->ref == y->ref && x->nat == y->nat;
}

static const char *interface_text(struct pt_arena *a, const struct pt_pol_ifref *r, const char *before)
{
	static const char *const mods[] = { "", ":network", ":broadcast", ":peer" };

	return pt_arena_printf(a, "%s(%s%s%s)", before, r->ifname, mods[r->mod], r->no_alias ? ":0" : "");
}

static const char *address_text(const struct pt_policy *p, struct pt_arena *a, const struct space_key *k)
{
	const char *way = k->dst ? "to " : "from ";

	switch (k->ref_kind) {
	case PT_REF_SELF:
		return pt_arena_printf(a, "%sself", way);
	case PT_REF_IF:
		return interface_text(a, &p->ifrefs.v[k->ref], way);
	case PT_REF_TABLE:
		return pt_arena_printf(a, "%s<%s>", way, p->tables.v[k->ref].conf->name);
	case PT_REF_OUTSIDE:
		return pt_arena_printf(a, "%s%s%s", way, p->outside.v[k->ref].kind == PT_OUTSIDE_COUNTRY ? "geoip " : "",
				       p->outside.v[k->ref].key);
	default:
		return pt_arena_printf(a, "%sany", way);
	}
}

static const char *text_of(const struct pt_policy *p, struct pt_arena *a, const struct space_key *k, const struct pt_pol_rule *r)
{
	const char *name = r->name ? r->name : "";

	switch (k->kind) {
	case SPACE_KEY_ADDRESS:
		return address_text(p, a, k);
	case SPACE_KEY_LIMIT:
		return pt_arena_printf(a, "limit of rule %s", name);
	case SPACE_KEY_PACKETS:
		return pt_arena_printf(a, "max-pkt-rate of rule %s", name);
	case SPACE_KEY_ONCE:
		return pt_arena_printf(a, "once of rule %s", name);
	case SPACE_KEY_CHANCE:
		return pt_arena_printf(a, "probability of rule %s", name);
	case SPACE_KEY_MOVED:
		return pt_arena_printf(a, "what rule %s sees after a translation", name);
	case SPACE_KEY_TARGET:
		return interface_text(a, &p->ifrefs.v[k->ref], "address of ");
	}
	return NULL;
}

int space_unknown(struct space_maker *m, const struct space_key *key, const struct pt_pol_rule *r, uint32_t *dim)
{
	const struct space *s = space_of(m->s);
	struct pt_space_unknown u = { 0 };

	for (size_t i = 0; i < s->keys.n; i++)
		if (same_key(&s->keys.v[i], key)) {
			*dim = PT_DIM_FREE + (uint32_t)i;
			return 0;
		}
	if (!m->own)
		return -ENOENT;
	u.text = text_of(m->s->policy, m->own->pub.arena, key, r);
	if (!u.text || pt_vec_push(m->own->pub.arena, &m->own->keys, *key))
		return -ENOMEM;
	*dim = PT_DIM_FREE + (uint32_t)m->own->pub.unknown.n;
	return pt_vec_push(m->own->pub.arena, &m->own->pub.unknown, u);
}
