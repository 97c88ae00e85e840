/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recursive descent over the tokens of one rule: the fixed part here, hosts and options in their own
 * files. After an error the parser goes on at the next keyword, so that one run tells of all of them.
 */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

bool rule_is(const struct rule_parser *p, const char *s)
{
	return (p->tok->kind == TOK_WORD || p->tok->kind == TOK_PUNCT) && !strcmp(p->tok->s, s);
}

bool rule_take(struct rule_parser *p, const char *s)
{
	if (!rule_is(p, s))
		return false;
	p->tok++;
	return true;
}

struct pt_loc rule_loc(const struct rule_parser *p, const struct rule_tok *t)
{
	return rule_locate(p->ctx, t->off, t->len);
}

/* ---- lists ---- */

static int list_body(struct rule_parser *p, int (*item)(struct rule_parser *p, void *arg), void *arg, int depth)
{
	const struct rule_tok *open = p->tok - 1;
	bool any = false;
	int rc;

	if (depth > RULE_NEST_MAX)
		return rule_fail(p, open, NULL, "lists are nested more than %d deep", RULE_NEST_MAX);
	for (;;) {
		while (rule_take(p, ","))
			;
		if (rule_take(p, "}"))
			break;
		if (p->tok->kind == TOK_END)
			return rule_fail(p, open, "close it with }", "a list is not closed");
		if (rule_take(p, "{"))
			rc = list_body(p, item, arg, depth + 1);
		else
			rc = item(p, arg);
		if (rc)
			return rc;
		if (++p->list_entries > RULE_LIST_MAX)
			return rule_fail(p, open, "use a table", "lists with more than %d entries", RULE_LIST_MAX);
		any = true;
	}
	return any ? 0 : rule_fail(p, open, "write `any`, or leave the whole part out", "an empty list");
}

int rule_list(struct rule_parser *p, int (*item)(struct rule_parser *p, void *arg), void *arg)
{
	if (rule_take(p, "{"))
		return list_body(p, item, arg, 1);
	return item(p, arg);
}

/* ---- action ---- */

static int icmp_code(struct rule_parser *p, enum pt_af af, int16_t *out)
{
	const struct rule_tok *t = p->tok;
	uint8_t unreach = af == PT_AF_INET ? 3 : 1, code;

	if (t->kind != TOK_WORD || rule_icmp_code_parse(af, unreach, t->s, &code))
		return rule_fail(p, t, "a number from 0 to 255 or a name such as port-unr",
				 "'%s' is not a code of ICMP unreachable", t->s);
	p->tok++;
	*out = code;
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
		rc = rule_fail(p, p->tok, NULL, "')' is missing after the code");
	return rc;
}

static int block_return(struct rule_parser *p)
{
	static const struct {
		const char *word;
		enum pt_ret ret;
		bool six;
	} forms[] = {
		{ "drop", PT_RET_DROP, false },		{ "return", PT_RET_RETURN, false },
		{ "return-rst", PT_RET_RST, false },	{ "return-icmp", PT_RET_ICMP, false },
		{ "return-icmp6", PT_RET_ICMP, true },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(forms); i++) {
		if (!rule_take(p, forms[i].word))
			continue;
		p->r->ret = forms[i].ret;
		p->r->ret_explicit = true;
		p->r->ret_icmp6_only = forms[i].six;
		if (rule_is(p, "(") && forms[i].ret != PT_RET_ICMP)
			return rule_fail(p, p->tok, "codes belong to return-icmp and return-icmp6",
					 "'%s' has no code", forms[i].word);
		return forms[i].ret == PT_RET_ICMP ? icmp_codes(p, forms[i].six) : 0;
	}
	return 0;
}

static int parse_action(struct rule_parser *p)
{
	static const char *const words[] = { "pass", "block", "match" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(words); i++)
		if (rule_take(p, words[i])) {
			p->r->action = (enum pt_action)i;
			return i == PT_BLOCK ? block_return(p) : 0;
		}
	return rule_unexpected(p, p->tok, "pass, block or match", words, PT_ARRAY_SIZE(words));
}

/* ---- interface and protocol ---- */

static int one_if(struct rule_parser *p, void *arg)
{
	struct pt_ast_if i = { .neg = rule_take(p, "!") };
	const struct rule_tok *t = p->tok;

	(void)arg;
	if ((t->kind != TOK_WORD && t->kind != TOK_STRING) || rule_starts_option(t->s))
		return rule_unexpected(p, t, "the name of an interface", NULL, 0);
	p->tok++;
	i.name = t->s;
	i.loc = rule_loc(p, t);
	return pt_vec_push(p->ctx->arena, &p->r->ifs, i);
}

static int one_proto(struct rule_parser *p, void *arg)
{
	static const char *const usual[] = { "tcp", "udp", "icmp", "icmp6", "gre", "esp", "ah", "sctp", "ospf", "igmp" };
	const struct rule_tok *t = p->tok;
	uint8_t proto;

	(void)arg;
	if (t->kind != TOK_WORD || pt_proto_parse(t->s, &proto))
		return rule_unexpected(p, t, "a protocol", usual, PT_ARRAY_SIZE(usual));
	p->tok++;
	return pt_vec_push(p->ctx->arena, &p->r->protos, proto);
}

static int parse_proto(struct rule_parser *p)
{
	const struct rule_tok *t = p->tok;

	if (!rule_take(p, "proto"))
		return 0;
	p->r->proto_loc = rule_loc(p, t);
	return rule_list(p, one_proto, NULL);
}

static int parse_af(struct rule_parser *p)
{
	if (rule_take(p, "inet"))
		p->r->af = PT_AF_INET;
	else if (rule_take(p, "inet6"))
		p->r->af = PT_AF_INET6;
	return 0;
}

static int parse_dir_log_quick(struct rule_parser *p)
{
	if (rule_take(p, "in"))
		p->r->dir = PT_IN;
	else if (rule_take(p, "out"))
		p->r->dir = PT_OUT;
	if (rule_take(p, "log")) {
		p->r->log = true;
		if (rule_is(p, "("))
			return rule_fail(p, p->tok, "write `log` alone", "options of 'log' are not available in this version");
	}
	p->r->quick = rule_take(p, "quick");
	if (p->r->quick && p->r->action == PT_MATCH)
		return rule_fail(p, p->tok - 1, "match rules never decide: leave quick out", "'quick' in a match rule");
	return 0;
}

static int parse_on(struct rule_parser *p)
{
	return rule_take(p, "on") ? rule_list(p, one_if, NULL) : 0;
}

static int parse_options(struct rule_parser *p)
{
	int rc = 0;

	while (!rc && p->tok->kind != TOK_END)
		rc = rule_parse_option(p);
	return rc;
}

/* ---- recovery ---- */

static int stage_of(const struct rule_tok *t)
{
	static const struct {
		const char *word;
		int stage;
	} starts[] = { { "on", 2 }, { "proto", 4 }, { "from", 5 }, { "to", 5 }, { "all", 5 } };

	if (t->kind != TOK_WORD)
		return -1;
	for (size_t i = 0; i < PT_ARRAY_SIZE(starts); i++)
		if (!strcmp(t->s, starts[i].word))
			return starts[i].stage;
	return rule_starts_option(t->s) ? 6 : -1;
}

/* Goes on after a wrong word at the next one that begins a part not before STAGE. */
static int resume(struct rule_parser *p, const struct rule_tok *before, int stage)
{
	if (p->tok == before && p->tok->kind != TOK_END)
		p->tok++;
	for (; p->tok->kind != TOK_END; p->tok++)
		if (stage_of(p->tok) >= stage)
			return stage_of(p->tok);
	return 7;
}

static int parse_rule(struct rule_parser *p)
{
	static int (*const stages[])(struct rule_parser *p) = {
		parse_action, parse_dir_log_quick, parse_on, parse_af, parse_proto, rule_parse_hosts, parse_options,
	};
	int rc = 0, stage = 0;

	while (stage < (int)PT_ARRAY_SIZE(stages)) {
		const struct rule_tok *before = p->tok;
		int got = stages[stage](p);

		if (got == -ENOMEM)
			return got;
		if (!got) {
			stage++;
			continue;
		}
		rc = got;
		if (stage == 0 || (p->tok == before && p->tok->kind == TOK_END))
			return rc; /* what kind of rule it is decides about all the rest */
		stage = resume(p, before, stage);
	}
	return rc;
}

int pt_rule_parse(const struct pt_rule_ctx *ctx, const char *text, size_t len, struct pt_ast_rule **out,
		  struct pt_err *e)
{
	struct rule_parser p = { .ctx = ctx, .text = text, .text_len = len, .err = e };
	struct rule_toks toks = { 0 };
	int rc;

	*out = NULL;
	rc = rule_lex(ctx, text, len, &toks, e);
	if (rc)
		return rc;
	p.tok = toks.v;
	p.r = pt_arena_alloc(ctx->arena, sizeof(*p.r));
	if (!p.r)
		return -ENOMEM;
	p.r->code4 = p.r->code6 = -1;
	p.r->loc = rule_loc(&p, p.tok);
	if (p.tok->kind == TOK_END)
		return rule_fail(&p, p.tok, "write pass, block or match", "an empty rule");
	rc = parse_rule(&p);
	if (p.r->state == PT_STATE_KEEP) /* what pass does anyway: one form of it in the tree */
		p.r->state = PT_STATE_DEFAULT;
	if (!rc)
		*out = p.r;
	return rc;
}
