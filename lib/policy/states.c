/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of keep state, checked against the rest of the rule: a limit that no packet of the rule can meet is a
 * mistake, and so is a table that cannot take what the limit puts into it.
 */
#include <errno.h>
#include <string.h>

#include "policy/internal.h"

static bool has_proto(const struct pt_pol_rule *r, uint8_t proto)
{
	return r->proto_any || memchr(r->protos.v, proto, r->protos.n);
}

/* Which protocols have this time-out. */
static bool timeout_fits(const struct pt_pol_rule *r, enum pt_timeout which)
{
	if (which <= PT_TIMEOUT_TCP_CLOSED)
		return has_proto(r, PT_PROTO_TCP);
	if (which <= PT_TIMEOUT_UDP_MULTIPLE)
		return has_proto(r, PT_PROTO_UDP);
	return has_proto(r, PT_PROTO_ICMP) || has_proto(r, PT_PROTO_ICMP6);
}

static int timeouts(struct policy_builder *b, const struct pt_ast_states *a, struct pt_pol_states *s)
{
	int rc = 0;

	for (int i = 0; i < PT_TIMEOUTS; i++) {
		s->timeout[i] = a->timeout[i];
		if (a->timeout[i] && !timeout_fits(&b->base, (enum pt_timeout)i))
			rc = policy_fail(b, &a->loc, "leave it out, or add the protocol to the rule",
					 "'%s' in a rule for other protocols", pt_timeout_name((enum pt_timeout)i));
	}
	if (a->timeout[PT_TIMEOUT_UDP_FIRST])
		s->timeout[PT_TIMEOUT_UDP_SINGLE] = a->timeout[PT_TIMEOUT_UDP_FIRST];
	s->timeout[PT_TIMEOUT_UDP_FIRST] = 0;
	return rc;
}

static int overload(struct policy_builder *b, const struct pt_ast_states *a, struct pt_pol_states *s)
{
	const struct pt_ast_host named = { .kind = PT_HOST_TABLE, .name = a->overload, .loc = a->overload_loc };
	const struct pt_conf_table *t;
	uint32_t table = 0;
	int rc = policy_table(b, &named, &table);

	if (rc)
		return rc;
	t = b->p->tables.v[table].conf;
	if (t->constant)
		return policy_fail(b, &a->overload_loc, "remove const, or name another table",
				   "table %s refuses changes (const)", t->name);
	if (pt_conf_table_written(t))
		return policy_fail(b, &a->overload_loc, "name a table of its own: table NAME { persist = true }",
				   "table %s has written contents, which each apply restores", t->name);
	b->p->tables.v[table].used = b->p->tables.v[table].filled = true;
	s->overload = table + 1;
	s->flush = a->flush;
	return 0;
}

int policy_states(struct policy_builder *b)
{
	const struct pt_ast_states *a = b->ast->states;
	struct pt_pol_states s;
	int rc;

	if (!a)
		return 0;
	memset(&s, 0, sizeof(s));
	s.max = a->max;
	s.max_src_nodes = a->max_src_nodes;
	s.max_src_states = a->max_src_states;
	s.max_src_conn = a->max_src_conn;
	s.rate = a->rate;
	s.rate_seconds = a->rate_seconds;
	s.global = a->track == PT_TRACK_GLOBAL;
	rc = timeouts(b, a, &s);
	if ((s.max_src_conn || s.rate) && !has_proto(&b->base, PT_PROTO_TCP))
		rc = policy_fail(b, &a->conn_loc, "use max-src-states, or write `proto tcp`",
				 "connections are counted of tcp only, where a handshake proves the source");
	if (!rc && a->overload)
		rc = overload(b, a, &s);
	if (rc)
		return rc;
	b->base.states = policy_keep_bytes(b, &s, sizeof(s));
	return b->base.states ? 0 : -ENOMEM;
}
