/* SPDX-License-Identifier: GPL-3.0-or-later */
/* from … to …: addresses, interfaces, tables and ports. */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

int rule_parse_number(struct rule_parser *p, uint64_t max, const char *what, uint64_t *out)
{
	const struct rule_tok *t = p->tok;
	int rc;

	rc = t->kind == TOK_WORD ? pt_parse_uint(t->s, max, out) : -EINVAL;
	if (!rc) {
		p->tok++;
		return 0;
	}
	return rule_fail(p, t, rc == -EINVAL && t->s[0] == '0' ? "write numbers without leading zeros" : NULL,
			 "'%s' is not %s from 0 to %llu", t->s, what, (unsigned long long)max);
}

/* ---- addresses ---- */

static bool looks_numeric(const char *s)
{
	return (*s >= '0' && *s <= '9') || strchr(s, ':') == s ||
	       (strspn(s, "0123456789abcdefABCDEF:.") == strlen(s) && strchr(s, ':'));
}

static int set_prefix(struct rule_parser *p, const struct rule_tok *t, struct pt_addr a, struct pt_ast_host *h)
{
	uint64_t len = pt_af_bits(a.af);
	int rc = 0;

	h->kind = PT_HOST_PREFIX;
	if (rule_take(p, "/"))
		rc = rule_parse_number(p, len, "a prefix length", &len);
	h->lo = h->hi = a;
	h->plen = (uint8_t)len;
	if (rc)
		return rc;
	struct pt_prefix pre = { .addr = a, .len = h->plen };

	if (pt_prefix_lo(&pre) != a.v) {
		struct pt_buf hint = { 0 };
		struct rule_tok whole = *t;

		pre.addr.v = pt_prefix_lo(&pre);
		pt_buf_str(&hint, "the network is ");
		pt_prefix_fmt(&hint, pre);
		whole.len = p->tok[-1].off + p->tok[-1].len - t->off;
		rc = rule_fail(p, &whole, hint.s, "'%s/%u' has bits set beyond its prefix length", t->s, h->plen);
		pt_buf_fini(&hint);
	}
	return rc;
}

static int set_range(struct rule_parser *p, const struct rule_tok *t, struct pt_addr lo, struct pt_addr hi,
		     struct pt_ast_host *h)
{
	h->kind = PT_HOST_RANGE;
	h->lo = lo;
	h->hi = hi;
	if (lo.af != hi.af)
		return rule_fail(p, t, NULL, "a range from IPv4 to IPv6");
	if (lo.v > hi.v)
		return rule_fail(p, t, "the lower address comes first", "an empty range");
	return 0;
}

/* "a-b" in one word; 1: it is not that. */
static int joined_range(struct rule_parser *p, const struct rule_tok *t, struct pt_ast_host *h)
{
	const char *dash = strchr(t->s, '-');
	struct pt_addr lo, hi;
	char *first;

	if (!dash)
		return 1;
	first = pt_arena_strndup(p->ctx->arena, t->s, (size_t)(dash - t->s));
	if (!first)
		return -ENOMEM;
	if (pt_addr_parse(first, &lo) || pt_addr_parse(dash + 1, &hi))
		return 1;
	return set_range(p, t, lo, hi, h);
}

/* An address, prefix or range that begins with the word T (taken already); 1: none. */
static int parse_address(struct rule_parser *p, const struct rule_tok *t, struct pt_ast_host *h)
{
	struct pt_addr lo, hi;

	if (pt_addr_parse(t->s, &lo))
		return joined_range(p, t, h);
	if (!rule_take(p, "-"))
		return set_prefix(p, t, lo, h);
	if (p->tok->kind != TOK_WORD || pt_addr_parse(p->tok->s, &hi))
		return rule_unexpected(p, p->tok, "the last address of a range", NULL, 0);
	p->tok++;
	return set_range(p, t, lo, hi, h);
}

/* ---- interfaces: name[:modifier][:0] ---- */

static int if_modifier(struct rule_parser *p, const struct rule_tok *t, const char *mod, struct pt_ast_host *h)
{
	static const char *const names[] = { "network", "broadcast", "peer", "0" };
	struct pt_buf hint = { 0 };
	const char *near;

	if (!strcmp(mod, "0") && !h->no_alias) {
		h->no_alias = true;
		return 0;
	}
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(mod, names[i]) && h->mod == PT_MOD_NONE && !h->no_alias) {
			h->mod = (enum pt_if_mod)(i + 1);
			return 0;
		}
	near = pt_nearest(mod, names, PT_ARRAY_SIZE(names));
	pt_buf_fmt(&hint, near ? "did you mean ':%s'?" : "there are :network, :broadcast, :peer and :0",
		   near ? near : "");
	rule_fail(p, t, hint.s, "':%s' does not fit here", mod);
	pt_buf_fini(&hint);
	return -EINVAL;
}

static int parse_interface(struct rule_parser *p, const struct rule_tok *t, struct pt_ast_host *h)
{
	const char *colon = strchr(t->s, ':'), *next;
	int rc = 0;

	h->kind = PT_HOST_IF;
	if (looks_numeric(t->s) || colon == t->s)
		return rule_fail(p, t, NULL, "'%s' is not an address", t->s);
	if (rule_reserved(t->s) || rule_starts_option(t->s))
		return rule_unexpected(p, t, "an address", NULL, 0);
	h->name = colon ? pt_arena_strndup(p->ctx->arena, t->s, (size_t)(colon - t->s)) : t->s;
	if (!h->name)
		return -ENOMEM;
	for (; !rc && colon; colon = next) {
		char *mod;

		next = strchr(colon + 1, ':');
		mod = pt_arena_strndup(p->ctx->arena, colon + 1, next ? (size_t)(next - colon - 1) : strlen(colon + 1));
		rc = mod ? if_modifier(p, t, mod, h) : -ENOMEM;
	}
	return rc;
}

static int parse_table(struct rule_parser *p, struct pt_ast_host *h)
{
	const struct rule_tok *t = p->tok;

	h->kind = PT_HOST_TABLE;
	if (t->kind != TOK_WORD || !pt_table_name_ok(t->s))
		return rule_fail(p, t, "a letter, then letters, digits, '_', '.' or '-', at most 31",
				 "'%s' is not the name of a table", t->s);
	p->tok++;
	h->name = t->s;
	h->loc = rule_loc(p, t);
	return rule_take(p, ">") ? 0 : rule_fail(p, p->tok, NULL, "'>' is missing after <%s", h->name);
}

static int parse_dynamic(struct rule_parser *p, struct pt_ast_host *h)
{
	const struct rule_tok *t = p->tok;
	int rc;

	if (t->kind != TOK_WORD)
		return rule_unexpected(p, t, "the name of an interface", NULL, 0);
	p->tok++;
	h->dyn = true;
	rc = parse_interface(p, t, h);
	h->loc = rule_loc(p, t);
	if (rc)
		return rc;
	return rule_take(p, ")") ? 0 : rule_fail(p, p->tok, NULL, "')' is missing after (%s", t->s);
}

int rule_parse_host1(struct rule_parser *p, struct pt_ast_host *h)
{
	const struct rule_tok *t;
	int rc;

	memset(h, 0, sizeof(*h));
	h->neg = rule_take(p, "!");
	t = p->tok;
	h->loc = rule_loc(p, t);
	if (rule_take(p, "<"))
		return parse_table(p, h);
	if (rule_take(p, "("))
		return parse_dynamic(p, h);
	if (t->kind != TOK_WORD)
		return rule_unexpected(p, t, "an address", NULL, 0);
	p->tok++;
	if (!strcmp(t->s, "any")) {
		h->kind = PT_HOST_ANY;
		return h->neg ? rule_fail(p, t, "leave the rule out", "'! any' matches nothing") : 0;
	}
	if (!strcmp(t->s, "self")) {
		h->kind = PT_HOST_SELF;
		return 0;
	}
	rc = parse_address(p, t, h);
	return rc == 1 ? parse_interface(p, t, h) : rc;
}

static int one_host(struct rule_parser *p, void *arg)
{
	pt_hosts *list = arg;
	struct pt_ast_host h;
	int rc = rule_parse_host1(p, &h);

	return rc ? rc : pt_vec_push(p->ctx->arena, list, h);
}

/* ---- ports ---- */

static int port_number(struct rule_parser *p, const struct rule_tok *t, const char *s, uint16_t *out)
{
	uint16_t port;
	int rc = pt_service_parse(s, &port);

	if (rc)
		return rule_fail(p, t,
				 s[0] == '0' && s[1]	       ? "write numbers without leading zeros" :
				 strchr(s, '-') && s[0] <= '9' ? "a range is written 21:22" :
								 "a number from 1 to 65535, or the name of a service",
				 "'%s' is not a port", s);
	*out = port;
	return 0;
}

/* A number or service as the next word. */
static int port_word(struct rule_parser *p, uint16_t *out)
{
	const struct rule_tok *t = p->tok;

	if (t->kind != TOK_WORD)
		return rule_unexpected(p, t, "a port", NULL, 0);
	p->tok++;
	return port_number(p, t, t->s, out);
}

static int unary_port(struct rule_parser *p, struct pt_ast_port *o)
{
	static const char *const ops[] = { "=", "!=", "<", "<=", ">", ">=" };

	for (size_t i = 0; i < PT_ARRAY_SIZE(ops); i++)
		if (rule_take(p, ops[i])) {
			o->op = (enum pt_port_op)i;
			return port_word(p, &o->a);
		}
	return 1;
}

static int port_order(struct rule_parser *p, const struct rule_tok *t, const struct pt_ast_port *o)
{
	if (o->a <= o->b)
		return 0;
	return rule_fail(p, t, "the lower port comes first", "an empty range of ports");
}

/* "a", "a:b", "a >< b", "a <> b" */
static int plain_port(struct rule_parser *p, struct pt_ast_port *o)
{
	const struct rule_tok *t = p->tok;
	const char *colon = t->kind == TOK_WORD ? strchr(t->s, ':') : NULL;
	int rc;

	if (colon) {
		char *first = pt_arena_strndup(p->ctx->arena, t->s, (size_t)(colon - t->s));

		if (!first)
			return -ENOMEM;
		p->tok++;
		o->op = PT_PORT_RANGE;
		rc = port_number(p, t, first, &o->a);
		if (!rc)
			rc = port_number(p, t, colon + 1, &o->b);
		return rc ? rc : port_order(p, t, o);
	}
	rc = port_word(p, &o->a);
	if (rc)
		return rc;
	o->op = rule_take(p, "><") ? PT_PORT_IN : rule_take(p, "<>") ? PT_PORT_OUT : PT_PORT_EQ;
	if (o->op == PT_PORT_EQ)
		return 0;
	rc = port_word(p, &o->b);
	return rc ? rc : port_order(p, t, o);
}

/* Port 0 is no port that a packet to a service has; only comparisons may name it. */
static int one_port(struct rule_parser *p, void *arg)
{
	pt_ports *list = arg;
	struct pt_ast_port o = { .op = PT_PORT_EQ };
	const struct rule_tok *t = p->tok;
	int rc;

	rc = unary_port(p, &o);
	if (rc == 1)
		rc = plain_port(p, &o);
	if (!rc && o.a == 0 && (o.op == PT_PORT_EQ || o.op == PT_PORT_NE))
		rc = rule_fail(p, p->tok - 1, "ports are from 1 to 65535", "port 0");
	o.loc = rule_loc(p, t);
	return rc ? rc : pt_vec_push(p->ctx->arena, list, o);
}

/* ---- from and to ---- */

static int hosts_side(struct rule_parser *p, pt_hosts *hosts, pt_ports *ports)
{
	int rc = 0;

	if (!rule_is(p, "port"))
		rc = rule_list(p, one_host, hosts);
	for (size_t i = 0; !rc && i < hosts->n; i++)
		if (hosts->v[i].kind == PT_HOST_ANY && hosts->n > 1)
			hosts->n = 0; /* any together with anything is any */
	if (!rc && hosts->n == 1 && hosts->v[0].kind == PT_HOST_ANY)
		hosts->n = 0;
	if (!rc && rule_take(p, "port"))
		rc = rule_list(p, one_port, ports);
	return rc;
}

int rule_parse_hosts(struct rule_parser *p)
{
	struct pt_ast_rule *r = p->r;
	int rc = 0;

	if (rule_take(p, "all")) {
		r->all = true;
		return 0;
	}
	if (rule_take(p, "from"))
		rc = hosts_side(p, &r->src, &r->sport);
	if (!rc && rule_take(p, "to"))
		rc = hosts_side(p, &r->dst, &r->dport);
	r->all = !r->src.n && !r->dst.n && !r->sport.n && !r->dport.n;
	return rc;
}
