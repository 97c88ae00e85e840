/* SPDX-License-Identifier: GPL-3.0-or-later */
/* user and group: whose socket a packet comes from. Names are looked up when the policy is built. */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

#define ID_MAX (UINT32_MAX - 1) /* the last number means "nobody" to the kernel */

struct owner {
	pt_ast_ids *ids;
	const char *what; /* "a user" */
};

/* Two marks, or one, in front of a value. */
static enum pt_port_op unary(struct rule_parser *p)
{
	if (rule_take(p, "="))
		return PT_PORT_EQ;
	if (rule_take(p, "!")) {
		(void)rule_take(p, "=");
		return PT_PORT_NE;
	}
	if (rule_take(p, "<"))
		return rule_take(p, "=") ? PT_PORT_LE : PT_PORT_LT;
	if (rule_take(p, ">"))
		return rule_take(p, "=") ? PT_PORT_GE : PT_PORT_GT;
	return PT_PORT_EQ;
}

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

static int number(struct rule_parser *p, const struct rule_tok *t, const char *what, uint32_t *out)
{
	uint64_t v = 0;

	if (pt_parse_uint(t->s, ID_MAX, &v))
		return rule_note(p, t, "a name, or a number without leading zeros", "'%.64s' is not the number of %s", t->s,
				 what);
	*out = (uint32_t)v;
	return 0;
}

/* "1000:2000", or what stands behind "1000 ><" and "1000 <>". */
static int second(struct rule_parser *p, const struct owner *o, struct pt_ast_id *id)
{
	const struct rule_tok *t;

	if (rule_is(p, ">") && !strcmp(p->tok[1].s, "<"))
		id->op = PT_PORT_IN;
	else if (rule_is(p, "<") && !strcmp(p->tok[1].s, ">"))
		id->op = PT_PORT_OUT;
	else
		return 0;
	p->tok += 2;
	t = p->tok;
	if (t->kind != TOK_WORD || !is_number(t->s))
		return rule_unexpected(p, t, "a number", NULL, 0);
	p->tok++;
	return number(p, t, o->what, &id->b);
}

/* "A:B" in one word; false: it is not that. */
static bool range(const char *s, struct pt_ast_id *id)
{
	const char *colon = strchr(s, ':');
	char first[16];
	uint64_t a, b;

	if (!colon || (size_t)(colon - s) >= sizeof(first))
		return false;
	memcpy(first, s, (size_t)(colon - s));
	first[colon - s] = '\0';
	if (pt_parse_uint(first, ID_MAX, &a) || pt_parse_uint(colon + 1, ID_MAX, &b))
		return false;
	id->op = PT_PORT_RANGE;
	id->a = (uint32_t)a;
	id->b = (uint32_t)b;
	return true;
}

static int value(struct rule_parser *p, const struct owner *o, const struct rule_tok *t, struct pt_ast_id *id)
{
	if (is_number(t->s)) {
		int rc = number(p, t, o->what, &id->a);

		return rc || id->op != PT_PORT_EQ ? rc : second(p, o, id);
	}
	if (t->kind == TOK_WORD && id->op == PT_PORT_EQ && range(t->s, id))
		return 0;
	id->name = t->s;
	for (const char *c = t->s; *c; c++)
		if (!rule_word_char(*c))
			return rule_note(p, t, NULL, "this is not the name of %s", o->what);
	if (!strcmp(t->s, "unknown"))
		return rule_note(p, t, "leave the condition out", "packets that no socket of this machine sent have no owner to ask for");
	if (!*t->s || strlen(t->s) > 64 || strchr(t->s, ':'))
		return rule_note(p, t, NULL, "'%.64s' is not the name of %s", t->s, o->what);
	if (id->op != PT_PORT_EQ && id->op != PT_PORT_NE)
		return rule_note(p, t, "write its number", "a comparison with the name of %s", o->what);
	return 0;
}

static int one_id(struct rule_parser *p, void *arg)
{
	const struct owner *o = arg;
	struct pt_ast_id id = { .op = unary(p) };
	const struct rule_tok *t = p->tok;
	size_t errors = p->errors;
	bool two;
	int rc;

	if (!t->operand)
		return rule_unexpected(p, t, o->what, NULL, 0);
	p->tok++;
	id.loc = rule_loc(p, t);
	rc = value(p, o, t, &id);
	if (rc)
		return rc;
	two = id.op == PT_PORT_RANGE || id.op == PT_PORT_IN || id.op == PT_PORT_OUT;
	if (errors == p->errors && two && id.a > id.b)
		return rule_note(p, t, "the lower number comes first", "an empty range");
	return pt_vec_push(p->ctx->arena, o->ids, id);
}

int rule_parse_user(struct rule_parser *p, const struct rule_tok *t)
{
	struct owner o = { &p->r->when.user, "a user" };

	p->r->when.user_loc = rule_loc(p, t);
	return rule_list(p, one_id, &o);
}

int rule_parse_group(struct rule_parser *p, const struct rule_tok *t)
{
	struct owner o = { &p->r->when.group, "a group" };

	p->r->when.group_loc = rule_loc(p, t);
	return rule_list(p, one_id, &o);
}
