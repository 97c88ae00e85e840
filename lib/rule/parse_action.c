/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a rule does: pass, match, or block with one of its answers. */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

static const char *const actions[] = { "pass", "block", "match", "anchor" }; /* in the order of pt_action */

/* ---- answers of block ---- */

static int icmp_code(struct rule_parser *p, enum pt_af af, int16_t *out)
{
	const struct rule_tok *t = p->tok;
	uint8_t unreach = af == PT_AF_INET ? 3 : 1, code;
	struct pt_buf hint = { 0 };
	const char *near;

	if (t->kind != TOK_WORD)
		return rule_unexpected(p, t, "a code of ICMP unreachable", NULL, 0);
	p->tok++;
	if (!rule_icmp_code_parse(af, unreach, t->s, &code)) {
		*out = code;
		return 0;
	}
	near = rule_icmp_code_nearest(af, unreach, t->s);
	pt_buf_fmt(&hint, near ? "did you mean '%s'?" : "a number up to 255 or a name such as %s",
		   near ? near : "port-unr");
	(void)rule_fail(p, t, hint.s, "'%.64s' is not a code of %s unreachable", t->s,
			af == PT_AF_INET ? "ICMP" : "ICMPv6");
	pt_buf_fini(&hint);
	return 0;
}

/* "(code[, code6])" */
static int icmp_codes(struct rule_parser *p, bool six_only)
{
	struct pt_ast_rule *r = p->r;
	int rc;

	if (!rule_take(p, "("))
		return 0;
	rc = icmp_code(p, six_only ? PT_AF_INET6 : PT_AF_INET, six_only ? &r->code6 : &r->code4);
	if (!rc && !six_only && rule_take(p, ","))
		rc = icmp_code(p, PT_AF_INET6, &r->code6);
	if (!rc && !rule_take(p, ")"))
		rc = rule_unexpected(p, p->tok, "')'", NULL, 0);
	return rc;
}

static int no_codes(struct rule_parser *p, const char *word)
{
	const struct rule_tok *t = p->tok;

	rule_skip_group(p);
	return rule_note(p, t, "codes belong to return-icmp and return-icmp6",
			 "'%s' takes nothing in parentheses", word);
}

static int block_return(struct rule_parser *p)
{
	static const struct {
		const char *word;
		enum pt_ret ret;
		bool six;
	} forms[] = {
		{ "drop", PT_RET_DROP, false },	       { "return", PT_RET_RETURN, false },
		{ "return-rst", PT_RET_RST, false },   { "return-icmp", PT_RET_ICMP, false },
		{ "return-icmp6", PT_RET_ICMP, true },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(forms); i++) {
		if (!rule_take(p, forms[i].word))
			continue;
		p->r->ret = forms[i].ret;
		p->r->ret_explicit = true;
		p->r->ret_icmp6_only = forms[i].six;
		if (forms[i].ret == PT_RET_ICMP)
			return icmp_codes(p, forms[i].six);
		return rule_is(p, "(") ? no_codes(p, forms[i].word) : 0;
	}
	return 0;
}

/* ---- the action ---- */

static int take_action(struct rule_parser *p, size_t action)
{
	int rc = 0;

	p->tok++;
	p->r->action = (enum pt_action)action;
	if (action == PT_BLOCK)
		rc = block_return(p);
	else if (action == PT_ANCHOR)
		rc = rule_parse_anchor(p);
	if (rc != -EINVAL)
		return rc;
	rule_part_skip(p);
	return 0;
}

/* What other firewalls call it; -1: nothing of the kind. */
static int synonym(const char *word)
{
	static const struct {
		const char *word;
		enum pt_action action;
	} others[] = {
		{ "allow", PT_PASS },	{ "accept", PT_PASS }, { "permit", PT_PASS },
		{ "deny", PT_BLOCK },	{ "drop", PT_BLOCK },  { "reject", PT_BLOCK },
		{ "return", PT_BLOCK },
	};
	const char *near = rule_nearest(word, actions, PT_ARRAY_SIZE(actions));

	for (size_t i = 0; i < PT_ARRAY_SIZE(actions); i++)
		if (near == actions[i])
			return (int)i;
	for (size_t i = 0; i < PT_ARRAY_SIZE(others); i++)
		if (!strcmp(word, others[i].word))
			return (int)others[i].action;
	return -1;
}

static const char *expected(const struct rule_parser *p)
{
	return p->ctx->statement ? "pass or block" : "pass, block or match";
}

/* A line of pf.conf(5) that begins with what is an option of rules too. */
static int statement(struct rule_parser *p)
{
	static const struct {
		const char *word, *hint;
	} known[] = {
		{ "set", "options stand in the section itself: firewall { skip = { lo } }" },
		{ "scrub", "write `match in scrub (no-df)`" },
		{ "queue", "a queue is a class of a queueing discipline; rules name it: `match out set queue bulk`" },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(known); i++)
		if (rule_is(p, known[i].word))
			return rule_fail(p, p->tok, known[i].hint, "'%s' where %s is expected",
					 known[i].word, expected(p));
	return 0;
}

/* Goes on with what was probably meant; a rule that lacks its action is read as pass, which may
 * have all. */
static int no_action(struct rule_parser *p)
{
	const struct rule_tok *t = p->tok;
	struct pt_buf hint = { 0 };
	int meant;

	if (statement(p))
		return -EINVAL;
	if (t->kind == TOK_HOLE || rule_part_of(t)) {
		if (t->kind == TOK_HOLE)
			p->tok++;
		return rule_note(p, t, p->ctx->statement ? "a statement begins with pass or block" : "a rule begins with pass, block or match",
				 "'%s' where %s is expected", t->s, expected(p));
	}
	if (t->kind != TOK_WORD || rule_reserved(t->s))
		return rule_unexpected(p, t, expected(p), NULL, 0);
	meant = synonym(t->s);
	if (meant >= 0)
		pt_buf_fmt(&hint, "did you mean '%s'?", actions[meant]);
	(void)rule_fail(p, t, hint.s, "'%.64s' where %s is expected", t->s, expected(p));
	pt_buf_fini(&hint);
	return meant < 0 ? -EINVAL : take_action(p, (size_t)meant);
}

int rule_parse_action(struct rule_parser *p)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(actions); i++)
		if (rule_is(p, actions[i]))
			return take_action(p, i);
	return no_action(p);
}
