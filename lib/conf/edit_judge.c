/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The judgement of a draft: what is wrong with a value by itself is told when it is given, under its word. What it names may come
 * with a later change, so that nothing here looks at other sections, but for the macros that a rule uses and that are there.
 */
#include <errno.h>
#include <string.h>

#include "conf/edit_run.h"

#define VALUE_NAME "value"

typedef PT_VEC(struct pt_macro) macros;

/* The macros of the texts as they are now. */
static int macros_of(const struct edit_run *r, macros *to)
{
	const struct pt_schema *row = conf_schema_find(pt_conf_schema, "macro");
	const struct pt_schema *value = row ? conf_schema_find(row->options, "value") : NULL;
	int rc = 0;

	for (size_t i = 0; value && i < r->n; i++)
		for (size_t k = 0; !rc && k < r->maps[i].sections.n; k++) {
			struct edit_spot s = { &r->maps[i], &r->maps[i].sections.v[k] };
			struct edit_elements e;

			if (s.section->row != row)
				continue;
			rc = edit_elements_find(r, &s, value, &e);
			if (!rc && e.list.n && *e.list.v[0].s)
				rc = pt_vec_push(r->arena, to, ((struct pt_macro){ s.section->title, e.list.v[0].s }));
		}
	return rc;
}

static int judge_statement(const char *s, const struct pt_ast_rule *tree, struct pt_err *e)
{
	struct pt_conf_str str = { .s = s, .loc = { VALUE_NAME, 1, 1, (uint32_t)strlen(s) } };
	const struct pt_conf_at at = { VALUE_NAME, s, strlen(s), &str };
	const struct pt_conf_rule text = { .s = s, .len = (uint32_t)strlen(s), .line = 1, .col = 1 };

	return conf_check_expect(tree, &text, &at, e);
}

/* The syntax of a rule; with a macro that is not there yet nothing can be said of it. */
static int judge_rule(const struct edit_run *r, const char *s, struct pt_err *e)
{
	struct pt_rule_ctx ctx = { .arena = r->arena, .macros_later = true, .statement = !strcmp(r->path.section->name, "test") };
	macros known = { 0 };
	struct pt_ast_rule *tree;
	int rc = strchr(s, '$') ? macros_of(r, &known) : 0;

	ctx.macros = known.v;
	ctx.n_macros = known.n;
	if (!rc)
		rc = pt_rule_parse(&ctx, s, strlen(s), &tree, e);
	if (!rc && ctx.statement)
		rc = judge_statement(s, tree, e);
	return rc == -ENOENT ? 0 : rc;
}

static int judge_value(struct edit_run *r, size_t i)
{
	const struct pt_schema *o = r->path.option;
	const char *s = r->change.values[i];
	const struct pt_loc loc = { VALUE_NAME, 1, 1, (uint32_t)strlen(s) };
	struct pt_err found = { 0 };
	int rc, told;

	if (o)
		rc = pt_conf_value_check(o, s, &loc, &found);
	else
		rc = r->path.section->check_title ? r->path.section->check_title(s, &loc, &found) : 0;
	if (!rc && o && o->complete && !strcmp(o->complete, "rule"))
		rc = judge_rule(r, s, &found);
	told = edit_tell_value(&r->change, i, &found, r->arena, r->line.e);
	pt_err_fini(&found);
	return told ? told : rc;
}

/* Of a section that has just come. */
static int judge_title(struct edit_run *r)
{
	const struct pt_schema *row = r->path.section;
	const struct pt_loc loc = { VALUE_NAME, 1, 1, (uint32_t)strlen(r->path.title) };
	struct pt_err found = { 0 };
	const struct pt_diag *d;
	int rc;

	if (!row->check_title || !row->check_title(r->path.title, &loc, &found))
		return 0;
	d = found.list.n ? &found.list.v[0] : NULL;
	rc = edit_blame(&r->line, r->path.used > 1 ? 1 : 0, d ? d->hint : NULL, "%s", d ? d->msg : "this is no name for it");
	pt_err_fini(&found);
	return rc;
}

int edit_judge(struct edit_run *r)
{
	int rc = r->line.what->op == PT_EDIT_SET && r->path.title ? judge_title(r) : 0;

	for (size_t i = 0; i < r->change.n_values && (!rc || rc == -EINVAL); i++) {
		int bad = judge_value(r, i);

		rc = bad ? bad : rc;
	}
	return rc;
}
