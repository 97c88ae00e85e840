/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat-to, rdr-to, binat-to: a target each, which the policy makes sense of. And af-to, which is told where it ends. */
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

/* One of the members of a list is so much more often chosen than the others. */
static int weight(struct rule_parser *p, struct pt_ast_host *h)
{
	const struct rule_tok *t;
	uint64_t n;

	if (!rule_take(p, "weight"))
		return 0;
	t = p->tok;
	if (!t->operand || t->kind != TOK_WORD)
		return rule_unexpected(p, t, "a weight", NULL, 0);
	p->tok++;
	if (pt_parse_uint(t->s, PT_POOL_WEIGHT_MAX, &n) || !n)
		return rule_note(p, t, NULL, "'%.64s' is not a weight from 1 to %d", t->s, PT_POOL_WEIGHT_MAX);
	h->weight = (uint16_t)n;
	return 0;
}

struct target {
	const char *word;
	struct pt_ast_nat *n;
	bool list;
	size_t found;
};

static int check_target(struct rule_parser *p, const struct rule_tok *at, const struct target *x,
			const struct pt_ast_host *h)
{
	struct rule_tok whole = rule_span(at, p->tok - 1);
	bool table = h->kind == PT_HOST_TABLE && x->n->kind != PT_NAT_BI;

	if (h->kind == PT_HOST_NAME)
		return rule_note(p, &whole, "write an address: where packets go must not change with an answer of the DNS",
				 "'%s' to the name of a host", x->word);
	if (!h->neg && x->list && h->kind == PT_HOST_IF)
		return rule_note(p, &whole, "write its address", "an interface in the list of a pool");
	if (!h->neg && (h->kind == PT_HOST_PREFIX || h->kind == PT_HOST_RANGE || table ||
			(h->kind == PT_HOST_IF && h->mod <= PT_MOD_NETWORK)))
		return 0;
	return rule_note(p, &whole, "write an address, a prefix, a range or an interface",
			 "'%s' to something that is not one address or pool", x->word);
}

static int one_target(struct rule_parser *p, void *arg)
{
	const struct rule_tok *first = p->tok;
	struct target *x = arg;
	size_t errors = p->errors;
	struct pt_ast_host h;
	uint64_t n;
	int rc;

	rc = rule_parse_host1(p, &h);
	if (h.kind == PT_HOST_NAME && rule_if_name_ok(h.name))
		h.kind = PT_HOST_IF; /* nothing else has a name there */
	if (!rc && errors == p->errors)
		rc = check_target(p, first, x, &h);
	else if (x->list && p->tok->kind == TOK_WORD && !pt_parse_uint(p->tok->s, PT_POOL_WEIGHT_MAX, &n))
		p->tok++; /* of `weight`, misspelt */
	if (!rc && x->list)
		rc = weight(p, &h);
	if (rc)
		return rc;
	if (x->found++)
		return pt_vec_push(p->ctx->arena, &x->n->more, h);
	x->n->host = h;
	return 0;
}

static int target(struct rule_parser *p, const char *word, struct pt_ast_nat *n)
{
	struct target x = { .word = word, .n = n, .list = rule_is(p, "{") };
	const struct rule_tok *first = p->tok;
	int rc;

	if (x.list && n->kind == PT_NAT_BI) {
		rule_skip_group(p);
		return rule_note(p, first, "write a prefix",
				 "a list as the target of '%s'", word);
	}
	rc = rule_list(p, one_target, &x);
	if (!rc && x.found == 1 && n->host.weight)
		return rule_note(p, first, "leave it out", "'weight' of the only member of a list");
	return rc;
}

static int reflect(struct rule_parser *p, struct pt_ast_nat *n)
{
	const struct rule_tok *t = p->tok;

	if (!rule_take(p, "reflect"))
		return 0;
	n->reflect = true;
	n->reflect_loc = rule_loc(p, t);
	return n->kind == PT_NAT_DST ? 0 : rule_note(p, t, "leave it out", "'reflect' without rdr-to");
}

int rule_parse_nat(struct rule_parser *p, const struct rule_tok *t)
{
	struct pt_ast_nat *n = &p->r->nat;
	size_t errors = p->errors;
	int rc;

	memset(n, 0, sizeof(*n));
	n->kind = kind_of(t->s);
	n->loc = p->r->nat_loc = rule_loc(p, t);
	if (p->r->action == PT_BLOCK)
		(void)rule_fail(p, t, "use it in pass and match rules", "'%s' in a block rule",
				t->s);
	rc = target(p, t->s, n);
	if (!rc && rule_is(p, "port") && n->kind == PT_NAT_BI)
		rc = rule_fail(p, p->tok, "write nat-to and rdr-to rules",
			       "'port' behind binat-to");
	else if (!rc && rule_take(p, "port"))
		rc = nat_port(p, n);
	if (!rc)
		rc = rule_parse_pool(p, n, errors == p->errors);
	return rc ? rc : reflect(p, n);
}

/* ---- af-to inet|inet6 from POOL [to POOL] ---- */

static int any_host(struct rule_parser *p, void *arg)
{
	struct pt_ast_host h;

	(void)arg;
	return rule_parse_host1(p, &h);
}

/* Read to its end, so that what stands behind it is looked at. */
int rule_parse_af_to(struct rule_parser *p, const struct rule_tok *t)
{
	int rc;

	if (!rule_take(p, "inet") && !rule_take(p, "inet6"))
		return rule_unexpected(p, p->tok, "inet or inet6", NULL, 0);
	if (!rule_take(p, "from"))
		return rule_fail(p, p->tok, "write `af-to inet from ADDRESS`", "'from' is missing behind 'af-to'");
	rc = rule_list(p, any_host, NULL);
	if (!rc && rule_take(p, "to"))
		rc = rule_list(p, any_host, NULL);
	return rc ? rc : rule_note(p, t, "run a NAT64 translator such as jool or tayga, and route to it",
				   "'af-to': the packet filter of Linux does not translate between IPv4 and IPv6");
}
