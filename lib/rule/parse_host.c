/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses, interfaces and tables behind from and to, and as targets of translations. */
#include <errno.h>
#include <string.h>

#include "rule/internal.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

bool rule_if_name_ok(const char *s)
{
	size_t n = strlen(s);
	bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');

	return letter && n <= RULE_IF_NAME_MAX && strspn(s, NAME_CHARS) == n && !rule_keyword(s) &&
	       !rule_reserved_name(s);
}

/* ---- what is wrong with an address ---- */

static bool dots_and_digits(const char *s)
{
	return *s && strspn(s, "0123456789.") == strlen(s);
}

static bool leading_zero(const char *s)
{
	for (const char *c = s; *c; c++)
		if (*c == '0' && (c == s || c[-1] == '.') && c[1] >= '0' && c[1] <= '9')
			return true;
	return false;
}

/* Digits first, or so many colons that it can only be meant as an address. */
static bool looks_numeric(const char *s)
{
	size_t hex = strspn(s, "0123456789abcdefABCDEF:.");
	const char *colon = strchr(s, ':');

	if ((*s >= '0' && *s <= '9') || *s == ':' || strstr(s, "::"))
		return true;
	return colon && strchr(colon + 1, ':') && (!s[hex] || s[hex] == '%');
}

/* "10.0.0.7:22", which other tools take. */
static bool has_port(const char *s)
{
	size_t n = strspn(s, "0123456789.");

	return n && s[n] == ':' && s[n + 1] && strspn(s + n + 1, "0123456789") == strlen(s + n + 1);
}

static const char *address_hint(const char *s)
{
	size_t dots = 0;

	if (has_port(s))
		return "a port stands behind its word: write ADDRESS port NUMBER";
	for (const char *c = s; *c; c++)
		dots += *c == '.';
	if (dots_and_digits(s) && dots < 3)
		return "write all four parts: 10.0.0.0/8";
	if (strchr(s, '%'))
		return "leave the zone out, and name the interface with `on`";
	if (dots_and_digits(s) && leading_zero(s))
		return "write numbers without leading zeros";
	if (dots_and_digits(s))
		return "the four parts are numbers from 0 to 255";
	return NULL;
}

/* Behind a word that is no address: what would have belonged to it. */
static void pass_over(struct rule_parser *p)
{
	if ((rule_is(p, "/") || rule_is(p, "-")) && p->tok[1].kind == TOK_WORD &&
	    !p->tok[1].keyword)
		p->tok += 2;
}

static int no_address(struct rule_parser *p, const struct rule_tok *t)
{
	const char *hint = NULL;

	if (!strcmp(t->s, "-") && p->tok->operand)
		p->tok++;
	pass_over(p);
	if (t->kind == TOK_STRING)
		return rule_note(p, t, NULL, "this is not an address or the name of an interface or a host");
	if (looks_numeric(t->s))
		return rule_note(p, t, address_hint(t->s), "'%.64s' is not an address", t->s);
	if (pt_host_name_ok(t->s))
		hint = "the name of a host stands alone: its addresses are kept up to date anyway";
	else if (strlen(t->s) > RULE_IF_NAME_MAX && !strchr(t->s, '.'))
		hint = "the name of a host has a dot, if only at its end";
	return rule_note(p, t, hint, "'%.64s' is not an address or the name of an interface", t->s);
}

/* ---- prefixes and ranges ---- */

static int host_bits(struct rule_parser *p, const struct rule_tok *t,
		     const struct pt_prefix *written)
{
	struct pt_prefix net = *written;
	struct rule_tok whole = rule_span(t, p->tok - 1);
	struct pt_buf hint = { 0 };

	net.addr.v = pt_prefix_lo(written);
	pt_buf_str(&hint, "the network is ");
	pt_prefix_fmt(&hint, net);
	if (net.len == pt_af_bits(net.addr.af))
		pt_buf_fmt(&hint, "/%u", net.len);
	(void)rule_fail(p, &whole, hint.s, "'%s/%u' has bits set beyond its prefix length", t->s,
			written->len);
	pt_buf_fini(&hint);
	return 0;
}

static int prefix_length(struct rule_parser *p, uint64_t max, uint8_t *out)
{
	const struct rule_tok *t = p->tok;
	uint64_t len;

	if (t->kind != TOK_WORD || t->keyword)
		return rule_unexpected(p, t, "a prefix length", NULL, 0);
	p->tok++;
	if (pt_parse_uint(t->s, max, &len))
		return rule_note(p, t,
				 t->s[0] == '0' ? "write numbers without leading zeros" : NULL,
				 "'%.64s' is not a prefix length from 0 to %llu", t->s,
				 (unsigned long long)max);
	*out = (uint8_t)len;
	return 0;
}

static int set_prefix(struct rule_parser *p, const struct rule_tok *t, struct pt_addr a,
		      struct pt_ast_host *h)
{
	struct pt_prefix pre = { .addr = a, .len = (uint8_t)pt_af_bits(a.af) };
	size_t errors = p->errors;
	int rc = 0;

	if (rule_take(p, "/"))
		rc = prefix_length(p, pre.len, &pre.len);
	h->kind = PT_HOST_PREFIX;
	h->lo = h->hi = a;
	h->plen = pre.len;
	if (rc || errors != p->errors || pt_prefix_lo(&pre) == a.v)
		return rc;
	return host_bits(p, t, &pre);
}

static int set_range(struct rule_parser *p, const struct rule_tok *t, struct pt_addr lo,
		     struct pt_addr hi, struct pt_ast_host *h)
{
	struct rule_tok whole = rule_span(t, p->tok - 1);

	h->kind = PT_HOST_RANGE;
	h->lo = lo;
	h->hi = hi;
	if (lo.af != hi.af)
		return rule_note(p, &whole, "both ends belong to one family",
				 "a range from one family to the other");
	if (lo.v > hi.v)
		return rule_note(p, &whole, "the lower address comes first", "an empty range");
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
	const struct rule_tok *last;
	struct pt_addr lo, hi;

	if (t->kind != TOK_WORD)
		return 1;
	if (pt_addr_parse(t->s, &lo))
		return joined_range(p, t, h);
	if (!rule_take(p, "-"))
		return set_prefix(p, t, lo, h);
	last = p->tok;
	if (!last->operand)
		return rule_unexpected(p, last, "the last address of a range", NULL, 0);
	p->tok++;
	if (last->kind == TOK_STRING || pt_addr_parse(last->s, &hi))
		return rule_note(p, last, address_hint(last->s),
				 "a range that does not end with an address");
	return set_range(p, t, lo, hi, h);
}

/* ---- interfaces: name[:modifier][:0] ---- */

static int modifier(struct rule_parser *p, const struct rule_tok *t, const char *mod,
		    struct pt_ast_host *h)
{
	static const char *const names[] = { "network", "broadcast", "peer", "0" };
	struct pt_buf hint = { 0 };
	const char *near;

	if (!strcmp(mod, "0") && !h->no_alias) {
		h->no_alias = true;
		return 0;
	}
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(mod, names[i]) && h->mod == PT_MOD_NONE) {
			h->mod = (enum pt_if_mod)(i + 1);
			return 0;
		}
	near = strlen(mod) > 2 ? rule_nearest(mod, names, PT_ARRAY_SIZE(names)) : NULL;
	if (near)
		pt_buf_fmt(&hint, "did you mean ':%s'?", near);
	else
		pt_buf_str(&hint, "there are :network, :broadcast, :peer and :0");
	rule_fail(p, t, h->mod != PT_MOD_NONE || h->no_alias ? "leave one of them out" : hint.s,
		  "':%.64s' does not fit here", mod);
	pt_buf_fini(&hint);
	return 0;
}

static int modifiers(struct rule_parser *p, const struct rule_tok *t, const char *colon,
		     struct pt_ast_host *h)
{
	size_t errors = p->errors;
	int rc = 0;

	while (!rc && errors == p->errors && colon) {
		const char *next = strchr(colon + 1, ':');
		size_t n = next ? (size_t)(next - colon - 1) : strlen(colon + 1);
		char *mod = pt_arena_strndup(p->ctx->arena, colon + 1, n);

		rc = mod ? modifier(p, t, mod, h) : -ENOMEM;
		colon = next;
	}
	return rc;
}

static int parse_interface(struct rule_parser *p, const struct rule_tok *t, struct pt_ast_host *h)
{
	const char *colon = strchr(t->s, ':');

	h->kind = PT_HOST_IF;
	h->name = t->s;
	if (colon)
		h->name = pt_arena_strndup(p->ctx->arena, t->s, (size_t)(colon - t->s));
	if (!h->name)
		return -ENOMEM;
	if (!strcmp(h->name, "self") && colon)
		return rule_note(p, t, "name the interfaces one by one",
				 "'%.64s': self has no parts", t->s);
	if (looks_numeric(t->s) || !rule_if_name_ok(h->name))
		return no_address(p, t);
	if (rule_is(p, "/")) {
		pass_over(p);
		return rule_note(p, t, "write NAME:network", "a prefix length behind an interface");
	}
	return modifiers(p, t, colon, h);
}

/* ---- names of hosts ---- */

/* The word T (taken already); 1: it is none. Whether an interface has this name is not known here. */
static int parse_name(struct rule_parser *p, const struct rule_tok *t, struct pt_ast_host *h)
{
	h->kind = PT_HOST_NAME;
	h->name = t->s;
	if (pt_host_name_wild(t->s))
		return rule_note(p, t, "nobody can list the names below a domain: write the names themselves",
				 "'%.64s' is no name of a host", t->s);
	if (!pt_host_name_ok(t->s))
		return 1;
	if (!rule_is(p, "/"))
		return 0;
	pass_over(p);
	return rule_note(p, t, "its addresses are what it stands for: leave the length out, or write NAME:network for "
			 "an interface", "a prefix length behind a name");
}

/* Behind "geoip": the code of a country, ISO 3166-1 alpha-2. Capitals, for `to`, `in` and `no` are some. */
static int parse_country(struct rule_parser *p, struct pt_ast_host *h)
{
	static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const struct rule_tok *t = p->tok;

	h->kind = PT_HOST_COUNTRY;
	h->loc = rule_loc(p, t);
	if (rule_is(p, "{"))
		return rule_fail(p, t, "write `geoip` before each: { geoip DE, geoip FR }",
				 "a list where the code of a country is expected");
	if (t->kind != TOK_WORD && t->kind != TOK_STRING)
		return rule_unexpected(p, t, "the code of a country", NULL, 0);
	if (strlen(t->s) != 2 && t->keyword)
		return rule_unexpected(p, t, "the code of a country", NULL, 0);
	p->tok++;
	h->name = t->s;
	if (strlen(t->s) == 2 && strspn(t->s, capitals) == 2)
		return 0;
	return rule_note(p, t, "two capital letters, as in `geoip DE`", "'%.64s' is not the code of a country", t->s);
}

/* ---- what stands in marks ---- */

static int parse_table(struct rule_parser *p, struct pt_ast_host *h)
{
	const struct rule_tok *t = p->tok;

	h->kind = PT_HOST_TABLE;
	h->loc = rule_loc(p, t);
	if (t->kind != TOK_WORD)
		return rule_unexpected(p, t, "the name of a table", NULL, 0);
	p->tok++;
	h->name = t->s;
	if (!rule_take(p, ">"))
		return rule_fail(p, p->tok, NULL, "'>' is missing after '<%.64s'", t->s);
	if (pt_table_name_ok(t->s))
		return 0;
	return rule_note(p, t, "a letter, then letters, digits, '_', '.' or '-', at most 31",
			 "'%.64s' is not the name of a table", t->s);
}

/* "(if)": whatever addresses it has at the time. "(self)" is self, which is never anything else. */
static int parse_dynamic(struct rule_parser *p, struct pt_ast_host *h)
{
	const struct rule_tok *t = p->tok;
	struct pt_addr addr;
	int rc = 0;

	h->loc = rule_loc(p, t);
	if (rule_is(p, "self")) {
		h->kind = PT_HOST_SELF;
	} else if (t->operand) {
		h->dyn = true;
	} else {
		return rule_unexpected(p, t, "the name of an interface", NULL, 0);
	}
	p->tok++;
	if (h->dyn && !pt_addr_parse(t->s, &addr)) {
		(void)rule_fail(p, t, "parentheses stand around the name of an interface",
				"an address in parentheses");
		pass_over(p);
	} else if (h->dyn) {
		rc = parse_interface(p, t, h);
	}
	if (rc)
		return rc;
	if (!rule_take(p, ")"))
		return rule_fail(p, p->tok, NULL, "')' is missing after '(%.64s'", t->s);
	if (!rule_is(p, "/"))
		return 0;
	pass_over(p);
	return rule_note(p, t, "write (NAME:network)", "a prefix length behind an interface");
}

/* ---- one ---- */

static int not_a_host(struct rule_parser *p, const struct rule_tok *t)
{
	if (rule_take(p, "all"))
		return rule_note(p, t, "write `any`", "'all' where an address is expected");
	return rule_unexpected(p, t, "an address", NULL, 0);
}

int rule_parse_host1(struct rule_parser *p, struct pt_ast_host *h)
{
	const struct rule_tok *t, *first = p->tok;
	int rc;

	memset(h, 0, sizeof(*h));
	h->neg = rule_take(p, "!");
	t = p->tok;
	h->loc = rule_loc(p, t);
	if (rule_take(p, "<"))
		return parse_table(p, h);
	if (rule_take(p, "("))
		return parse_dynamic(p, h);
	if (rule_take(p, "any")) {
		h->kind = PT_HOST_ANY;
		return h->neg ? rule_note(p, first, "leave the rule out", "'! any' matches nothing")
			      : 0;
	}
	if (rule_take(p, "self")) {
		h->kind = PT_HOST_SELF;
		return 0;
	}
	if (rule_take(p, "no-route") || rule_take(p, "urpf-failed")) {
		h->kind = *t->s == 'n' ? PT_HOST_NO_ROUTE : PT_HOST_URPF;
		return 0;
	}
	if (rule_take(p, "geoip"))
		return parse_country(p, h);
	if (!t->operand)
		return not_a_host(p, t);
	p->tok++;
	rc = parse_address(p, t, h);
	if (rc == 1)
		rc = parse_name(p, t, h);
	if (rc == 1)
		rc = parse_interface(p, t, h);
	if (!rc && h->kind != PT_HOST_IF && h->kind != PT_HOST_NAME) {
		struct rule_tok whole = rule_span(t, p->tok - 1);

		h->loc = rule_loc(p, &whole);
	}
	return rc;
}

static int one_host(struct rule_parser *p, void *arg)
{
	pt_hosts *list = arg;
	struct pt_ast_host h;
	int rc = rule_parse_host1(p, &h);

	return rc ? rc : pt_vec_push(p->ctx->arena, list, h);
}

/* One host or a list; any, alone or with others, is no condition. */
int rule_parse_hosts(struct rule_parser *p, pt_hosts *hosts)
{
	int rc = rule_list(p, one_host, hosts);

	for (size_t i = 0; !rc && i < hosts->n; i++)
		if (hosts->v[i].kind == PT_HOST_ANY)
			hosts->n = 0;
	return rc;
}
