/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options behind the hosts, in any order, each once: one function each, found by a table. */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

/* Options are known by their first word; SEEN tells a repetition by the field it has set. */
struct option {
	const char *word;
	int (*parse)(struct rule_parser *p, const struct rule_tok *t);
	bool (*seen)(const struct pt_ast_rule *r);
};

/* ---- flags ---- */

static int flag_letters(struct rule_parser *p, uint8_t *out)
{
	static const char letters[] = "FSRPAUEW";
	const struct rule_tok *t = p->tok;

	if (t->kind != TOK_WORD)
		return rule_unexpected(p, t, "flags such as S/SA", NULL, 0);
	for (const char *c = t->s; *c; c++) {
		const char *at = strchr(letters, *c);

		if (!at)
			return rule_fail(p, t, "the flags are F, S, R, P, A, U, E and W", "'%s' are not TCP flags", t->s);
		*out |= (uint8_t)(1u << (at - letters));
	}
	p->tok++;
	return 0;
}

static int parse_flags(struct rule_parser *p, const struct rule_tok *t)
{
	struct pt_ast_rule *r = p->r;
	int rc = 0;

	r->has_flags = true;
	r->flags_loc = rule_loc(p, t);
	if (rule_take(p, "any")) {
		r->flags_any = true;
		return 0;
	}
	if (!rule_is(p, "/"))
		rc = flag_letters(p, &r->flags_set);
	if (!rc && !rule_take(p, "/"))
		rc = rule_fail(p, p->tok, "write the flags that are looked at after a '/', as in S/SA",
			       "the mask of flags is missing");
	if (!rc)
		rc = flag_letters(p, &r->flags_mask);
	if (!rc && (r->flags_set & ~r->flags_mask))
		rc = rule_fail(p, t, "every flag before the '/' must stand after it too", "flags that can never match");
	return rc;
}

/* ---- icmp-type, icmp6-type ---- */

static int icmp_code(struct rule_parser *p, struct pt_ast_icmp *i)
{
	const struct rule_tok *t = p->tok;
	uint8_t code;

	if (t->kind != TOK_WORD || rule_icmp_code_parse(p->r->icmp_af, i->type, t->s, &code))
		return rule_unexpected(p, t, "a code of this ICMP type", NULL, 0);
	p->tok++;
	i->code = code;
	return 0;
}

static int one_icmp(struct rule_parser *p, void *arg)
{
	static const char *const usual[] = { "echoreq", "echorep", "unreach", "timex", "paramprob", "toobig",
					     "redir", "routersol", "routeradv", "neighbrsol", "neighbradv" };
	struct pt_ast_icmp i = { .code = -1 };
	const struct rule_tok *t = p->tok;
	int rc = 0;

	(void)arg;
	if (t->kind != TOK_WORD || rule_icmp_type_parse(p->r->icmp_af, t->s, &i.type))
		return rule_unexpected(p, t, p->r->icmp_af == PT_AF_INET ? "a type of ICMP" : "a type of ICMPv6", usual,
				       PT_ARRAY_SIZE(usual));
	p->tok++;
	i.loc = rule_loc(p, t);
	if (rule_take(p, "code"))
		rc = icmp_code(p, &i);
	return rc ? rc : pt_vec_push(p->ctx->arena, &p->r->icmp, i);
}

static int parse_icmp(struct rule_parser *p, const struct rule_tok *t)
{
	p->r->icmp_af = t->s[4] == '6' ? PT_AF_INET6 : PT_AF_INET;
	p->r->icmp_loc = rule_loc(p, t);
	return rule_list(p, one_icmp, NULL);
}

/* ---- state ---- */

static int parse_keep(struct rule_parser *p, const struct rule_tok *t)
{
	if (!rule_take(p, "state"))
		return rule_unexpected(p, p->tok, "'state'", NULL, 0);
	if (p->r->action != PT_PASS)
		return rule_fail(p, t, "only pass makes states", "'keep state' in a rule that does not pass");
	if (rule_is(p, "("))
		return rule_fail(p, p->tok, "write `keep state` alone", "state options are not available in this version");
	p->r->state = PT_STATE_KEEP;
	return 0;
}

static int parse_no(struct rule_parser *p, const struct rule_tok *t)
{
	if (!rule_take(p, "state"))
		return rule_unexpected(p, p->tok, "'state'", NULL, 0);
	if (p->r->action != PT_PASS)
		return rule_fail(p, t, "only pass makes states", "'no state' in a rule that does not pass");
	p->r->state = PT_STATE_NO;
	return 0;
}

/* ---- names ---- */

static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 32 || (unsigned char)*s > 126 || *s == '"' || *s == '\\')
			return false;
	return true;
}

static int parse_name(struct rule_parser *p, const char *what, size_t max, const char **out, struct pt_loc *loc)
{
	const struct rule_tok *t = p->tok;

	if (t->kind != TOK_WORD && t->kind != TOK_STRING)
		return rule_unexpected(p, t, what, NULL, 0);
	p->tok++;
	*loc = rule_loc(p, t);
	if (!*t->s)
		return rule_fail(p, t, NULL, "an empty name where %s is expected", what);
	if (strlen(t->s) > max)
		return rule_fail(p, t, NULL, "%s of %zu bytes: the limit is %zu", what, strlen(t->s), max);
	if (!printable(t->s))
		return rule_fail(p, t, "use printable ASCII without \" and \\", "%s holds a character that it must not",
				 what);
	*out = t->s;
	return 0;
}

static int parse_label(struct rule_parser *p, const struct rule_tok *t)
{
	(void)t;
	return parse_name(p, "a label", PT_LABEL_MAX, &p->r->label, &p->r->label_loc);
}

static int parse_tag(struct rule_parser *p, const struct rule_tok *t)
{
	(void)t;
	return parse_name(p, "a tag", PT_TAG_MAX, &p->r->tag, &p->r->tag_loc);
}

static int parse_tagged(struct rule_parser *p, const struct rule_tok *t)
{
	(void)t;
	return parse_name(p, "a tag", PT_TAG_MAX, &p->r->tagged, &p->r->tagged_loc);
}

static int parse_not_tagged(struct rule_parser *p, const struct rule_tok *t)
{
	if (!rule_take(p, "tagged"))
		return rule_unexpected(p, p->tok, "'tagged' after '!'", NULL, 0);
	p->r->tagged_neg = true;
	return parse_tagged(p, t);
}

/* ---- translations ---- */

static int nat_port(struct rule_parser *p, struct pt_ast_nat *n)
{
	const struct rule_tok *t = p->tok;
	const char *colon = t->kind == TOK_WORD ? strchr(t->s, ':') : NULL;
	char *first;

	if (t->kind != TOK_WORD)
		return rule_unexpected(p, t, "a port", NULL, 0);
	p->tok++;
	first = pt_arena_strndup(p->ctx->arena, t->s, colon ? (size_t)(colon - t->s) : strlen(t->s));
	if (!first)
		return -ENOMEM;
	n->has_port = true;
	if (pt_service_parse(first, &n->port_lo) || !n->port_lo)
		return rule_fail(p, t, "a number from 1 to 65535, a range 8000:8010, or 8000:*", "'%s' is not a port", t->s);
	n->port_hi = n->port_lo;
	if (!colon)
		return 0;
	n->port_star = !strcmp(colon + 1, "*");
	if (n->port_star && n->kind == PT_NAT_DST)
		return 0;
	if (n->port_star || pt_service_parse(colon + 1, &n->port_hi) || n->port_hi < n->port_lo)
		return rule_fail(p, t, "a range is written 8000:8010", "'%s' is not a range of ports", t->s);
	return 0;
}

static int parse_nat(struct rule_parser *p, const struct rule_tok *t)
{
	static const struct {
		const char *word;
		enum pt_nat_kind kind;
	} kinds[] = { { "nat-to", PT_NAT_SRC }, { "rdr-to", PT_NAT_DST }, { "binat-to", PT_NAT_BI } };
	struct pt_ast_nat *n = &p->r->nat;
	int rc;

	for (size_t i = 0; i < PT_ARRAY_SIZE(kinds); i++)
		if (!strcmp(t->s, kinds[i].word))
			n->kind = kinds[i].kind;
	n->loc = p->r->nat_loc = rule_loc(p, t);
	if (p->r->action == PT_BLOCK)
		return rule_fail(p, t, "use it in pass and match rules", "'%s' in a block rule", t->s);
	if (rule_is(p, "{"))
		return rule_fail(p, p->tok, "write a prefix or a range", "a list as the target of '%s'", t->s);
	rc = rule_parse_host1(p, &n->host);
	if (rc)
		return rc;
	if (n->host.neg || n->host.kind == PT_HOST_ANY || n->host.kind == PT_HOST_SELF || n->host.kind == PT_HOST_TABLE ||
	    n->host.mod == PT_MOD_BROADCAST || n->host.mod == PT_MOD_PEER)
		return rule_fail(p, t, "an address, a prefix, a range or an interface", "'%s' to something that is not an address",
				 t->s);
	if (n->kind != PT_NAT_BI && rule_take(p, "port"))
		rc = nat_port(p, n);
	if (!rc && n->kind == PT_NAT_SRC)
		n->static_port = rule_take(p, "static-port");
	if (!rc && n->static_port && n->has_port)
		rc = rule_fail(p, p->tok - 1, "leave one of them out", "'static-port' and 'port' contradict each other");
	return rc;
}

/* ---- the table ---- */

static bool seen_flags(const struct pt_ast_rule *r) { return r->has_flags; }
static bool seen_icmp(const struct pt_ast_rule *r) { return r->icmp.n > 0; }
static bool seen_state(const struct pt_ast_rule *r) { return r->state != PT_STATE_DEFAULT; }
static bool seen_label(const struct pt_ast_rule *r) { return r->label; }
static bool seen_tag(const struct pt_ast_rule *r) { return r->tag; }
static bool seen_tagged(const struct pt_ast_rule *r) { return r->tagged; }
static bool seen_nat(const struct pt_ast_rule *r) { return r->nat.kind != PT_NAT_NONE; }

static const struct option options[] = {
	{ "flags", parse_flags, seen_flags },	  { "icmp-type", parse_icmp, seen_icmp },
	{ "icmp6-type", parse_icmp, seen_icmp },  { "keep", parse_keep, seen_state },
	{ "no", parse_no, seen_state },		  { "label", parse_label, seen_label },
	{ "tag", parse_tag, seen_tag },		  { "tagged", parse_tagged, seen_tagged },
	{ "!", parse_not_tagged, seen_tagged },	  { "nat-to", parse_nat, seen_nat },
	{ "rdr-to", parse_nat, seen_nat },	  { "binat-to", parse_nat, seen_nat },
};

bool rule_starts_option(const char *word)
{
	for (size_t i = 0; i < PT_ARRAY_SIZE(options); i++)
		if (!strcmp(word, options[i].word))
			return true;
	return false;
}

/* A word of the fixed part behind its place. */
static const char *misplaced(const char *word)
{
	static const char *const fixed[] = { "in", "out", "log", "quick", "on", "inet", "inet6", "proto", "from", "to", "all",
					     "port" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(fixed); i++)
		if (!strcmp(word, fixed[i]))
			return fixed[i];
	return NULL;
}

static int no_option(struct rule_parser *p, const struct rule_tok *t)
{
	static const char *const words[] = { "flags", "icmp-type", "icmp6-type", "keep", "no", "label", "tag", "tagged",
					     "nat-to", "rdr-to", "binat-to", "in", "out", "log", "quick", "on", "inet",
					     "inet6", "proto", "from", "to", "port", "static-port" };

	if (t->kind == TOK_WORD && misplaced(t->s))
		return rule_fail(p, t, "the order is: action direction log quick on … inet proto … from … to … options",
				 "'%s' is out of place", t->s);
	return rule_unexpected(p, t, "an option", words, PT_ARRAY_SIZE(words));
}

int rule_parse_option(struct rule_parser *p)
{
	const struct rule_tok *t = p->tok;

	if (t->kind != TOK_STRING)
		for (size_t i = 0; i < PT_ARRAY_SIZE(options); i++) {
			if (strcmp(t->s, options[i].word))
				continue;
			p->tok++;
			if (options[i].seen(p->r))
				return rule_fail(p, t, "leave one of them out", "'%s' is given twice", t->s);
			return options[i].parse(p, t);
		}
	return no_option(p, t);
}
