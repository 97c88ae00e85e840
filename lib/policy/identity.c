/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule is known by its label, else by a hash of its text, so that counters, logs and states keep
 * naming it wherever it moves in the file. In an anchor the path comes first: programs that fill several need not
 * know of each other's labels.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"

static const char *canonical(struct policy_builder *b)
{
	char *s = NULL;

	b->text.n = 0;
	pt_rule_print(&b->text, b->ast);
	if (!b->text.err)
		s = pt_arena_strndup(b->arena, b->text.s, b->text.n);
	return s;
}

/* The slot of NAME, or the free one where it belongs. */
static struct policy_name *slot_of(const struct policy_names *t, const char *name)
{
	size_t i = pt_hash32(name, strlen(name)) & (t->cap - 1);

	while (t->slots[i].name && strcmp(t->slots[i].name, name))
		i = (i + 1) & (t->cap - 1);
	return &t->slots[i];
}

static uint32_t *id_slot(const struct policy_names *t, uint32_t id)
{
	size_t i = id & (t->cap - 1);

	while (t->ids[i] && t->ids[i] != id)
		i = (i + 1) & (t->cap - 1);
	return &t->ids[i];
}

void policy_names_fini(struct policy_names *t)
{
	free(t->slots);
	free(t->ids);
}

/* Makes room for one rule: one name and one id. */
static int make_room(struct policy_names *t)
{
	struct policy_names more = { .n = t->n, .cap = t->cap ? t->cap * 2 : 64 };

	if ((t->n + 1) * 4 <= t->cap * 3)
		return 0;
	more.slots = calloc(more.cap, sizeof(*more.slots));
	more.ids = calloc(more.cap, sizeof(*more.ids));
	if (!more.slots || !more.ids) {
		policy_names_fini(&more);
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->cap; i++) {
		if (t->slots[i].name)
			*slot_of(&more, t->slots[i].name) = t->slots[i];
		if (t->ids[i])
			*id_slot(&more, t->ids[i]) = t->ids[i];
	}
	policy_names_fini(t);
	*t = more;
	return 0;
}

static void take_name(struct policy_builder *b, struct policy_name *slot, const char *name)
{
	slot->name = name;
	slot->line = b->base.loc.line;
	b->names.n++;
	b->base.name = name;
}

static char *hex_name(struct pt_arena *a, uint32_t hash)
{
	static const char digits[] = "0123456789abcdef";
	char name[] = "r00000000";

	for (size_t i = 8; i; i--, hash >>= 4)
		name[i] = digits[hash & 15];
	return pt_arena_strdup(a, name);
}

/* Two rules of the same text without labels are told apart by their number among them. */
static int hashed_name(struct policy_builder *b)
{
	const char *name = hex_name(b->arena, pt_hash32(b->base.text, strlen(b->base.text)));
	struct policy_name *first, *slot;

	if (name && b->anchor)
		name = pt_arena_printf(b->arena, "%s/%s", b->anchor->name, name);
	if (!name)
		return -ENOMEM;
	first = slot = slot_of(&b->names, name);
	while (slot->name) {
		name = pt_arena_printf(b->arena, "%s#%u", first->name, ++first->repeats + 1);
		if (!name)
			return -ENOMEM;
		slot = slot_of(&b->names, name);
	}
	take_name(b, slot, name);
	return 0;
}

static int labelled_name(struct policy_builder *b)
{
	const char *name = b->anchor ? pt_arena_printf(b->arena, "%s/%s", b->anchor->name, b->ast->label) :
				       pt_arena_strdup(b->arena, b->ast->label);
	struct policy_name *other = name ? slot_of(&b->names, name) : NULL;
	struct pt_buf hint = { 0 };

	if (!other)
		return -ENOMEM;
	if (!other->name) {
		take_name(b, other, name);
		return 0;
	}
	if (other->line)
		pt_buf_fmt(&hint, "the first one is in line %u; a label names one rule", other->line);
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

	r->text = canonical(b);
	if (!r->text || make_room(&b->names))
		return -ENOMEM;
	rc = b->ast->label ? labelled_name(b) : hashed_name(b);
	if (rc)
		return rc;
	r->id = pt_hash32(r->name, strlen(r->name));
	while (!r->id || *id_slot(&b->names, r->id))
		r->id = r->id * 16777619u + 1;
	*id_slot(&b->names, r->id) = r->id;
	return 0;
}
