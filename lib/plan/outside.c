/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What others decide - the answers for names of hosts, the addresses of countries - brought to a plan. Names are asked
 * for before anything is locked or written, for a bounded time; what nobody answers keeps its last addresses.
 *
 * Answers are kept twice: the newest state under /run, written after every question, and, on disk for the next boot, only
 * what changed the addresses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/internal.h"

typedef PT_VEC(const char *) words;

static int name_words(const struct pt_policy *p, words *out)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->outside.n; i++) {
		const struct pt_pol_outside *o = &p->outside.v[i];
		bool twice = false;

		for (size_t k = 0; k < i && !twice; k++)
			twice = p->outside.v[k].kind == o->kind && !strcmp(p->outside.v[k].key, o->key);
		if (o->kind == PT_OUTSIDE_NAME && !twice)
			rc = pt_vec_push(NULL, out, o->key);
	}
	return rc;
}

int plan_names_load(struct pt_names **out, struct pt_err *e)
{
	int rc = pt_names_load(PT_NAMES_RUN, out, e);

	if (rc || (*out)->list.n)
		return rc;
	pt_names_free(*out);
	return pt_names_load(PT_NAMES_FILE, out, e);
}

static void store(const struct pt_names *names, bool changed, uint64_t now, struct pt_err *e)
{
	struct pt_err why = { 0 };
	int rc = pt_names_store(PT_NAMES_RUN, names, now, &why);

	if (!rc && changed)
		rc = pt_names_store(PT_NAMES_FILE, names, now, &why);
	if (rc)
		pt_err_add(e, PT_WARNING, NULL, "at the next boot they are not known until the DNS answers",
			   "the addresses of names cannot be kept: %s", why.list.n ? why.list.v[0].msg : strerrordesc_np(-rc));
	pt_err_fini(&why);
}

/* Whether LOC is in the rules that were loaded into ANCHOR. */
static bool is_of(const struct pt_conf *c, const char *anchor, const struct pt_loc *loc)
{
	for (size_t i = 0; i < c->sources.n; i++) {
		const struct pt_conf_source *s = &c->sources.v[i];

		if (s->anchor && !strcmp(s->anchor, anchor) && loc->file && !strcmp(s->file, loc->file))
			return true;
	}
	return false;
}

/* A program that loads an anchor every minute is not to hear of the file's names each time. */
static void tell_unknown(const struct pt_policy *p, const char *anchor, struct pt_err *e)
{
	for (size_t i = 0; i < p->outside.n; i++) {
		const struct pt_pol_outside *o = &p->outside.v[i];

		if (o->kind != PT_OUTSIDE_NAME || o->known || (anchor && !is_of(p->conf, anchor, &o->loc)))
			continue;
		pt_err_add(e, PT_WARNING, &o->loc, "`ptfw name show` tells when it has; `ptfw follow` goes on asking",
			   "%s has no address that anybody knows: until it has, it matches nothing", o->key);
		pt_conf_show_source(p->conf, &o->loc, e);
	}
}

static uint64_t first_due(const struct pt_names *names, const words *w, uint64_t now)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < w->n; i++) {
		const struct pt_name *name = pt_names_find(names, w->v[i]);
		uint64_t one = name ? pt_name_due(name, now) : 0;

		due = one < due ? one : due;
	}
	return due;
}

/* Asks for P's names and keeps the answers; N counts the names. */
int plan_names_ask(const struct pt_policy *p, bool all, size_t *n, struct pt_err *e)
{
	uint64_t now = (uint64_t)time(NULL);
	struct pt_names *names = NULL;
	words w = { 0 };
	bool changed;
	int rc = name_words(p, &w);

	*n = w.n;
	if (!rc && w.n)
		rc = plan_names_load(&names, e);
	if (!rc && w.n && (all || first_due(names, &w, now) <= now)) {
		rc = pt_names_ask(names, w.v, w.n, all, now, PT_NAMES_WAIT_MS, NULL, &changed);
		if (!rc)
			store(names, changed, now, e);
	}
	pt_names_free(names);
	free(w.v);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "asking for names of hosts") : rc;
}

/* When the first of P's names is to be asked for again, UINT64_MAX: it has none. */
int plan_names_due(const struct pt_policy *p, uint64_t *due, struct pt_err *e)
{
	struct pt_names *names = NULL;
	words w = { 0 };
	int rc = name_words(p, &w);

	*due = UINT64_MAX;
	if (!rc && w.n)
		rc = plan_names_load(&names, e);
	if (!rc && w.n)
		*due = first_due(names, &w, (uint64_t)time(NULL));
	pt_names_free(names);
	free(w.v);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "reading the names of hosts") : rc;
}

/* Countries are loaded unless the kernel's sets of them are to stay as they are. */
static bool wants_countries(const struct pt_policy *p, enum plan_ask ask)
{
	for (size_t i = 0; ask == PLAN_ASK_KEPT && i < p->tables.n; i++)
		if (p->tables.v[i].conf->names.n && p->tables.v[i].conf->countries.n)
			return true;
	return ask != PLAN_ASK_KEPT;
}

int plan_outside(struct pt_plan *p, enum plan_ask ask, const char *anchor, struct pt_err *e)
{
	uint64_t now = (uint64_t)time(NULL), due;
	struct pt_names *names = NULL;
	words w = { 0 };
	size_t n;
	int rc = 0;

	p->due = pt_policy_schedules_due(p->policy, now);
	if (ask == PLAN_ASK_DUE)
		rc = plan_names_ask(p->policy, false, &n, e);
	if (!rc && ask != PLAN_ASK_NONE)
		rc = name_words(p->policy, &w);
	if (!rc && w.n) {
		rc = plan_names_load(&names, e);
		due = rc ? p->due : first_due(names, &w, now);
		p->due = due < p->due ? due : p->due;
	}
	if (!rc)
		rc = pt_policy_outside(p->policy, names, now, wants_countries(p->policy, ask), e);
	if (!rc && ask == PLAN_ASK_DUE)
		tell_unknown(p->policy, anchor, e);
	pt_names_free(names);
	free(w.v);
	return rc;
}
