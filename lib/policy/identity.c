/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule is known by its label, else by a hash of its text, so that counters, logs and states keep
 * naming it wherever it moves in the file.
 */
#include <errno.h>
#include <string.h>

#include "policy/internal.h"

static const char *canonical(struct policy_builder *b, bool label)
{
	struct pt_ast_rule copy = *b->ast;
	struct pt_buf text = { 0 };
	char *s = NULL;

	if (!label)
		copy.label = NULL;
	pt_rule_print(&text, &copy);
	if (!text.err)
		s = pt_arena_strndup(b->arena, text.s, text.n);
	pt_buf_fini(&text);
	return s;
}

static const struct pt_pol_rule *named(const struct pt_policy *p, const char *name)
{
	for (size_t i = 0; i < p->rules.n; i++)
		if (!strcmp(p->rules.v[i].name, name))
			return &p->rules.v[i];
	return NULL;
}

static bool id_taken(const struct pt_policy *p, uint32_t id)
{
	for (size_t i = 0; i < p->rules.n; i++)
		if (p->rules.v[i].id == id)
			return true;
	return false;
}

/* Two rules of the same text without labels are told apart by their number among them. */
static int hashed_name(struct policy_builder *b)
{
	const char *plain = canonical(b, false), *name;
	unsigned int n = 1;

	if (!plain)
		return -ENOMEM;
	name = pt_arena_printf(b->arena, "r%08x", pt_hash32(plain, strlen(plain)));
	while (name && named(b->p, name))
		name = pt_arena_printf(b->arena, "r%08x#%u", pt_hash32(plain, strlen(plain)), ++n);
	b->base.name = name;
	return name ? 0 : -ENOMEM;
}

static int labelled_name(struct policy_builder *b)
{
	const struct pt_pol_rule *other = named(b->p, b->ast->label);
	struct pt_buf hint = { 0 };

	b->base.name = b->ast->label;
	if (!other)
		return 0;
	if (other->loc.line)
		pt_buf_fmt(&hint, "the first one is in line %u; a label names one rule", other->loc.line);
	else
		pt_buf_str(&hint, "a built-in rule has this name");
	policy_fail(b, &b->ast->label_loc, hint.s, "label '%s' is given twice", b->ast->label);
	pt_buf_fini(&hint);
	return -EINVAL;
}

int policy_identity(struct policy_builder *b)
{
	struct pt_pol_rule *r = &b->base;
	int rc;

	r->text = canonical(b, true);
	if (!r->text)
		return -ENOMEM;
	rc = b->ast->label ? labelled_name(b) : hashed_name(b);
	if (rc)
		return rc;
	r->id = pt_hash32(r->name, strlen(r->name));
	while (!r->id || id_taken(b->p, r->id))
		r->id = r->id * 16777619u + 1;
	return 0;
}
