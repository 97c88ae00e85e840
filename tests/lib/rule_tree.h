/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rule_tree - whether two rules are the same, field by field, all but their places.
 *
 * Comparing their printed texts would not find what the printer forgets. Shared by the unit tests
 * and the fuzzer.
 */
#ifndef TESTS_RULE_TREE_H
#define TESTS_RULE_TREE_H

#include <string.h>

#include <patronus/rule.h>

static bool tree_str(const char *x, const char *y)
{
	return x && y ? !strcmp(x, y) : x == y;
}

static bool tree_addr(struct pt_addr x, struct pt_addr y)
{
	return x.af == y.af && x.v == y.v;
}

static bool tree_host(const struct pt_ast_host *x, const struct pt_ast_host *y)
{
	return x->kind == y->kind && x->neg == y->neg && x->dyn == y->dyn &&
	       x->no_alias == y->no_alias && x->mod == y->mod && tree_str(x->name, y->name) &&
	       tree_addr(x->lo, y->lo) && tree_addr(x->hi, y->hi) && x->plen == y->plen;
}

static bool tree_hosts(const pt_hosts *x, const pt_hosts *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (!tree_host(&x->v[i], &y->v[i]))
			return false;
	return true;
}

static bool tree_ports(const pt_ports *x, const pt_ports *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].op != y->v[i].op || x->v[i].a != y->v[i].a || x->v[i].b != y->v[i].b)
			return false;
	return true;
}

static bool tree_ifs(const struct pt_ast_rule *x, const struct pt_ast_rule *y)
{
	if (x->ifs.n != y->ifs.n)
		return false;
	for (size_t i = 0; i < x->ifs.n; i++)
		if (x->ifs.v[i].neg != y->ifs.v[i].neg ||
		    !tree_str(x->ifs.v[i].name, y->ifs.v[i].name))
			return false;
	return true;
}

static bool tree_icmp(const struct pt_ast_rule *x, const struct pt_ast_rule *y)
{
	if (x->icmp_af != y->icmp_af || x->icmp.n != y->icmp.n)
		return false;
	for (size_t i = 0; i < x->icmp.n; i++)
		if (x->icmp.v[i].type != y->icmp.v[i].type ||
		    x->icmp.v[i].code != y->icmp.v[i].code)
			return false;
	return true;
}

static bool tree_nat(const struct pt_ast_nat *x, const struct pt_ast_nat *y)
{
	if (x->more.n != y->more.n || x->way != y->way || x->sticky != y->sticky || !x->key != !y->key ||
	    (x->key && strcmp(x->key, y->key) != 0) || x->host.weight != y->host.weight)
		return false;
	for (size_t i = 0; i < x->more.n; i++)
		if (!tree_host(&x->more.v[i], &y->more.v[i]) || x->more.v[i].weight != y->more.v[i].weight)
			return false;
	return x->kind == y->kind && tree_host(&x->host, &y->host) && x->has_port == y->has_port &&
	       x->port_lo == y->port_lo && x->port_hi == y->port_hi &&
	       x->port_star == y->port_star && x->static_port == y->static_port;
}

static bool tree_rate(const struct pt_ast_rate *x, const struct pt_ast_rate *y)
{
	return x->packets == y->packets && x->seconds == y->seconds && x->burst == y->burst;
}

static bool tree_ids(const pt_ast_ids *x, const pt_ast_ids *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].op != y->v[i].op || !tree_str(x->v[i].name, y->v[i].name) ||
		    x->v[i].a != y->v[i].a || x->v[i].b != y->v[i].b)
			return false;
	return true;
}

static bool tree_when(const struct pt_ast_when *x, const struct pt_ast_when *y)
{
	return x->has_tos == y->has_tos && x->tos == y->tos && x->chance == y->chance &&
	       tree_str(x->received.name, y->received.name) && x->received.neg == y->received.neg &&
	       tree_ids(&x->user, &y->user) && tree_ids(&x->group, &y->group) &&
	       x->macs.n == y->macs.n && x->macs_neg == y->macs_neg &&
	       (!x->macs.n || !memcmp(x->macs.v, y->macs.v, x->macs.n * sizeof(*x->macs.v))) &&
	       tree_rate(&x->limit, &y->limit) && tree_rate(&x->pkt_rate, &y->pkt_rate) &&
	       x->once == y->once;
}

static bool tree_states(const struct pt_ast_states *x, const struct pt_ast_states *y)
{
	if (!x || !y)
		return x == y;
	return x->max == y->max && x->max_src_nodes == y->max_src_nodes && x->max_src_states == y->max_src_states &&
	       x->max_src_conn == y->max_src_conn && x->rate == y->rate && x->rate_seconds == y->rate_seconds &&
	       x->track == y->track && tree_str(x->overload, y->overload) && x->flush == y->flush &&
	       x->floating == y->floating && !memcmp(x->timeout, y->timeout, sizeof(x->timeout));
}

static bool tree_set(const struct pt_ast_set *x, const struct pt_ast_set *y)
{
	return x->has_prio == y->has_prio && x->prio == y->prio && x->prio_fast == y->prio_fast &&
	       x->has_tos == y->has_tos && x->tos == y->tos && x->no_df == y->no_df &&
	       x->random_id == y->random_id && x->min_ttl == y->min_ttl && x->max_mss == y->max_mss &&
	       tree_str(x->queue, y->queue) && tree_str(x->queue_fast, y->queue_fast);
}

/* The name of the first part that differs, or NULL. */
static const char *tree_differs(const struct pt_ast_rule *x, const struct pt_ast_rule *y)
{
	if (x->action != y->action || x->ret != y->ret || x->ret_explicit != y->ret_explicit ||
	    x->ret_icmp6_only != y->ret_icmp6_only || x->code4 != y->code4 || x->code6 != y->code6)
		return "action";
	if (x->dir != y->dir || x->log != y->log || x->log_all != y->log_all || x->quick != y->quick ||
	    !tree_rate(&x->log_limit, &y->log_limit))
		return "direction, log or quick";
	if (!tree_set(&x->set, &y->set))
		return "set or scrub";
	if (!tree_when(&x->when, &y->when))
		return "condition of the rarer kind";
	if (!tree_ifs(x, y))
		return "interface";
	if (x->af != y->af)
		return "family";
	if (x->protos.n != y->protos.n ||
	    (x->protos.n && memcmp(x->protos.v, y->protos.v, x->protos.n) != 0))
		return "protocol";
	if (x->all != y->all || !tree_hosts(&x->src, &y->src) || !tree_hosts(&x->dst, &y->dst))
		return "host";
	if (!tree_ports(&x->sport, &y->sport) || !tree_ports(&x->dport, &y->dport))
		return "port";
	if (x->has_flags != y->has_flags || x->flags_any != y->flags_any ||
	    x->flags_set != y->flags_set || x->flags_mask != y->flags_mask)
		return "flags";
	if (!tree_icmp(x, y))
		return "ICMP type";
	if (x->state != y->state)
		return "state";
	if (!tree_states(x->states, y->states))
		return "options of states";
	if (!tree_str(x->tag, y->tag) || !tree_str(x->tagged, y->tagged) ||
	    x->tagged_neg != y->tagged_neg || !tree_str(x->label, y->label))
		return "tag or label";
	return tree_nat(&x->nat, &y->nat) ? NULL : "translation";
}

#endif
