/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recursive descent over the tokens of one rule: an action, then parts. After an error the reader
 * goes on at the next part, so that one run tells of all mistakes that can be told apart.
 */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

struct pt_loc rule_loc(const struct rule_parser *p, const struct rule_tok *t)
{
	return rule_locate(p->ctx, t->off, t->len);
}

struct rule_tok rule_span(const struct rule_tok *from, const struct rule_tok *to)
{
	struct rule_tok t = *from;

	if (to->off + to->len > from->off)
		t.len = to->off + to->len - from->off;
	return t;
}

void rule_skip_group(struct rule_parser *p)
{
	int depth = 0;

	do {
		if (rule_is(p, "{") || rule_is(p, "("))
			depth++;
		else if (rule_is(p, "}") || rule_is(p, ")"))
			depth--;
		p->tok++;
	} while (depth > 0 && p->tok->kind != TOK_END);
}

/* A part that begins with a misspelt word, or something that must be passed over. */
static int parse_unknown(struct rule_parser *p, uint8_t *rank)
{
	struct rule_tok meant = *p->tok;
	const struct rule_tok *t = p->tok;
	const struct rule_part *part = rule_part_unknown(p, *rank);

	if (rule_is(p, "(") || rule_is(p, "{"))
		rule_skip_group(p);
	else if (p->tok == t)
		p->tok++;
	if (!part)
		return -EINVAL;
	meant.s = p->first[part->group] = part->word;
	*rank = part->rank;
	return part->parse(p, &meant);
}

static int parse_part(struct rule_parser *p, uint8_t *rank)
{
	const struct rule_tok *t = p->tok;
	const struct rule_part *part = rule_part_of(t);

	if (!part)
		return parse_unknown(p, rank);
	p->tok += t->kind == TOK_MARK ? 2 : 1; /* "! tagged" */
	(void)rule_part_order(p, t, part, *rank);
	if (part->rank > *rank)
		*rank = part->rank;
	return rule_anchor_part(p, t, part->group) ? -EINVAL : part->parse(p, t);
}

static int parse_parts(struct rule_parser *p)
{
	uint8_t rank = 0;
	int rc = 0;

	while (rc != -ENOMEM && p->tok->kind != TOK_END) {
		rc = parse_part(p, &rank);
		if (rc == -EINVAL)
			rule_part_skip(p);
	}
	return rc == -ENOMEM ? rc : 0;
}

static int parse_rule(struct rule_parser *p)
{
	struct pt_ast_rule *r = p->r;
	int rc;

	r->code4 = r->code6 = -1;
	r->loc = rule_loc(p, p->tok);
	if (p->tok->kind == TOK_END)
		return rule_fail(p, p->tok, "write pass, block or match", "an empty rule");
	rc = rule_parse_action(p);
	if (!rc)
		rc = parse_parts(p);
	r->all = !r->src.n && !r->dst.n && !r->sport.n && !r->dport.n;
	if (r->state == PT_STATE_KEEP) /* what pass does anyway: one form of it in the tree */
		r->state = PT_STATE_DEFAULT;
	return rc;
}

int pt_rule_parse(const struct pt_rule_ctx *ctx, const char *text, size_t len,
		  struct pt_ast_rule **out, struct pt_err *e)
{
	struct rule_parser p = { .ctx = ctx, .text = text, .text_len = len, .err = e };
	struct rule_text expanded = { 0 };
	struct rule_toks toks = { 0 };
	int rc;

	*out = NULL;
	rc = rule_expand(ctx, text, len, &expanded, e);
	if (!rc)
		rc = rule_lex(&p, &expanded, &toks);
	rule_text_fini(&expanded);
	if (rc)
		return rc;
	p.tok = toks.v;
	p.r = pt_arena_alloc(ctx->arena, sizeof(*p.r));
	if (!p.r)
		return -ENOMEM;
	rc = parse_rule(&p);
	if (!rc && p.errors)
		rc = -EINVAL;
	if (!rc)
		*out = p.r;
	return rc;
}
