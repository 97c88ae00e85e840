/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ports and their operators. Port 0 is refused wherever a port is named, also as the end of a
 * range: no service has it, and who writes it means something else. Comparisons may hold it, unless
 * no port fits them.
 */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

/* A range in a way that other programs have: "22-21", "22..25". */
static bool other_range(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && (s[n] == '-' || s[n] == '.') && strspn(s + n, "-.0123456789") == strlen(s + n);
}

static void no_port(struct rule_parser *p, const struct rule_tok *t, const char *s)
{
	struct pt_buf hint = { 0 };
	const char *near = rule_service_nearest(s);

	if (s[0] == '0' && s[1])
		pt_buf_str(&hint, "write numbers without leading zeros");
	else if (other_range(s))
		pt_buf_str(&hint, "a range is written 21:22, the lower port first");
	else if (near && (*s < '0' || *s > '9'))
		pt_buf_fmt(&hint, "did you mean '%s'?", near);
	else if (strchr(t->s, ':'))
		pt_buf_str(&hint, "a range is written 21:22");
	else
		pt_buf_str(&hint, "a number from 1 to 65535, or the name of a service");
	(void)rule_fail(p, t, hint.s, "'%.64s' is not a port", *s ? s : t->s);
	pt_buf_fini(&hint);
}

static bool port_number(struct rule_parser *p, const struct rule_tok *t, const char *s,
			uint16_t *out)
{
	if (!pt_service_parse(s, out))
		return true;
	no_port(p, t, s);
	return false;
}

static bool not_zero(struct rule_parser *p, const struct rule_tok *t, uint16_t port)
{
	if (port)
		return true;
	rule_note(p, t, "ports are from 1 to 65535", "port 0");
	return false;
}

static bool rising(struct rule_parser *p, const struct rule_tok *t, uint16_t a, uint16_t b)
{
	if (a <= b)
		return true;
	rule_note(p, t, "the lower port comes first", "an empty range of ports");
	return false;
}

int rule_parse_range(struct rule_parser *p, const struct rule_tok *t, uint16_t *lo, uint16_t *hi,
		     bool *star)
{
	const char *colon = strchr(t->s, ':');
	char *first;

	first = pt_arena_strndup(p->ctx->arena, t->s,
				 colon ? (size_t)(colon - t->s) : strlen(t->s));
	if (!first)
		return -ENOMEM;
	if (!port_number(p, t, first, lo) || !not_zero(p, t, *lo))
		return 0;
	*hi = *lo;
	if (!colon)
		return 0;
	if (star && !strcmp(colon + 1, "*"))
		*star = true;
	else if (port_number(p, t, colon + 1, hi))
		(void)rising(p, t, *lo, *hi);
	return 0;
}

/* ---- operators ---- */

/* A number or service as the next word. */
static int port_word(struct rule_parser *p, uint16_t *out)
{
	const struct rule_tok *t = p->tok;

	if (t->kind != TOK_WORD || t->keyword)
		return rule_unexpected(p, t, "a port", NULL, 0);
	p->tok++;
	(void)port_number(p, t, t->s, out);
	return 0;
}

static bool unary(struct rule_parser *p, enum pt_port_op *op)
{
	if (rule_take(p, "="))
		*op = PT_PORT_EQ;
	else if (rule_take(p, "<"))
		*op = rule_take(p, "=") ? PT_PORT_LE : PT_PORT_LT;
	else if (rule_take(p, ">"))
		*op = rule_take(p, "=") ? PT_PORT_GE : PT_PORT_GT;
	else if (rule_take(p, "!"))
		*op = PT_PORT_NE;
	else
		return false;
	return true;
}

/* Between two ports: "><", "<>" or ":"; a single mark belongs to the next item of the list. */
static bool binary(struct rule_parser *p, enum pt_port_op *op)
{
	const char *next =
		p->tok->kind == TOK_MARK && p->tok[1].kind == TOK_MARK ? p->tok[1].s : "";

	if (rule_take(p, ":")) {
		*op = PT_PORT_RANGE;
		return true;
	}
	if (rule_is(p, ">") && *next == '<')
		*op = PT_PORT_IN;
	else if (rule_is(p, "<") && *next == '>')
		*op = PT_PORT_OUT;
	else
		return false;
	p->tok += 2;
	return true;
}

/* Whether a port can meet the condition; port 0 is no port. */
static bool possible(const struct pt_ast_port *o)
{
	switch (o->op) {
	case PT_PORT_LT:
		return o->a > 1;
	case PT_PORT_LE:
		return o->a > 0;
	case PT_PORT_GT:
		return o->a < UINT16_MAX;
	case PT_PORT_IN:
		return o->b - o->a > 1;
	case PT_PORT_OUT:
		return o->a > 1 || o->b < UINT16_MAX;
	default:
		return true;
	}
}

static void check(struct rule_parser *p, const struct rule_tok *t, const struct pt_ast_port *o)
{
	bool two = o->op == PT_PORT_RANGE || o->op == PT_PORT_IN || o->op == PT_PORT_OUT;

	if (two && !rising(p, t, o->a, o->b))
		return;
	if ((o->op == PT_PORT_EQ || o->op == PT_PORT_NE || o->op == PT_PORT_RANGE) &&
	    !not_zero(p, t, o->a))
		return;
	if (!possible(o))
		(void)rule_fail(p, t, "leave it out, or name the ports that are meant",
				"no port fits this condition");
}

/* "a", "a:b", "a >< b", "a <> b" */
static int plain(struct rule_parser *p, struct pt_ast_port *o)
{
	const struct rule_tok *t = p->tok;
	int rc;

	if (t->kind == TOK_WORD && strchr(t->s, ':') && t->s[1]) {
		p->tok++;
		o->op = PT_PORT_RANGE;
		return rule_parse_range(p, t, &o->a, &o->b, NULL);
	}
	rc = port_word(p, &o->a);
	return !rc && binary(p, &o->op) ? port_word(p, &o->b) : rc;
}

static int one_port(struct rule_parser *p, void *arg)
{
	pt_ports *list = arg;
	struct pt_ast_port o = { .op = PT_PORT_EQ };
	const struct rule_tok *t = p->tok;
	size_t errors = p->errors;
	struct rule_tok whole;
	int rc;

	if (rule_take(p, "any"))
		return rule_note(p, t, "leave `port any` out", "'any' where a port is expected");
	if (unary(p, &o.op)) {
		if (o.op == PT_PORT_NE && !rule_take(p, "="))
			return rule_fail(p, t, "write `!= 22`", "'!' before a port");
		rc = port_word(p, &o.a);
	} else {
		rc = plain(p, &o);
	}
	if (rc)
		return rc;
	whole = rule_span(t, p->tok - 1);
	if (errors == p->errors)
		check(p, &whole, &o);
	o.loc = rule_loc(p, &whole);
	return pt_vec_push(p->ctx->arena, list, o);
}

int rule_parse_ports(struct rule_parser *p, pt_ports *ports)
{
	return rule_list(p, one_port, ports);
}
