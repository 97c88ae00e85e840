/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names without use: what the file says and no rule asks for. What a rule names is read off its text where the policy does not
 * keep it, so that a word too many means silence and not a false finding.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "space/lint_work.h"

/* ---- the words of all rules ---- */

struct words {
	struct word {
		const char *s;
		uint32_t n;
		bool macro;
	} *v;
	size_t n, cap; /* CAP a power of two */
};

static bool word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

static struct word *slot_of(const struct words *w, const char *s, size_t n, bool macro)
{
	size_t i = (pt_hash32(s, n) + macro) & (w->cap - 1);

	while (w->v[i].s && (w->v[i].macro != macro || w->v[i].n != n || memcmp(w->v[i].s, s, n) != 0))
		i = (i + 1) & (w->cap - 1);
	return &w->v[i];
}

static int grow(struct words *w)
{
	struct words more = { .n = w->n, .cap = w->cap ? w->cap * 2 : 256 };

	if (w->cap && w->n * 2 < w->cap)
		return 0;
	more.v = calloc(more.cap, sizeof(*more.v));
	if (!more.v)
		return -ENOMEM;
	for (size_t i = 0; i < w->cap; i++)
		if (w->v[i].s)
			*slot_of(&more, w->v[i].s, w->v[i].n, w->v[i].macro) = w->v[i];
	free(w->v);
	*w = more;
	return 0;
}

static int add_word(struct words *w, const char *s, size_t n, bool macro)
{
	struct word *slot;

	if (grow(w))
		return -ENOMEM;
	slot = slot_of(w, s, n, macro);
	w->n += !slot->s;
	*slot = (struct word){ s, (uint32_t)n, macro };
	return 0;
}

static int add_text(struct words *w, const char *s, size_t len)
{
	size_t from = 0;
	int rc = 0;

	while (!rc && from < len) {
		size_t n = 0;

		while (from + n < len && word_byte(s[from + n]))
			n++;
		if (n)
			rc = add_word(w, s + from, n, from && s[from - 1] == '$');
		from += n + !n;
	}
	return rc;
}

static int add_all(struct words *w, const struct pt_conf *c)
{
	int rc = grow(w);

	for (size_t i = 0; !rc && i < c->rules.n; i++)
		rc = add_text(w, c->rules.v[i].s, c->rules.v[i].len);
	for (size_t k = 0; !rc && k < c->anchors.n; k++)
		for (size_t i = 0; !rc && i < c->anchors.v[k].rules.n; i++)
			rc = add_text(w, c->anchors.v[k].rules.v[i].s, c->anchors.v[k].rules.v[i].len);
	for (size_t i = 0; !rc && i < c->macros.n; i++)
		rc = add_text(w, c->macros.v[i].text, strlen(c->macros.v[i].text));
	for (size_t i = 0; !rc && i < c->skip.n; i++)
		rc = add_text(w, c->skip.v[i].s, strlen(c->skip.v[i].s));
	return rc;
}

static bool named(const struct words *w, const char *s, bool macro)
{
	return slot_of(w, s, strlen(s), macro)->s != NULL;
}

/* ---- what has a place of its own ---- */

static void unused(struct lint_run *r, enum pt_lint_sev sev, const struct pt_loc *loc, const char *what, const char *name,
		   const char *why)
{
	pt_lint_say(r->lint, pt_lint_add(r->lint, PT_LINT_UNUSED, sev, NULL, loc), "%s %s: %s", what, name, why);
}

static bool asks_table(const struct pt_pol_addr *a, size_t table)
{
	return a->kind == PT_REF_TABLE && a->ref == table;
}

static void tables(struct lint_run *r)
{
	const struct pt_policy *p = r->in->policy;

	for (size_t i = 0; i < p->tables.n; i++) {
		const struct pt_pol_table *t = &p->tables.v[i];
		bool asked = false;

		if (!t->used && !t->filled)
			unused(r, PT_LINT_WARNING, &t->conf->loc, "table", t->conf->name, "no rule refers to it");
		for (size_t k = 0; t->filled && !asked && k < p->rules.n; k++)
			asked = asks_table(&p->rules.v[k].src, i) || asks_table(&p->rules.v[k].dst, i);
		if (t->filled && !asked)
			unused(r, PT_LINT_WARNING, &t->conf->loc, "table", t->conf->name,
			       "rules put addresses into it, and none asks for it");
	}
}

static void tags(struct lint_run *r)
{
	const struct pt_policy *p = r->in->policy;

	for (uint32_t t = 1; t <= p->tags.n; t++) {
		const struct pt_pol_rule *set = NULL, *asked = NULL;

		for (size_t i = p->rules.n; i-- > 0;) {
			set = p->rules.v[i].tag == t ? &p->rules.v[i] : set;
			/* what asks for a tag that nobody sets never matches: that is told of each */
			asked = p->rules.v[i].tagged == t && p->rules.v[i].tagged_neg ? &p->rules.v[i] : asked;
		}
		if (set && !(r->tags[t] & 2))
			unused(r, PT_LINT_WARNING, &set->loc, "tag", p->tags.v[t - 1], "it is set, and no rule asks for it");
		if (!set && asked)
			unused(r, PT_LINT_WARNING, &asked->loc, "tag", p->tags.v[t - 1], "a rule asks for it, and none sets it");
	}
}

static void schedules_and_anchors(struct lint_run *r)
{
	const struct pt_policy *p = r->in->policy;
	const struct pt_conf *c = p->conf;

	for (size_t i = 0; i < p->schedules.n; i++)
		if (!p->schedules.v[i].used)
			unused(r, PT_LINT_WARNING, &p->schedules.v[i].conf->loc, "schedule", p->schedules.v[i].conf->name,
			       "no rule refers to it");
	for (size_t i = 0; i < c->anchors.n; i++)
		if (!c->anchors.v[i].loaded && !(p->asked && p->asked[i]))
			unused(r, PT_LINT_WARNING, &c->anchors.v[i].loc, "anchor", c->anchors.v[i].path, "no rule asks it");
}

/* ---- interfaces, groups ---- */

static bool group_named_before(const struct pt_conf *c, size_t interface, const char *group)
{
	for (size_t i = 0; i < interface; i++)
		for (size_t k = 0; k < c->interfaces.v[i].groups.n; k++)
			if (!strcmp(c->interfaces.v[i].groups.v[k].s, group))
				return true;
	return false;
}

static void interfaces(struct lint_run *r, const struct words *w)
{
	const struct pt_conf *c = r->in->policy->conf;

	for (size_t i = 0; i < c->interfaces.n; i++) {
		const struct pt_conf_if *f = &c->interfaces.v[i];
		bool used = named(w, f->name, false) || named(w, f->device, false);

		for (size_t k = 0; k < f->groups.n; k++) {
			if (named(w, f->groups.v[k].s, false))
				used = true;
			else if (!group_named_before(c, i, f->groups.v[k].s))
				unused(r, PT_LINT_NOTE, &f->groups.v[k].loc, "group", f->groups.v[k].s, "no rule names it");
		}
		if (!used)
			unused(r, PT_LINT_NOTE, &f->loc, "interface", f->name, "no rule names it or a group of it");
	}
}

/* ---- macros, whose places only the text knows ---- */

static bool is_word(const struct pt_conf_source *s, const struct pt_src_tok *t, const char *word)
{
	return t->kind == PT_TOK_WORD && t->len == strlen(word) && !memcmp(s->text + t->off, word, t->len);
}

/* The title behind T, quoted or not, without blanks and comments between. */
static const struct pt_src_tok *title_of(const struct pt_src_tok *t, const struct pt_src_tok *end)
{
	for (t++; t < end; t++)
		if (t->kind != PT_TOK_SPACE && t->kind != PT_TOK_COMMENT)
			return t->kind == PT_TOK_WORD || t->kind == PT_TOK_STRING ? t : NULL;
	return NULL;
}

static void macro(struct lint_run *r, const struct words *w, const struct pt_conf_source *s, const struct pt_src_tok *t)
{
	size_t quote = t->kind == PT_TOK_STRING;
	const char *name = s->text + t->off + quote;
	size_t n = t->len - 2 * quote;
	struct pt_loc loc = { s->file, t->line, t->col, t->len };

	for (size_t i = 0; i < r->in->policy->conf->macros.n; i++) {
		const char *known = r->in->policy->conf->macros.v[i].name;

		if (strlen(known) == n && !memcmp(known, name, n) && !named(w, known, true))
			unused(r, PT_LINT_WARNING, &loc, "macro", known, "no rule uses it");
	}
}

static int macros(struct lint_run *r, const struct words *w)
{
	const struct pt_conf *c = r->in->policy->conf;
	struct pt_src_tok *toks;
	size_t n;

	for (size_t i = 0; c->macros.n && i < c->sources.n; i++) {
		const struct pt_conf_source *s = &c->sources.v[i];
		struct pt_err e = { 0 };
		int rc;

		if (s->anchor)
			continue;
		rc = pt_src_scan(s->file, s->text, s->len, r->arena, &toks, &n, &e);
		pt_err_fini(&e);
		if (rc)
			return rc;
		for (size_t k = 0; k < n; k++) {
			const struct pt_src_tok *title = is_word(s, &toks[k], "macro") ? title_of(&toks[k], toks + n) : NULL;

			if (title)
				macro(r, w, s, title);
		}
	}
	return 0;
}

int lint_unused(struct lint_run *r)
{
	struct words w = { 0 };
	int rc = add_all(&w, r->in->policy->conf);

	if (!rc) {
		tables(r);
		tags(r);
		schedules_and_anchors(r);
		interfaces(r, &w);
		rc = macros(r, &w);
	}
	free(w.v);
	return rc;
}
