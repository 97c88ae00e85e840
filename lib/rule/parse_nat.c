/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat-to, rdr-to, binat-to: one target each, which the policy makes sense of. */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

static enum pt_nat_kind kind_of(const char *word)
{
	return !strcmp(word, "nat-to")	 ? PT_NAT_SRC
	       : !strcmp(word, "rdr-to") ? PT_NAT_DST
					 : PT_NAT_BI;
}

static int nat_port(struct rule_parser *p, struct pt_ast_nat *n)
{
	const struct rule_tok *t = p->tok;

	if (rule_is(p, "{"))
		return rule_fail(p, t, "write one port or one range",
				 "a list of ports to translate to");
	if (t->kind != TOK_WORD || t->keyword)
		return rule_unexpected(p, t, "a port", NULL, 0);
	p->tok++;
	n->has_port = true;
	return rule_parse_range(p, t, &n->port_lo, &n->port_hi,
				n->kind == PT_NAT_DST ? &n->port_star : NULL);
}

static int static_port(struct rule_parser *p, struct pt_ast_nat *n)
{
	const struct rule_tok *t = p->tok;

	if (!rule_take(p, "static-port"))
		return 0;
	if (n->kind != PT_NAT_SRC)
		return rule_note(p, t, "leave it out", "'static-port' without nat-to");
	if (n->has_port)
		return rule_note(p, t, "leave one of them out",
				 "'static-port' in a translation to other ports");
	n->static_port = true;
	return 0;
}

static int check_target(struct rule_parser *p, const struct rule_tok *at, const char *word,
			const struct pt_ast_host *h)
{
	struct rule_tok whole = rule_span(at, p->tok - 1);

	if (h->kind == PT_HOST_NAME)
		return rule_note(p, &whole, "write an address: where packets go must not change with an answer of the DNS",
				 "'%s' to the name of a host", word);
	if (!h->neg && (h->kind == PT_HOST_PREFIX || h->kind == PT_HOST_RANGE ||
			(h->kind == PT_HOST_IF && h->mod <= PT_MOD_NETWORK)))
		return 0;
	return rule_note(p, &whole, "write an address, a prefix, a range or an interface",
			 "'%s' to something that is not one address or pool", word);
}

static int target(struct rule_parser *p, const char *word, struct pt_ast_host *h)
{
	const struct rule_tok *first = p->tok;
	size_t errors = p->errors;
	int rc;

	if (rule_is(p, "{")) {
		rule_skip_group(p);
		return rule_note(p, first, "write a prefix or a range",
				 "a list as the target of '%s'", word);
	}
	rc = rule_parse_host1(p, h);
	if (h->kind == PT_HOST_NAME && rule_if_name_ok(h->name))
		h->kind = PT_HOST_IF; /* nothing else has a name there */
	return rc || errors != p->errors ? rc : check_target(p, first, word, h);
}

int rule_parse_nat(struct rule_parser *p, const struct rule_tok *t)
{
	struct pt_ast_nat *n = &p->r->nat;
	int rc;

	memset(n, 0, sizeof(*n));
	n->kind = kind_of(t->s);
	n->loc = p->r->nat_loc = rule_loc(p, t);
	if (p->r->action == PT_BLOCK)
		(void)rule_fail(p, t, "use it in pass and match rules", "'%s' in a block rule",
				t->s);
	rc = target(p, t->s, &n->host);
	if (!rc && rule_is(p, "port") && n->kind == PT_NAT_BI)
		rc = rule_fail(p, p->tok, "write nat-to and rdr-to rules",
			       "'port' behind binat-to");
	else if (!rc && rule_take(p, "port"))
		rc = nat_port(p, n);
	return rc ? rc : static_port(p, n);
}
