/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What rules set: shared where it is the same, and checked against the rule that says it. */
#include <errno.h>
#include <string.h>

#include "policy/internal.h"

uint16_t pt_queue_class(const char *name)
{
	return (uint16_t)(1 + pt_hash32(name, strlen(name)) % 0xfffe);
}

static bool same_name(const char *x, const char *y)
{
	return x && y ? !strcmp(x, y) : x == y;
}

static bool same(const struct pt_ast_set *x, const struct pt_ast_set *y)
{
	return x->has_prio == y->has_prio && x->has_tos == y->has_tos && x->no_df == y->no_df &&
	       x->random_id == y->random_id && x->prio == y->prio && x->prio_fast == y->prio_fast && x->tos == y->tos &&
	       x->min_ttl == y->min_ttl && x->max_mss == y->max_mss && same_name(x->queue, y->queue) &&
	       same_name(x->queue_fast, y->queue_fast);
}

/* Two names that one class would stand for. */
static int check_queue(struct policy_builder *b, const char *name)
{
	for (size_t i = 0; name && i < b->p->sets.n; i++) {
		const char *const others[] = { b->p->sets.v[i].queue, b->p->sets.v[i].queue_fast };

		for (size_t k = 0; k < PT_ARRAY_SIZE(others); k++)
			if (others[k] && strcmp(others[k], name) != 0 && pt_queue_class(others[k]) == pt_queue_class(name))
				return policy_fail(b, &b->ast->set_loc, "rename one of them",
						   "queues '%s' and '%s' have one class: it is a hash of the name", others[k], name);
	}
	return 0;
}

static int keep_name(struct policy_builder *b, const char **name)
{
	if (*name)
		*name = policy_keep_bytes(b, *name, strlen(*name) + 1);
	return *name ? 0 : -ENOMEM;
}

static int add(struct policy_builder *b, const struct pt_ast_set *set, uint32_t *out)
{
	struct pt_ast_set s = *set;
	int rc = check_queue(b, s.queue);

	if (!rc)
		rc = check_queue(b, s.queue_fast);
	if (!rc && s.queue)
		rc = keep_name(b, &s.queue);
	if (!rc && s.queue_fast)
		rc = keep_name(b, &s.queue_fast);
	*out = (uint32_t)b->p->sets.n + 1;
	return rc ? rc : pt_vec_push(b->arena, &b->p->sets, s);
}

static int check_rule(struct policy_builder *b)
{
	const struct pt_ast_rule *a = b->ast;

	if (a->action == PT_BLOCK)
		return policy_fail(b, &a->set_loc, "leave it out", "a block rule sets something: its packets go nowhere");
	if (a->action == PT_PASS && !b->base.keep_state)
		return policy_fail(b, &a->set_loc, "let a match rule set it",
				   "a pass rule without a state sets something: that is kept with the state");
	return 0;
}

int policy_set(struct policy_builder *b, uint32_t *out)
{
	static const struct pt_ast_set none;
	const struct pt_ast_set *s = &b->ast->set;
	int rc;

	*out = 0;
	if (same(s, &none))
		return 0;
	rc = check_rule(b);
	if (rc)
		return rc;
	for (size_t i = 0; i < b->p->sets.n; i++)
		if (same(&b->p->sets.v[i], s)) {
			*out = (uint32_t)i + 1;
			return 0;
		}
	return add(b, s, out);
}
