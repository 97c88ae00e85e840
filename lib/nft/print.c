/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A program as text, one object a line: what golden tests compare, and what a person reads to
 * see what the kernel is told. Expressions are written as libnftnl writes them.
 */
#include <stdio.h>
#include <string.h>

#include "nft/lower.h"

#include <libnftnl/expr.h>

static void print_interval(struct pt_buf *b, const struct nft_set *s, const struct pt_ival *v)
{
	if (s->af != PT_AF_NONE) {
		pt_range_fmt(b, s->af, v->lo, v->hi);
	} else if (s->key_len == NFT_IFNAME_LEN) {
		char name[NFT_IFNAME_LEN + 1] = { 0 };

		nft_bytes((uint8_t *)name, v->lo, NFT_IFNAME_LEN);
		pt_buf_str(b, name);
	} else if (v->lo == v->hi) {
		pt_buf_fmt(b, "%u", (unsigned int)v->lo);
	} else {
		pt_buf_fmt(b, "%u-%u", (unsigned int)v->lo, (unsigned int)v->hi);
	}
}

static void print_hex(struct pt_buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pt_buf_fmt(b, "%02x", p[i]);
}

static void print_map(struct pt_buf *b, const struct nft_set *s)
{
	for (size_t i = 0; i < s->map.n; i++) {
		const struct nft_map_elem *el = &s->map.v[i];

		pt_buf_chr(b, ' ');
		print_hex(b, el->key, el->key_len);
		pt_buf_str(b, "=>");
		if (el->data_len)
			print_hex(b, el->data, el->data_len);
		else if (el->chain)
			pt_buf_str(b, el->chain);
		else
			pt_buf_str(b, el->verdict == NF_ACCEPT ? "accept" : "drop");
		if (el->name)
			pt_buf_fmt(b, " <%s>", el->name);
	}
}

static void print_set(struct pt_buf *b, const struct nft_set *s)
{
	static const char *const roles[] = {
		[NFT_SET_CONST] = "const",   [NFT_SET_IF] = "interface", [NFT_SET_TABLE] = "table",
		[NFT_SET_VMAP] = "verdicts", [NFT_SET_PMAP] = "ports",
		[NFT_SET_SOURCES] = "sources",
	};

	pt_buf_fmt(b, "set %s %s key %u type %u", s->name,
		   s->keys ? "keys" : roles[s->role], s->key_len, s->key_type);
	if (s->interval)
		pt_buf_str(b, " interval");
	if (s->counters)
		pt_buf_str(b, " counters");
	if (s->has_timeout)
		pt_buf_fmt(b, " timeout %u", s->timeout);
	if (s->dynamic)
		pt_buf_fmt(b, " dynamic size %u", s->size);
	if (s->keep)
		pt_buf_str(b, " keep");
	pt_buf_chr(b, ':');
	for (size_t i = 0; i < s->elems.n; i++) {
		pt_buf_chr(b, ' ');
		print_interval(b, s, &s->elems.v[i]);
	}
	print_map(b, s);
	pt_buf_chr(b, '\n');
}

static const char *hook_name(uint32_t hook)
{
	static const char *const names[] = {
		[NF_INET_PRE_ROUTING] = "prerouting",	[NF_INET_LOCAL_IN] = "input",
		[NF_INET_FORWARD] = "forward",		[NF_INET_LOCAL_OUT] = "output",
		[NF_INET_POST_ROUTING] = "postrouting",
	};

	return hook < PT_ARRAY_SIZE(names) ? names[hook] : "?";
}

static int print_expr(struct nftnl_expr *x, void *arg)
{
	struct pt_buf *b = arg;
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);
	char text[512];
	size_t n;

	pt_buf_fmt(b, " [%s", name);
	if (strcmp(name, "counter") != 0) {
		nftnl_expr_snprintf(text, sizeof(text), x, NFTNL_OUTPUT_DEFAULT, 0);
		n = strlen(text);
		while (n && text[n - 1] == ' ')
			text[--n] = '\0';
		pt_buf_fmt(b, " %s", text);
	}
	pt_buf_chr(b, ']');
	return 0;
}

static void print_chain(struct pt_buf *b, const struct nft_chain *c)
{
	pt_buf_fmt(b, "chain %s", c->name);
	if (c->type)
		pt_buf_fmt(b, " %s hook %s prio %d", c->type, hook_name(c->hook), c->prio);
	pt_buf_chr(b, '\n');
	for (size_t i = 0; i < c->rules.n; i++) {
		pt_buf_fmt(b, "rule %s", c->name);
		if (c->rules.v[i].name)
			pt_buf_fmt(b, " <%s>", c->rules.v[i].name);
		nftnl_expr_foreach(c->rules.v[i].nlr, print_expr, b);
		pt_buf_chr(b, '\n');
	}
}

static void print_timeouts(struct pt_buf *b, const struct nft_timeouts *t)
{
	pt_buf_fmt(b, "time-outs %s:", t->name);
	for (unsigned int i = 0; i < NFT_TIMEOUTS_MAX; i++)
		if (t->seconds[i])
			pt_buf_fmt(b, " %u=%u", i, t->seconds[i]);
	pt_buf_chr(b, '\n');
}

void pt_nft_prog_print(struct pt_buf *b, const struct pt_nft_prog *p)
{
	pt_buf_fmt(b, "table inet %s\n", PT_NFT_TABLE);
	for (size_t i = 0; i < p->objects.sets.n; i++)
		print_set(b, &p->objects.sets.v[i]);
	for (size_t i = 0; i < p->objects.timeouts.n; i++)
		print_timeouts(b, &p->objects.timeouts.v[i]);
	for (size_t i = 0; i < p->objects.chains.n; i++)
		print_chain(b, &p->objects.chains.v[i]);
}
