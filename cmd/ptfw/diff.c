/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an apply changes: for people the rules that go and come, as texts, beside the file in force; for
 * programs, and for people who ask, the kernel's operations.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptfw.h"

/* ---- operations ---- */

/* The note of what is applied changes with every change, and says nothing. */
static bool is_note(const char *name)
{
	return !strcmp(name, "ptfw.applied");
}

static void print_operation(const char *op, const char *kind, const char *name, void *arg)
{
	struct pt_out *o = arg;
	struct pt_buf text = { 0 };

	if (is_note(name) && pt_out_format(o) == PT_OUT_TEXT)
		return;
	pt_buf_fmt(&text, "%s %s %s", op, kind, name);
	pt_out_rec(o);
	pt_out_str(o, "operation", op);
	pt_out_str(o, "kind", kind);
	pt_out_str(o, "name", name);
	show_text(o, &text);
	pt_out_rec_end(o);
}

static void count_operation(const char *op, const char *kind, const char *name, void *arg)
{
	size_t *n = arg;

	(void)op;
	*n += !is_note(name) && !contents_of_table(kind, name);
}

/* ---- rules as texts ---- */

struct written {
	const struct pt_pol_rule *rule;
	size_t old;   /* new rules: place of the same in the old ones, SIZE_MAX none */
	bool stays;
};
typedef PT_VEC(struct written) rules;

/* The rules as they are written, once each. */
static int collect(const struct pt_policy *p, struct pt_arena *a, rules *out)
{
	uint32_t last = 0;
	int rc = 0;

	for (size_t i = 0; p && !rc && i < p->rules.n; i++) {
		struct written w = { .rule = &p->rules.v[i], .old = SIZE_MAX };

		if (w.rule->ast == PT_POL_BUILTIN || w.rule->id == last)
			continue;
		last = w.rule->id;
		rc = pt_vec_push(a, out, w);
	}
	return rc;
}

static int by_id(const void *x, const void *y)
{
	const struct written *const *a = x, *const *b = y;
	uint32_t i = (*a)->rule->id, k = (*b)->rule->id;

	return i < k ? -1 : i > k;
}

/* Finds each rule of NEW among OLD: the same name and the same text. */
static int pair(const rules *old, rules *new, struct pt_arena *a)
{
	const struct written **sorted = pt_arena_alloc(a, (old->n + 1) * sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < old->n; i++)
		sorted[i] = &old->v[i];
	if (old->n)
		qsort(sorted, old->n, sizeof(*sorted), by_id);
	for (size_t i = 0; old->n && i < new->n; i++) {
		const struct written *key = &new->v[i], **found;

		found = bsearch(&key, sorted, old->n, sizeof(*sorted), by_id);
		if (found && !strcmp((*found)->rule->text, key->rule->text))
			new->v[i].old = (size_t)(*found - old->v);
	}
	return 0;
}

/*
 * The order has a meaning: rules stay that are the same in the same order, as many as possible (the
 * longest increasing run of old places); what moved goes and comes. TAIL[k]: where the best run of
 * k + 1 rules ends.
 */
static int keep_order(rules *old, rules *new, struct pt_arena *a)
{
	size_t *tail = pt_arena_alloc(a, (new->n + 1) * sizeof(*tail));
	size_t *before = pt_arena_alloc(a, (new->n + 1) * sizeof(*before)), n = 0;

	if (!tail || !before)
		return -ENOMEM;
	for (size_t i = 0; i < new->n; i++) {
		size_t low = 0, high = n;

		if (new->v[i].old == SIZE_MAX)
			continue;
		while (low < high) {
			size_t middle = (low + high) / 2;

			if (new->v[tail[middle]].old < new->v[i].old)
				low = middle + 1;
			else
				high = middle;
		}
		before[i] = low ? tail[low - 1] : SIZE_MAX;
		tail[low] = i;
		n = low == n ? n + 1 : n;
	}
	for (size_t i = n ? tail[n - 1] : SIZE_MAX; i != SIZE_MAX; i = before[i])
		new->v[i].stays = old->v[new->v[i].old].stays = true;
	return 0;
}

static void print_rule(struct pt_out *o, char sign, const struct pt_pol_rule *r)
{
	struct pt_buf text = { 0 };

	pt_buf_fmt(&text, "%c %s", sign, r->text);
	pt_out_rec(o);
	show_text(o, &text);
	pt_out_rec_end(o);
}

/* What goes stands where it stood, before what comes there. The number of lines. */
static size_t print_changes(struct pt_out *o, const rules *old, const rules *new)
{
	size_t i = 0, k = 0, n = 0;

	while (i < old->n || k < new->n) {
		for (; i < old->n && !old->v[i].stays; i++, n++)
			print_rule(o, '-', old->v[i].rule);
		for (; k < new->n && !new->v[k].stays; k++, n++)
			print_rule(o, '+', new->v[k].rule);
		i++;
		k++;
	}
	return n;
}

static int print_rules(struct pt_out *o, const struct pt_policy *from, const struct pt_policy *to, size_t *n)
{
	struct pt_arena *a = pt_arena_new();
	rules old = { 0 }, new = { 0 };
	int rc = -ENOMEM;

	if (a)
		rc = collect(from, a, &old);
	if (!rc)
		rc = collect(to, a, &new);
	if (!rc)
		rc = pair(&old, &new, a);
	if (!rc)
		rc = keep_order(&old, &new, a);
	if (!rc)
		*n = print_changes(o, &old, &new);
	pt_arena_free(a);
	return rc;
}

struct lines {
	struct pt_out *out;
	size_t n;
};

static void print_contents(const char *op, struct pt_buf *text, void *arg)
{
	struct lines *l = arg;
	struct pt_buf line = { 0 };

	pt_out_fail(l->out, text->err);
	pt_buf_fmt(&line, "%c %s", !strcmp(op, "add") ? '+' : '-', text->s ? text->s : "");
	pt_out_rec(l->out);
	show_text(l->out, &line);
	pt_out_rec_end(l->out);
	l->n++;
}

/* What the texts of rules and tables do not tell: addresses of interfaces, the engine. */
static void print_rest(const struct pt_cli *c, const struct pt_plan *p, struct pt_out *o, size_t lines)
{
	struct pt_buf text = { 0 };
	size_t n = 0;

	pt_plan_walk(p, count_operation, &n);
	if (c->verbose || c->details || !pt_plan_writes(p) || (lines && !n))
		return;
	if (n)
		pt_buf_fmt(&text, "# %s%s%zu operation%s in the kernel: `ptfw %s -v` lists %s",
			   p->have->dormant ? "the table is dormant, so that everything passes; " : "",
			   lines ? "" : "no rule changes; ", n, pt_plural(n), c->dry ? "apply -n" : "diff",
			   n == 1 ? "it" : "them");
	else
		pt_buf_str(&text, "# no rule changes; the file does");
	pt_out_rec(o);
	show_text(o, &text);
	pt_out_rec_end(o);
}

int print_plan(struct pt_cli *c, const struct pt_plan *p, struct pt_nl *nf)
{
	struct pt_out *o = pt_cli_out(c, PT_OUT_TEXT, "patronus.diff.v1", "operations");
	struct pt_plan old = { 0 };
	struct lines lines = { .out = o };
	int rc = 0, end;

	if (!o)
		return -ENOMEM;
	pt_out_top_str(o, "file", c->file);
	pt_out_top_u64(o, "writes", pt_plan_writes(p));
	if (pt_out_format(o) == PT_OUT_TEXT && pt_plan_writes(p)) {
		rc = applied_or_none(nf, &old, &c->err);
		if (!rc)
			rc = print_rules(o, old.policy, p->policy, &lines.n);
		if (!rc)
			contents_walk(p, print_contents, &lines);
		if (!rc)
			print_rest(c, p, o, lines.n);
		pt_plan_fini(&old);
	}
	if (!rc && (c->verbose || c->details || pt_out_format(o) != PT_OUT_TEXT))
		pt_plan_walk(p, print_operation, o);
	end = pt_cli_end(c, o);
	return rc ? rc : end;
}
