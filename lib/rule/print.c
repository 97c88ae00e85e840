/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The canonical text of a rule: one form for each tree, which parses to the same tree again. */
#include <string.h>

#include "rule/internal.h"

/* ", " between, braces around more than one. */
static void list_open(struct pt_buf *b, size_t n)
{
	if (n > 1)
		pt_buf_str(b, "{ ");
}

static void list_next(struct pt_buf *b, size_t i)
{
	if (i)
		pt_buf_str(b, ", ");
}

static void list_close(struct pt_buf *b, size_t n)
{
	if (n > 1)
		pt_buf_str(b, " }");
}

static void print_action(struct pt_buf *b, const struct pt_ast_rule *r)
{
	static const char *const actions[] = { "pass", "block", "match", "anchor" };
	static const char *const rets[] = { " drop", " return", " return-rst", " return-icmp" };

	pt_buf_str(b, actions[r->action]);
	if (r->anchor)
		pt_buf_fmt(b, " \"%s\"", r->anchor);
	if (!r->ret_explicit)
		return;
	pt_buf_str(b, rets[r->ret]);
	if (r->ret != PT_RET_ICMP)
		return;
	if (r->ret_icmp6_only) {
		pt_buf_chr(b, '6');
		if (r->code6 >= 0)
			pt_buf_fmt(b, "(%d)", r->code6);
	} else if (r->code4 >= 0 && r->code6 >= 0) {
		pt_buf_fmt(b, "(%d, %d)", r->code4, r->code6);
	} else if (r->code4 >= 0) {
		pt_buf_fmt(b, "(%d)", r->code4);
	}
}

static void print_ifs(struct pt_buf *b, const struct pt_ast_rule *r)
{
	if (!r->ifs.n)
		return;
	pt_buf_str(b, " on ");
	list_open(b, r->ifs.n);
	for (size_t i = 0; i < r->ifs.n; i++) {
		list_next(b, i);
		pt_buf_str(b, r->ifs.v[i].neg ? "! " : "");
		pt_buf_str(b, r->ifs.v[i].name);
	}
	list_close(b, r->ifs.n);
}

static void print_protos(struct pt_buf *b, const struct pt_ast_rule *r)
{
	if (!r->protos.n)
		return;
	pt_buf_str(b, " proto ");
	list_open(b, r->protos.n);
	for (size_t i = 0; i < r->protos.n; i++) {
		const char *name = pt_proto_name(r->protos.v[i]);

		list_next(b, i);
		if (name)
			pt_buf_str(b, name);
		else
			pt_buf_uint(b, r->protos.v[i]);
	}
	list_close(b, r->protos.n);
}

static void print_if_host(struct pt_buf *b, const struct pt_ast_host *h)
{
	static const char *const mods[] = { "", ":network", ":broadcast", ":peer" };

	pt_buf_fmt(b, "%s%s%s%s%s", h->dyn ? "(" : "", h->name, mods[h->mod],
		   h->no_alias ? ":0" : "", h->dyn ? ")" : "");
}

static void print_host(struct pt_buf *b, const struct pt_ast_host *h)
{
	if (h->neg)
		pt_buf_str(b, "! ");
	switch (h->kind) {
	case PT_HOST_ANY:
		pt_buf_str(b, "any");
		break;
	case PT_HOST_SELF:
		pt_buf_str(b, "self");
		break;
	case PT_HOST_PREFIX:
		pt_prefix_fmt(b, (struct pt_prefix){ .addr = h->lo, .len = h->plen });
		break;
	case PT_HOST_RANGE:
		pt_addr_fmt(b, h->lo);
		pt_buf_str(b, " - ");
		pt_addr_fmt(b, h->hi);
		break;
	case PT_HOST_IF:
		print_if_host(b, h);
		break;
	case PT_HOST_NAME:
		pt_buf_str(b, h->name);
		break;
	case PT_HOST_COUNTRY:
		pt_buf_fmt(b, "geoip %s", h->name);
		break;
	case PT_HOST_TABLE:
		pt_buf_fmt(b, "<%s>", h->name);
		break;
	case PT_HOST_NO_ROUTE:
		pt_buf_str(b, "no-route");
		break;
	case PT_HOST_URPF:
		pt_buf_str(b, "urpf-failed");
		break;
	}
}

static void print_port(struct pt_buf *b, const struct pt_ast_port *p)
{
	static const char *const before[] = { "", "!= ", "< ", "<= ", "> ", ">= " };
	static const char *const between[] = { [PT_PORT_RANGE] = ":",
					       [PT_PORT_IN] = " >< ",
					       [PT_PORT_OUT] = " <> " };
	bool two = p->op == PT_PORT_RANGE || p->op == PT_PORT_IN || p->op == PT_PORT_OUT;

	pt_buf_str(b, two ? "" : before[p->op]);
	pt_buf_uint(b, p->a);
	if (!two)
		return;
	pt_buf_str(b, between[p->op]);
	pt_buf_uint(b, p->b);
}

static void print_side(struct pt_buf *b, const char *word, const pt_hosts *hosts,
		       const pt_ports *ports)
{
	if (!hosts->n && !ports->n)
		return;
	pt_buf_str(b, word);
	list_open(b, hosts->n);
	for (size_t i = 0; i < hosts->n; i++) {
		list_next(b, i);
		print_host(b, &hosts->v[i]);
	}
	list_close(b, hosts->n);
	if (!hosts->n)
		pt_buf_str(b, "any");
	if (!ports->n)
		return;
	pt_buf_str(b, " port ");
	list_open(b, ports->n);
	for (size_t i = 0; i < ports->n; i++) {
		list_next(b, i);
		print_port(b, &ports->v[i]);
	}
	list_close(b, ports->n);
}

static void print_hosts(struct pt_buf *b, const struct pt_ast_rule *r)
{
	if (r->all)
		pt_buf_str(b, " all");
	print_side(b, " from ", &r->src, &r->sport);
	print_side(b, " to ", &r->dst, &r->dport);
}

static void print_icmp(struct pt_buf *b, const struct pt_ast_rule *r)
{
	if (!r->icmp.n)
		return;
	pt_buf_str(b, r->icmp_af == PT_AF_INET6 ? " icmp6-type " : " icmp-type ");
	list_open(b, r->icmp.n);
	for (size_t i = 0; i < r->icmp.n; i++) {
		const struct pt_ast_icmp *m = &r->icmp.v[i];
		const char *name = pt_icmp_type_name(r->icmp_af, m->type);

		list_next(b, i);
		if (name)
			pt_buf_str(b, name);
		else
			pt_buf_fmt(b, "%u", m->type);
		if (m->code < 0)
			continue;
		name = pt_icmp_code_name(r->icmp_af, m->type, (uint8_t)m->code);
		if (name)
			pt_buf_fmt(b, " code %s", name);
		else
			pt_buf_fmt(b, " code %d", m->code);
	}
	list_close(b, r->icmp.n);
}

static void print_flag_letters(struct pt_buf *b, uint8_t flags)
{
	static const char letters[] = "FSRPAUEW";

	for (unsigned int i = 0; i < 8; i++)
		if (flags >> i & 1)
			pt_buf_chr(b, letters[i]);
}

static void print_flags(struct pt_buf *b, const struct pt_ast_rule *r)
{
	if (!r->has_flags)
		return;
	pt_buf_str(b, " flags ");
	if (r->flags_any) {
		pt_buf_str(b, "any");
		return;
	}
	print_flag_letters(b, r->flags_set);
	pt_buf_chr(b, '/');
	print_flag_letters(b, r->flags_mask);
}

/* A name that the lexer reads as one word needs no quotes. */
static void print_name(struct pt_buf *b, const char *word, const char *name)
{
	const char *c = name;

	while (*c && rule_word_char(*c))
		c++;
	pt_buf_fmt(b, *c || !*name ? " %s \"%s\"" : " %s %s", word, name);
}

static void print_pool_member(struct pt_buf *b, const struct pt_ast_host *h)
{
	print_host(b, h);
	if (h->weight)
		pt_buf_fmt(b, " weight %u", h->weight);
}

static void print_target(struct pt_buf *b, const struct pt_ast_nat *n)
{
	list_open(b, n->more.n + 1);
	print_pool_member(b, &n->host);
	for (size_t i = 0; i < n->more.n; i++) {
		list_next(b, i + 1);
		print_pool_member(b, &n->more.v[i]);
	}
	list_close(b, n->more.n + 1);
}

static void print_pool(struct pt_buf *b, const struct pt_ast_nat *n)
{
	if (n->way)
		pt_buf_fmt(b, " %s", pt_pool_way_name(n->way));
	if (n->key)
		pt_buf_fmt(b, " \"%s\"", n->key);
	if (n->sticky)
		pt_buf_str(b, " sticky-address");
}

static void print_nat(struct pt_buf *b, const struct pt_ast_nat *n)
{
	static const char *const words[] = { "", " nat-to ", " rdr-to ", " binat-to " };

	if (n->kind == PT_NAT_NONE)
		return;
	pt_buf_str(b, words[n->kind]);
	print_target(b, n);
	if (n->has_port)
		pt_buf_fmt(b, " port %u", n->port_lo);
	if (n->port_star)
		pt_buf_str(b, ":*");
	else if (n->port_hi != n->port_lo)
		pt_buf_fmt(b, ":%u", n->port_hi);
	print_pool(b, n);
	if (n->static_port)
		pt_buf_str(b, " static-port");
	if (n->reflect)
		pt_buf_str(b, " reflect");
}

static void print_log(struct pt_buf *b, const struct pt_ast_rule *r)
{
	if (!r->log)
		return;
	pt_buf_str(b, " log");
	if (!r->log_all && !r->log_limit.packets)
		return;
	pt_buf_str(b, r->log_all ? " (all" : " (");
	if (r->log_limit.packets) {
		pt_buf_str(b, r->log_all ? ", " : "");
		rule_print_limit(b, &r->log_limit);
	}
	pt_buf_chr(b, ')');
}

void pt_rule_print(struct pt_buf *b, const struct pt_ast_rule *r)
{
	static const char *const dirs[] = { "", " in", " out" }, *const afs[] = { "", " inet",
										  " inet6" };

	print_action(b, r);
	pt_buf_str(b, dirs[r->dir]);
	print_log(b, r);
	if (r->quick)
		pt_buf_str(b, " quick");
	print_ifs(b, r);
	pt_buf_str(b, afs[r->af]);
	print_protos(b, r);
	print_hosts(b, r);
	print_icmp(b, r);
	print_flags(b, r);
	rule_print_when(b, &r->when);
	rule_print_set(b, &r->set);
	if (r->state == PT_STATE_NO)
		pt_buf_str(b, " no state");
	if (r->states)
		rule_print_states(b, r->states);
	if (r->tag)
		print_name(b, "tag", r->tag);
	if (r->tagged)
		print_name(b, r->tagged_neg ? "! tagged" : "tagged", r->tagged);
	if (r->label)
		print_name(b, "label", r->label);
	print_nat(b, &r->nat);
}
