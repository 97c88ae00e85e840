/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hosts' names and countries: sets of addresses whose contents others decide.
 *
 * The IR only refers to them, once each, so that an answer of the DNS changes elements of a set and never a rule.
 * What they hold is put in afterwards, from what is known at that moment; nothing is asked here.
 */
#include <errno.h>
#include <string.h>

#include <patronus/geoip.h>

#include "policy/internal.h"

/* ---- references ---- */

static size_t count_names(const struct pt_policy *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->outside.n; i++)
		n += p->outside.v[i].kind == PT_OUTSIDE_NAME;
	return n;
}

static int no_country(struct policy_builder *b, const char *code, const struct pt_loc *loc)
{
	const char *meant = pt_geoip_meant(code);
	struct pt_buf hint = { 0 };
	int rc;

	if (meant)
		pt_buf_fmt(&hint, "did you mean %s?", meant);
	else
		pt_buf_str(&hint, "codes are those of ISO 3166-1: DE, FR, US ...");
	rc = policy_fail(b, loc, hint.s, "'%s' is the code of no country", code);
	pt_buf_fini(&hint);
	return rc;
}

int policy_outside(struct policy_builder *b, enum pt_outside_kind kind, const char *key, bool hold, const struct pt_loc *loc,
		   uint32_t *out)
{
	struct pt_pol_outside o = { .kind = kind, .key = key, .hold = hold, .loc = *loc };

	for (size_t i = 0; i < b->p->outside.n; i++) {
		const struct pt_pol_outside *x = &b->p->outside.v[i];

		if (x->kind == kind && x->hold == hold && !strcmp(x->key, key)) {
			*out = (uint32_t)i;
			return 0;
		}
	}
	if (kind == PT_OUTSIDE_COUNTRY && !pt_geoip_country(key))
		return no_country(b, key, loc);
	if (kind == PT_OUTSIDE_NAME && count_names(b->p) >= PT_POL_NAMES_MAX)
		return policy_fail(b, loc, "write addresses, or keep a table up to date with `ptfw table replace`",
				   "more than %d names of hosts", PT_POL_NAMES_MAX);
	o.key = pt_arena_strdup(b->arena, key);
	*out = (uint32_t)b->p->outside.n;
	return o.key ? pt_vec_push(b->arena, &b->p->outside, o) : -ENOMEM;
}

static int table_mentions(struct policy_builder *b, struct pt_pol_table *t, enum pt_outside_kind kind,
			  const struct pt_conf_str *s)
{
	const char *key = kind == PT_OUTSIDE_NAME ? pt_host_name_plain(b->arena, s->s) : s->s;
	uint32_t ref = 0;
	int rc = key ? policy_outside(b, kind, key, false, &s->loc, &ref) : -ENOMEM;

	if (rc)
		return rc;
	b->p->outside.v[ref].tabled = true;
	return pt_vec_push(b->arena, &t->outside, ref);
}

int policy_outside_tables(struct policy_builder *b)
{
	int rc = 0, bad = 0;

	for (size_t i = 0; rc != -ENOMEM && i < b->p->tables.n; i++) {
		struct pt_pol_table *t = &b->p->tables.v[i];
		const struct pt_conf_table *c = t->conf;

		for (size_t k = 0; rc != -ENOMEM && k < c->names.n; k++) {
			rc = table_mentions(b, t, PT_OUTSIDE_NAME, &c->names.v[k]);
			bad = rc ? rc : bad;
		}
		for (size_t k = 0; rc != -ENOMEM && k < c->countries.n; k++) {
			rc = table_mentions(b, t, PT_OUTSIDE_COUNTRY, &c->countries.v[k]);
			bad = rc ? rc : bad;
		}
	}
	return rc == -ENOMEM ? rc : bad;
}

/* ---- contents ---- */

static int fill_all(struct pt_policy *p, struct pt_iset *s, enum pt_af af)
{
	*s = (struct pt_iset){ 0 };
	return pt_iset_add(p->arena, s, 0, pt_af_max(af));
}

static int fill_name(struct pt_policy *p, struct pt_pol_outside *o, const struct pt_names *names, uint64_t now)
{
	const struct pt_name *name = names ? pt_names_find(names, o->key) : NULL;
	int rc = 0;

	o->known = name && pt_name_known(name);
	for (int f = 0; !rc && f < 2; f++) {
		enum pt_af af = f ? PT_AF_INET6 : PT_AF_INET;

		o->set[f] = (struct pt_iset){ 0 };
		if (name)
			rc = pt_name_addresses(name, af, now, p->arena, &o->set[f]);
		if (!rc && o->hold && (!name || !pt_name_answered(name, af) || !o->known))
			rc = fill_all(p, &o->set[f], af);
	}
	return rc;
}

/* The files are read once for all countries; with what is wrong at the place of the first mention. */
static int fill_countries(struct pt_policy *p, struct pt_err *e)
{
	struct pt_geoip_list *lists;
	const struct pt_loc *loc = NULL;
	struct pt_err why = { 0 };
	size_t n = 0;
	int rc;

	lists = pt_arena_alloc(p->arena, (p->outside.n + 1) * sizeof(*lists));
	if (!lists)
		return -ENOMEM;
	for (size_t i = 0; i < p->outside.n; i++)
		if (p->outside.v[i].kind == PT_OUTSIDE_COUNTRY) {
			loc = loc ? loc : &p->outside.v[i].loc;
			lists[n++].code = p->outside.v[i].key;
		}
	if (!n)
		return 0;
	rc = pt_conf_geoip(p->conf, lists, n, p->arena, &why);
	for (size_t i = 0; i < why.list.n; i++) {
		const struct pt_loc *at = why.list.v[i].loc.file ? &why.list.v[i].loc : loc;

		pt_err_add(e, why.list.v[i].sev, at, why.list.v[i].hint, "%s", why.list.v[i].msg);
		pt_conf_show_source(p->conf, at, e);
	}
	pt_err_fini(&why);
	for (size_t i = 0, k = 0; !rc && i < p->outside.n; i++) {
		struct pt_pol_outside *o = &p->outside.v[i];

		if (o->kind != PT_OUTSIDE_COUNTRY)
			continue;
		o->known = true;
		o->set[0] = lists[k].set[0];
		o->set[1] = lists[k++].set[1];
	}
	return rc;
}

int pt_policy_outside(struct pt_policy *p, const struct pt_names *names, uint64_t now, bool countries, struct pt_err *e)
{
	int rc = policy_fill_schedules(p, now, e);

	if (!rc && countries)
		rc = fill_countries(p, e);

	if (rc && rc != -ENOMEM)
		return rc;
	for (size_t i = 0; !rc && i < p->outside.n; i++)
		if (p->outside.v[i].kind == PT_OUTSIDE_NAME)
			rc = fill_name(p, &p->outside.v[i], names, now);
	return rc ? pt_err_sys(e, rc, "filling the names of hosts and countries") : 0;
}

int pt_policy_table(const struct pt_policy *p, const struct pt_pol_table *t, struct pt_arena *a, struct pt_iset *v4,
		    struct pt_iset *v6, struct pt_err *e)
{
	struct pt_iset more[2] = { { 0 } };
	int rc = 0;

	for (size_t i = 0; i < t->outside.n; i++) {
		const struct pt_pol_outside *o = &p->outside.v[t->outside.v[i]];

		for (int f = 0; f < 2; f++)
			for (size_t k = 0; !rc && k < o->set[f].n; k++)
				rc = pt_iset_add(a, &more[f], o->set[f].v[k].lo, o->set[f].v[k].hi);
	}
	if (rc)
		return pt_err_sys(e, rc, "filling table %s", t->conf->name);
	pt_iset_norm(&more[0]);
	pt_iset_norm(&more[1]);
	return pt_conf_table_load(p->conf, t->conf, more, a, v4, v6, e);
}
