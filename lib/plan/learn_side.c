/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources and destinations of proposed rules: sets of hosts, and the names that stand for more of them. */
#include <errno.h>
#include <string.h>

#include "plan/learn_internal.h"

static int family(struct pt_addr a)
{
	return a.af == PT_AF_INET6;
}

bool side_has(const struct side *s, struct pt_addr a)
{
	switch (s->kind) {
	case SIDE_ANY:
		return true;
	case SIDE_NETWORK:
		return pt_iset_has(&s->of->network[family(a)], a.v);
	case SIDE_OWN:
		return pt_iset_has(&s->of->own[family(a)], a.v);
	case SIDE_SELF:
	case SIDE_SET:
		break;
	}
	return pt_iset_has(&s->set[family(a)], a.v);
}

int iset_cmp(const struct pt_iset *x, const struct pt_iset *y)
{
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->n ? memcmp(x->v, y->v, x->n * sizeof(*x->v)) : 0;
}

int side_cmp(const struct side *x, const struct side *y)
{
	int c;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->of != y->of)
		return x->of < y->of ? -1 : 1;
	if (x->kind != SIDE_SET)
		return 0;
	c = iset_cmp(&x->set[0], &y->set[0]);
	return c ? c : iset_cmp(&x->set[1], &y->set[1]);
}

void side_add(struct grouping *g, struct side *s, struct pt_addr a)
{
	if (!g->rc)
		g->rc = pt_iset_add(g->a, &s->set[family(a)], a.v, a.v);
}

void side_norm(struct side *s)
{
	pt_iset_norm(&s->set[0]);
	pt_iset_norm(&s->set[1]);
}

void iset_append(struct grouping *g, struct pt_iset *to, const struct pt_iset *from)
{
	for (uint32_t i = 0; i < from->n && !g->rc; i++)
		g->rc = pt_iset_add(g->a, to, from->v[i].lo, from->v[i].hi);
}

void iset_own(struct grouping *g, struct pt_iset *s)
{
	struct pt_iset copy = { 0 };

	iset_append(g, &copy, s);
	*s = copy;
}

uint64_t side_hosts(const struct side *s)
{
	const uint64_t most = PT_LEARN_TARGETS + 1;
	uint64_t n = 0;

	for (int i = 0; i < 2; i++)
		for (uint32_t k = 0; k < s->set[i].n; k++) {
			pt_u128 size = s->set[i].v[k].hi - s->set[i].v[k].lo;

			n += size >= most ? most : (uint64_t)size + 1;
			if (n >= most)
				return most;
		}
	return n;
}

static bool within(const struct side *s, const struct pt_iset set[2])
{
	for (int i = 0; i < 2; i++)
		for (uint32_t k = 0; k < s->set[i].n; k++)
			if (!pt_iset_covers(&set[i], s->set[i].v[k].lo, s->set[i].v[k].hi))
				return false;
	return true;
}

const struct pt_learn_if *learn_if(const struct pt_learn_world *w, const char *name)
{
	for (size_t i = 0; i < w->ifs.n; i++)
		if (!strcmp(w->ifs.v[i].name, name))
			return &w->ifs.v[i];
	return NULL;
}

/* The interface whose network has all of them, ON if it has. */
static const struct pt_learn_if *network_of(const struct grouping *g, const struct side *s, const char *on)
{
	const struct pt_learn_if *first = learn_if(g->w, on);

	if (first && within(s, first->network))
		return first;
	for (size_t i = 0; i < g->w->ifs.n; i++)
		if (within(s, g->w->ifs.v[i].network))
			return &g->w->ifs.v[i];
	return NULL;
}

struct side side_sources(const struct grouping *g, const struct side *s, enum pt_dir dir, const char *on)
{
	struct side out = *s;
	uint64_t hosts = side_hosts(s);

	if (dir == PT_OUT && within(s, g->w->self)) {
		out = (struct side){ .kind = SIDE_SELF, .set = { g->w->self[0], g->w->self[1] } };
		return out;
	}
	if (hosts < PT_LEARN_HOSTS)
		return out;
	out.of = network_of(g, s, on);
	if (out.of)
		out.kind = SIDE_NETWORK;
	else if (hosts > PT_LEARN_TARGETS)
		out.kind = SIDE_ANY;
	if (out.kind != SIDE_SET)
		memset(out.set, 0, sizeof(out.set));
	return out;
}

/* ---- refused flows: V has them last, by direction, interface, protocol and port ---- */

static int before(const struct pt_learn_flow *f, const struct group *x, uint8_t proto, pt_u128 port)
{
	int c = f->dir < x->dir ? -1 : f->dir > x->dir;

	if (!c)
		c = strcmp(f->on, x->on);
	if (!c)
		c = f->proto < proto ? -1 : f->proto > proto;
	return c ? c : f->port < port ? -1 : f->port > port;
}

/* The first of these ports or behind. */
static size_t first_refused(const struct grouping *g, const struct group *x, uint8_t proto, pt_u128 port)
{
	size_t lo = g->n_admitted, hi = g->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (before(&g->v[mid], x, proto, port) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool conflicts(const struct grouping *g, const struct group *x, uint8_t proto, const struct pt_ival *ports)
{
	for (size_t i = first_refused(g, x, proto, ports->lo); i < g->n; i++) {
		const struct pt_learn_flow *f = &g->v[i];

		if (before(f, x, proto, ports->hi) > 0)
			break;
		if ((f->src.af & x->af) && side_has(&x->src, f->src) && side_has(&x->dst, f->dst))
			return true;
	}
	return false;
}

bool group_conflicts(const struct grouping *g, const struct group *x)
{
	for (uint8_t p = 0; p < x->n_proto && !g->refused; p++)
		for (uint32_t i = 0; i < x->ports.n; i++)
			if (conflicts(g, x, x->proto[p], &x->ports.v[i]))
				return true;
	return false;
}
